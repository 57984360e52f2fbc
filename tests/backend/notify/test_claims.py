"""Claims on a real outbox: who may take a notification, and who may finish it."""

import asyncio
from dataclasses import replace
from uuid import UUID

import asyncpg
import pytest

from mould_watch.storage import outbox, overview
from mould_watch.storage.database import Connection, Database
from mould_watch.storage.outbox import Claims, Ending
from mould_watch.storage.overview import NotificationFilter
from tests.support.notifications import (
    INSTANCE,
    add_incident,
    add_notification,
    claim,
    count_by_state,
    expire_lease,
    finish,
    give_back,
    remaining_lease_s,
    row_of,
    states_of,
)


async def _claim(
    connection: Connection,
    *,
    limit: int = 100,
    worker: str = "w",
    lease_s: float = 60,
    routes: tuple[str, ...] = (INSTANCE,),
) -> list[outbox.ClaimedNotification]:
    return await claim(
        connection,
        channel="home_assistant",
        routes=routes,
        limit=limit,
        worker=worker,
        lease_s=lease_s,
    )


async def test_only_eligible_pending_notifications_are_claimed(connection: Connection) -> None:
    incident = await add_incident(connection)
    eligible = await add_notification(connection, incident)
    blocked = await add_notification(connection, incident)
    later = await add_notification(connection, incident, target="later", due_in_s=3600)
    elsewhere = await add_notification(connection, incident, route="another-home")
    other_channel = await add_notification(connection, incident, channel="apprise")
    finished = await add_notification(connection, incident, target="finished")
    for notification in await _claim(connection):
        if notification.notification_id == finished:
            assert await finish(connection, notification, "sent")
        else:
            assert await give_back(connection, notification, 0, "for the test")
    # `eligible` was attempted now, which would let `blocked` supersede it: a fresh pair
    incident = await add_incident(connection)
    eligible = await add_notification(connection, incident)
    blocked = await add_notification(connection, incident)

    claimed = await _claim(connection)

    ids = {notification.notification_id for notification in claimed}
    assert eligible in ids
    assert not ids & {blocked, later, elsewhere, other_channel, finished}


async def test_a_claim_says_whose_it_is_and_counts_one_attempt(connection: Connection) -> None:
    notification_id = await add_notification(connection, await add_incident(connection, "Cellar"))

    (claimed,) = await _claim(connection, worker="worker-1", lease_s=60)

    assert claimed.notification_id == notification_id
    assert claimed.attempt == 1
    assert not claimed.taken_over
    assert claimed.message["room"] == "Cellar"
    row = await row_of(connection, notification_id)
    assert (row["state"], row["attempts"], row["claimed_by"]) == ("claimed", 1, "worker-1")
    remaining_s = await remaining_lease_s(connection, claimed)
    assert remaining_s is not None
    assert 50 < remaining_s <= 60


async def test_no_more_is_locked_and_claimed_than_asked_for(database: Database) -> None:
    async with database.connection() as connection:
        for _ in range(5):
            await add_notification(connection, await add_incident(connection))
    async with database.transaction() as first, database.connection() as second:
        assert len(await _claim(first, limit=2, worker="a")) == 2
        # the first has not committed, and the second does not wait for it
        async with asyncio.timeout(30):
            assert len(await _claim(second, worker="b")) == 3


async def test_the_longest_due_is_claimed_first(connection: Connection) -> None:
    late = await add_notification(connection, await add_incident(connection), due_in_s=-10)
    later = await add_notification(connection, await add_incident(connection), due_in_s=-20)
    order = [(await _claim(connection, limit=1))[0].notification_id for _ in range(2)]
    assert order == [later, late]


async def test_a_living_claim_is_nobody_elses(connection: Connection) -> None:
    await add_notification(connection, await add_incident(connection))
    assert len(await _claim(connection)) == 1
    assert await _claim(connection) == []


async def test_a_stale_claim_is_taken_over_and_the_zombie_refused(connection: Connection) -> None:
    notification_id = await add_notification(connection, await add_incident(connection))
    (zombie,) = await _claim(connection, worker="zombie")
    await expire_lease(connection, notification_id)

    (heir,) = await _claim(connection, worker="heir")

    assert heir.taken_over
    assert heir.attempt == 2
    assert await remaining_lease_s(connection, zombie) is None
    assert not await finish(connection, zombie, "sent")
    assert not await finish(connection, zombie, "failed", "no")
    assert not await give_back(connection, zombie, 0, "no")
    assert (await row_of(connection, notification_id))["claimed_by"] == "heir"
    assert await finish(connection, heir, "sent")
    assert await states_of(connection, notification_id) == ["pending", "claimed", "claimed", "sent"]


async def test_a_late_holder_may_finish_while_nobody_took_over(connection: Connection) -> None:
    notification_id = await add_notification(connection, await add_incident(connection))
    (claimed,) = await _claim(connection)
    await expire_lease(connection, notification_id)
    assert await finish(connection, claimed, "sent")


