"""The database goes away in every way it can, and comes back."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from demo_flat.processes import free_port
from mould_watch.clock import SystemClock
from mould_watch.errors import DatabaseUnavailableError
from mould_watch.storage.connections import connect
from mould_watch.storage.database import Database
from tests.support.postgres import PostgresForTests, database_settings, started_database
from tests.support.running import running
from tests.support.tcp_link import TcpLink
from tests.support.waiting import until


async def test_a_ready_database_answers(database: Database) -> None:
    async with database.transaction() as connection:
        assert await connection.fetchval("SELECT count(*) FROM instance") == 1
    assert database.health() == {
        "ready": True,
        "state": "ready",
        "detail": None,
        "own_server": False,
    }


async def test_json_goes_in_and_comes_out_as_objects(database: Database) -> None:
    value = {"surface": [1, 2.5, None], "nested": {"word": "feucht"}}
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT $1::jsonb", value) == value
        with pytest.raises(asyncpg.DataError):
            await connection.fetchval("SELECT $1::jsonb", float("nan"))


async def test_a_database_that_does_not_exist_is_said_in_plain_words(database_url: str) -> None:
    missing = database_url.replace("test_", "no_such_", 1)
    with pytest.raises(DatabaseUnavailableError, match="does not exist on the server: create it"):
        await connect(missing)


async def test_a_server_that_is_not_there_is_said_with_its_address() -> None:
    unused_port = free_port()
    address = f"postgresql://user:a-password@localhost:{unused_port}/mould"
    with pytest.raises(DatabaseUnavailableError) as told:
        await connect(address)
    assert f"nothing answers at localhost:{unused_port} (connection refused)" in str(told.value)
    assert "a-password" not in str(told.value)


async def test_an_error_in_a_transaction_rolls_it_back(database: Database) -> None:
    with suppress(ZeroDivisionError):
        async with database.transaction() as connection:
            await connection.execute("CREATE TABLE undone ()")
            raise ZeroDivisionError
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT to_regclass('undone')") is None


async def run_in_transaction(database: Database, *statements: str) -> None:
    async with database.transaction() as connection:
        for statement in statements:
            await connection.execute(statement)


async def test_mistakes_pass_as_they_are(database: Database) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        await run_in_transaction(database, "SELECT * FROM no_such_table")
    with pytest.raises(asyncpg.NumericValueOutOfRangeError):
        await run_in_transaction(database, "SELECT 1e400::float8")
    assert database.health()["ready"]


async def test_terminated_connections_are_unavailable_and_heal(
    database: Database, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="mould_watch.storage.database")
    killer = await connect(database_url)

    async def work_while_it_is_terminated() -> None:
        async with database.transaction() as connection:
            await killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await connection.execute("SELECT 1")

    with pytest.raises(DatabaseUnavailableError):
        await work_while_it_is_terminated()
    async with asyncio.timeout(30):
        await until(lambda: not database.health()["ready"])
        await database.wait_ready()
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT 1") == 1
    await killer.close()
    actions = [getattr(record, "action", None) for record in caplog.records]
    assert actions.count("database_away") == 1
    assert actions.count("database_ready") == 1


async def test_a_call_that_finds_its_connection_ended_under_it_is_unavailable(
    database: Database,
) -> None:
    async def call(*, is_ended: bool) -> None:
        async with database.connection() as connection:
            raw: Any = connection._con  # type: ignore[union-attr]
            if is_ended:
                connection.terminate()
                # what asyncpg does between preparing and executing
                raw._protocol.bind_execute()
            else:
                raw = None
                raw.bind_execute()

    with pytest.raises(DatabaseUnavailableError):
        await call(is_ended=True)
    with pytest.raises(AttributeError):  # a mistake of our own: the connection lives
        await call(is_ended=False)


async def test_an_unreachable_database_is_waited_for(
    postgres: PostgresForTests, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with postgres.fresh_database() as address, TcpLink(postgres.server.places.socket) as link:
        link.close()
        database = Database(database_settings(link.address_of(address), tmp_path), SystemClock())
        async with running(database.run(), "database"), asyncio.timeout(30):
            await database.wait_change()
            assert database.health()["state"] == "away"
            with pytest.raises(DatabaseUnavailableError):
                async with database.connection():
                    pass
            await until(lambda: link.refused >= 3)
            await link.open()
            await database.wait_ready()
    away = [each for each in caplog.records if getattr(each, "action", "") == "database_away"]
    assert len(away) == 1


@pytest.fixture
async def link(postgres: PostgresForTests) -> AsyncGenerator[TcpLink]:
    async with TcpLink(postgres.server.places.socket) as link:
        yield link


async def test_a_link_that_falls_silent_is_noticed_and_heals(
    database_url: str, link: TcpLink, tmp_path: Path
) -> None:
    """Half-open: nothing is refused and nothing answers, as behind a router that was replaced."""
    async with started_database(
        link.address_of(database_url), tmp_path, probe_interval_s=0.2, probe_timeout_s=1.0
    ) as database:
        async with asyncio.timeout(60):
            change = asyncio.create_task(database.wait_change())
            link.silent = True
            await change
            assert database.health()["state"] == "away"
            link.silent = False
            link.drop()
            await database.wait_ready()
        async with database.connection() as connection:
            assert await connection.fetchval("SELECT 1") == 1


async def test_work_on_a_silent_link_ends_as_unavailable(
    database_url: str, link: TcpLink, tmp_path: Path
) -> None:
    async with started_database(
        link.address_of(database_url), tmp_path, probe_interval_s=0.2, probe_timeout_s=1.0
    ) as database:

        async def work_while_it_falls_silent() -> None:
            async with database.transaction() as connection:
                link.silent = True
                await connection.execute("SELECT 1")

        async with asyncio.timeout(60):
            with pytest.raises(DatabaseUnavailableError):
                await work_while_it_falls_silent()
            link.silent = False
            link.drop()
            await until(lambda: database.health()["ready"])


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://user:sec/ret@host/database",
        "postgresql://user:sec#ret@host:99999/database",
        "mysql://user:secret@host/database",
        "postgresql://user:secret@host:port/database",
    ],
)
async def test_a_wrong_address_is_told_without_its_password(
    address: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(database_settings(address, tmp_path), SystemClock())
    async with running(database.run(), "database"), asyncio.timeout(30):
        await database.wait_change()
    assert "DATABASE_URL" in caplog.text
    assert "sec" not in caplog.text
    assert "sec" not in str(database.health())


async def test_a_newer_schema_is_said_and_waited_out(
    database_url: str, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    await connection.execute(
        "INSERT INTO schema_migration (version, name, checksum) VALUES (9999, 'future', '')"
    )
    database = Database(database_settings(database_url, tmp_path), SystemClock())
    async with running(database.run(), "database"), asyncio.timeout(30):
        await database.wait_change()
        assert "newer Mould Watch" in database.health()["detail"]
        await connection.execute("DELETE FROM schema_migration WHERE version = 9999")
        await database.wait_ready()
