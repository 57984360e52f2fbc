import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import asyncpg
import pytest

from mould_watch.clock import SystemClock
from mould_watch.errors import MigrationError
from mould_watch.storage.connections import connect
from mould_watch.storage.migrations import Migration, load_migrations, migrate
from mould_watch.storage.sql import load_queries
from tests.support.postgres import PostgresForTests
from tests.support.waiting import RecordingClock, until

CLOCK = SystemClock()
LOCK = load_queries("migrations").try_lock
KNOWN = load_migrations()
NEXT = Migration(len(KNOWN) + 1, "next", "CREATE TABLE made_by_next (id integer)")


@pytest.fixture
async def empty(postgres: PostgresForTests) -> AsyncGenerator[asyncpg.Connection]:
    """Yield a connection to a database without any schema."""
    async with postgres.fresh_database(migrated=False) as address:
        connection = await connect(address)
        yield connection
        await connection.close()


async def history(connection: asyncpg.Connection) -> list[tuple[int, str]]:
    rows = await connection.fetch("SELECT version, name FROM schema_migration ORDER BY version")
    return [(row["version"], row["name"]) for row in rows]


async def test_an_empty_database_gets_the_whole_schema_once(empty: asyncpg.Connection) -> None:
    assert await migrate(empty, CLOCK) == [migration.version for migration in KNOWN]
    assert await migrate(empty, CLOCK) == []
    assert await history(empty) == [(each.version, each.name) for each in KNOWN]
    assert await empty.fetchval("SELECT count(*) FROM instance") == 1


async def test_processes_that_start_at_once_apply_each_migration_once(
    postgres: PostgresForTests,
) -> None:
    async with postgres.fresh_database(migrated=False) as address, AsyncExitStack() as stack:
        connections = [await connect(address) for _ in range(6)]
        for connection in connections:
            stack.push_async_callback(connection.close)
        applied = await asyncio.gather(*(migrate(connection, CLOCK) for connection in connections))
        assert sorted(filter(None, applied)) == [[migration.version for migration in KNOWN]]


async def test_one_that_finds_another_at_work_waits_by_the_one_clock(
    postgres: PostgresForTests,
) -> None:
    clock = RecordingClock()
    async with postgres.fresh_database(migrated=False) as address:
        at_work, waiting = await connect(address), await connect(address)
        await at_work.execute(LOCK)
        migrating = asyncio.create_task(migrate(waiting, clock))
        await until(lambda: len(clock.slept_s) >= 2)
        await at_work.close()
        assert await migrating == [migration.version for migration in KNOWN]
        await waiting.close()


async def test_only_what_is_missing_is_applied(connection: asyncpg.Connection) -> None:
    assert await migrate(connection, CLOCK, (*KNOWN, NEXT)) == [NEXT.version]
    assert await connection.fetchval("SELECT to_regclass('made_by_next') IS NOT NULL")


async def test_a_failing_migration_leaves_nothing_and_is_named(
    connection: asyncpg.Connection,
) -> None:
    broken = Migration(NEXT.version, "broken", f"{NEXT.sql}; SELECT no_such_function()")
    with pytest.raises(MigrationError, match=r"broken.*no_such_function"):
        await migrate(connection, CLOCK, (*KNOWN, broken))
    assert await connection.fetchval("SELECT to_regclass('made_by_next') IS NULL")
    # and the lock is free again
    assert await migrate(connection, CLOCK, (*KNOWN, NEXT)) == [NEXT.version]


async def test_a_newer_schema_is_refused(connection: asyncpg.Connection) -> None:
    await migrate(connection, CLOCK, (*KNOWN, NEXT))
    with pytest.raises(MigrationError, match="newer Mould Watch"):
        await migrate(connection, CLOCK, KNOWN)


async def test_a_migration_changed_after_it_was_applied_is_refused(
    connection: asyncpg.Connection,
) -> None:
    first, *later = KNOWN
    changed = Migration(first.version, first.name, first.sql + "\n-- changed")
    with pytest.raises(MigrationError, match="not the one that was applied"):
        await migrate(connection, CLOCK, (changed, *later))


async def test_a_process_that_died_while_migrating_holds_nobody_up(
    postgres: PostgresForTests,
) -> None:
    async with postgres.fresh_database(migrated=False) as address:
        dying, next_one = await connect(address), await connect(address)
        slow = Migration(1, "slow", "SELECT pg_sleep(600)")
        stuck = asyncio.create_task(migrate(dying, CLOCK, (slow,)))
        async with asyncio.timeout(30):
            while not await next_one.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%'"
                " AND pid <> pg_backend_pid() AND datname = current_database()"
            ):
                await asyncio.sleep(0.02)
        await next_one.execute("SELECT pg_terminate_backend($1)", dying.get_server_pid())
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            await stuck
        assert await migrate(next_one, CLOCK) == [migration.version for migration in KNOWN]
        await next_one.close()
