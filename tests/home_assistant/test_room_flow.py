"""Adding a room, bringing one back, and what is said when none can be added."""

from collections.abc import Callable
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import area_registry as ar

from custom_components.mould_watch import subentry_flow
from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import Setup, room, room_id_of
from tests.home_assistant.forms import fill_in
from tests.home_assistant.room_forms import DEVICE, FORM, change_room, options_of, start_room
from tests.support.waiting import until


async def test_four_fields_make_a_room(hass: HomeAssistant, backend: Backend, setup: Setup) -> None:
    entry = await setup()
    ar.async_get(hass).async_create("Bathroom")
    result = await start_room(hass, entry)
    assert result["step_id"] == "new_room"
    assert [str(key) for key in result["data_schema"].schema] == [
        "room",
        "humidity",
        "temperature",
        "protect",
        "surface",
        "rules",
        "told",
        "limits",
        "more",
    ]
    for folded in ("surface", "rules", "told", "limits", "more"):
        assert result["data_schema"].schema[folded].options == {"collapsed": True}
    assert result["data_schema"].schema["room"].config["options"] == ["Bathroom"]
    # filled in on the form itself, and in words of its own
    assert result["data_schema"]({**FORM})["temperature"] == "same_device"
    assert result["data_schema"].schema["temperature"].config["translation_key"] == (
        "temperature_source"
    )
    result = await fill_in(hass, result, FORM)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (subentry,) = entry.subentries.values()
    assert subentry.title == "Bathroom"
    # the temperature is that of the same device; what was not changed is not stored
    assert dict(subentry.data) == {
        "sources": {"temperature": DEVICE, "humidity": DEVICE},
        "protect": "cold_wall",
    }
    await until(lambda: len((backend.document or {"rooms": []})["rooms"]) == 1)
    assert backend.document is not None
    assert backend.document["rooms"] == [
        {
            "room_id": subentry.unique_id,
            "name": "Bathroom",
            "sources": {"temperature": DEVICE, "humidity": DEVICE},
            "protect": "cold_wall",
        }
    ]
    await until(lambda: hass.states.get("binary_sensor.bathroom_mould_risk") is not None)


@pytest.mark.parametrize("name", ["  ", "x" * 121])
async def test_a_name_is_needed(hass: HomeAssistant, setup: Setup, name: str) -> None:
    entry = await setup()
    result = await fill_in(hass, await start_room(hass, entry), {**FORM, "room": name})
    assert result["errors"] == {"room": "name_length"}
    result = await fill_in(hass, result, FORM)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_refusal_of_the_backend_is_found_before_the_form_saves(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup()
    backend.room_errors["Bathroom"] = "the sensor is unknown"
    result = await fill_in(hass, await start_room(hass, entry), FORM)
    assert result["errors"] == {"base": "room_refused"}
    assert result["description_placeholders"] == {"message": "the sensor is unknown"}
    assert not entry.subentries
    backend.room_errors.clear()
    result = await fill_in(hass, result, FORM)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_another_owner_met_while_the_form_is_open(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup()
    result = await start_room(hass, entry)
    backend.refusals["check_configuration"] = {"code": "other_owner", "message": "no"}
    result = await fill_in(hass, result, FORM)
    assert result["errors"] == {"base": "read_only"}
    # a conflict over other rooms does not hold this one
    backend.refusals["check_configuration"] = {"code": "would_archive_rooms", "message": "no"}
    result = await fill_in(hass, result, FORM)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_backend_lost_while_the_form_is_open(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup()
    result = await start_room(hass, entry)
    await backend.stop()
    await until(lambda: not entry.runtime_data.coordinator.last_update_success)
    result = await fill_in(hass, result, FORM)
    assert result["errors"] == {"base": "not_connected"}
    await backend.start()
    assert await entry.runtime_data.client.wait_ready(10)
    result = await fill_in(hass, result, FORM)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_an_archived_room_is_offered_again(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room(damp_hours=5), room("Bedroom"))
    room_id = room_id_of(entry)
    subentry = next(s for s in entry.subentries.values() if s.unique_id == room_id)
    hass.config_entries.async_remove_subentry(entry, subentry.subentry_id)
    await until(lambda: len(backend.archived) == 1)
    result = await start_room(hass, entry)
    assert result["menu_options"] == ["new_room", "archived_room"]
    result = await fill_in(hass, result, {"next_step_id": "archived_room"})
    assert options_of(result, "room_id") == [room_id]
    result = await fill_in(hass, result, {"room_id": room_id})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    back = next(s for s in entry.subentries.values() if s.unique_id == room_id)
    assert back.title == "Bathroom"
    assert back.data["damp_hours"] == 5
    await until(lambda: not backend.archived)


async def test_an_archive_that_cannot_be_read_does_not_hold_a_new_room(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup()
    backend.refusals["restore"] = {"code": "database_unavailable", "message": "away"}
    assert (await start_room(hass, entry))["step_id"] == "new_room"


@pytest.mark.parametrize("start", [start_room, change_room])
async def test_an_entry_that_is_not_loaded_takes_no_room(
    hass: HomeAssistant, setup: Setup, start: Callable[..., Any]
) -> None:
    entry = await setup(room())
    await hass.config_entries.async_unload(entry.entry_id)
    result = await start(hass, entry)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "entry_not_loaded"


async def test_without_a_connection_no_room_is_added(
    hass: HomeAssistant, backend: Backend, setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subentry_flow, "CONNECTION_TIMEOUT_S", 0.05)
    entry = await setup()
    await backend.stop()
    await until(lambda: not entry.runtime_data.coordinator.last_update_success)
    assert (await start_room(hass, entry))["reason"] == "not_connected"


async def test_a_reader_adds_no_room(hass: HomeAssistant, backend: Backend, setup: Setup) -> None:
    backend.owner = "somebody"
    entry = await setup(wait=False)
    await until(lambda: entry.runtime_data.configuration.reader)
    assert (await start_room(hass, entry))["reason"] == "read_only"


async def test_without_any_sensor_the_flow_says_so(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    backend.devices = []
    entry = await setup()
    assert (await start_room(hass, entry))["reason"] == "no_sensors"
