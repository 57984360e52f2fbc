"""The claim loop against a real outbox, with a recording Home Assistant at the other end."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import pytest

from mould_watch.clock import SystemClock
from mould_watch.errors import InstanceNotConnectedError
from mould_watch.notify.channels.home_assistant import HomeAssistantChannel
from mould_watch.notify.worker import NotificationWorker
from mould_watch.settings import NotifySettings
from mould_watch.storage import overview
from mould_watch.storage.database import Connection, Database
from mould_watch.storage.overview import NotificationFilter
from tests.support.notifications import (
    DELIVERED,
    INSTANCE,
    RecordingHomeAssistant,
    add_incident,
    add_notification,
    count_by_state,
    expire_lease,
    row_of,
    states_of,
)
from tests.support.running import running
from tests.support.waiting import until

_FAST = NotifySettings(
    poll_s=0.1, channel_timeout_s=5, lease_s=20, retry_initial_s=0.1, retry_maximum_s=1
)


@pytest.fixture
def home_assistant() -> RecordingHomeAssistant:
    """One instance, connected and ready."""
    return RecordingHomeAssistant(INSTANCE)


type MakeWorker = Callable[..., NotificationWorker]


@pytest.fixture
def make_worker(database: Database, home_assistant: RecordingHomeAssistant) -> MakeWorker:
    """Return a maker of workers that all deliver to the same Home Assistant."""

    def make(settings: NotifySettings = _FAST, name: str = "worker") -> NotificationWorker:
        channel = HomeAssistantChannel(home_assistant, settings.channel_timeout_s)
        return NotificationWorker(settings, database, SystemClock(), [channel], name)

    return make


async def _add(database: Database, incident: UUID | None = None, kind: str = "alarm") -> UUID:
    async with database.connection() as connection:
        incident = incident or await add_incident(connection)
        return await add_notification(connection, incident, kind=kind)


async def _incident(database: Database) -> UUID:
    async with database.connection() as connection:
        return await add_incident(connection)


async def _row(database: Database, notification_id: UUID) -> Mapping[str, Any]:
    async with database.connection() as connection:
        return await row_of(connection, notification_id)


async def _reaches(database: Database, notification_id: UUID, state: str) -> Mapping[str, Any]:
    async def reached() -> bool:
        return bool((await _row(database, notification_id))["state"] == state)

    await until(reached)
    return await _row(database, notification_id)


async def test_a_pending_notification_is_claimed_and_sent(
    database: Database,
    home_assistant: RecordingHomeAssistant,
    make_worker: MakeWorker,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "mould_watch.notify")
    notification_id = await _add(database)
    async with running(make_worker().run(), "worker"):
        row = await _reaches(database, notification_id, "sent")

    assert row["attempts"] == 1
    assert [seen["notification_id"] for seen in home_assistant.visible] == [str(notification_id)]
    async with database.connection() as connection:
        assert await states_of(connection, notification_id) == ["pending", "claimed", "sent"]
    records = {
        record.__dict__["action"]: record.__dict__
        for record in caplog.records
        if "action" in record.__dict__
    }
    for action in ("notification_claimed", "notification_sent"):
        fields = records[action]
        assert fields["room"] == "Bathroom"
        assert fields["kind"] == "alarm"
        assert fields["target"] == "phone-1"
        assert fields["attempt"] == 1
        assert fields["notification_id"] == str(notification_id)
        assert fields["incident_id"] == str(row["incident_id"])


async def test_a_new_notification_wakes_the_worker(
    database: Database, home_assistant: RecordingHomeAssistant, make_worker: MakeWorker
) -> None:
    async def listening() -> bool:
        return database.signals.listening and home_assistant.looks > 0

    async with running(make_worker(_FAST.model_copy(update={"poll_s": 60})).run(), "worker"):
        await until(listening)
        await _reaches(database, await _add(database), "sent")


async def test_a_connection_that_comes_and_goes_costs_no_attempts(
    database: Database, home_assistant: RecordingHomeAssistant, make_worker: MakeWorker
) -> None:
    home_assistant.disconnect(INSTANCE)
    notification_id = await _add(database)

    async def looked_again() -> bool:
        return home_assistant.looks >= looks + 2

    async with running(make_worker().run(), "worker"):
        for other in ("elsewhere", "nowhere", "anywhere"):
            home_assistant.connect(other)
            looks = home_assistant.looks
            await until(looked_again)
            home_assistant.disconnect(other)
        assert (await _row(database, notification_id))["attempts"] == 0
        home_assistant.connect(INSTANCE)
        row = await _reaches(database, notification_id, "sent")
    assert row["attempts"] == 1


async def test_a_retry_waits_and_shows_nothing_twice(
    database: Database, home_assistant: RecordingHomeAssistant, make_worker: MakeWorker
) -> None:
    answers = iter([{"outcome": "retry", "code": "stopping"}] * 3 + [DELIVERED])

    async def respond(_notification: Mapping[str, Any]) -> Mapping[str, Any]:
        return next(answers)

    home_assistant.respond = respond
    notification_id = await _add(database)
    async with running(make_worker().run(), "worker"):
        row = await _reaches(database, notification_id, "sent")
    assert row["attempts"] == 4
    assert [seen["attempt"] for seen in home_assistant.deliveries] == [1, 2, 3, 4]
    assert len(home_assistant.visible) == 1


async def test_retry_after_is_honoured(
    database: Database, home_assistant: RecordingHomeAssistant, make_worker: MakeWorker
) -> None:
    async def respond(_notification: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"outcome": "retry", "code": "no_action", "retry_after_s": 600}

    home_assistant.respond = respond
    notification_id = await _add(database)

    async def put_off() -> bool:
        row = await _row(database, notification_id)
        return bool(row["state"] == "pending" and row["attempts"] == 1)

    async with running(make_worker().run(), "worker"):
        await until(put_off)
    row = await _row(database, notification_id)
    assert 590 < row["due_in_s"] <= 600
    assert row["last_error"] == "no_action"


async def test_what_can_never_be_delivered_is_failed_with_its_reason(
    database: Database,
    home_assistant: RecordingHomeAssistant,
    make_worker: MakeWorker,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def respond(_notification: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"outcome": "failed", "code": "unknown_phone", "message": "it is gone\x00\ud800"}

    home_assistant.respond = respond
    notification_id = await _add(database)
    async with running(make_worker().run(), "worker"):
        await _reaches(database, notification_id, "failed")
    async with database.connection() as connection:
        (failed,) = await overview.notifications(connection, NotificationFilter(state="failed"))
    assert str(failed.last_error).startswith("unknown_phone: it is gone")
    assert len(home_assistant.deliveries) == 1
    assert "notification_failed" in {
        record.__dict__.get("action") for record in caplog.records if record.levelname == "ERROR"
    }


async def test_a_lost_answer_is_asked_for_again_under_the_same_id(
    database: Database, home_assistant: RecordingHomeAssistant, make_worker: MakeWorker
) -> None:
    answers = iter([InstanceNotConnectedError("gone"), TimeoutError()])

    async def respond(notification: Mapping[str, Any]) -> Mapping[str, Any]:
        home_assistant.show(notification)
        error = next(answers, None)
        if error is not None:
            raise error
        return DELIVERED

    home_assistant.respond = respond
    notification_id = await _add(database)
    async with running(make_worker().run(), "worker"):
        row = await _reaches(database, notification_id, "sent")
    assert row["attempts"] == 3
    assert len(home_assistant.visible) == 1


@pytest.mark.parametrize("lost", [InstanceNotConnectedError("gone"), TimeoutError()])
async def test_an_incident_resolved_while_its_alarm_is_claimed_ends_with_the_closing_message(
    database: Database,
    home_assistant: RecordingHomeAssistant,
    make_worker: MakeWorker,
    lost: Exception,
) -> None:
    incident = await _incident(database)
    claimed, resolved = asyncio.Event(), asyncio.Event()

    async def respond(notification: Mapping[str, Any]) -> Mapping[str, Any]:
        home_assistant.show(notification)
        if notification["kind"] == "alarm":
            claimed.set()
            await resolved.wait()
            raise lost
        return DELIVERED

    home_assistant.respond = respond
    alarm = await _add(database, incident)
    async with running(make_worker().run(), "worker"):
        await claimed.wait()
        recovery = await _add(database, incident, kind="recovery")
        resolved.set()
        await _reaches(database, recovery, "sent")

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

    async with running(make_worker(_FAST.model_copy(update={"claim_batch": 5})).run(), "worker"):
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
    late: list[str] = []

    async def respond(_notification: Mapping[str, Any]) -> Mapping[str, Any]:
        if len(home_assistant.deliveries) == 20:
            # due before all the others, and written after them, as by a longer transaction
            async with database.connection() as connection:
                late.append(
                    str(
                        await add_notification(
                            connection, await add_incident(connection), due_in_s=-3600
                        )
                    )
                )
        return DELIVERED

    home_assistant.respond = respond

    async def all_sent() -> bool:
        async with database.connection() as connection:
            return await count_by_state(connection) == {"sent": 64}

    async with running(make_worker(_FAST.model_copy(update={"claim_batch": 2})).run(), "worker"):
        await until(all_sent)
    arrived = [seen["notification_id"] for seen in home_assistant.deliveries]
    assert [one for one in arrived if one in lane] == lane
    # its NOTIFY had the next turn begin anew: it went before most of those that were due later
    assert arrived.index(late[0]) < 40


async def test_a_worker_held_up_until_its_lease_is_short_sends_nothing(
    database: Database, home_assistant: RecordingHomeAssistant, make_worker: MakeWorker
) -> None:
    """A lease as long as the channel's time limit leaves no room once any time has passed."""
    # model_copy validates nothing: such settings are refused at start, a pause makes them true.
    held_up = _FAST.model_copy(update={"lease_s": 5.0, "channel_timeout_s": 5.0})
    notification_id = await _add(database)

    async def given_back() -> bool:
        return int((await _row(database, notification_id))["attempts"]) >= 2

    async with running(make_worker(held_up).run(), "worker"):
        await until(given_back)
    assert home_assistant.deliveries == []


