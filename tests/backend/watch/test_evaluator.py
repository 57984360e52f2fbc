"""The loop: many evaluators, restarts, what cannot be judged, and a database that goes away."""

import asyncio
import logging

import asyncpg
import pytest

from mould_watch.domain.incident import LAWFUL, Incident, IncidentState, Step
from mould_watch.errors import IllegalTransitionError
from mould_watch.storage import incidents
from mould_watch.storage.database import Database
from mould_watch.watch.evaluator import Evaluator
from tests.support.climate import DAMP_DAY, DAMP_PCT, DRY_PCT, NOON, hours
from tests.support.rooms import HomeForTests, RoomForTests, SettableClock
from tests.support.running import running
from tests.support.waiting import until


async def condition_row(room: RoomForTests) -> asyncpg.Record | None:
    return await room.home.connection.fetchrow(
        "SELECT xmin::text, evaluated_at, next_evaluation_at FROM condition WHERE subject_id = $1",
        room.subject_id,
    )


async def test_four_evaluators_open_one_incident_per_room(
    database: Database, home: HomeForTests, clock: SettableClock
) -> None:
    rooms = [await home.room(f"Room {number}") for number in range(6)]

    async def write() -> None:
        for back in range(26, -1, -1):
            for room in rooms:
                await room.measure(NOON - hours(back), [DAMP_PCT])

    async def has_ended() -> bool:
        return await home.fetch("SELECT FROM evaluation_request LIMIT 1") == []

    async with asyncio.timeout(60):
        evaluators = [Evaluator(database, clock) for _ in range(4)]
        async with (
            running(evaluators[0].run()),
            running(evaluators[1].run()),
            running(evaluators[2].run()),
            running(evaluators[3].run()),
        ):
            await write()
            await until(has_ended)
    for room in rooms:
        assert await room.path() == ["verifying", "open"]
        assert await room.kinds() == [("alarm", "pending")]


async def test_a_subject_in_other_hands_is_left_alone(
    database: Database, bathroom: RoomForTests, evaluator: Evaluator
) -> None:
    await bathroom.measure(NOON, DAMP_DAY)
    async with database.transaction() as other:
        await other.execute("SELECT pg_advisory_xact_lock(19831, $1)", bathroom.subject_id)
        done = await evaluator.evaluate_waiting()
        assert (done.contended, done.evaluated) == (1, 0)
    done = await evaluator.evaluate_waiting()
    assert (done.contended, done.evaluated) == (0, 1)
    assert await bathroom.incidents() == ["open"]


async def test_of_two_who_saw_an_incident_alike_one_moves_it(
    database: Database, bathroom: RoomForTests, evaluator: Evaluator
) -> None:
    """The guard of the UPDATE alone, as if both had taken the subject."""
    await bathroom.measure(NOON, DAMP_DAY)
    await evaluator.evaluate_waiting()
    async with database.connection() as connection:
        (seen,) = await incidents.live_incidents(connection, bathroom.subject_id)

    async def advance(incident: Incident, to: IncidentState) -> Incident:
        step = Step(incident.state, to, incident.level)
        async with database.transaction() as connection:
            moved, _ = await incidents.advance_incident(
                connection, incident, step, at=NOON, evidence={}
            )
        return moved

    recovering = await advance(seen, IncidentState.RECOVERING)
    with pytest.raises(IllegalTransitionError, match="is no longer open with sequence 2"):
        await advance(seen, IncidentState.RECOVERING)
    # nor is it moved by who saw this state, but before two steps of others
    await advance(recovering, IncidentState.OPEN)
    with pytest.raises(IllegalTransitionError, match="is no longer open with sequence 2"):
        await advance(seen, IncidentState.RECOVERING)
    assert await bathroom.path() == ["verifying", "open", "recovering", "open"]


async def test_a_restart_opens_nothing_twice(
    database: Database, bathroom: RoomForTests, evaluator: Evaluator, clock: SettableClock
) -> None:
    await bathroom.measure(NOON, DAMP_DAY)
    await evaluator.evaluate_waiting()
    for _ in range(3):
        clock.advance(hours(0.1))
        await bathroom.ask()
        await Evaluator(database, clock).evaluate_waiting()
    assert await bathroom.path() == ["verifying", "open"]
    assert len(await bathroom.notifications()) == 1


async def test_an_unchanged_condition_is_not_written_again(
    bathroom: RoomForTests, evaluator: Evaluator, clock: SettableClock
) -> None:
    await bathroom.measure(NOON, [DRY_PCT] * 30)
    await evaluator.evaluate_waiting()
    first = await condition_row(bathroom)
    await bathroom.ask()
    await evaluator.evaluate_waiting()
    assert await condition_row(bathroom) == first
    clock.advance(hours(0.2))
    await evaluator.evaluate_waiting()
    moved = await condition_row(bathroom)
    assert first is not None
    assert moved is not None
    assert moved["evaluated_at"] == first["evaluated_at"]
    assert moved["next_evaluation_at"] > clock.now()


