"""What is the matter with the backend itself: shown, and acknowledged without a phone."""

from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er

from custom_components.mould_watch.const import DOMAIN
from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import MockConfigEntry, Setup, room
from tests.home_assistant.messages import Message
from tests.support.waiting import until

TROUBLE = "binary_sensor.mould_watch_trouble"
DONE = {"outcome": "done", "is_repeated": False, "incident": {"state": "open"}}


def own(**states: str) -> Message:
    """Return what the backend says of itself: rules, and how their incidents are."""
    return {
        "incidents": [
            {"incident_id": f"incident-{rule}", "rule_id": rule, "state": state, "level": "warning"}
            for rule, state in states.items()
        ]
    }


def _shown(hass: HomeAssistant) -> tuple[str, Any] | None:
    state = hass.states.get(TROUBLE)
    return None if state is None else (state.state, state.attributes.get("rules"))


def _device(hass: HomeAssistant, entry: MockConfigEntry) -> dr.DeviceEntry:
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    (device,) = [one for one in devices if (DOMAIN, entry.entry_id) in one.identifiers]
    return device


async def test_what_is_the_matter_with_the_backend_is_shown(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    backend.own = own()
    entry = await setup(room())
    assert _shown(hass) == ("off", [])
    # nobody was told of what is still being verified
    await backend.send({"type": "backend", "backend": own(broker_away="verifying")})
    await backend.send(
        {"type": "backend", "backend": own(broker_away="open", dead_letters="recovering")}
    )
    await until(lambda: _shown(hass) == ("on", ["broker_away", "dead_letters"]))
    await backend.send({"type": "backend", "backend": own()})
    await until(lambda: _shown(hass) == ("off", []))
    device = _device(hass, entry)
    assert (device.name, device.model) == ("Mould Watch", "Backend")
    assert device.entry_type is dr.DeviceEntryType.SERVICE
    registered = er.async_get(hass).async_get(TROUBLE)
    assert registered is not None
    assert registered.unique_id == f"{entry.entry_id}_trouble"
    await backend.stop()
    await until(lambda: _shown(hass) == ("unavailable", None))


async def test_one_that_comes_later_or_is_updated_shows_it_then(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    await setup(room())
    assert _shown(hass) is None
    await backend.stop()
    backend.own = own(spool_filling="open")
    await backend.start()
    await until(lambda: _shown(hass) == ("on", ["spool_filling"]), 30)


@pytest.mark.parametrize(("service", "action"), [("acknowledge", "seen"), ("snooze", "snooze")])
async def test_it_is_acknowledged_or_put_off_without_a_phone(
    hass: HomeAssistant, *, backend: Backend, setup: Setup, service: str, action: str
) -> None:
    backend.own = own(broker_away="open", spool_filling="verifying", dead_letters="recovering")
    entry = await setup(room())
    backend.answers["incident_action"] = DONE
    result = await hass.services.async_call(
        DOMAIN,
        service,
        {"device_id": _device(hass, entry).id},
        blocking=True,
        return_response=True,
    )
    assert result == {"incidents": [DONE["incident"]] * 2}
    assert [(one["incident_id"], one["action"]) for one in backend.of("incident_action")] == [
        ("incident-broker_away", action),
        ("incident-dead_letters", action),
    ]


async def test_what_is_of_rooms_alone_refuses_it(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    backend.own = own()
    entry = await setup(room())
    with pytest.raises(ServiceValidationError) as refused:
        await hass.services.async_call(
            DOMAIN, "start_episode", {"device_id": _device(hass, entry).id}, blocking=True
        )
    assert refused.value.translation_key == "not_a_room"
