"""The test notification of the home's form: to the phones, and to the backend's services."""

import asyncio

from homeassistant.components import persistent_notification
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.translation import async_get_translations

from .asking import say_to_service
from .const import DOMAIN
from .errors import MouldWatchClientError
from .phones import PhoneCallError, find_phone
from .push import trial_data
from .told import Told


async def send_trial(hass: HomeAssistant, told: Told, url: str, token: str) -> str:
    """Send a test notification; return what went wrong, or an empty text."""
    texts = await async_get_translations(hass, hass.config.language, "selector", {DOMAIN})
    prefix = f"component.{DOMAIN}.selector.test_notification.options"
    title, message = texts[f"{prefix}.title"], texts[f"{prefix}.message"]
    if not told.as_wire():
        persistent_notification.async_create(
            hass, message, title=title, notification_id=f"{DOMAIN}_test"
        )
    faults = [await _phone_fault(hass, device_id, title, message) for device_id in told.phones]
    faults += await asyncio.gather(
        *(_service_fault(hass, (url, token), name, title, message) for name in told.services)
    )
    return "; ".join(fault for fault in faults if fault)


async def _phone_fault(hass: HomeAssistant, device_id: str, title: str, message: str) -> str | None:
    phone = find_phone(hass, device_id)
    if phone is None:
        return device_id
    try:
        # Notifications need the action, but it swallows push failures: the phone's entity
        # tells of them.
        if phone.action is None or not await phone.say(title, message):
            await phone.push(**trial_data(message, title))
    except PhoneCallError as err:
        return str(err)
    return None


async def _service_fault(
    hass: HomeAssistant, backend: tuple[str, str], name: str, title: str, message: str
) -> str | None:
    session = async_get_clientsession(hass)
    try:
        words = {"title": title, "body": message}
        fault = await say_to_service(session, *backend, name, words)
    except MouldWatchClientError as err:
        fault = str(err)
    return fault and f"{name}: {fault}"
