"""What a test sees of a delivery: how a phone's action fails, what is shown, what is kept."""

import asyncio
from typing import Any

from homeassistant.components import persistent_notification
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError

from custom_components.mould_watch.deliveries import delivery_store
from tests.home_assistant.conftest import MockConfigEntry


async def fail_call(_call: ServiceCall) -> None:
    raise HomeAssistantError("no")


async def hang_call(_call: ServiceCall) -> None:
    await asyncio.Event().wait()


def shown_inside(hass: HomeAssistant) -> dict[str, Any]:
    return dict(persistent_notification._async_get_or_create_notifications(hass))


async def stored_ids(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, Any]:
    stored = await delivery_store(hass, entry.entry_id).async_load()
    return dict((stored or {"ids": {}})["ids"])
