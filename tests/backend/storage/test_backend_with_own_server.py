"""A backend and its own PostgreSQL: who starts, keeps and ends whom, as root and as anybody."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mould_watch.clock import SystemClock
from mould_watch.storage.cluster import recorded_places
from mould_watch.storage.database import Database
from mould_watch.storage.postmaster import read_postmaster
from tests.support.own_server import MakeServer, as_root, pid_of
from tests.support.postgres import database_settings
from tests.support.running import running
from tests.support.waiting import until

pytestmark = pytest.mark.slow


async def test_a_backend_heals_when_its_server_is_killed_and_stops_it_at_the_end(
    folder: Path, make: MakeServer
) -> None:
    database = Database(database_settings("", folder), SystemClock())
    server = make(folder)
    async with running(database.run(), "database"):
        async with asyncio.timeout(60):
            await database.wait_ready()
            async with database.transaction() as connection:
                await connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
            change = asyncio.create_task(database.wait_change())
            os.kill(pid_of(server), signal.SIGKILL)
            await change
            assert not database.health()["ready"]
            await database.wait_ready()
        async with database.connection() as connection:
            assert await connection.fetchval("SELECT answer FROM kept") == 42
    assert server.pid is None


async def test_a_server_that_somebody_else_restarts_is_found_again(
    folder: Path, make: MakeServer
) -> None:
    """DATABASE_URL points to a server that somebody else restarts, with a pause between."""
    server = make(folder)
    await server.ensure_running()
    database = Database(database_settings(server.address, folder / "backend"), SystemClock())
    async with running(database.run(), "database"), asyncio.timeout(60):
        await database.wait_ready()
        await server.stop()
        await until(lambda: database.health()["state"] == "away")
        await server.ensure_running()
        await database.wait_ready()
        async with database.connection() as connection:
            assert await connection.fetchval("SELECT 1") == 1
    # it is not this backend's to stop
    assert server.pid is not None


_BACKEND = """
import asyncio, sys
from pathlib import Path
from mould_watch.clock import SystemClock
from mould_watch.settings import Settings
from mould_watch.storage.database import Database

async def main():
    database = Database(Settings(data_dir=Path(sys.argv[1])), SystemClock())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(database.run())
        await database.wait_ready()
        print("ready", flush=True)

asyncio.run(main())
"""


async def test_the_server_outlives_a_killed_backend_and_the_next_one_adopts_it(
    folder: Path, make: MakeServer
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    with subprocess.Popen(  # noqa: ASYNC220 - only started here, and waited for by its pipe
        [sys.executable, "-c", _BACKEND, folder], stdout=subprocess.PIPE, env=environment
    ) as backend:
        assert backend.stdout is not None
        assert await asyncio.to_thread(backend.stdout.readline) == b"ready\n"
        backend.kill()
    server = make(folder)
    places = recorded_places(folder)
    assert places is not None
    alive = read_postmaster(places.cluster)
    assert alive is not None
    await server.ensure_running()
    assert pid_of(server) == alive.pid


def run_as_nobody(script: str, data_dir: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, data_dir],
        user=65534,
        group=65534,
        extra_groups=[],
        cwd=data_dir,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@as_root
async def test_anybody_who_is_not_root_runs_it_under_the_own_account(folder: Path) -> None:
    """A whole backend as `nobody`: it needs no other account, and leaves no server behind."""
    data_dir = folder / "data"
    data_dir.mkdir()
    os.chown(data_dir, 65534, 65534)
    script = _BACKEND.replace('print("ready", flush=True)', "raise SystemExit(7)")
    closed = "the program itself lies in a folder closed to others"
    try:
        done = await asyncio.to_thread(run_as_nobody, script, data_dir)
    except PermissionError:
        pytest.skip(closed)
    if "PermissionError" in done.stderr or "ModuleNotFoundError" in done.stderr:
        pytest.skip(closed)
    assert done.returncode == 7, done.stderr
    places = recorded_places(data_dir)
    assert places is not None
    assert places.cluster.stat().st_uid == 65534
    assert read_postmaster(places.cluster) is None
