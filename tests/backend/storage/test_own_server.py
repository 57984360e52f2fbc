"""The backend's own PostgreSQL, with every safety on."""

import asyncio
import os
import shutil
import signal
from pathlib import Path

import asyncpg
import pytest

from mould_watch.clock import SystemClock
from mould_watch.errors import PostgresServerError
from mould_watch.storage.binaries import Account, find_binaries
from mould_watch.storage.cluster import cluster_major, recorded_places
from mould_watch.storage.postgres_server import PostgresServer
from mould_watch.storage.postmaster import is_free
from tests.support.own_server import (
    MakeServer,
    as_root,
    closed_folder,
    of_process,
    pid_of,
    value_of,
)
from tests.support.waiting import until

pytestmark = pytest.mark.slow


async def test_first_start_makes_a_safe_cluster_without_a_port(
    folder: Path, make: MakeServer
) -> None:
    server = make(folder / "data", from_nothing=True)
    await server.ensure_running()
    for name, expected in {
        "fsync": "on",
        "data_checksums": "on",
        "wal_compression": "pglz",
        "checkpoint_timeout": "30min",
        "max_wal_size": "512MB",
        "listen_addresses": "",
        "server_encoding": "UTF8",
    }.items():
        assert await value_of(server, f"SHOW {name}") == expected
    places = server.places
    assert places.home == folder / "data" / "postgresql"
    assert places.home.stat().st_mode & 0o777 == 0o700
    assert places.socket_dir.stat().st_mode & 0o777 == 0o700
    assert os.getsid(pid_of(server)) != os.getsid(0)
    assert b"MOULD_WATCH" not in of_process(server, "environ").read_bytes()


