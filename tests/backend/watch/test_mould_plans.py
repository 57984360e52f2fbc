"""What an evaluation reads of hours and checkpoints is along their keys, however long a history."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from mould_watch.domain.notification_policy import NotificationPolicy
from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries
from mould_watch.watch.evaluation import evaluate
from mould_watch.watch.evaluator import Evaluator
from tests.support.climate import DAMP_PCT, NOON, hours
from tests.support.rooms import HomeForTests, RoomForTests, SettableClock

YEARS = 3
ROOMS = 20
DAYS = YEARS * 365

_HOURS = load_queries("room_hours")
_MOULD = load_queries("mould")

pytestmark = pytest.mark.slow


async def fill(home: HomeForTests) -> int:
    """Store years of hours and checkpoints of many rooms; return one of them."""
    rooms = [await home.room(f"Room {number}") for number in range(ROOMS)]
    await home.connection.execute(
        """
        INSERT INTO room_hour (subject_id, hour, temperature_c, humidity_pct, coverage,
            outdoor_coverage, surface_coverage)
        SELECT subject_id, hour, 20, 50, 1, 0, 0
        FROM unnest($1::integer[]) AS subject_id,
             generate_series($2::timestamptz, $3::timestamptz, '1 hour') AS hour
        """,
        [room.subject_id for room in rooms],
        NOON - timedelta(days=DAYS),
        NOON,
    )
    await home.connection.execute(
        """
        INSERT INTO mould_checkpoint
        SELECT subject_id, day, 0, 0, 0, 0, 0, 0, 0, 0, 0
        FROM unnest($1::integer[]) AS subject_id,
             generate_series($2::date, $3::date, '1 day') AS day
        """,
        [room.subject_id for room in rooms],
        (NOON - timedelta(days=DAYS)).date(),
        NOON.date(),
    )
    await home.connection.execute("VACUUM ANALYZE room_hour")
    await home.connection.execute("VACUUM ANALYZE mould_checkpoint")
    return rooms[ROOMS // 2].subject_id


def nodes(plan: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in nodes(child))]


async def explained(connection: Connection, query: str, *arguments: object) -> Mapping[str, Any]:
    plan = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}", *arguments)
    (found,) = json.loads(plan) if isinstance(plan, str) else plan
    root: Mapping[str, Any] = found["Plan"]
    return root


async def test_hours_and_checkpoints_are_read_along_their_keys(home: HomeForTests) -> None:
    subject_id = await fill(home)
    asked: dict[str, tuple[str, tuple[object, ...], int]] = {
        "week": (_HOURS.hours, (subject_id, NOON - hours(168), NOON), 168),
        "first": (_HOURS.first_hour, (subject_id,), 1),
        "checkpoint": (_MOULD.checkpoint, (subject_id, NOON.date()), 1),
    }
    for plan_cache_mode in ("force_custom_plan", "force_generic_plan"):
        await home.connection.execute(f"SET plan_cache_mode = {plan_cache_mode}")
        for name, (query, arguments, rows) in asked.items():
            plan = await explained(home.connection, query, *arguments)
            found = nodes(plan)
            told = f"{name} under {plan_cache_mode}"
            assert not [node for node in found if node["Node Type"] == "Seq Scan"], told
            read = max(node["Actual Rows"] * node["Actual Loops"] for node in found)
            assert read <= rows, f"{told} reads {read} rows"
            pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
            assert pages < 60, f"{told} touches {pages} pages"


async def rows_read(connection: Connection) -> dict[str, int]:
    """Return how many rows of each table this transaction has fetched."""
    rows = await connection.fetch(
        """
        SELECT relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) AS fetched
        FROM pg_stat_xact_user_tables WHERE relname IN ('room_hour', 'mould_checkpoint')
        """
    )
    return {row["relname"]: row["fetched"] for row in rows}


@pytest.mark.parametrize("days", [10, 100])
async def test_an_evaluation_reads_a_week_of_hours_whatever_the_history(
    bathroom: RoomForTests,
    home: HomeForTests,
    evaluator: Evaluator,
    clock: SettableClock,
    days: int,
) -> None:
    await bathroom.measure(NOON, [DAMP_PCT - 40 + number % 5 for number in range(days * 24)])
    for _ in range(days // 14 + 2):
        await evaluator.evaluate_waiting()
        clock.advance(timedelta(seconds=1))
    kept = await home.connection.fetchval("SELECT count(*) FROM room_hour")
    assert kept == days * 24 - 1
    # the evaluation of the next reading, in a transaction that counts what it reads
    clock.advance(timedelta(minutes=10))
    await bathroom.measure(clock.now(), [DAMP_PCT - 40])
    async with home.connection.transaction():
        before = await rows_read(home.connection)
        await evaluate(home.connection, bathroom.subject_id, clock.now(), NotificationPolicy())
        after = await rows_read(home.connection)
    read = {name: after[name] - before.get(name, 0) for name in after}
    # the week, the day since the checkpoint, and the hours a late reading could have changed
    assert read["room_hour"] < 168 + 24 + 30
    assert read["mould_checkpoint"] <= 2
