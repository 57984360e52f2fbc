"""The claim loop against a real outbox, with a recording Home Assistant at the other end."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mould_watch.errors import InstanceNotConnectedError
from mould_watch.storage import overview
from mould_watch.storage.database import Connection, Database
from mould_watch.storage.overview import NotificationFilter
from tests.support.notifications import DELIVERED, INSTANCE, RecordingHomeAssistant, states_of
from tests.support.running import running
from tests.support.waiting import until
from tests.support.worked_outbox import FAST, MakeWorker, add_one, reaches, row_in


async def test_a_pending_notification_is_claimed_and_sent(
    database: Database,
    home_assistant: RecordingHomeAssistant,
    make_worker: MakeWorker,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "mould_watch.notify")
    notification_id = await add_one(database)
    async with running(make_worker().run(), "worker"):
        row = await reaches(database, notification_id, "sent")

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

    async with running(make_worker(FAST.model_copy(update={"poll_s": 60})).run(), "worker"):
        await until(listening)
        await reaches(database, await add_one(database), "sent")


async def test_while_all_it_may_hold_is_being_sent_the_worker_holds_no_connection(
    database: Database,
    home_assistant: RecordingHomeAssistant,
    make_worker: MakeWorker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = 0
    answered = asyncio.Event()
    borrow = database.connection

    @asynccontextmanager
    async def counted() -> AsyncGenerator[Connection]:
        nonlocal held
        async with borrow() as connection:
            held += 1
            try:
                yield connection
            finally:
                held -= 1

    async def respond(_notification: Mapping[str, Any]) -> Mapping[str, Any]:
        await answered.wait()
        return DELIVERED

    home_assistant.respond = respond
    ids = [await add_one(database) for _ in range(5)]
    monkeypatch.setattr(database, "connection", counted)

    async def waits_for_answers() -> bool:
        return home_assistant.in_flight == 2 and held == 0

    settings = FAST.model_copy(update={"claim_batch": 1, "poll_s": 60})
    async with running(make_worker(settings).run(), "worker"):
        await until(waits_for_answers)
        answered.set()
        for notification_id in ids:
            await reaches(database, notification_id, "sent")


async def test_a_connection_that_comes_and_goes_costs_no_attempts(
    database: Database, home_assistant: RecordingHomeAssistant, make_worker: MakeWorker
) -> None:
    home_assistant.disconnect(INSTANCE)
    notification_id = await add_one(database)

    async def looked_again() -> bool:
        return home_assistant.looks >= looks + 2

    async with running(make_worker().run(), "worker"):
        for other in ("elsewhere", "nowhere", "anywhere"):
            home_assistant.connect(other)
            looks = home_assistant.looks
            await until(looked_again)
            home_assistant.disconnect(other)
        assert (await row_in(database, notification_id))["attempts"] == 0
        home_assistant.connect(INSTANCE)
        row = await reaches(database, notification_id, "sent")
    assert row["attempts"] == 1


async def test_a_retry_waits_and_shows_nothing_twice(
    database: Database, home_assistant: RecordingHomeAssistant, make_worker: MakeWorker
) -> None:
    answers = iter([{"outcome": "retry", "code": "stopping"}] * 3 + [DELIVERED])

    async def respond(_notification: Mapping[str, Any]) -> Mapping[str, Any]:
        return next(answers)

    home_assistant.respond = respond
    notification_id = await add_one(database)
    async with running(make_worker().run(), "worker"):
        row = await reaches(database, notification_id, "sent")
    assert row["attempts"] == 4
    assert [seen["attempt"] for seen in home_assistant.deliveries] == [1, 2, 3, 4]
    assert len(home_assistant.visible) == 1


async def test_retry_after_is_honoured(
    database: Database, home_assistant: RecordingHomeAssistant, make_worker: MakeWorker
) -> None:
    async def respond(_notification: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"outcome": "retry", "code": "no_action", "retry_after_s": 600}

    home_assistant.respond = respond
    notification_id = await add_one(database)

    async def put_off() -> bool:
        row = await row_in(database, notification_id)
        return bool(row["state"] == "pending" and row["attempts"] == 1)

    async with running(make_worker().run(), "worker"):
        await until(put_off)
    row = await row_in(database, notification_id)
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
    notification_id = await add_one(database)
    async with running(make_worker().run(), "worker"):
        await reaches(database, notification_id, "failed")
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
    notification_id = await add_one(database)
    async with running(make_worker().run(), "worker"):
        row = await reaches(database, notification_id, "sent")
    assert row["attempts"] == 3
    assert len(home_assistant.visible) == 1
