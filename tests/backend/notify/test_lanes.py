"""Lanes: notifications of one incident and target go one after another; the newest is the last."""

import asyncio

from mould_watch.domain.condition import Level
from mould_watch.domain.incident import Incident, IncidentState
from mould_watch.domain.notification import NotificationPlan, plan
from mould_watch.storage import incidents, outbox
from mould_watch.storage.database import Connection, Database
from mould_watch.storage.outbox import ClaimedNotification, Superseded
from tests.support.climate import NOON
from tests.support.notifications import (
    INSTANCE,
    add_incident,
    add_notification,
    claim,
    expire_lease,
    finish,
    give_back,
    row_of,
    states_of,
)
from tests.support.waiting import until

_NOTHING = Superseded(given_back=0, cancelled=0)


async def _claim(connection: Connection) -> list[ClaimedNotification]:
    return await claim(
        connection,
        channel="home_assistant",
        routes=[INSTANCE],
        limit=100,
        worker="w",
        lease_s=60,
    )


async def _supersede(connection: Connection) -> Superseded:
    """Call until there is nothing more to end; return the sums."""
    total = _NOTHING
    while (now := await outbox.supersede(connection)) != _NOTHING:
        total = Superseded(total.given_back + now.given_back, total.cancelled + now.cancelled)
    return total


async def test_the_order_of_a_lane_is_kept(connection: Connection) -> None:
    incident = await add_incident(connection)
    ids = [await add_notification(connection, incident) for _ in range(3)]
    for notification_id in ids:
        (claimed,) = await _claim(connection)
        assert claimed.notification_id == notification_id
        assert await _claim(connection) == []
        await finish(connection, claimed, "sent")


async def test_a_later_due_time_holds_the_whole_lane_back(connection: Connection) -> None:
    incident = await add_incident(connection)
    await add_notification(connection, incident, due_in_s=3600)
    await add_notification(connection, incident)
    assert await _supersede(connection) == _NOTHING
    assert await _claim(connection) == []


async def test_a_failed_notification_does_not_block_its_lane(connection: Connection) -> None:
    incident = await add_incident(connection)
    await add_notification(connection, incident)
    second = await add_notification(connection, incident)
    (claimed,) = await _claim(connection)
    await finish(connection, claimed, "failed", "gone")
    (claimed,) = await _claim(connection)
    assert claimed.notification_id == second


async def test_lanes_do_not_wait_for_each_other(connection: Connection) -> None:
    incident = await add_incident(connection)
    for target in ("phone-1", "phone-2", "persistent"):
        await add_notification(connection, incident, target=target)
    assert {claimed.target for claimed in await _claim(connection)} == {
        "phone-1",
        "phone-2",
        "persistent",
    }


async def test_a_recovery_ends_the_alarm_that_waits_for_its_next_try(
    connection: Connection,
) -> None:
    incident = await add_incident(connection)
    alarm = await add_notification(connection, incident)
    (claimed,) = await _claim(connection)
    await give_back(connection, claimed, 900, "phone's action missing")
    recovery = await add_notification(connection, incident, kind="recovery")
    assert await _claim(connection) == []  # neither the one nor, yet, the other

    assert await _supersede(connection) == Superseded(given_back=0, cancelled=1)

    assert (await row_of(connection, alarm))["state"] == "cancelled"
    (claimed,) = await _claim(connection)
    assert claimed.notification_id == recovery


async def test_a_recovery_ends_the_alarm_whose_worker_died(connection: Connection) -> None:
    incident = await add_incident(connection)
    alarm = await add_notification(connection, incident)
    (zombie,) = await _claim(connection)
    recovery = await add_notification(connection, incident, kind="recovery")
    assert await _supersede(connection) == _NOTHING  # its lease lives
    await expire_lease(connection, alarm)
    assert await _claim(connection) == []  # not taken over: it is superseded

    assert await _supersede(connection) == Superseded(given_back=1, cancelled=1)

    assert await states_of(connection, alarm) == ["pending", "claimed", "pending", "cancelled"]
    assert not await finish(connection, zombie, "sent")
    (claimed,) = await _claim(connection)
    assert claimed.notification_id == recovery


async def test_an_attempted_alarm_is_superseded_by_a_worse_one(connection: Connection) -> None:
    incident = await add_incident(connection)
    alarm = await add_notification(connection, incident)
    (claimed,) = await _claim(connection)
    await give_back(connection, claimed, 0, "not now")
    worse = await add_notification(connection, incident)

    await _supersede(connection)

    assert (await row_of(connection, alarm))["state"] == "cancelled"
    (claimed,) = await _claim(connection)
    assert claimed.notification_id == worse


async def test_an_alarm_never_tried_is_not_superseded_by_another_alarm(
    connection: Connection,
) -> None:
    incident = await add_incident(connection)
    alarm = await add_notification(connection, incident)
    await add_notification(connection, incident)
    assert await _supersede(connection) == _NOTHING
    (claimed,) = await _claim(connection)
    assert claimed.notification_id == alarm


async def test_an_alarm_never_tried_is_superseded_by_a_closing_message(
    connection: Connection,
) -> None:
    incident = await add_incident(connection)
    first = await add_notification(connection, incident)
    (claimed,) = await _claim(connection)
    await finish(connection, claimed, "sent")
    worse = await add_notification(connection, incident)
    clear = await add_notification(connection, incident, kind="clear")

    assert await _supersede(connection) == Superseded(given_back=0, cancelled=1)

    assert (await row_of(connection, first))["state"] == "sent"
    assert (await row_of(connection, worse))["state"] == "cancelled"
    (claimed,) = await _claim(connection)
    assert claimed.notification_id == clear


async def test_other_lanes_are_not_superseded(connection: Connection) -> None:
    incident = await add_incident(connection)
    await add_notification(connection, incident, target="phone-1")
    await add_notification(connection, incident, target="phone-2", kind="recovery")
    await add_notification(connection, await add_incident(connection), kind="recovery")
    assert await _supersede(connection) == _NOTHING


async def test_an_incident_that_ends_while_its_alarm_is_being_claimed_gets_a_closing_message(
    connection: Connection, database: Database
) -> None:
    """Neither cancelled (it may arrive) nor left without the message that closes it."""
    incident = await add_incident(connection)
    alarm = await add_notification(connection, incident)

    async def end_incident() -> NotificationPlan:
        resolved = Incident(
            incident, "surface_damp", IncidentState.RESOLVED, Level.WARNING, NOON, NOON, 3
        )
        async with database.transaction() as evaluation:
            rows = await incidents.lane_rows(evaluation, incident, lock=True)
            planned = plan(resolved, rows, (), notify=True)
            await incidents.cancel_notifications(evaluation, planned.cancel, "its incident ended")
            return planned

    async with database.transaction() as worker:
        assert len(await _claim(worker)) == 1
        ending = asyncio.create_task(end_incident(), name="evaluation")
        await until(lambda: _is_waiting_for_a_lock(connection))
    planned = await ending

    assert planned.cancel == ()
    assert [new.kind for new in planned.add] == ["recovery"]
    assert (await row_of(connection, alarm))["state"] == "claimed"


async def _is_waiting_for_a_lock(connection: Connection) -> bool:
    return bool(
        await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock')"
        )
    )
