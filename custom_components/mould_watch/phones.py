"""A phone: its mobile_app device, and the actions that reach it, found at send time.

Names of phones collide and change, and with them their actions; the device id does not.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.components.notify.const import (
    ATTR_DATA,
    ATTR_MESSAGE,
    ATTR_TITLE,
    SERVICE_SEND_MESSAGE,
)
from homeassistant.components.notify.const import (
    DOMAIN as NOTIFY_DOMAIN,
)
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import (
    ATTR_DEVICE_ID,
    ATTR_ENTITY_ID,
    CONF_WEBHOOK_ID,
    STATE_UNAVAILABLE,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.util import slugify

from .const import MOBILE_APP

# The companion app's action waits 10 s for a local push, then up to 10 s for the cloud.
CALL_TIMEOUT_S: Final = 25.0

# of a mobile_app entry's data, as that integration has it
ATTR_DEVICE_NAME: Final = "device_name"
ATTR_OS_NAME: Final = "os_name"
ANDROID: Final = "Android"


class PhoneCallError(Exception):
    """The phone's action or entity did not take the message; a later try may succeed.

    `may_have_arrived`: nobody knows whether it reached the phone all the same.
    """

    def __init__(self, message: str, *, may_have_arrived: bool = False) -> None:
        """Say what happened."""
        super().__init__(message)
        self.may_have_arrived = may_have_arrived


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone registered with Home Assistant."""

    hass: HomeAssistant
    device_id: str
    name: str
    # the notify action that carries data, without its domain; None: there is none now
    action: str | None
    # the notify entity, which carries text only
    entity_id: str | None
    # it says when a notification arrived, if asked to
    confirms: bool = False
    # another phone has its name, and with it the action that would be its own
    shares_name: bool = False

    async def push(self, message: str, title: str | None, data: dict[str, Any]) -> None:
        """Call the phone's action. Raises PhoneCallError."""
        if self.action is None:
            raise PhoneCallError(f"{self.name} has no notify action")
        payload: dict[str, Any] = {ATTR_MESSAGE: message, ATTR_DATA: data}
        if title is not None:
            payload[ATTR_TITLE] = title
        await self._call(self.action, payload)

    async def say(self, title: str, message: str) -> bool:
        """Send plain text by the phone's notify entity; False when there is none to send by.

        Raises PhoneCallError when there is one and it fails.
        """
        if self.entity_id is None:
            return False
        await self._call(
            SERVICE_SEND_MESSAGE,
            {ATTR_ENTITY_ID: self.entity_id, ATTR_TITLE: title, ATTR_MESSAGE: message},
        )
        return True

    async def _call(self, action: str, payload: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                await self.hass.services.async_call(NOTIFY_DOMAIN, action, payload, blocking=True)
        except TimeoutError as err:
            raise PhoneCallError(
                f"notify.{action} takes longer than {CALL_TIMEOUT_S:g} s", may_have_arrived=True
            ) from err
        except HomeAssistantError as err:
            raise PhoneCallError(f"notify.{action} failed: {err}") from err


@callback
def find_phone(hass: HomeAssistant, device_id: str) -> Phone | None:
    """Return the phone of a device id, None when it is registered no more."""
    device = dr.async_get(hass).async_get(device_id, include_child_devices=False)
    if device is None or device.config_entry_id is None:
        return None
    entry = hass.config_entries.async_get_entry(device.config_entry_id)
    if entry is None or entry.domain != MOBILE_APP:
        return None
    loaded = entry.state is ConfigEntryState.LOADED
    return Phone(
        hass,
        device_id,
        device.name_by_user or device.name or entry.title,
        _action(hass, entry.data[CONF_WEBHOOK_ID]) if loaded else None,
        _notify_entity(hass, device_id),
        confirms=entry.data[ATTR_OS_NAME] == ANDROID,
        shares_name=len(_alike(hass, entry)) > 1,
    )


@callback
def phone_id_of(hass: HomeAssistant, event_data: Mapping[str, Any]) -> str | None:
    """Return the device id of the phone that an event of the companion app came from.

    Android sends along what the push carried, with it the registration's webhook; else, and on
    iOS, the app's own device id.
    """
    for entry in hass.config_entries.async_entries(MOBILE_APP):
        data = entry.data
        if event_data.get(CONF_WEBHOOK_ID) == data[CONF_WEBHOOK_ID] or (
            CONF_WEBHOOK_ID not in event_data
            and event_data.get(ATTR_DEVICE_ID) == data[ATTR_DEVICE_ID]
        ):
            return next(iter(_device_ids(hass, entry)), None)
    return None


@callback
def names_shared(hass: HomeAssistant, device_ids: Collection[str]) -> dict[str, str]:
    """Return the phones of `device_ids` that share their action with another, and its name."""
    shared: dict[str, str] = {}
    for entry in hass.config_entries.async_entries(MOBILE_APP):
        if len(_alike(hass, entry)) > 1:
            for device_id in _device_ids(hass, entry):
                if device_id in device_ids:
                    shared[device_id] = str(entry.data[ATTR_DEVICE_NAME])
    return shared


def _alike(hass: HomeAssistant, phone: ConfigEntry) -> list[ConfigEntry]:
    """Return the phones whose action has the same name, `phone` among them."""
    slug = slugify(phone.data[ATTR_DEVICE_NAME])
    return [
        entry
        for entry in hass.config_entries.async_entries(MOBILE_APP)
        if slugify(entry.data[ATTR_DEVICE_NAME]) == slug
    ]


def _device_ids(hass: HomeAssistant, phone: ConfigEntry) -> list[str]:
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), phone.entry_id)
    return [device.id for device in devices]


@callback
def phone_ids(hass: HomeAssistant) -> list[str]:
    """Return the device ids of every phone, by name."""
    registry = dr.async_get(hass)
    devices = [
        device
        for entry in hass.config_entries.async_entries(MOBILE_APP)
        for device in dr.async_entries_for_config_entry(registry, entry.entry_id)
    ]
    return [
        device.id
        for device in sorted(devices, key=lambda d: (d.name_by_user or d.name or "").casefold())
    ]


@callback
def _action(hass: HomeAssistant, webhook_id: str) -> str | None:
    """Return the action bound to the phone.

    Of two phones with one name only the second has an action: the first gets None here, and
    never the other's.
    """
    # The module brings mobile_app's own requirements along: only where it runs.
    from homeassistant.components.mobile_app.const import DATA_NOTIFY  # noqa: PLC0415
    from homeassistant.components.mobile_app.util import get_notify_service  # noqa: PLC0415

    if DATA_NOTIFY not in hass.data.get(MOBILE_APP, {}):
        return None
    action = get_notify_service(hass, webhook_id)
    if action is None or not hass.services.has_service(NOTIFY_DOMAIN, action):
        return None
    return action


@callback
def _notify_entity(hass: HomeAssistant, device_id: str) -> str | None:
    for entity in er.async_entries_for_device(er.async_get(hass), device_id):
        state = hass.states.get(entity.entity_id)
        if entity.domain == NOTIFY_DOMAIN and state and state.state != STATE_UNAVAILABLE:
            return entity.entity_id
    return None
