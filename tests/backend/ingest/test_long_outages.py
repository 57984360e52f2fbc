"""Hours without Home Assistant, without the backend, without the broker: no freshness is invented.

Invariants 3, 6 and 8: nothing sent is lost, and for time without data nothing is assumed.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from mould_watch.clock import SystemClock
from mould_watch.domain.climate import GAP
from mould_watch.ingest.device_states import DeviceStates
from mould_watch.ingest.forwarded import ForwardedIngest, ForwardedReading
from mould_watch.ingest.submissions import Submissions
from mould_watch.settings import IngestSettings
from mould_watch.storage.database import Database
from mould_watch.storage.readings import window_samples
from mould_watch.watch.evaluator import Evaluator
from tests.support.ingestion import Ingesting, Stored, payload
from tests.support.mosquitto import Mosquitto, Publisher, publisher
from tests.support.rooms import HomeForTests, RoomForTests, SettableClock
from tests.support.waiting import until

TEN_MINUTES = timedelta(minutes=10)
DAY = timedelta(days=1)
TIMED, UNTIMED = "zigbee2mqtt/timed", "zigbee2mqtt/untimed"
FAR = timedelta(seconds=1)


@pytest.fixture
async def home(connection: asyncpg.Connection[asyncpg.Record]) -> HomeForTests:
    home = HomeForTests(connection)
    await home.configure()
    return home


def state(at: datetime | None = None, humidity: float = 60) -> bytes:
    seen = {} if at is None else {"last_seen": at.isoformat()}
    return payload(temperature=20, humidity=humidity, **seen)


async def last_seen(stored: Stored) -> dict[str, datetime | None]:
    rows = await stored.rows("SELECT native_id, last_seen_at FROM device")
    return {row["native_id"]: row["last_seen_at"] for row in rows}


async def judged(database: Database, room: RoomForTests, at: datetime) -> dict[str, Any]:
    """Return the condition of a room as it is judged at a time."""
    await room.ask()
    await Evaluator(database, SettableClock(at)).evaluate_waiting()
    condition = await room.condition()
    assert condition is not None
    return condition


def check_nothing_is_known(condition: dict[str, Any], newest: datetime) -> None:
    """Check that the newest values are shown with their time, and that nothing rests on them."""
    for metric in ("temperature", "humidity"):
        assert datetime.fromisoformat(condition[metric]["ts"]) == newest
    assert condition["reason"] == "no_data"
    for derived in ("level", "at_risk", "surface", "dew_point_c", "absolute_humidity_g_m3"):
        assert condition[derived] is None
    assert condition["first_growth"]["outlook"] == "unknown"


async def test_two_hours_without_the_backend(
    ingesting: Ingesting,
    sensor: Publisher,
    stored: Stored,
    home: HomeForTests,
    database: Database,
) -> None:
    """What waited with a time of its own fills the gap; what has none is kept aside."""
    timed, untimed = await home.room("Timed", TIMED), await home.room("Untimed", UNTIMED)
    now = datetime.now(UTC)
    down, n = now - timedelta(hours=2), 0
    async with ingesting.running():
        for n in range(30):
            await sensor.publish(TIMED, state(down - (30 - n) * TEN_MINUTES))
        await sensor.publish(UNTIMED, state())
        await stored.has("readings", 31)
    heard = (await last_seen(stored))[UNTIMED]
    assert heard is not None
    for n in range(1, 13):
        await sensor.publish(TIMED, state(down + n * TEN_MINUTES - FAR, humidity=60 + n))
        await sensor.publish(UNTIMED, state(humidity=60 + n))
    async with ingesting.running() as ingestion:
        await stored.has("readings", 31 + 24)
        await until(lambda: ingestion.health()["waiting"] == 0)
        await ingestion.states.write()

    rows = await stored.readings()
    late = [row for row in rows if row["humidity_pct"] > 60]
    assert [row["ts"] for row in late if row["native_id"] == TIMED] == [
        down + n * TEN_MINUTES - FAR for n in range(1, 13)
    ]
    assert {(row["native_id"], row["time_quality"]) for row in late} == {
        (TIMED, "payload"),
        (UNTIMED, "backlog"),
    }
    assert await last_seen(stored) == {TIMED: now - FAR, UNTIMED: heard}
    intervals = await stored.rows("SELECT native_id, reporting_interval_s FROM device ORDER BY 1")
    assert [row["reporting_interval_s"] for row in intervals] == [600, None]
    # and nothing is judged by what waited without a time
    after = datetime.now(UTC)
    samples = await window_samples(
        stored.connection, [timed.device_id, untimed.device_id], now - DAY, after, after
    )
    assert [one.humidity_pct for one in samples[untimed.device_id]] == [60]
    newest = (await judged(database, timed, after))["humidity"]
    assert (newest["value"], datetime.fromisoformat(newest["ts"])) == (72.0, now - FAR)
    check_nothing_is_known(
        await judged(database, untimed, after + GAP + timedelta(minutes=1)), heard
    )


async def test_a_broker_that_was_restarted_with_what_it_keeps(
    ingesting: Ingesting, broker: Mosquitto, stored: Stored, home: HomeForTests, database: Database
) -> None:
    """With its sessions or without them: what it keeps says how it was, not how it is."""
    room = await home.room("Untimed", UNTIMED)
    sent = datetime.now(UTC) - timedelta(hours=3)

    async def keep() -> None:
        async with publisher(broker) as gateway:
            await gateway.publish(TIMED, state(sent), retain=True)
            await gateway.publish(UNTIMED, state(), retain=True)

    await keep()
    async with ingesting.running() as ingestion:
        await stored.ended("retained", 1)
        await broker.stop()
        await until(lambda: not ingestion.health()["ready"])
        await broker.start()
        await until(lambda: ingestion.health()["ready"])
    await broker.stop()
    broker.forget()
    await broker.start()
    await keep()
    async with ingesting.running() as ingestion:
        await stored.ended("retained", 2)
        await until(lambda: ingestion.health()["waiting"] == 0)
    assert [(row["native_id"], row["ts"]) for row in await stored.readings()] == [(TIMED, sent)]
    assert await last_seen(stored) == {TIMED: None, UNTIMED: None}
    condition = await judged(database, room, datetime.now(UTC))
    assert condition["humidity"] is None
    assert condition["level"] is None


async def test_eight_hours_without_home_assistant(
    stored: Stored, home: HomeForTests, database: Database
) -> None:
    """The forwarded entities are missing, and are missed; afterwards the gap stays a gap."""
    clock = SystemClock()
    states = DeviceStates(database, clock, maximum=10)
    forwarded = ForwardedIngest(database, Submissions(IngestSettings(), database, clock, states))
    now = datetime.now(UTC)
    gone = now - timedelta(hours=8)
    source = {"kind": "device", "source_instance": "ha:home-1", "native_id": "entity"}

    async def forward(*times: datetime, humidity: float) -> None:
        results = await forwarded.store(
            "home-1",
            [
                ForwardedReading(
                    registry_id="entity",
                    entity_id="sensor.bath",
                    name="Bath",
                    ts=at,
                    metrics={"temperature_c": 20.0, "humidity_pct": humidity},
                )
                for at in times
            ],
        )
        assert {result.status for result in results} == {"stored"}

    room = await home.room("Bath", sources={"temperature": source, "humidity": source})
    await forward(*(gone - n * TEN_MINUTES for n in range(100, -1, -1)), humidity=97)
    device_id = await stored.connection.fetchval("SELECT id FROM device WHERE native_id = 'entity'")
    await stored.connection.execute(
        "UPDATE subject_device SET device_id = $1 WHERE subject_id = $2", device_id, room.subject_id
    )
    before = await judged(database, room, gone)
    assert before["humidity"] is not None

    missing = await judged(database, room, now)
    check_nothing_is_known(missing, gone)
    assert (await last_seen(stored))["entity"] == gone

    # it is back, and the first report is of now: what was not measured stays unknown
    await forward(now, humidity=97)
    back = await judged(database, room, now)
    assert back["humidity"] is not None
    known = await stored.rows("SELECT count(*) FROM readings WHERE ts > $1 AND ts < $2", gone, now)
    assert known == [{"count": 0}]
    assert back["coverage"] < 0.75
    # neither growth nor decline for the hours in between
    assert back["mould_index"]["value"] == missing["mould_index"]["value"]
    await states.write()
    (learned,) = await stored.rows(
        "SELECT reporting_interval_s FROM device WHERE native_id = 'entity'"
    )
    assert learned["reporting_interval_s"] == 600