async def test_a_claim_is_finished_once(connection: Connection) -> None:
    await add_notification(connection, await add_incident(connection))
    (claimed,) = await _claim(connection)
    assert await finish(connection, claimed, "failed", "gone")
    assert not await finish(connection, claimed, "sent")


@pytest.mark.parametrize("end", ["sent", "failed", "cancelled"])
@pytest.mark.parametrize("state", ["pending", "claimed", "sent", "failed", "cancelled"])
async def test_an_ended_notification_stays_ended(
    connection: Connection, end: str, state: str
) -> None:
    notification_id = await add_notification(connection, await add_incident(connection))
    await _end(connection, notification_id, end)
    with pytest.raises(asyncpg.PostgresError) as refused:
        await connection.execute(
            """
            UPDATE notification SET state = $2::text::notification_state,
                claim_token = CASE WHEN $2 = 'claimed' THEN gen_random_uuid() END,
                lease_until = CASE WHEN $2 = 'claimed' THEN clock_timestamp() END,
                attempts = attempts + CASE WHEN $2 = 'claimed' THEN 1 ELSE 0 END,
                finished_at = CASE WHEN $2 IN ('pending', 'claimed') THEN NULL
                                   ELSE clock_timestamp() END
            WHERE id = $1
            """,
            notification_id,
            state,
        )
    assert refused.value.sqlstate == "MW001"


async def test_a_claimed_notification_is_never_cancelled_nor_a_pending_one_sent(
    connection: Connection,
) -> None:
    pending = await add_notification(connection, await add_incident(connection))
    finish = (
        "UPDATE notification SET state = $2::text::notification_state, claim_token = NULL, "
        "lease_until = NULL, finished_at = clock_timestamp() WHERE id = $1"
    )
    for state in ("sent", "failed"):
        with pytest.raises(asyncpg.PostgresError, match="may not go from pending"):
            await connection.execute(finish, pending, state)
    await _claim(connection)
    with pytest.raises(asyncpg.PostgresError, match="may not go from claimed to cancelled"):
        await connection.execute(finish, pending, "cancelled")


async def test_a_living_claim_cannot_be_taken_even_by_hand(connection: Connection) -> None:
    notification_id = await add_notification(connection, await add_incident(connection))
    await _claim(connection)
    with pytest.raises(asyncpg.PostgresError, match="may not go from claimed to claimed"):
        await connection.execute(
            "UPDATE notification SET claim_token = gen_random_uuid(), attempts = attempts + 1 "
            "WHERE id = $1",
            notification_id,
        )


async def test_steps_are_never_rewritten(connection: Connection) -> None:
    await add_notification(connection, await add_incident(connection))
    with pytest.raises(asyncpg.PostgresError) as refused:
        await connection.execute("UPDATE notification_step SET to_state = 'sent'")
    assert refused.value.sqlstate == "MW002"


async def test_a_worker_hands_back_what_it_holds_and_nothing_else(connection: Connection) -> None:
    mine = await add_notification(connection, await add_incident(connection))
    await _claim(connection, worker="me")
    theirs = await add_notification(connection, await add_incident(connection))
    await _claim(connection, worker="them")

    assert await outbox.give_back_all(connection, "me") == 1

    assert (await row_of(connection, mine))["state"] == "pending"
    assert (await row_of(connection, mine))["due_in_s"] <= 0
    assert (await row_of(connection, theirs))["state"] == "claimed"


async def test_the_next_due_time_is_that_of_the_first_claimable(connection: Connection) -> None:
    incident = await add_incident(connection)
    assert await outbox.next_due_s(connection, "home_assistant", [INSTANCE]) is None
    await add_notification(connection, incident, due_in_s=500)
    await add_notification(connection, incident, due_in_s=100)  # behind the first of its lane
    due_s = await outbox.next_due_s(connection, "home_assistant", [INSTANCE])
    assert due_s is not None
    assert 400 < due_s <= 500
    assert await outbox.next_due_s(connection, "home_assistant", ["elsewhere"]) is None
    await add_notification(connection, await add_incident(connection))
    await _claim(connection, lease_s=50)
    due_s = await outbox.next_due_s(connection, "home_assistant", [INSTANCE])
    assert due_s is not None
    assert 40 < due_s <= 50


async def test_the_list_shows_every_step_and_the_reason(connection: Connection) -> None:
    notification_id = await add_notification(connection, await add_incident(connection))
    await add_notification(connection, await add_incident(connection), due_in_s=3600)
    (claimed,) = await _claim(connection, worker="w-1")
    await finish(connection, claimed, "failed", "unknown_phone: it is gone")

    (failed,) = await overview.notifications(connection, NotificationFilter(state="failed"))

    assert failed.notification_id == notification_id
    assert failed.last_error == "unknown_phone: it is gone"
    assert [step.to_state for step in failed.steps] == ["pending", "claimed", "failed"]
    assert failed.steps[2].error == "unknown_phone: it is gone"
    assert failed.steps[1].claimed_by == "w-1"
    assert len(await overview.notifications(connection, NotificationFilter())) == 2
    assert await count_by_state(connection) == {"failed": 1, "pending": 1}


