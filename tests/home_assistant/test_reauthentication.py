"""A new token or a new address for an entry that is there."""

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_TOKEN, CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from tests.home_assistant.backend import TOKEN, Backend
from tests.home_assistant.conftest import Setup, room
from tests.home_assistant.entry_forms import go_on
from tests.home_assistant.forms import suggested_of
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("_unloaded")


async def test_reauth(hass: HomeAssistant, backend: Backend, setup: Setup) -> None:
    entry = await setup(room())
    backend.token = "new"
    await backend.drop()
    await until(lambda: bool(hass.config_entries.flow.async_progress()))
    (flow,) = hass.config_entries.flow.async_progress()
    result = await hass.config_entries.flow.async_configure(flow["flow_id"], {CONF_TOKEN: "bad"})
    assert result["errors"] == {"base": "invalid_auth"}
    result = await hass.config_entries.flow.async_configure(flow["flow_id"], {CONF_TOKEN: "new"})
    assert result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    await until(lambda: entry.state is ConfigEntryState.LOADED)
    await until(lambda: entry.runtime_data.coordinator.last_update_success)
    assert entry.data[CONF_TOKEN] == "new"


async def test_reauth_of_an_entry_that_is_not_loaded(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    backend.token = "new"
    entry = await setup(wait=False)
    (flow,) = hass.config_entries.flow.async_progress()
    await hass.config_entries.flow.async_configure(flow["flow_id"], {CONF_TOKEN: "new"})
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED


async def test_reconfigure(hass: HomeAssistant, backend: Backend, setup: Setup) -> None:
    entry = await setup(room())
    result = await entry.start_reconfigure_flow(hass)
    assert suggested_of(result["data_schema"]) == {CONF_URL: backend.url}
    wrong = {CONF_URL: "http://127.0.0.1:1", CONF_TOKEN: TOKEN}
    result = await go_on(hass, result, **wrong)
    assert result["errors"] == {"base": "cannot_connect"}
    await backend.stop()
    backend.move()
    await backend.start()
    result = await go_on(hass, result, **{CONF_URL: backend.url, CONF_TOKEN: TOKEN})
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.data[CONF_URL] == backend.url


async def test_reconfigure_to_another_backend_is_refused(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    backend.backend_id = "another"
    result = await entry.start_reconfigure_flow(hass)
    result = await go_on(hass, result, **{CONF_URL: backend.url, CONF_TOKEN: TOKEN})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "other_backend"
