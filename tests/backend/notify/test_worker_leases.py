"""The claim loop when a lease runs short, is lost or given back, or the database goes away."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from mould_watch.storage.connections import connect
from mould_watch.storage.database import Connection, Database
from tests.support.notifications import (
    DELIVERED,
    RecordingHomeAssistant,
    add_incident,
    add_notification,
    count_by_state,
    expire_lease,
    row_of,
)
from tests.support.running import running
from tests.support.waiting import until
from tests.support.worked_outbox import FAST, MakeWorker, add_one, reaches, row_in


async def test_a_worker_held_up_until_its_lease_is_short_sends_nothing(
    database: Database, home_assistant: RecordingHomeAssistant, make_worker: MakeWorker
) -> None:
    """A lease as long as the channel's time limit leaves no room once any time has passed."""
    # model_copy validates nothing: such settings are refused at start, a pause makes them true.
    held_up = FAST.model_copy(update={"lease_s": 5.0, "channel_timeout_s": 5.0})
    notification_id = await add_one(database)

    async def given_back() -> bool:
        return int((await row_in(database, notification_id))["attempts"]) >= 2

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
    notification_id = await add_one(database)
    async with (
        running(make_worker(name="sleeper").run(), "sleeper"),
        running(make_worker(name="heir").run(), "heir"),
    ):
        await claimed.wait()
        async with database.connection() as connection:
            await expire_lease(connection, notification_id)
        row = await reaches(database, notification_id, "sent")
        wake.set()

        async def told() -> bool:
            return "notification_claim_lost" in {
                record.__dict__.get("action") for record in caplog.records
            }

        await until(told)
    assert row["attempts"] == 2
    assert (await row_in(database, notification_id))["state"] == "sent"


async def test_a_worker_that_is_stopped_hands_its_claims_back(
    database: Database, home_assistant: RecordingHomeAssistant, make_worker: MakeWorker
) -> None:
    claimed = asyncio.Event()

    async def respond(_notification: Mapping[str, Any]) -> Mapping[str, Any]:
        claimed.set()
        await asyncio.Event().wait()
        return DELIVERED

    home_assistant.respond = respond
    notification_id = await add_one(database)
    async with running(make_worker().run(), "worker"):
        await claimed.wait()
    row = await row_in(database, notification_id)
    assert row["state"] == "pending"
    assert row["due_in_s"] <= 0
    assert row["last_error"] == "its worker stopped"
    # the phone was being called
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT unknown_outcomes FROM notification") == 1


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


async def test_how_an_attempt_ended_is_written_though_the_database_went_in_the_middle_of_it(
    connection: Connection,
    database_url: str,
    home_assistant: RecordingHomeAssistant,
    make_worker: MakeWorker,
) -> None:
    claimed, go = asyncio.Event(), asyncio.Event()
    writers: list[int] = []

    async def respond(_notification: Mapping[str, Any]) -> Mapping[str, Any]:
        claimed.set()
        await go.wait()
        return DELIVERED

    async def is_being_written() -> bool:
        rows = await connection.fetch(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        writers[:] = [row["pid"] for row in rows]
        return bool(rows)

    async def is_sent() -> bool:
        return await count_by_state(connection) == {"sent": 1}

    home_assistant.respond = respond
    notification_id = await add_notification(connection, await add_incident(connection))
    async with running(make_worker().run(), "worker"):
        await claimed.wait()
        blocker = await connect(database_url)
        async with blocker.transaction():
            await blocker.execute("SELECT FROM notification FOR UPDATE")
            go.set()
            await until(is_being_written)
            await connection.execute("SELECT pg_terminate_backend($1)", writers[0])
        await blocker.close()
        await until(is_sent)
    assert (await row_of(connection, notification_id))["attempts"] == 1
    assert len(home_assistant.deliveries) == 1
