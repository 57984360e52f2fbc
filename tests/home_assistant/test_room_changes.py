"""Changing a room that is there: what is shown, kept, refused and left alone."""

from homeassistant.core import HomeAssistant
from homeassistant.util.unit_system import US_CUSTOMARY_SYSTEM

from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import Setup, room, room_id_of
from tests.home_assistant.forms import fill_in, suggested_of
from tests.home_assistant.messages import device
from tests.home_assistant.room_forms import DEVICE, FORM, change_room, options_of
from tests.support.waiting import until


async def test_a_room_is_changed_in_place(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room(f_rsi=0.6, notify=False))
    room_id = room_id_of(entry)
    result = await change_room(hass, entry)
    assert result["step_id"] == "reconfigure"
    assert suggested_of(result["data_schema"]) == {
        "room": "Bathroom",
        "humidity": "device:mqtt:0x01",
        "temperature": "same_device",
        "protect": "cold_wall",
    }
    assert suggested_of(result["data_schema"].schema["surface"].schema) == {
        "f_rsi": 0.6,
        "applies_from": "now",
    }
    assert suggested_of(result["data_schema"].schema["more"].schema) == {}
    assert suggested_of(result["data_schema"].schema["told"].schema) == {
        "notify": False,
        "who": "as_home",
        "phones": [],
        "services": [],
    }
    result = await fill_in(
        hass,
        result,
        {**FORM, "room": "Towels", "protect": "things"},
    )
    assert result["reason"] == "reconfigure_successful"
    (subentry,) = entry.subentries.values()
    assert subentry.title == "Towels"
    assert subentry.unique_id == room_id
    assert dict(subentry.data) == {
        "sources": {"temperature": DEVICE, "humidity": DEVICE},
        "protect": "things",
    }
    await until(lambda: (backend.document or {})["rooms"][0]["name"] == "Towels")
    assert backend.connections == 1


async def test_the_temperature_goes_along_with_the_humidity_to_another_device(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    backend.devices.append(device("0x02", "New sensor"))
    entry = await setup(room())
    form = {**FORM, "humidity": "device:mqtt:0x02", "temperature": "same_device"}
    await fill_in(hass, await change_room(hass, entry), form)
    (subentry,) = entry.subentries.values()
    assert {s["native_id"] for s in subentry.data["sources"].values()} == {"0x02"}


async def test_a_temperature_of_another_device_is_shown_as_chosen(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    backend.devices.append(device("0x02", "Thermometer", "temperature_c"))
    other = {**DEVICE, "native_id": "0x02"}
    entry = await setup(room(sources={"temperature": other, "humidity": DEVICE}))
    result = await change_room(hass, entry)
    assert suggested_of(result["data_schema"])["temperature"] == "device:mqtt:0x02"


async def test_a_refused_change_is_not_saved(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    backend.room_errors["Bath"] = "no"
    result = await fill_in(hass, await change_room(hass, entry), {**FORM, "room": "Bath"})
    assert result["errors"] == {"base": "room_refused"}
    assert room_id_of(entry, "Bathroom")


async def test_a_source_that_is_gone_stays_in_the_form(hass: HomeAssistant, setup: Setup) -> None:
    gone = {"kind": "device", "source_instance": "mqtt", "native_id": "a:b/c"}
    lost = {"kind": "entity", "registry_id": "lost"}
    entry = await setup(room(sources={"temperature": lost, "humidity": gone}))
    result = await change_room(hass, entry)
    assert "device:mqtt:a%3Ab%2Fc" in options_of(result, "humidity")
    assert "entity:lost" in options_of(result, "temperature")
    form = {**FORM, "humidity": "device:mqtt:a%3Ab%2Fc", "temperature": "entity:lost"}
    await fill_in(hass, result, form)
    (subentry,) = entry.subentries.values()
    assert subentry.data["sources"] == {"temperature": lost, "humidity": gone}


async def test_a_temperature_shown_rounded_does_not_move_when_left_alone(
    hass: HomeAssistant, setup: Setup
) -> None:
    hass.config.units = US_CUSTOMARY_SYSTEM
    entry = await setup(room(surface_temperature_c=12.34))
    result = await change_room(hass, entry)
    shown = suggested_of(result["data_schema"].schema["surface"].schema)["surface_temperature"]
    assert shown == 54.2
    surface = {"surface_temperature": shown}
    await fill_in(hass, result, {**FORM, "surface": surface})
    (subentry,) = entry.subentries.values()
    assert subentry.data["surface_temperature_c"] == 12.34
    result = await change_room(hass, entry)
    surface["surface_temperature"] = 50
    await fill_in(hass, result, {**FORM, "surface": surface})
    assert subentry.data["surface_temperature_c"] == 10.0
