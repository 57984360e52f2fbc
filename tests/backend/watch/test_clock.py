"""Invariant 11: a wall clock that was wrong, or that changes by an hour, only delays."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from mould_watch.settings import LONGEST_LEASE_S
from mould_watch.storage import evaluation, held
from mould_watch.storage.connections import connect
from mould_watch.storage.database import Database
from mould_watch.watch.evaluator import Evaluator
from tests.support.climate import NOON, hours
from tests.support.damp_rooms import DAMP
from tests.support.notifications import (
    add_incident,
    add_notification,
    claim,
    expire_lease,
    finish,
    remaining_lease_s,
)
from tests.support.rooms import HomeForTests, RoomForTests, Row, SettableClock
from tests.support.running import running
from tests.support.waiting import until
from tests.support.watched_values import MINUTE, Household, too_damp


async def bath_of(home: HomeForTests) -> RoomForTests:
    return await home.room(
        "Bath",
        metric_thresholds=[too_damp(UUID(int=7))],
        rules={"mould_level": {"notify": False}},
    )


@pytest.mark.parametrize("was_running", [True, False])
async def test_a_clock_that_was_ahead_holds_nothing_up_when_it_is_set_right(
    home: HomeForTests, database: Database, clock: SettableClock, *, was_running: bool
) -> None:
    """What it planned by the wrong time is called back, also where nobody saw it jump."""

    async def waiting() -> list[object]:
        return [dict(row) for row in await home.fetch("SELECT held_until FROM notification")]

    async def is_held() -> bool:
        return bool(await waiting())

    async def is_released() -> bool:
        return await waiting() == [{"held_until": None}]

    async def all_is_planned_soon() -> bool:
        rows = await home.fetch(
            "SELECT FROM condition WHERE next_evaluation_at > $1", NOON + hours(2)
        )
        return not rows

    bath = await bath_of(home)
    clock.set(NOON + hours(48))
    await home.write(bath.device_id, [Row(clock.now(), DAMP)])
    evaluator = Evaluator(database, clock)
    async with running(evaluator.run(), "evaluator"):
        await until(is_held)
        if was_running:
            clock.set(NOON)
            await until(is_released)
            await until(all_is_planned_soon)
    if was_running:
        jumps = await home.fetch("SELECT since FROM backend_state WHERE part = 'clock'")
        assert jumps == [{"since": NOON}]
    else:
        clock.set(NOON)
        async with running(Evaluator(database, clock).run(), "evaluator"):
            await until(is_released)
            await until(all_is_planned_soon)
    assert await bath.incidents(f"threshold:{UUID(int=7)}") == ["open"]


async def test_a_jump_is_noted_though_the_database_went_when_it_was_seen(
    home: HomeForTests, database: Database, clock: SettableClock, database_url: str
) -> None:
    """A machine that slept wakes up with another time, and without its connections."""
    writers: list[int] = []

    async def is_being_noted() -> bool:
        rows = await home.fetch(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock' AND query LIKE '%INTO backend_state%'"
        )
        writers[:] = [row["pid"] for row in rows]
        return bool(rows)

    async def is_noted() -> bool:
        rows = await home.fetch("SELECT since FROM backend_state WHERE part = 'clock'")
        return rows == [{"since": clock.now()}]

    async with running(Evaluator(database, clock).run(), "evaluator"):
        blocker = await connect(database_url)
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE backend_state IN EXCLUSIVE MODE")
            clock.set(NOON + hours(9))
            await until(is_being_noted)
            await home.fetch("SELECT pg_terminate_backend($1)", writers[0])
        await blocker.close()
        await until(is_noted)


async def test_a_try_put_off_by_a_database_that_was_ahead_is_not_put_off_for_days(
    household: Household,
) -> None:
    bath = await bath_of(household.home)
    await household.measure(bath, DAMP)
    await household.go_on()
    await household.go_on(MINUTE, send=False)
    await household.home.connection.execute(
        "UPDATE notification SET due_at = clock_timestamp() + interval '3 days'"
    )

    async def is_due() -> bool:
        return bool(await household.home.fetch("SELECT FROM notification WHERE due_at <= now()"))

    async with running(Evaluator(household.database, household.clock).run(), "evaluator"):
        await until(is_due)


async def test_what_somebody_has_in_hand_is_called_back_later_and_not_waited_for(
    household: Household,
) -> None:
    """Two that lock the same rows in another order would stop each other for ever."""
    connection = household.home.connection
    for name in ("Bath", "Cellar"):
        room = await household.home.room(
            name,
            metric_thresholds=[too_damp(UUID(int=7))],
            rules={"mould_level": {"notify": False}},
        )
        await household.measure(room, DAMP)
    await household.go_on()
    in_hand, free = [row["id"] for row in await connection.fetch("SELECT id FROM notification")]
    now = household.clock.now()
    await connection.execute(
        "UPDATE condition SET next_evaluation_at = $1", now + timedelta(days=3)
    )

    async def recalled() -> tuple[set[object], int]:
        async with household.database.transaction() as other, asyncio.timeout(10):
            await evaluation.recall(other, now)
            await held.recall(other, now, MINUTE)
        rows = await connection.fetch(
            "SELECT id FROM notification"
            " WHERE coalesce(held_until <= $1, due_at <= clock_timestamp())",
            now,
        )
        planned = await connection.fetchval(
            "SELECT count(*) FROM condition WHERE next_evaluation_at > $1", now
        )
        return {row["id"] for row in rows}, planned

    days = "interval '3 days'"
    for waits in (
        f"held_until = held_until + {days}",
        f"held_until = NULL, held_for = NULL, due_at = now() + {days}",
    ):
        await connection.execute(f"UPDATE notification SET {waits}")  # noqa: S608
        async with connection.transaction():
            await connection.execute("SELECT FROM notification WHERE id = $1 FOR UPDATE", in_hand)
            await connection.execute("SELECT FROM condition LIMIT 1 FOR UPDATE")
            assert (await recalled())[0] == {free}
        assert await recalled() == ({in_hand, free}, 0)


async def test_what_waits_for_company_is_called_back_sooner_than_what_waits_for_the_morning(
    household: Household,
) -> None:
    connection = household.home.connection
    now, ids = household.clock.now(), []
    for reason, wait in (("group", hours(1)), ("quiet", hours(9)), ("flood", hours(23))):
        ids.append(await add_notification(connection, await add_incident(connection)))
        await connection.execute(
            "UPDATE notification SET held_for = $2, held_until = $3, "
            "due_at = clock_timestamp() + interval '9 hours' WHERE id = $1",
            ids[-1],
            reason,
            now + wait,
        )
    await held.recall(connection, now, MINUTE)
    recalled = await connection.fetch(
        "SELECT id FROM notification WHERE held_until = $1 AND due_at < clock_timestamp() + $2",
        now,
        hours(1),
    )
    assert [row["id"] for row in recalled] == ids[:1]


@pytest.mark.parametrize("is_alive", [True, False])
async def test_a_claim_of_a_database_that_was_ahead_is_taken_over_soon_and_not_at_once(
    household: Household, *, is_alive: bool
) -> None:
    """Its holder died with the clock three days ahead, or sends just now: nobody is told twice."""
    connection = household.home.connection
    bath = await bath_of(household.home)
    await household.measure(bath, DAMP)
    await household.go_on()
    await household.go_on(MINUTE, send=False)
    (held,) = await claim(connection)
    await connection.execute(
        "UPDATE notification SET lease_until = lease_until + interval '3 days', "
        "due_at = due_at + interval '3 days'"
    )

    async def ends_soon() -> bool:
        left_s = await remaining_lease_s(connection, held)
        return left_s is not None and left_s <= LONGEST_LEASE_S

    async with running(Evaluator(household.database, household.clock).run(), "evaluator"):
        await until(ends_soon)
    assert await claim(connection) == []
    if is_alive:
        assert await finish(connection, held, "sent")
        return
    await expire_lease(connection, held.notification_id)
    (taken,) = await claim(connection)
    assert (taken.notification_id, taken.taken_over) == (held.notification_id, True)
    assert (taken.attempt, taken.unknown_outcomes) == (2, 1)


@pytest.mark.parametrize(
    ("evening", "morning"),
    [
        # the night in which Berlin's clocks go back, and the one in which they go forward
        (datetime(2026, 10, 24, 21, 30, tzinfo=UTC), datetime(2026, 10, 25, 6, tzinfo=UTC)),
        (datetime(2027, 3, 27, 22, 30, tzinfo=UTC), datetime(2027, 3, 28, 5, tzinfo=UTC)),
    ],
)
async def test_in_the_nights_of_summer_time_the_morning_is_the_home_s(
    household: Household, evening: datetime, morning: datetime
) -> None:
    await household.home.configure(phones=["phone-1"], time_zone="Europe/Berlin")
    household.clock.set(evening)
    bath = await bath_of(household.home)
    await household.measure(bath, DAMP)
    await household.go_on()
    while household.clock.now() < morning - MINUTE:
        await household.measure(bath, DAMP)
        await household.go_on(timedelta(minutes=30))
        assert household.heard == [] or household.clock.now() >= morning
    await household.go_on(MINUTE)
    assert [(one["kind"], one["at"]) for one in household.heard] == [("alarm", morning)]