async def test_the_list_shows_the_last_steps_of_one_that_is_tried_for_ever(
    connection: Connection,
) -> None:
    await add_notification(connection, await add_incident(connection))
    for _ in range(overview.STEPS_MAXIMUM):
        (claimed,) = await _claim(connection)
        await give_back(connection, claimed, 0.0, "phone_action_missing")
    (pending,) = await overview.notifications(connection, NotificationFilter(state="pending"))
    assert len(pending.steps) == overview.STEPS_MAXIMUM
    assert pending.steps[-1].to_state == "pending"
    assert pending.steps[-1].attempt == overview.STEPS_MAXIMUM


@pytest.mark.parametrize("reason", ["a\x00b", "\ud800", "x" * 100_000, ""])
async def test_any_reason_can_be_stored(connection: Connection, reason: str) -> None:
    await add_notification(connection, await add_incident(connection))
    (claimed,) = await _claim(connection)
    assert await finish(connection, claimed, "failed", reason)


async def _end(connection: Connection, notification_id: UUID, end: str) -> None:
    if end == "cancelled":
        await connection.execute(
            "UPDATE notification SET state = 'cancelled', finished_at = clock_timestamp() "
            "WHERE id = $1",
            notification_id,
        )
        return
    (claimed,) = await _claim(connection)
    assert await finish(connection, claimed, "sent" if end == "sent" else "failed", "end")


async def test_a_turn_goes_on_from_where_the_last_one_ended(connection: Connection) -> None:
    due_s = (-50, -40, -30, -20)
    first, second, third, fourth = [
        await add_notification(connection, await add_incident(connection), due_in_s=seconds)
        for seconds in due_s
    ]
    claims = Claims(channel="home_assistant", routes=[INSTANCE], limit=2, worker="w", lease_s=60)

    begun = await outbox.turn(connection, claims)
    gone_on = await outbox.turn(connection, replace(claims, limit=1, since=begun.last_due_at))
    (early,) = [one for one in begun.claimed if one.notification_id == first]
    assert await give_back(connection, early, -60, "due before all others again")
    last = await outbox.turn(connection, replace(claims, limit=9, since=gone_on.last_due_at))
    anew = await outbox.turn(connection, claims)

    assert [
        {one.notification_id for one in turn.claimed} for turn in (begun, gone_on, last, anew)
    ] == [{first, second}, {third}, {fourth}, {first}]
    due_at = "SELECT due_at FROM notification WHERE id = $1"
    assert begun.last_due_at == await connection.fetchval(due_at, second)
    assert (await outbox.turn(connection, claims)).last_due_at is None


async def test_a_claim_changes_its_row_where_it_lies(connection: Connection) -> None:
    """No index is written for a claim, only for the end (PostgreSQL: heap-only tuples)."""
    for _ in range(5):
        await add_notification(connection, await add_incident(connection))

    async def updated() -> tuple[int, int]:
        row = await connection.fetchrow(
            """
            SELECT pg_stat_get_xact_tuples_updated('notification'::regclass) AS all,
                pg_stat_get_xact_tuples_hot_updated('notification'::regclass) AS in_place
            """
        )
        assert row is not None
        return row["all"], row["in_place"]

    async with connection.transaction():
        claimed = await _claim(connection)
        assert (len(claimed), await updated()) == (5, (5, 5))
        assert await finish(connection, claimed[0], "sent")
        assert await updated() == (6, 5)


@pytest.mark.parametrize("waiting", [3, 1000])
async def test_a_turn_is_planned_once_however_much_waits(
    connection: Connection, waiting: int
) -> None:
    """A plan for each turn would cost more than the turn."""
    incident = await add_incident(connection)
    await connection.execute("ALTER TABLE notification DISABLE TRIGGER USER")
    for number in range(waiting):
        await add_notification(connection, incident, target=f"phone-{number}")
    await connection.execute("ALTER TABLE notification ENABLE TRIGGER USER")
    await connection.execute("ANALYZE notification")
    claimed: list[outbox.ClaimedNotification] = []
    since = None
    for _ in range(12):
        claims = Claims(
            channel="home_assistant",
            routes=[INSTANCE],
            limit=1,
            worker="w",
            lease_s=60,
            since=since,
        )
        done = await outbox.turn(
            connection, claims, [Ending(claimed=one, state="sent") for one in claimed]
        )
        claimed, since = done.claimed, done.last_due_at
    row = await connection.fetchrow(
        "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE $1",
        "%set_config('synchronous_commit'%",
    )
    # PostgreSQL tries five plans for the values at hand before it compares
    assert row is not None
    assert (row["custom_plans"], row["generic_plans"]) == (5, 7)


async def test_steps_go_with_their_notification(connection: Connection) -> None:
    gone, stays = [
        await add_notification(connection, await add_incident(connection)) for _ in range(2)
    ]
    for one in await _claim(connection):
        assert await finish(connection, one, "sent")

    await connection.execute("DELETE FROM notification WHERE id = $1", gone)

    left = await connection.fetch("SELECT DISTINCT notification_id FROM notification_step")
    assert [row["notification_id"] for row in left] == [stays]
