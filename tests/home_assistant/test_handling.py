"""What is the matter is acknowledged, or put off, without a phone: by actions."""

from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util

from custom_components.mould_watch.const import DOMAIN
from custom_components.mould_watch.responses import tomorrow
from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import MockConfigEntry, Setup, room, room_id_of
from tests.home_assistant.device_forms import watched
from tests.home_assistant.messages import Message, device
from tests.support.waiting import until

DONE = {"outcome": "done", "is_repeated": False, "incident": {"state": "open"}}


def incidents(*ids: str) -> list[Message]:
    return [
        {"incident_id": one, "rule_id": f"rule-{one}", "state": "open", "level": "high"}
        for one in ids
    ]


def _device_of(hass: HomeAssistant, entry: MockConfigEntry, name: str) -> str:
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return next(one.id for one in devices if one.name == name)


async def _call(hass: HomeAssistant, service: str, **data: Any) -> Any:  # noqa: ANN401 - as actions have it
    return await hass.services.async_call(
        DOMAIN, service, data, blocking=True, return_response=True
    )


async def test_all_that_is_the_matter_with_a_room_is_acknowledged(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    # nobody was told of what is still being verified: there is nothing to acknowledge
    suspected = {**incidents("suspected")[0], "state": "verifying"}
    await backend.tell_condition(
        room_id_of(entry), incidents=[*incidents("mould", "no-data"), suspected]
    )
    await until(
        lambda: bool(
            entry.runtime_data.coordinator.data.rooms[room_id_of(entry)].condition.incident_ids
        )
    )
    backend.answers["incident_action"] = DONE
    result = await _call(hass, "acknowledge", device_id=_device_of(hass, entry, "Bathroom"))
    assert result == {"incidents": [DONE["incident"]] * 2}
    asked = backend.of("incident_action")
    assert [(one["incident_id"], one["action"]) for one in asked] == [
        ("mould", "seen"),
        ("no-data", "seen"),
    ]
    assert all("until" not in one for one in asked)
    assert len({one["action_id"] for one in asked}) == 2


@pytest.mark.parametrize(
    ("given", "sent"),
    [("2026-12-01 07:30:00", "2026-12-01T06:30:00+00:00"), (None, None)],
)
async def test_a_watched_device_is_put_off_until_a_time_of_the_home(
    hass: HomeAssistant, *, backend: Backend, setup: Setup, given: str | None, sent: str | None
) -> None:
    await hass.config.async_set_time_zone("Europe/Berlin")
    fridge = device("0xf0", "Kitchen fridge", "temperature_c")
    backend.devices.append(fridge | {"condition": {"incidents": incidents("warm")}})
    entry = await setup(watched())
    backend.answers["incident_action"] = DONE
    more = {} if given is None else {"until": given}
    await _call(hass, "snooze", device_id=_device_of(hass, entry, "Fridge"), **more)
    (asked,) = backend.of("incident_action")
    assert (asked["incident_id"], asked["action"]) == ("warm", "snooze")
    # as the button on a phone has it, where nothing is said
    assert asked["until"] == (sent or tomorrow(dt_util.now()).isoformat())


async def test_where_nothing_is_the_matter_nothing_is_done(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    device_id = _device_of(hass, entry, "Bathroom")
    assert await _call(hass, "acknowledge", device_id=device_id) == {"incidents": []}
    assert backend.of("incident_action") == []


@pytest.mark.parametrize("service", ["acknowledge", "snooze"])
async def test_what_is_not_watched_is_refused(
    hass: HomeAssistant, setup: Setup, service: str
) -> None:
    entry = await setup(room())
    with pytest.raises(ServiceValidationError) as refused:
        await _call(hass, service, device_id="another")
    assert refused.value.translation_key == "not_watched"
    device_id = _device_of(hass, entry, "Bathroom")
    await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises(ServiceValidationError) as not_loaded:
        await _call(hass, service, device_id=device_id)
    assert not_loaded.value.translation_key == "entry_not_loaded"
