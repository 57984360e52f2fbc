"""Where notifications go: a webhook, and one Home Assistant with its workers."""

from collections.abc import AsyncGenerator

import pytest

from mould_watch.clock import SystemClock
from mould_watch.notify.channels.home_assistant import HomeAssistantChannel
from mould_watch.notify.worker import NotificationWorker
from mould_watch.settings import NotifySettings
from mould_watch.storage.database import Database
from tests.support.notifications import INSTANCE, RecordingHomeAssistant
from tests.support.services import Webhook, running_webhook
from tests.support.worked_outbox import FAST, MakeWorker


@pytest.fixture
def home_assistant() -> RecordingHomeAssistant:
    """One instance, connected and ready."""
    return RecordingHomeAssistant(INSTANCE)


@pytest.fixture
def make_worker(database: Database, home_assistant: RecordingHomeAssistant) -> MakeWorker:
    """Return a maker of workers that all deliver to the same Home Assistant."""

    def make(settings: NotifySettings = FAST, name: str = "worker") -> NotificationWorker:
        channel = HomeAssistantChannel(home_assistant, settings.channel_timeout_s)
        return NotificationWorker(settings, database, SystemClock(), [channel], name)

    return make


@pytest.fixture
async def hook() -> AsyncGenerator[Webhook]:
    async with running_webhook() as hook:
        yield hook