async def test_a_claim_lost_while_sending_is_left_to_its_new_holder(
    database: Database,
    home_assistant: RecordingHomeAssistant,
    make_worker: MakeWorker,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "mould_watch.notify")
    claimed, wake = asyncio.Event(), asyncio.Event()

    async def respond(notification: Mapping[str, Any]) -> Mapping[str, Any]:
        if notification["attempt"] == 1:
            claimed.set()
            await wake.wait()
            return {"outcome": "failed", "code": "zombie"}
        return DELIVERED

    home_assistant.respond = respond
    notification_id = await _add(database)
    async with (
        running(make_worker(name="sleeper").run(), "sleeper"),
        running(make_worker(name="heir").run(), "heir"),
    ):
        await claimed.wait()
        async with database.connection() as connection:
            await expire_lease(connection, notification_id)
        row = await _reaches(database, notification_id, "sent")
        wake.set()

        async def told() -> bool:
            return "notification_claim_lost" in {
                record.__dict__.get("action") for record in caplog.records
            }

        await until(told)
    assert row["attempts"] == 2
    assert (await _row(database, notification_id))["state"] == "sent"


async def test_a_worker_that_is_stopped_hands_its_claims_back(
    database: Database, home_assistant: RecordingHomeAssistant, make_worker: MakeWorker
) -> None:
    claimed = asyncio.Event()

    async def respond(_notification: Mapping[str, Any]) -> Mapping[str, Any]:
        claimed.set()
        await asyncio.Event().wait()
        return DELIVERED

    home_assistant.respond = respond
    notification_id = await _add(database)
    async with running(make_worker().run(), "worker"):
        await claimed.wait()
    row = await _row(database, notification_id)
    assert row["state"] == "pending"
    assert row["due_in_s"] <= 0
    assert row["last_error"] == "its worker stopped"


async def test_a_database_that_goes_away_during_a_delivery_is_waited_for(
    connection: Connection, home_assistant: RecordingHomeAssistant, make_worker: MakeWorker
) -> None:
    claimed, go = asyncio.Event(), asyncio.Event()

    async def respond(_notification: Mapping[str, Any]) -> Mapping[str, Any]:
        claimed.set()
        await go.wait()
        return DELIVERED

    async def both_sent() -> bool:
        return await count_by_state(connection) == {"sent": 2}

    home_assistant.respond = respond
    first = await add_notification(connection, await add_incident(connection))
    async with running(make_worker().run(), "worker"):
        await claimed.wait()
        # every connection of the program, and not this one
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        go.set()
        await add_notification(connection, await add_incident(connection))
        await until(both_sent)
    assert (await row_of(connection, first))["attempts"] == 1
    assert len(home_assistant.visible) == 2
