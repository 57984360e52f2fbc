"""The claim loop with many lanes: side by side, each in its order, and nobody passed by."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from mould_watch.errors import DatabaseUnavailableError, InstanceNotConnectedError
from mould_watch.storage import outbox
from mould_watch.storage.database import Connection, Database
from mould_watch.storage.outbox import Claims, Ending, Turn
from tests.support.notifications import (
    DELIVERED,
    INSTANCE,
    RecordingHomeAssistant,
    add_incident,
    add_notification,
    count_by_state,
    states_of,
)
from tests.support.running import running
from tests.support.waiting import until
from tests.support.worked_outbox import FAST, MakeWorker, add_one, new_incident, reaches, row_in


@pytest.mark.parametrize("lost", [InstanceNotConnectedError("gone"), TimeoutError()])
async def test_an_incident_resolved_while_its_alarm_is_claimed_ends_with_the_closing_message(
    database: Database,
    home_assistant: RecordingHomeAssistant,
    make_worker: MakeWorker,
    lost: Exception,
) -> None:
    incident = await new_incident(database)
    claimed, resolved = asyncio.Event(), asyncio.Event()

    async def respond(notification: Mapping[str, Any]) -> Mapping[str, Any]:
        home_assistant.show(notification)
        if notification["kind"] == "alarm":
            claimed.set()
            await resolved.wait()
            raise lost
        return DELIVERED

    home_assistant.respond = respond
    alarm = await add_one(database, incident)
    async with running(make_worker().run(), "worker"):
        await claimed.wait()
        recovery = await add_one(database, incident, kind="recovery")
        resolved.set()
        await reaches(database, recovery, "sent")

    assert [seen["kind"] for seen in home_assistant.visible] == ["alarm", "recovery"]
    assert [seen["kind"] for seen in home_assistant.deliveries] == ["alarm", "recovery"]
    async with database.connection() as connection:
        assert await states_of(connection, alarm) == ["pending", "claimed", "pending", "cancelled"]
        assert await states_of(connection, recovery) == ["pending", "claimed", "sent"]


async def test_lanes_go_side_by_side_each_in_order_and_never_more_than_the_bound(
    database: Database, home_assistant: RecordingHomeAssistant, make_worker: MakeWorker
) -> None:
    lanes: dict[str, list[str]] = {}
    async with database.connection() as connection:
        for _ in range(12):
            incident = await add_incident(connection)
            lanes[str(incident)] = [
                str(await add_notification(connection, incident)) for _ in range(4)
            ]
    full = asyncio.Event()

    async def respond(_notification: Mapping[str, Any]) -> Mapping[str, Any]:
        # the first deliveries wait until as many as may are under way: two turns of five
        if home_assistant.in_flight == 10:
            full.set()
        await full.wait()
        return DELIVERED

    home_assistant.respond = respond

    async def all_sent() -> bool:
        async with database.connection() as connection:
            return await count_by_state(connection) == {"sent": 48}

    async with running(make_worker(FAST.model_copy(update={"claim_batch": 5})).run(), "worker"):
        await until(all_sent)
    assert home_assistant.most_in_flight == 10
    for incident_id, ids in lanes.items():
        arrived = [
            seen["notification_id"]
            for seen in home_assistant.deliveries
            if seen["incident_id"] == incident_id
        ]
        assert arrived == ids


async def test_a_long_queue_passes_nobody_by(
    database: Database, home_assistant: RecordingHomeAssistant, make_worker: MakeWorker
) -> None:
    """Turns go on where the last one ended; what became claimable behind them is not forgotten."""
    async with database.connection() as connection:
        incident = await add_incident(connection)
        # the second of a lane is passed by, while the queue behind it is long
        lane = [str(await add_notification(connection, incident)) for _ in range(3)]
        for _ in range(60):
            await add_notification(connection, await add_incident(connection))

    async def respond(_notification: Mapping[str, Any]) -> Mapping[str, Any]:
        if len(home_assistant.deliveries) == 20:
            # due before all the others, and written after them, as by a longer transaction
            async with database.connection() as connection:
                late = await add_incident(connection)
                await add_notification(connection, late, due_in_s=-3600)
        return DELIVERED

    home_assistant.respond = respond

    async def all_sent() -> bool:
        async with database.connection() as connection:
            return await count_by_state(connection) == {"sent": 64}

    async with running(make_worker(FAST.model_copy(update={"claim_batch": 2})).run(), "worker"):
        await until(all_sent)
    arrived = [seen["notification_id"] for seen in home_assistant.deliveries]
    assert [one for one in arrived if one in lane] == lane


async def test_what_was_claimed_is_sent_though_the_database_goes_while_a_route_is_probed(
    database: Database,
    home_assistant: RecordingHomeAssistant,
    make_worker: MakeWorker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home_assistant.connect("silent")
    is_claimed = is_lost = False
    have_turn = outbox.turn

    async def turn(
        connection: Connection,
        claims: Claims,
        endings: Sequence[Ending] = (),
        *,
        durably: bool = True,
    ) -> Turn:
        nonlocal is_claimed, is_lost
        if is_claimed and not is_lost and claims.routes == {"silent"}:
            is_lost = True
            raise DatabaseUnavailableError("gone")
        done = await have_turn(connection, claims, endings, durably=durably)
        is_claimed = is_claimed or any(one.route == INSTANCE for one in done.claimed)
        return done

    async def respond(notification: Mapping[str, Any]) -> Mapping[str, Any]:
        if notification["target"] == "phone-2":
            raise TimeoutError
        return DELIVERED

    home_assistant.respond = respond
    monkeypatch.setattr(outbox, "turn", turn)
    settings = FAST.model_copy(
        update={
            "breaker_failures": 1,
            "breaker_initial_s": 0.001,
            "breaker_maximum_s": 0.001,
            # it is not tried again; its route is probed at every look
            "retry_initial_s": 6000.0,
            "retry_maximum_s": 6000.0,
        }
    )
    async with database.connection() as connection:
        unanswered = await add_notification(
            connection, await add_incident(connection), route="silent", target="phone-2"
        )
    async with running(make_worker(settings).run(), "worker"):

        async def put_off() -> bool:
            row = await row_in(database, unanswered)
            return bool(row["state"] == "pending" and row["attempts"] == 1)

        await until(put_off)
        row = await reaches(database, await add_one(database), "sent")
    assert is_lost
    assert row["attempts"] == 1
