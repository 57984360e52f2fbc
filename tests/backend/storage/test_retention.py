"""Raw readings go by the month; the hours made of them stay as they were."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from mould_watch.clock import SystemClock
from mould_watch.settings import ReadingsSettings
from mould_watch.storage.database import Database
from mould_watch.storage.partitions import ensure_months
from mould_watch.storage.retention import Retention
from mould_watch.watch.evaluator import Evaluator
from tests.support.climate import hours
from tests.support.rooms import HomeForTests, RoomForTests, Row, SettableClock

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OLD = datetime(2026, 8, 10, tzinfo=UTC)


@pytest.fixture
async def home(connection: asyncpg.Connection[asyncpg.Record]) -> HomeForTests:
    home = HomeForTests(connection)
    await home.configure(phones=["phone-1"])
    return home


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOW)


@pytest.fixture
def retention(database: Database, clock: SettableClock) -> Retention:
    return Retention(ReadingsSettings(keep_months=2), database, clock)


async def months(home: HomeForTests) -> list[str]:
    rows = await home.fetch(
        "SELECT relname FROM pg_class WHERE relname ~ '^readings_[0-9_]+$' AND relkind = 'r' "
        "ORDER BY relname"
    )
    return [row["relname"] for row in rows]


async def fill(room: RoomForTests) -> None:
    """Store two days of August, and of each month since."""
    for start in (OLD, OLD + timedelta(days=31), OLD + timedelta(days=62), NOW - hours(48)):
        await room.home.write(
            room.device_id, [Row(start + hours(n), 60.0 + n % 9, 20.0 + n % 4) for n in range(48)]
        )


async def judged(evaluator: Evaluator, clock: SettableClock) -> None:
    for _ in range(12):
        await evaluator.evaluate_waiting()
        clock.advance(timedelta(seconds=1))


async def hours_of(home: HomeForTests) -> Iterable[object]:
    return await home.fetch("SELECT * FROM room_hour ORDER BY hour")


async def test_a_month_goes_when_its_hours_are_done_and_they_stay(
    database: Database, home: HomeForTests, clock: SettableClock, retention: Retention
) -> None:
    bathroom = await home.room("Bathroom")
    await fill(bathroom)
    every = ["readings_2026_08", "readings_2026_09", "readings_2026_10", "readings_2026_11"]
    # nobody has judged it yet
    assert not await retention.let_go()
    assert await months(home) == every
    evaluator = Evaluator(database, clock)
    await judged(evaluator, clock)
    before = await hours_of(home)
    assert await retention.let_go()
    assert await months(home) == every[1:]
    # a reading that comes late is stored, and changes no hour of then; another sensor neither
    await home.write(bathroom.device_id, [Row(OLD + hours(3.5), 99.0)])
    await judged(evaluator, clock)
    other = await home.device("other")
    source = {"kind": "device", "source_instance": "mqtt:zigbee2mqtt", "native_id": "other"}
    await bathroom.configure(sources={"temperature": source, "humidity": source})
    await home.connection.execute("UPDATE room_config_version SET is_always = true")
    await home.write(other, [Row(NOW - hours(3), 50.0)])
    await bathroom.ask()
    await judged(evaluator, clock)
    frozen = [row for row in before if row["hour"] < datetime(2026, 9, 1, tzinfo=UTC)]  # type: ignore[index]
    after = await hours_of(home)
    assert len(frozen) == 48
    assert [row for row in after if row in frozen] == frozen
    # and the month that came back with it goes again
    assert await retention.let_go()
    assert await months(home) == every[1:]


async def test_for_ever_is_for_ever(
    database: Database, home: HomeForTests, clock: SettableClock
) -> None:
    await ensure_months(home.connection, [OLD.date()], SystemClock())
    assert await Retention(ReadingsSettings(keep_months=0), database, clock).let_go()
    assert await months(home) == ["readings_2026_08"]


async def test_what_a_dead_process_left_is_finished(
    home: HomeForTests, retention: Retention
) -> None:
    await ensure_months(home.connection, [OLD.date(), NOW.date()], SystemClock())
    await home.connection.execute("ALTER TABLE readings DETACH PARTITION readings_2026_08")
    assert await retention.let_go()
    assert await months(home) == ["readings_2026_11"]


async def test_one_process_at_a_time_does_it(home: HomeForTests, retention: Retention) -> None:
    await ensure_months(home.connection, [OLD.date()], SystemClock())
    await home.connection.execute(
        "SELECT pg_advisory_lock(hashtextextended('mould_watch.retention', 0))"
    )
    assert await retention.let_go()
    assert await months(home) == ["readings_2026_08"]
