"""What is attached to a bug report, and what is not."""

import json

from homeassistant.core import HomeAssistant

from custom_components.mould_watch.diagnostics import async_get_config_entry_diagnostics
from tests.home_assistant.backend import TOKEN, Backend
from tests.home_assistant.conftest import Setup, room, room_id_of
from tests.support.waiting import until


async def test_diagnostics_help_and_tell_no_secret(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room(), options={"phones": ["the-phone"]})
    await backend.tell_condition(room_id_of(entry))
    risk = "binary_sensor.bathroom_mould_risk"
    await until(lambda: (state := hass.states.get(risk)) is not None and state.state == "on")
    diagnostics = await async_get_config_entry_diagnostics(hass, entry)
    assert diagnostics["connected"] is True
    assert diagnostics["read_only"] is False
    assert diagnostics["rooms"][0]["condition"]["level"] == "warning"
    assert diagnostics["devices"][0]["metrics"] == ["humidity_pct", "temperature_c"]
    assert diagnostics["forwarding"]["waiting"] == 0
    text = json.dumps(diagnostics)
    for secret in (TOKEN, backend.url, "the-phone", "0x01", "Bathroom", room_id_of(entry)):
        assert secret not in text


async def test_diagnostics_of_a_room_the_backend_does_not_know(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    await backend.send({"type": "room_removed", "room_id": room_id_of(entry)})
    await until(lambda: not entry.runtime_data.coordinator.data.rooms)
    diagnostics = await async_get_config_entry_diagnostics(hass, entry)
    assert diagnostics["rooms"][0]["condition"] is None
