"""Notifications of an outbox that a worker works off, each in a connection of its own."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from pydantic import SecretStr

from mould_watch.clock import SystemClock
from mould_watch.notify.channel import Channel
from mould_watch.notify.channels.apprise import AppriseChannel
from mould_watch.notify.channels.home_assistant import HomeAssistantChannel
from mould_watch.notify.worker import NotificationWorker
from mould_watch.settings import NotifySettings
from mould_watch.storage.database import Database
from tests.support.notifications import (
    RecordingHomeAssistant,
    add_incident,
    add_notification,
    row_of,
)
from tests.support.services import Webhook
from tests.support.waiting import until

FAST = NotifySettings(
    poll_s=0.1, channel_timeout_s=5, lease_s=20, retry_initial_s=0.1, retry_maximum_s=1
)
type MakeWorker = Callable[..., NotificationWorker]


def worker_with_fallback(
    database: Database,
    home_assistant: RecordingHomeAssistant,
    hook: Webhook,
    *,
    name: str = "worker",
    **settings: float,
) -> NotificationWorker:
    """Return a worker over Home Assistant that falls back to a webhook."""
    notify = NotifySettings.model_validate(
        {
            "poll_s": 0.1,
            "channel_timeout_s": 5,
            "lease_s": 20,
            "apprise": {"mail": SecretStr(hook.address)},
            "fallback": "apprise:mail",
            **settings,
        }
    )
    channels: list[Channel] = [
        HomeAssistantChannel(home_assistant, 5),
        AppriseChannel(notify.apprise, 5),
    ]
    return NotificationWorker(notify, database, SystemClock(), channels, name)


async def add_one(database: Database, incident: UUID | None = None, kind: str = "alarm") -> UUID:
    """Add a notification, of a new incident by default."""
    async with database.connection() as connection:
        incident = incident or await add_incident(connection)
        return await add_notification(connection, incident, kind=kind)


async def new_incident(database: Database) -> UUID:
    """Add an incident."""
    async with database.connection() as connection:
        return await add_incident(connection)


async def row_in(database: Database, notification_id: UUID) -> Mapping[str, Any]:
    """Return a notification as it is now."""
    async with database.connection() as connection:
        return await row_of(connection, notification_id)


async def reaches(database: Database, notification_id: UUID, state: str) -> Mapping[str, Any]:
    """Wait until a notification is in this state, and return it."""

    async def reached() -> bool:
        return bool((await row_in(database, notification_id))["state"] == state)

    await until(reached)
    return await row_in(database, notification_id)