async def test_a_stopped_server_starts_again_with_its_data(folder: Path, make: MakeServer) -> None:
    server = make(folder)
    await server.ensure_running()
    await value_of(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    await server.stop()
    assert server.pid is None
    again = make(folder)
    await again.ensure_running()
    assert await value_of(again, "SELECT answer FROM kept") == 42


async def test_a_running_server_is_adopted(folder: Path, make: MakeServer) -> None:
    first, second = make(folder), make(folder)
    await asyncio.gather(first.ensure_running(), second.ensure_running())
    assert pid_of(first) == pid_of(second)
    assert first.address == second.address


async def test_two_data_folders_have_two_servers(folder: Path, make: MakeServer) -> None:
    one, two = make(folder / "one"), make(folder / "two")
    await asyncio.gather(one.ensure_running(), two.ensure_running())
    assert pid_of(one) != pid_of(two)
    await value_of(one, "CREATE TABLE only_here ()")
    assert await value_of(two, "SELECT to_regclass('only_here')") is None


async def test_a_killed_server_recovers_what_was_committed(folder: Path, make: MakeServer) -> None:
    server = make(folder)
    await server.ensure_running()
    await value_of(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    killed = pid_of(server)
    os.kill(killed, signal.SIGKILL)
    # at once, while its children may still be ending
    await server.ensure_running()
    assert pid_of(server) != killed
    assert await value_of(server, "SELECT answer FROM kept") == 42


async def test_a_stale_process_number_that_is_taken_again_is_no_server(
    folder: Path, make: MakeServer
) -> None:
    server = make(folder)
    await server.ensure_running()
    os.kill(pid_of(server), signal.SIGKILL)
    await until(lambda: is_free(server.places.running_lock))
    # This very process has got the number of the killed server.
    for stale in (
        server.places.cluster / "postmaster.pid",
        server.places.socket.with_name(server.places.socket.name + ".lock"),
    ):
        lines = stale.read_text(encoding="utf-8").splitlines()
        stale.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n", encoding="utf-8")
    await server.ensure_running()
    assert pid_of(server) != os.getpid()


async def test_a_start_that_was_killed_in_initdb_begins_anew(
    folder: Path, make: MakeServer
) -> None:
    server = make(folder)
    await server.ensure_running()
    await server.stop()
    server.places.cluster.rename(server.places.home / "cluster.new")
    await server.ensure_running()
    assert server.pid is not None


async def test_a_server_whose_socket_was_cleaned_away_is_restarted(
    folder: Path, make: MakeServer
) -> None:
    server = make(folder)
    await server.ensure_running()
    unreachable = pid_of(server)
    shutil.rmtree(server.places.socket_dir)
    await server.ensure_running()
    assert pid_of(server) != unreachable
    assert await value_of(server, "SELECT 1") == 1


async def test_a_long_or_odd_path_gets_a_short_socket(folder: Path, make: MakeServer) -> None:
    long = folder / ("a long folder's name, with $(odd) things " * 3)
    server = make(long, from_nothing=True)
    await server.ensure_running()
    assert server.places.home.is_relative_to(long)
    assert not server.places.socket_dir.is_relative_to(long)
    assert len(os.fsencode(server.places.socket)) <= 107
    await server.stop()
    again = make(long)
    await again.ensure_running()
    assert again.address == server.address


async def test_a_moved_data_folder_keeps_its_database(folder: Path, make: MakeServer) -> None:
    server = make(folder / "before")
    await server.ensure_running()
    await value_of(server, "CREATE TABLE kept ()")
    await server.stop()
    server.places.home.parent.rename(folder / "after")
    moved = make(folder / "after")
    await moved.ensure_running()
    assert await value_of(moved, "SELECT to_regclass('kept')::text") == "kept"


@as_root
async def test_root_in_a_closed_folder_gets_a_cluster_elsewhere(
    folder: Path, make: MakeServer
) -> None:
    closed = closed_folder(folder)
    server = make(closed / "data", from_nothing=True)
    await server.ensure_running()
    assert not server.places.home.is_relative_to(folder)
    assert str(closed / "data") in (server.places.home / "README").read_text(encoding="utf-8")
    assert of_process(server, ".").stat().st_uid == Account.choose().uid
    await value_of(server, "CREATE TABLE kept ()")
    await server.stop()
    again = make(closed / "data")
    await again.ensure_running()
    assert await value_of(again, "SELECT to_regclass('kept')::text") == "kept"


@as_root
async def test_programs_in_a_closed_folder_are_copied_beside_the_cluster(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = closed_folder(folder)
    wheel = await find_binaries(source="wheel")
    package = wheel.folder.parent.parent
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, closed / part.name, symlinks=True)
    monkeypatch.syspath_prepend(closed)
    server = PostgresServer(folder / "data", SystemClock(), source="wheel")
    await server.ensure_running()
    try:
        program = of_process(server, "exe").readlink()
        assert program.is_relative_to(server.places.home / "software" / wheel.version)
    finally:
        await server.remove()


async def test_a_database_that_is_gone_is_not_replaced_by_an_empty_one(
    folder: Path, make: MakeServer
) -> None:
    server = make(folder)
    await server.ensure_running()
    await server.stop()
    server.places.home.rename(folder / "aside")
    with pytest.raises(PostgresServerError, match="is gone"):
        await make(folder).ensure_running()
    (folder / "aside").rename(server.places.home)


async def test_a_cluster_of_another_major_version_is_a_clear_error(
    folder: Path, make: MakeServer
) -> None:
    server = make(folder)
    await server.ensure_running()
    await server.stop()
    (server.places.cluster / "PG_VERSION").write_text("9\n", encoding="utf-8")
    with pytest.raises(PostgresServerError, match="PostgreSQL 9 is needed"):
        await make(folder).ensure_running()


async def test_a_server_that_cannot_start_says_why(folder: Path, make: MakeServer) -> None:
    server = make(folder)
    await server.ensure_running()
    await server.stop()
    auto = server.places.cluster / "postgresql.auto.conf"
    auto.write_text("shared_buffers = 'nonsense'\n", encoding="utf-8")
    with pytest.raises(PostgresServerError, match="shared_buffers"):
        await server.ensure_running()
    auto.write_text("", encoding="utf-8")
    await server.ensure_running()


async def test_the_log_is_bounded(folder: Path, make: MakeServer) -> None:
    server = make(folder)
    await server.ensure_running()
    with server.places.log.open("ab") as log:
        log.write(b"x" * (5 * 1024 * 1024))
        log.write(b"the newest line\n")
    server.bound_log()
    assert server.places.log.stat().st_size == 0
    assert server.places.log.with_suffix(".log.1").read_bytes().endswith(b"the newest line\n")
    await value_of(server, "DO $$ BEGIN RAISE WARNING 'still logging'; END $$")
    await until(lambda: b"still logging" in server.places.log.read_bytes())


async def test_a_server_in_use_by_another_process_is_kept(folder: Path, make: MakeServer) -> None:
    server = make(folder)
    await server.ensure_running()
    other = await asyncpg.connect(server.address)
    assert not await server.stop_if_unused()
    assert await other.fetchval("SELECT 1") == 1
    await other.close()
    assert await server.stop_if_unused()
    assert server.pid is None


async def test_removing_leaves_nothing(folder: Path, make: MakeServer) -> None:
    server = make(folder)
    await server.ensure_running()
    places = server.places
    await server.remove()
    assert not places.home.exists()
    assert recorded_places(folder) is None
    await server.ensure_running()
    assert cluster_major(server.places) is not None
