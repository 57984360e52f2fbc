"""Readings that Home Assistant forwards: the same store, the same keys, each with its result."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mould_watch.clock import SystemClock
from mould_watch.errors import DatabaseUnavailableError
from mould_watch.ingest.device_states import DeviceStates
from mould_watch.ingest.forwarded import ForwardedEntity, ForwardedIngest, ForwardedReading
from mould_watch.ingest.submissions import Submissions
from mould_watch.settings import IngestSettings
from mould_watch.storage.database import Database
from tests.support.ingestion import Stored
from tests.support.postgres import database_settings

INSTANCE = "home-1"


@pytest.fixture
def forwarded(database: Database) -> ForwardedIngest:
    return ingest(database)


def ingest(database: Database) -> ForwardedIngest:
    clock = SystemClock()
    states = DeviceStates(database, clock, maximum=100)
    return ForwardedIngest(database, Submissions(IngestSettings(), database, clock, states))


def reading(
    registry_id: str = "r1", *, age_s: float = 0, name: str = "Bath", **metrics: float
) -> ForwardedReading:
    return ForwardedReading(
        registry_id=registry_id,
        entity_id="sensor.bath",
        name=name,
        ts=datetime.now(UTC) - timedelta(seconds=age_s),
        metrics=metrics or {"temperature_c": 21.5},
    )


async def test_stored_after_the_commit_and_duplicate_when_sent_again(
    forwarded: ForwardedIngest, stored: Stored
) -> None:
    one = reading(temperature_c=21.5, humidity_pct=60)
    two = reading("r2", humidity_pct=55)
    assert [result.status for result in await forwarded.store(INSTANCE, [one, two])] == [
        "stored",
        "stored",
    ]
    again = await forwarded.store(INSTANCE, [two, reading(temperature_c=30), one, one])
    assert [result.status for result in again] == ["duplicate", "stored", "duplicate", "duplicate"]
    rows = await stored.readings()
    assert len(rows) == 3
    assert {row["qos"] for row in rows} == {None}
    devices = await stored.rows("SELECT source_instance, native_id, metrics FROM device ORDER BY 2")
    assert devices == [
        {
            "source_instance": "ha:home-1",
            "native_id": "r1",
            "metrics": ["humidity_pct", "temperature_c"],
        },
        {"source_instance": "ha:home-1", "native_id": "r2", "metrics": ["humidity_pct"]},
    ]


async def test_the_same_reading_twice_in_one_request_is_one_row(
    forwarded: ForwardedIngest, stored: Stored
) -> None:
    one = reading()
    results = await forwarded.store(INSTANCE, [one, one])
    assert [result.status for result in results] == ["stored", "duplicate"]
    assert await stored.count("readings") == 1


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (reading(age_s=-86400), "in_the_future"),
        (reading(age_s=8 * 86400), "too_old"),
        (reading(loudness_db=3.0), "unknown_metric"),
        (reading(battery_pct=101.0), "out_of_range"),
        (reading(temperature_c=float("nan")), "out_of_range"),
        (
            ForwardedReading("r1", "sensor.bath", "Bath", datetime.now(UTC), metrics={}),
            "no_metric",
        ),
    ],
)
async def test_what_cannot_be_is_rejected_with_a_code_and_blocks_no_other(
    forwarded: ForwardedIngest, stored: Stored, bad: ForwardedReading, code: str
) -> None:
    results = await forwarded.store(INSTANCE, [reading("r2"), bad, reading("r3")])
    assert [(result.status, result.code) for result in results] == [
        ("stored", None),
        ("rejected", code),
        ("stored", None),
    ]
    assert await stored.count("readings") == 2


async def test_a_number_that_cannot_be_true_is_stored_with_its_flag(
    forwarded: ForwardedIngest, stored: Stored
) -> None:
    results = await forwarded.store(INSTANCE, [reading(humidity_pct=0.0)])
    assert [result.status for result in results] == ["stored"]
    rows = await stored.readings()
    assert [(row["humidity_pct"], row["suspect"]) for row in rows] == [(0.0, "humidity_zero")]


async def test_a_row_the_database_refuses_is_rejected_alone(
    forwarded: ForwardedIngest, stored: Stored
) -> None:
    await stored.connection.execute(
        "ALTER TABLE readings ADD CONSTRAINT no_such CHECK (temperature_c <> 13)"
    )
    results = await forwarded.store(
        INSTANCE, [reading(temperature_c=float(n)) for n in range(10, 20)]
    )
    assert [result.code for result in results].count("refused_by_database") == 1
    assert results[3].code == "refused_by_database"
    assert await stored.count("readings") == 9


async def test_a_month_that_vanished_rejects_nothing_and_is_made_anew(
    forwarded: ForwardedIngest, stored: Stored
) -> None:
    await forwarded.store(INSTANCE, [reading(humidity_pct=60.0)])
    (partition,) = await stored.rows(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits"
        " WHERE inhparent = 'readings'::regclass"
    )
    await stored.connection.execute(f"DROP TABLE {partition['name']}")
    with pytest.raises(DatabaseUnavailableError):
        await forwarded.store(INSTANCE, [reading(humidity_pct=61.0)])
    results = await forwarded.store(INSTANCE, [reading(humidity_pct=61.0)])
    assert [result.status for result in results] == ["stored"]


async def test_availability_makes_the_device_known_and_keeps_its_name(
    forwarded: ForwardedIngest, stored: Stored
) -> None:
    entity = ForwardedEntity("r1", "sensor.bath", "Bath", available=False, metrics=["humidity_pct"])
    await forwarded.availability(INSTANCE, [entity])
    renamed = ForwardedEntity("r1", "sensor.bath", "Bathroom", available=True)
    await forwarded.availability(INSTANCE, [renamed])
    assert await stored.rows("SELECT native_id, name, available, metrics FROM device") == [
        {"native_id": "r1", "name": "Bathroom", "available": True, "metrics": ["humidity_pct"]}
    ]


async def test_a_new_reading_asks_for_the_evaluation_of_its_subjects(
    forwarded: ForwardedIngest, stored: Stored
) -> None:
    await forwarded.availability(INSTANCE, [ForwardedEntity("r1", "s", "Bath", available=True)])
    await stored.connection.execute("""
        WITH new AS (
            INSERT INTO room (id, name) VALUES (gen_random_uuid(), 'Bath') RETURNING id
        ), subject AS (
            INSERT INTO subject (room_id) SELECT id FROM new RETURNING id
        )
        INSERT INTO subject_device SELECT subject.id, device.id FROM subject, device
    """)
    old, new = reading(age_s=600), reading()
    await forwarded.store(INSTANCE, [new, old])
    await forwarded.store(INSTANCE, [old])
    assert await stored.rows("SELECT from_ts FROM evaluation_request") == [{"from_ts": old.ts}]


async def test_without_a_database_it_says_so(tmp_path: Path) -> None:
    nowhere = Database(
        database_settings("postgresql://nobody@127.0.0.1:1/x", tmp_path), SystemClock()
    )
    with pytest.raises(DatabaseUnavailableError):
        await ingest(nowhere).store(INSTANCE, [reading()])