async def test_nothing_is_judged_before_it_is_asked_for_or_due(
    bathroom: RoomForTests, evaluator: Evaluator, clock: SettableClock
) -> None:
    await bathroom.measure(NOON, [DRY_PCT] * 3)
    assert (await evaluator.evaluate_waiting()).evaluated == 1
    assert (await evaluator.evaluate_waiting()).evaluated == 0
    clock.advance(hours(0.1))
    assert (await evaluator.evaluate_waiting()).evaluated == 1


async def test_a_room_that_cannot_be_judged_holds_up_no_other_and_is_told_of_once(
    bathroom: RoomForTests,
    home: HomeForTests,
    evaluator: Evaluator,
    clock: SettableClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = await home.room("Broken", protect="the moon")
    await bathroom.measure(NOON, DAMP_DAY)
    await broken.measure(NOON, DAMP_DAY)
    with caplog.at_level(logging.INFO):
        done = await evaluator.evaluate_waiting()
        assert (done.evaluated, done.failed) == (1, 1)
        # put off: its request waits, the loop does not turn about it
        assert (await evaluator.evaluate_waiting()).failed == 0
        await Evaluator.evaluate_waiting(evaluator)
    failures = [
        record for record in caplog.records if getattr(record, "action", "") == "evaluation_failed"
    ]
    assert len(failures) == 1
    assert "the moon" not in failures[0].getMessage()
    assert await bathroom.incidents() == ["open"]
    await broken.configure(protect="things")
    await Evaluator(evaluator._database, clock).evaluate_waiting()
    assert await broken.incidents() == ["open"]


async def test_the_log_tells_of_an_incident_after_it_is_stored(
    bathroom: RoomForTests,
    evaluator: Evaluator,
    clock: SettableClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        await bathroom.measure(NOON, DAMP_DAY)
        await evaluator.evaluate_waiting()
        clock.advance(hours(7))
        await bathroom.measure(clock.now(), [DRY_PCT] * 7)
        await evaluator.evaluate_waiting()
    told = [
        (record.__dict__["action"], record.__dict__["room"], record.__dict__["risk_level"])
        for record in caplog.records
        if record.__dict__.get("action", "").startswith("incident_")
    ]
    assert told == [
        ("incident_verifying", "Bathroom", "watch"),
        ("incident_opened", "Bathroom", "warning"),
        ("incident_recovering", "Bathroom", "warning"),
        ("incident_resolved", "Bathroom", "warning"),
    ]


async def test_a_device_as_subject_is_passed_over(home: HomeForTests, evaluator: Evaluator) -> None:
    device_id = await home.device("alone")
    await home.connection.execute(
        """
        WITH subject AS (INSERT INTO subject (device_id) VALUES ($1) RETURNING id)
        INSERT INTO evaluation_request (subject_id, from_ts) SELECT id, $2 FROM subject
        """,
        device_id,
        NOON,
    )
    await evaluator.evaluate_waiting()
    assert await home.connection.fetchval("SELECT count(*) FROM evaluation_request") == 0


async def test_it_goes_on_after_its_connections_were_cut(
    bathroom: RoomForTests, evaluator: Evaluator
) -> None:
    async def is_judged() -> bool:
        return await bathroom.condition() is not None

    async def is_open() -> bool:
        return await bathroom.incidents() == ["open"]

    async with running(evaluator.run()):
        await until(is_judged)
        await bathroom.home.connection.execute(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
            """
        )
        await bathroom.measure(NOON, DAMP_DAY)
        await until(is_open)


async def test_a_word_from_the_database_wakes_it(
    bathroom: RoomForTests, evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mould_watch.watch.evaluator.POLL_S", 600.0)

    async def is_judged() -> bool:
        return await bathroom.condition() is not None

    async def is_open() -> bool:
        return await bathroom.incidents() == ["open"]

    async with running(evaluator.run()):
        await until(is_judged)
        await bathroom.measure(NOON, DAMP_DAY)
        await until(is_open)


async def test_the_database_allows_exactly_the_lawful_steps(home: HomeForTests) -> None:
    states = [state.value for state in IncidentState]
    rows = await home.fetch(
        """
        SELECT before, after
        FROM unnest(array_append($1::text[], NULL)) AS before, unnest($1::text[]) AS after
        WHERE incident_may_go(before::incident_state, after::incident_state)
        """,
        states,
    )
    allowed = {
        (IncidentState(row["before"]) if row["before"] else None, IncidentState(row["after"]))
        for row in rows
    }
    assert allowed == LAWFUL


async def test_the_database_refuses_an_unlawful_step(
    bathroom: RoomForTests, evaluator: Evaluator
) -> None:
    await bathroom.measure(NOON, DAMP_DAY)
    await evaluator.evaluate_waiting()
    with pytest.raises(asyncpg.PostgresError) as refused:
        await bathroom.home.connection.execute("UPDATE incident SET state = 'verifying'")
    assert refused.value.sqlstate == "MW001"
