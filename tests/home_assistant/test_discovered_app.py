"""The app is found by Home Assistant itself, and brings its address when it moves."""

import pytest
from homeassistant.config_entries import SOURCE_HASSIO, ConfigEntryState, ConfigFlowResult
from homeassistant.const import CONF_TOKEN, CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.helpers.service_info.hassio import HassioServiceInfo

from custom_components.mould_watch.const import DOMAIN
from tests.home_assistant.backend import TOKEN, Backend
from tests.home_assistant.conftest import Setup, room, room_id_of
from tests.home_assistant.entry_forms import HOME, go_on, start_setup
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("_unloaded")


async def test_the_user_may_be_faster_than_the_discovered_app(
    hass: HomeAssistant, backend: Backend
) -> None:
    await _discover(hass, backend)
    result = await start_setup(hass, backend)
    assert result["step_id"] == "home"


def _discovery(backend: Backend) -> HassioServiceInfo:
    return HassioServiceInfo(
        config={"host": "127.0.0.1", "port": backend.port, "auth_token": backend.token},
        name="Mould Watch app",
        slug="abcd_mould_watch",
        uuid="the-uuid",
    )


async def _discover(hass: HomeAssistant, backend: Backend) -> ConfigFlowResult:
    return await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_HASSIO}, data=_discovery(backend)
    )


async def test_the_app_is_found(hass: HomeAssistant, backend: Backend) -> None:
    result = await _discover(hass, backend)
    assert result["step_id"] == "hassio_confirm"
    assert result["description_placeholders"] == {"app": "Mould Watch app"}
    result = await go_on(hass, result)
    result = await go_on(hass, result, **HOME)
    entry = result["result"]
    # not the discovery's id: reinstalling the app must not remove the rooms
    assert entry.unique_id == backend.backend_id
    assert entry.data == {CONF_URL: backend.url, CONF_TOKEN: TOKEN}


async def test_an_app_that_still_starts_can_be_confirmed_later(
    hass: HomeAssistant, backend: Backend
) -> None:
    backend_id, backend.backend_id = backend.backend_id, None
    result = await _discover(hass, backend)
    assert result["step_id"] == "hassio_confirm"
    result = await go_on(hass, result)
    assert result["errors"] == {"base": "backend_starting"}
    backend.backend_id = backend_id
    result = await go_on(hass, result)
    assert result["step_id"] == "home"


async def test_a_rediscovered_app_brings_its_new_address(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    await backend.stop()
    backend.move()
    backend.token = "new"
    await backend.start()
    result = await _discover(hass, backend)
    assert result["reason"] == "already_configured"
    await hass.async_block_till_done()
    await until(lambda: entry.state is ConfigEntryState.LOADED)
    assert entry.data == {CONF_URL: backend.url, CONF_TOKEN: "new"}
    assert room_id_of(entry)


async def test_a_rediscovered_app_heals_an_entry_that_failed(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    backend.token = "new"
    entry = await setup(wait=False)
    assert not hass.config_entries.async_loaded_entries(DOMAIN)
    await _discover(hass, backend)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
