import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime

import asyncpg
import pytest

from mould_watch.clock import SystemClock
from mould_watch.storage.connections import connect
from mould_watch.storage.partitions import Partitions, ensure_months
from tests.support.waiting import RecordingClock, until

CLOCK = SystemClock()


async def store(connection: asyncpg.Connection, ts: datetime) -> None:
    await connection.execute(
        """
        INSERT INTO readings (device_id, ts, fingerprint, received_at, time_quality)
        VALUES (1, $1, 1, now(), 'payload')
        """,
        ts,
    )


async def partitions(connection: asyncpg.Connection) -> list[str]:
    rows = await connection.fetch(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits"
        " WHERE inhparent = 'readings'::regclass ORDER BY 1"
    )
    return [row["name"] for row in rows]


async def test_readings_of_a_month_find_their_partition(connection: asyncpg.Connection) -> None:
    await ensure_months(
        connection, [date(2026, 11, 30), date(2026, 11, 1), date(2024, 2, 29)], CLOCK
    )
    for ts in (
        datetime(2026, 11, 1, tzinfo=UTC),
        datetime(2026, 11, 30, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2024, 2, 29, 12, tzinfo=UTC),
    ):
        await store(connection, ts)
    assert await partitions(connection) == ["readings_2024_02", "readings_2026_11"]
    with pytest.raises(asyncpg.CheckViolationError):
        await store(connection, datetime(2026, 12, 1, tzinfo=UTC))


async def test_the_first_and_the_last_month_and_none_beyond(
    connection: asyncpg.Connection,
) -> None:
    await ensure_months(connection, [date(2000, 1, 1), date(2100, 12, 31)], CLOCK)
    await store(connection, datetime(2000, 1, 1, tzinfo=UTC))
    await store(connection, datetime(2100, 12, 31, 23, 59, tzinfo=UTC))
    for day in (date(1999, 12, 31), date(2101, 1, 1)):
        with pytest.raises(ValueError, match="outside"):
            await ensure_months(connection, [day], CLOCK)


async def test_two_writers_may_need_the_same_new_months_at_once(database_url: str) -> None:
    months = [date(2025, month, 1) for month in range(1, 13)]
    async with AsyncExitStack() as stack:
        writers = [await connect(database_url) for _ in range(4)]
        for writer in writers:
            stack.push_async_callback(writer.close)

        async def write(writer: asyncpg.Connection, device_id: int) -> None:
            await ensure_months(writer, months, CLOCK)
            for month in months:
                await writer.execute(
                    """
                    INSERT INTO readings (device_id, ts, fingerprint, received_at, time_quality)
                    VALUES ($1, $2, 1, now(), 'payload')
                    """,
                    device_id,
                    datetime(month.year, month.month, 1, tzinfo=UTC),
                )

        await asyncio.gather(*(write(writer, number) for number, writer in enumerate(writers)))
        assert len(await partitions(writers[0])) == 12
        assert await writers[0].fetchval("SELECT count(*) FROM readings") == 48


async def test_making_a_month_waits_for_a_lock_in_short_tries(
    connection: asyncpg.Connection, database_url: str
) -> None:
    blocker = await connect(database_url)
    transaction = blocker.transaction()
    await transaction.start()
    await blocker.execute("LOCK TABLE readings IN SHARE UPDATE EXCLUSIVE MODE")
    clock = RecordingClock()
    making = asyncio.create_task(ensure_months(connection, [date(2026, 11, 1)], clock))
    # each wait follows a try that was given up
    await until(lambda: len(clock.slept_s) >= 2)
    assert not making.done()
    await transaction.rollback()
    await making
    assert all(0 < wait_s <= 2 for wait_s in clock.slept_s)
    await blocker.close()
    assert await partitions(connection) == ["readings_2026_11"]


async def test_a_detached_month_that_is_written_again_is_attached_again(
    connection: asyncpg.Connection,
) -> None:
    await ensure_months(connection, [date(2026, 11, 1)], CLOCK)
    await store(connection, datetime(2026, 11, 5, tzinfo=UTC))
    await connection.execute("ALTER TABLE readings DETACH PARTITION readings_2026_11")
    await ensure_months(connection, [date(2026, 11, 1)], CLOCK)
    assert await connection.fetchval("SELECT count(*) FROM readings") == 1


async def test_known_months_are_not_asked_for_until_forgotten(
    connection: asyncpg.Connection,
) -> None:
    known = Partitions(CLOCK)
    await known.ensure(connection, [date(2026, 11, 1)])
    await connection.execute("ALTER TABLE readings DETACH PARTITION readings_2026_11")
    await known.ensure(connection, [date(2026, 11, 20)])
    assert await partitions(connection) == []
    known.forget()
    await known.ensure(connection, [date(2026, 11, 20)])
    assert await partitions(connection) == ["readings_2026_11"]


async def test_a_month_made_in_a_transaction_that_is_rolled_back_is_not_known(
    connection: asyncpg.Connection,
) -> None:
    known = Partitions(CLOCK)
    transaction = connection.transaction()
    await transaction.start()
    await known.ensure(connection, [date(2026, 11, 1)])
    await transaction.rollback()
    await known.ensure(connection, [date(2026, 11, 1)])
    assert await partitions(connection) == ["readings_2026_11"]
