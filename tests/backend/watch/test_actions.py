"""What people do with an incident, on a real database and beside a real evaluator."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from mould_watch.domain.incident_action import Action, ActionOutcome, ActionResult
from mould_watch.storage.database import Database
from mould_watch.storage.incident_actions import apply_action
from mould_watch.watch.evaluator import Evaluator
from tests.support.climate import DAMP_DAY, DRY_PCT, NOON, hours
from tests.support.rooms import RoomForTests, SettableClock
from tests.support.waiting import until

DONE, UNCHANGED, OVER = ActionOutcome.DONE, ActionOutcome.UNCHANGED, ActionOutcome.OVER


@pytest.fixture
async def incident_id(bathroom: RoomForTests, evaluator: Evaluator) -> UUID:
    await bathroom.measure(NOON, DAMP_DAY)
    await evaluator.evaluate_waiting()
    (row,) = await bathroom.home.fetch("SELECT id FROM incident WHERE ended_at IS NULL")
    found: UUID = row["id"]
    return found


async def press(
    database: Database,
    incident_id: UUID,
    action: Action,
    put_off_until: datetime | None = None,
    action_id: UUID | None = None,
) -> ActionResult:
    async with database.transaction() as connection:
        return await apply_action(
            connection, incident_id, action, put_off_until, action_id or uuid4(), at=NOON
        )


async def stored(room: RoomForTests) -> dict[str, Any]:
    (row,) = await room.home.fetch(
        "SELECT acknowledged_at, snoozed_until, sequence, state::text FROM incident"
    )
    return dict(row)


async def causes(room: RoomForTests) -> list[str]:
    rows = await room.home.fetch("SELECT cause FROM transition ORDER BY sequence")
    return [row["cause"] for row in rows]


async def test_a_press_that_is_sent_again_is_taken_once(
    database: Database, bathroom: RoomForTests, incident_id: UUID
) -> None:
    action_id = uuid4()
    first = await press(database, incident_id, Action.SEEN, action_id=action_id)
    again = await press(database, incident_id, Action.SEEN, action_id=action_id)
    assert (first.outcome, first.is_repeated) == (DONE, False)
    assert (again.outcome, again.is_repeated) == (DONE, True)
    assert first.transition_id == again.transition_id
    assert await causes(bathroom) == ["judged", "judged", "seen"]
    assert (await stored(bathroom))["acknowledged_at"] == NOON


async def test_the_same_press_sent_twice_at_once_is_taken_once(
    database: Database, bathroom: RoomForTests, incident_id: UUID
) -> None:
    action_id = uuid4()
    results = await asyncio.gather(
        *(press(database, incident_id, Action.SEEN, action_id=action_id) for _ in range(4))
    )
    assert [result.outcome for result in results] == [DONE] * 4
    assert sorted(result.is_repeated for result in results) == [False, True, True, True]
    assert await causes(bathroom) == ["judged", "judged", "seen"]


async def test_seen_on_two_phones_is_one_step(
    database: Database, bathroom: RoomForTests, incident_id: UUID
) -> None:
    results = [await press(database, incident_id, Action.SEEN) for _ in range(2)]
    assert [result.outcome for result in results] == [DONE, UNCHANGED]
    rows = await bathroom.home.fetch("SELECT outcome FROM incident_action ORDER BY outcome")
    assert [row["outcome"] for row in rows] == ["done", "unchanged"]
    assert (await stored(bathroom))["sequence"] == 3


async def test_a_snooze_ends_by_itself_at_its_time(
    database: Database,
    bathroom: RoomForTests,
    incident_id: UUID,
    evaluator: Evaluator,
    clock: SettableClock,
) -> None:
    end = NOON + timedelta(minutes=2)
    await press(database, incident_id, Action.SNOOZE, end)
    await evaluator.evaluate_waiting()
    due = await bathroom.home.connection.fetchval("SELECT next_evaluation_at FROM condition")
    assert due == end
    clock.set(end)
    await evaluator.evaluate_waiting()
    assert await causes(bathroom) == ["judged", "judged", "snoozed", "snooze_ended"]
    now = await stored(bathroom)
    assert (now["snoozed_until"], now["state"], now["sequence"]) == (None, "open", 4)
    await evaluator.evaluate_waiting()
    assert (await stored(bathroom))["sequence"] == 4


async def test_an_incident_that_was_seen_goes_on_with_its_life(
    database: Database,
    bathroom: RoomForTests,
    incident_id: UUID,
    evaluator: Evaluator,
    clock: SettableClock,
) -> None:
    await press(database, incident_id, Action.SEEN)
    clock.advance(hours(8))
    await bathroom.measure(clock.now(), [DRY_PCT] * 8)
    await evaluator.evaluate_waiting()
    assert await bathroom.path() == ["verifying", "open", "open", "recovering", "resolved"]
    assert (await press(database, incident_id, Action.SEEN)).outcome is OVER
    assert await causes(bathroom) == ["judged", "judged", "seen", "judged", "judged"]


async def test_a_press_waits_for_whoever_judges_the_subject(
    database: Database, bathroom: RoomForTests, incident_id: UUID
) -> None:
    async with database.transaction() as other:
        await other.execute("SELECT pg_advisory_xact_lock(19831, $1)", bathroom.subject_id)
        pressing = asyncio.ensure_future(press(database, incident_id, Action.SEEN))

        async def waits() -> bool:
            waiting: int = await other.fetchval(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            )
            return waiting > 0

        await until(waits)
        assert not pressing.done()
    assert (await pressing).outcome is DONE


async def test_a_press_about_nothing_is_told_so(database: Database) -> None:
    result = await press(database, uuid4(), Action.SEEN)
    assert (result.outcome, result.incident) == (ActionOutcome.UNKNOWN, None)


async def test_what_was_done_is_never_changed(
    database: Database, bathroom: RoomForTests, incident_id: UUID
) -> None:
    await press(database, incident_id, Action.SEEN)
    with pytest.raises(Exception, match="append-only"):
        await bathroom.home.connection.execute("UPDATE incident_action SET outcome = 'over'")
