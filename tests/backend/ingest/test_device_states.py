"""What is learned of each device: the same in memory and from its readings, in any order."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from mould_watch.clock import SystemClock
from mould_watch.domain.rules.settings import SilentSettings
from mould_watch.ingest.device_states import DeviceStates
from mould_watch.ingest.submissions import Submission, Submissions
from mould_watch.settings import IngestSettings
from mould_watch.storage import device_subjects
from mould_watch.storage.database import Database
from mould_watch.storage.devices import DeviceReference
from mould_watch.watch.device import silence_limit_of
from tests.support.ingestion import Ingesting, Stored, payload
from tests.support.mosquitto import Publisher
from tests.support.waiting import until

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
BATH = DeviceReference("http:logger", "bath", "Bath")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def states(database: Database) -> DeviceStates:
    return DeviceStates(database, SystemClock(), maximum=10)


@pytest.fixture
def submissions(database: Database, states: DeviceStates) -> Submissions:
    return Submissions(IngestSettings(), database, SystemClock(), states)


async def submit(
    submissions: Submissions,
    ages: Sequence[timedelta],
    device: DeviceReference = BATH,
    metrics: tuple[str, ...] = ("temperature_c",),
) -> None:
    await submissions.store(
        [Submission(device, NOW - age, dict.fromkeys(metrics, 20.0)) for age in ages]
    )


async def learned(stored: Stored) -> dict[str, float | None]:
    rows = await stored.rows("SELECT native_id, reporting_interval_s FROM device")
    return {row["native_id"]: row["reporting_interval_s"] for row in rows}


async def rebuilt(stored: Stored, database: Database, submissions: Submissions) -> float | None:
    """Return what a process that has just started learns with one reading more."""
    await stored.connection.execute("UPDATE device SET reporting_interval_s = NULL")
    submissions._states = DeviceStates(database, SystemClock(), maximum=10)
    await submit(submissions, [timedelta(seconds=1)])
    await submissions._states.write()
    return (await learned(stored))["bath"]


async def test_the_interval_is_learned_and_the_same_after_a_restart(
    submissions: Submissions, states: DeviceStates, stored: Stored, database: Database
) -> None:
    for part in range(6):
        await submit(submissions, [(60 - part * 10 - n) * 10 * MINUTE for n in range(10)])
        await states.write()
    assert await learned(stored) == {"bath": 600}
    assert await rebuilt(stored, database, submissions) == 600


async def test_late_and_repeated_readings_in_any_order_end_in_the_same(
    submissions: Submissions, states: DeviceStates, stored: Stored, database: Database
) -> None:
    """Invariant 6."""
    ages = [n * 15 * MINUTE for n in range(1, 300)]
    chance = random.Random(6)  # noqa: S311 - the same each time
    chance.shuffle(ages)
    for start in range(0, 299, 50):
        await submit(submissions, ages[start : start + 50])
        await submit(submissions, ages[start : start + 10])
        await states.write()
    assert await learned(stored) == {"bath": 900}
    assert await rebuilt(stored, database, submissions) == 900


async def test_messages_of_unknown_time_teach_nothing(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    """Invariant 8: what waited at the broker came at once, and was not sent at once."""
    topic = "mould-watch/readings/bath"
    async with ingesting.running():
        await sensor.publish(topic, payload(temperature=20))
        await stored.has("readings", 1)
    for n in range(30):
        await sensor.publish(topic, payload(temperature=n))
    async with ingesting.running() as ingestion:
        await stored.has("readings", 31)
        (before,) = await stored.rows("SELECT last_seen_at FROM device")
        await ingestion.states.write()
        rows = await stored.rows(
            "SELECT time_quality, count(*) FROM readings GROUP BY 1 ORDER BY 1"
        )
        assert rows == [
            {"time_quality": "receipt", "count": 1},
            {"time_quality": "backlog", "count": 30},
        ]
        assert not ingestion.states._heard
    first = (await stored.readings())[0]
    assert before["last_seen_at"] == first["ts"]
    assert await learned(stored) == {topic: None}


async def test_the_memory_is_bounded_by_the_devices_heard_last(
    submissions: Submissions, states: DeviceStates, stored: Stored
) -> None:
    for n in range(25):
        device = DeviceReference("http:logger", f"device {n}", "x")
        await submit(submissions, [k * 5 * MINUTE for k in range(30)], device)
    assert len(states) == 10
    await states.write()
    known = [name for name, interval_s in (await learned(stored)).items() if interval_s == 300]
    assert sorted(known) == sorted(f"device {n}" for n in range(15, 25))
    # one that was forgotten is known when it is heard again, from its stored readings
    await submit(
        submissions, [timedelta(seconds=5)], DeviceReference("http:logger", "device 0", "x")
    )
    await states.write()
    assert (await learned(stored))["device 0"] == 300


async def test_what_cannot_be_written_is_written_later(
    submissions: Submissions, states: DeviceStates, stored: Stored
) -> None:
    await submit(submissions, [n * 10 * MINUTE for n in range(30)])
    await stored.connection.execute("ALTER TABLE readings RENAME TO away")
    with pytest.raises(Exception, match="readings"):
        await states.write()
    await stored.connection.execute("ALTER TABLE away RENAME TO readings")
    await states.write()
    assert await learned(stored) == {"bath": 600}


async def test_readings_of_a_device_that_was_merged_count(
    submissions: Submissions, states: DeviceStates, stored: Stored
) -> None:
    other = DeviceReference("http:logger", "bath before", "Bath")
    await submit(submissions, [n * 20 * MINUTE for n in range(15, 30)], other)
    await submit(submissions, [n * 20 * MINUTE for n in range(1, 15)])
    await stored.connection.execute(
        "UPDATE device SET merged_into = (SELECT id FROM device WHERE native_id = 'bath')"
        " WHERE native_id = 'bath before'"
    )
    await states.write()
    assert (await learned(stored))["bath"] == 1200


@pytest.mark.parametrize(
    ("metrics", "power_source", "minutes", "hours"),
    [
        (("temperature_c",), "mains", 10, 1),
        (("temperature_c",), "mains", 60, 4),
        # one that may sleep is told of after 25 h, not before
        (("temperature_c",), "battery", 1, 25),
        (("temperature_c", "battery_pct"), None, 60, 25),
        (("temperature_c", "battery_pct"), None, 24 * 60, 48),
        # nobody says: it may, unless it reports each minute
        (("temperature_c",), None, 10, 25),
        (("temperature_c",), None, 1, 1),
    ],
)
async def test_how_long_a_device_may_be_silent_follows_what_was_learned(  # noqa: PLR0917
    submissions: Submissions,
    states: DeviceStates,
    stored: Stored,
    metrics: tuple[str, ...],
    power_source: str | None,
    minutes: int,
    hours: int,
) -> None:
    device = DeviceReference("http:logger", "bath", "Bath")
    submissions._settings = IngestSettings(age_maximum_s=90 * 86400)
    await submit(submissions, [n * minutes * MINUTE for n in range(25)], device, metrics)
    await states.write()
    device_id = await stored.connection.fetchval(
        "UPDATE device SET power_source = $1 RETURNING id", power_source
    )
    facts = await device_subjects.device(stored.connection, device_id)
    assert facts is not None
    assert silence_limit_of(facts, SilentSettings()) == timedelta(hours=hours)


async def test_a_running_ingestion_writes_what_it_learned_by_itself(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    topic = "mould-watch/readings/bath"
    ingestion = ingesting.make()
    ingestion.states._interval_s = 0.05
    async with ingesting.running(ingestion):
        for n in range(25):
            sent = (NOW - n * 5 * MINUTE).isoformat()
            await sensor.publish(
                "mould-watch/readings/bath", payload(temperature=n, timestamp=sent)
            )
        await stored.has("readings", 25)

        async def known() -> bool:
            return (await learned(stored)) == {topic: 300}

        await until(known)
