"""What is attached to a bug report, and what is not."""

import json

from homeassistant.core import HomeAssistant

from custom_components.mould_watch.diagnostics import async_get_config_entry_diagnostics
from tests.home_assistant.backend import TOKEN, Backend
from tests.home_assistant.conftest import Setup, room, room_id_of
from tests.home_assistant.device_forms import watched
from tests.support.waiting import until


async def test_diagnostics_help_and_tell_no_secret(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    told = ["another-phone", "apprise:my-mail"]
    limit = {"rule_id": "r-1", "metric": "humidity_pct", "direction": "above", "threshold": 65.0}
    entry = await setup(
        room(targets=told, metric_thresholds=[{**limit, "targets": told}]),
        watched(above=8.0, severity="high", targets=told),
        options={"phones": ["the-phone"], "services": ["my-mail"]},
    )
    await backend.tell_condition(room_id_of(entry))
    risk = "binary_sensor.bathroom_mould_risk"
    await until(lambda: (state := hass.states.get(risk)) is not None and state.state == "on")
    diagnostics = await async_get_config_entry_diagnostics(hass, entry)
    assert diagnostics["connected"] is True
    assert diagnostics["read_only"] is False
    assert diagnostics["rooms"][0]["condition"]["level"] == "warning"
    assert diagnostics["devices"][0]["metrics"] == ["humidity_pct", "temperature_c"]
    assert diagnostics["forwarding"]["waiting"] == 0
    # as it is set, but for whom it tells
    (set_limit,) = diagnostics["rooms"][0]["configuration"]["metric_thresholds"]
    assert set_limit["threshold"] == 65.0
    (fridge,) = diagnostics["watched"]
    assert (fridge["metric"], fridge["above"], fridge["severity"]) == ("temperature_c", 8.0, "high")
    text = json.dumps(diagnostics)
    names = ("the-phone", "another-phone", "my-mail", "0x01", "0xf0", "Bathroom", "Fridge")
    for secret in (TOKEN, backend.url, room_id_of(entry), *names):
        assert secret not in text


async def test_diagnostics_of_a_room_the_backend_does_not_know(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    await backend.send({"type": "room_removed", "room_id": room_id_of(entry)})
    await until(lambda: not entry.runtime_data.coordinator.data.rooms)
    diagnostics = await async_get_config_entry_diagnostics(hass, entry)
    assert diagnostics["rooms"][0]["condition"] is None
