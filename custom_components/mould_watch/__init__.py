"""Mould Watch: warns a household before mould damages what they care for.

A view of the Mould Watch backend and a remote control for it; the backend is the only source
of truth.
"""

import logging
from typing import Final

from homeassistant.const import CONF_TOKEN, CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryNotReady
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers import instance_id
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.typing import ConfigType

from .asking import fetch_info
from .configuration import configuration_store
from .const import DOMAIN, PLATFORMS
from .dead_man import dead_man_store
from .deliveries import delivery_store
from .device_issues import follow_devices
from .errors import InvalidAuthError, MouldWatchClientError, NotMouldWatchError
from .issues import clear_all_issues
from .reports import reports_store
from .runtime import MouldWatchConfigEntry, MouldWatchRuntime
from .services import async_setup_services

_LOGGER = logging.getLogger(__name__)

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)
FIRST_SNAPSHOT_TIMEOUT_S: Final = 5.0


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions, once for all entries."""
    del config
    async_setup_services(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: MouldWatchConfigEntry) -> bool:
    """Set up the entry.

    A backend that cannot be reached, or speaks another version until one of the two is updated,
    is no reason to stay away: entities are unavailable until it is back, and what Home Assistant
    measures meanwhile waits for it.
    """
    reachable = True
    try:
        await fetch_info(
            async_get_clientsession(hass), entry.data[CONF_URL], entry.data[CONF_TOKEN]
        )
    except InvalidAuthError as err:
        raise ConfigEntryAuthFailed(
            translation_domain=DOMAIN, translation_key="invalid_auth"
        ) from err
    except NotMouldWatchError as err:
        # Perhaps a proxy before it that has not started yet: tried again.
        raise ConfigEntryNotReady(translation_domain=DOMAIN, translation_key=err.key) from err
    except MouldWatchClientError as err:
        reachable = False
        _LOGGER.debug("Set up without the backend: %s", err)

    runtime = MouldWatchRuntime(hass, entry, await instance_id.async_get(hass))
    await runtime.load()
    entry.runtime_data = runtime
    runtime.start()
    if reachable:
        # So that the entities begin with their values. Without an answer they follow later.
        await runtime.client.wait_ready(FIRST_SNAPSHOT_TIMEOUT_S)
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    follow_devices(hass, entry)
    entry.async_on_unload(entry.add_update_listener(_async_entry_updated))
    # What changed while the entry was not loaded (a rename, a removal) counts as a change.
    await runtime.configuration.changed()
    return True


async def async_unload_entry(hass: HomeAssistant, entry: MouldWatchConfigEntry) -> bool:
    """Unload the entry; its connection and its listeners end with it."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: MouldWatchConfigEntry) -> None:
    """Forget what was kept; the backend keeps its rooms."""
    clear_all_issues(hass, entry.entry_id)
    await configuration_store(hass, entry.entry_id).async_remove()
    await delivery_store(hass, entry.entry_id).async_remove()
    await reports_store(hass, entry.entry_id).async_remove()
    await dead_man_store(hass, entry.entry_id).async_remove()


async def _async_entry_updated(hass: HomeAssistant, entry: MouldWatchConfigEntry) -> None:
    """Apply a change in place; only another address or token needs a new start."""
    if (entry.data[CONF_URL], entry.data[CONF_TOKEN]) != entry.runtime_data.address:
        hass.config_entries.async_schedule_reload(entry.entry_id)
        return
    await entry.runtime_data.entry_changed()
