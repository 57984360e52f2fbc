"""Adding a room, bringing one back, changing one."""

from collections.abc import Callable
from typing import Any

import pytest
from homeassistant.config_entries import SOURCE_RECONFIGURE, SOURCE_USER
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.util.unit_system import US_CUSTOMARY_SYSTEM

from custom_components.mould_watch import subentry_flow
from tests.home_assistant.backend import Backend, device
from tests.home_assistant.conftest import MockConfigEntry, Setup, room, room_id_of
from tests.support.waiting import until

DEVICE = {"kind": "device", "source_instance": "mqtt", "native_id": "0x01"}
FORM: dict[str, Any] = {
    "room": "Bathroom",
    "humidity": "device:mqtt:0x01",
    "protect": "cold_wall",
    "surface": {},
    "more": {"condensation": "usual", "no_data": "usual"},
    "told": {"notify": True, "who": "as_home"},
}
type Register = Callable[..., er.RegistryEntry]


async def _start(hass: HomeAssistant, entry: MockConfigEntry) -> Any:  # noqa: ANN401 - a flow result has many shapes
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, "room"), context={"source": SOURCE_USER}
    )


async def _change(hass: HomeAssistant, entry: MockConfigEntry, title: str = "Bathroom") -> Any:  # noqa: ANN401 - a flow result has many shapes
    subentry = next(s for s in entry.subentries.values() if s.title == title)
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, "room"),
        context={"source": SOURCE_RECONFIGURE, "subentry_id": subentry.subentry_id},
    )


async def _go_on(hass: HomeAssistant, result: Any, data: dict[str, Any]) -> Any:  # noqa: ANN401 - a flow result has many shapes
    return await hass.config_entries.subentries.async_configure(result["flow_id"], data)


def _options(result: Any, field: str) -> list[str]:  # noqa: ANN401 - a flow result has many shapes
    return [option["value"] for option in result["data_schema"].schema[field].config["options"]]


def _suggested(schema: Any) -> dict[str, Any]:  # noqa: ANN401 - a flow result has many shapes
    return {
        str(key.schema): key.description["suggested_value"]
        for key in schema.schema
        if key.description and "suggested_value" in key.description
    }


async def test_four_fields_make_a_room(hass: HomeAssistant, backend: Backend, setup: Setup) -> None:
    entry = await setup()
    ar.async_get(hass).async_create("Bathroom")
    result = await _start(hass, entry)
    assert result["step_id"] == "new_room"
    assert [str(key) for key in result["data_schema"].schema] == [
        "room",
        "humidity",
        "temperature",
        "protect",
        "surface",
        "more",
        "told",
    ]
    for folded in ("surface", "more", "told"):
        assert result["data_schema"].schema[folded].options == {"collapsed": True}
    assert result["data_schema"].schema["room"].config["options"] == ["Bathroom"]
    # filled in on the form itself, and in words of its own
    assert result["data_schema"]({**FORM})["temperature"] == "same_device"
    assert result["data_schema"].schema["temperature"].config["translation_key"] == (
        "temperature_source"
    )
    result = await _go_on(hass, result, FORM)
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


async def test_only_changed_values_are_stored(hass: HomeAssistant, setup: Setup) -> None:
    entry = await setup()
    result = await _start(hass, entry)
    surface = {
        "surface_temperature": 12.5,
        "material": "very_sensitive",
        "visible_mould": "spots",
    }
    more = {
        "damp_hours": 4,
        "damp_pct": 75,
        "damp_days": 2,
        "warning_weeks": 4,
        "high_index": 0.5,
        "damage_index": 2,
        "humidity_uncertainty_pct": 2,
        "recovery_margin_pct": 3,
        "recovery_hours": 2,
        "condensation": "off",
        "condensation_minutes": 60,
        "decline": "almost_none",
        "no_data": "high",
    }
    told = {
        "notify": False,
        "who": "only_these",
        "phones": ["phone-1"],
        "services": ["mail"],
    }
    form = {**FORM, "protect": "cellar", "surface": surface, "more": more, "told": told}
    await _go_on(hass, result, form)
    (subentry,) = entry.subentries.values()
    assert dict(subentry.data) == {
        "sources": {"temperature": DEVICE, "humidity": DEVICE},
        "protect": "cellar",
        "surface_temperature_c": 12.5,
        "material": "very_sensitive",
        "visible_mould": "spots",
        "levels": {
            "damp_pct": 75,
            "damp_hours": 4,
            "damp_days": 2,
            "warning_weeks": 4,
            "high_index": 0.5,
            "damage_index": 2,
        },
        "humidity_uncertainty_pct": 2,
        "recovery_margin_pct": 3,
        "recovery_hours": 2,
        "decline": 0.1,
        "rules": {
            "condensation": {"enabled": False, "minutes": 60},
            "no_data": {"severity": "high"},
        },
        "targets": ["phone-1", "apprise:mail"],
        "notify": False,
    }
    assert isinstance(subentry.data["levels"]["damp_days"], int)


async def test_a_mold_indicators_factor_is_taken_the_right_way_up(
    hass: HomeAssistant, setup: Setup
) -> None:
    entry = await setup()
    result = await _start(hass, entry)
    await _go_on(hass, result, {**FORM, "surface": {"calibration_factor": 2}})
    (subentry,) = entry.subentries.values()
    assert subentry.data["f_rsi"] == 0.5


async def test_a_wall_is_told_by_its_u_value(hass: HomeAssistant, setup: Setup) -> None:
    entry = await setup()
    await _go_on(hass, await _start(hass, entry), {**FORM, "surface": {"u_value_w_m2_k": 1.4}})
    (subentry,) = entry.subentries.values()
    assert (subentry.data["surface_kind"], subentry.data["u_value_w_m2_k"]) == ("u_value", 1.4)


async def test_a_sensor_on_the_surface_is_a_source_of_the_room(
    hass: HomeAssistant, backend: Backend, setup: Setup, register_sensor: Register
) -> None:
    spot = register_sensor("cold_spot", "temperature", "12", "°C")
    entry = await setup()
    result = await _start(hass, entry)
    await _go_on(hass, result, {**FORM, "surface": {"surface_sensor": f"entity:{spot.id}"}})
    (subentry,) = entry.subentries.values()
    assert subentry.data["sources"]["surface_temperature"] == {
        "kind": "entity",
        "registry_id": spot.id,
    }
    assert subentry.data["surface_kind"] == "sensor"
    # and it is forwarded
    await backend.wait_for("availability", lambda m: m["entities"][0]["registry_id"] == spot.id)
    shown = _suggested((await _change(hass, entry))["data_schema"].schema["surface"].schema)
    assert shown["surface_sensor"] == f"entity:{spot.id}"


@pytest.mark.parametrize(
    ("surface", "more", "error"),
    [
        ({"f_rsi": 0.6, "u_value_w_m2_k": 1.2}, {}, "surface_twice"),
        ({"f_rsi": 0.6, "calibration_factor": 2}, {}, "surface_twice"),
        ({"surface_mean_days": 30, "surface_temperature": 12}, {}, "mean_without_factor"),
        ({"surface_mean_days": 30, "u_value_w_m2_k": 1.2}, {}, "mean_without_factor"),
        ({}, {"high_index": 2, "damage_index": 2}, "damage_below_high"),
        # against the usual value of the one that is left empty
        ({}, {"high_index": 3.5}, "damage_below_high"),
        ({}, {"damage_index": 0.8}, "damage_below_high"),
    ],
)
async def test_what_does_not_go_together_is_told(
    hass: HomeAssistant,
    *,
    setup: Setup,
    surface: dict[str, float],
    more: dict[str, float],
    error: str,
) -> None:
    entry = await setup()
    result = await _start(hass, entry)
    form = {**FORM, "surface": surface, "more": {**FORM["more"], **more}}
    result = await _go_on(hass, result, form)
    assert result["errors"] == {"base": error}
    # the section that it is about is open
    sections = {key: result["data_schema"].schema[key] for key in ("surface", "more", "told")}
    opened = [key for key, one in sections.items() if not one.options["collapsed"]]
    assert opened == ["more" if error == "damage_below_high" else "surface"]
    assert not entry.subentries


async def test_what_was_seen_is_asked_once_and_kept(hass: HomeAssistant, setup: Setup) -> None:
    entry = await setup(room(visible_mould="a_lot"))
    result = await _change(hass, entry)
    fields = result["data_schema"].schema["surface"].schema.schema
    assert "visible_mould" not in {str(key) for key in fields}
    await _go_on(hass, result, FORM)
    (subentry,) = entry.subentries.values()
    assert subentry.data["visible_mould"] == "a_lot"


async def test_how_fast_mould_goes_back_is_shown_and_can_be_the_usual_again(
    hass: HomeAssistant, setup: Setup
) -> None:
    entry = await setup(room(decline=0.5))
    result = await _change(hass, entry)
    assert _suggested(result["data_schema"].schema["more"].schema)["decline"] == "significant"
    await _go_on(hass, result, {**FORM, "more": {**FORM["more"], "decline": "strong"}})
    (subentry,) = entry.subentries.values()
    assert subentry.data["decline"] == 1.0
    await _go_on(hass, await _change(hass, entry), FORM)
    assert "decline" not in subentry.data


async def test_a_change_is_from_now_unless_it_always_was_so(
    hass: HomeAssistant, setup: Setup
) -> None:
    entry = await setup(room())
    surface = {"f_rsi": 0.6, "surface_mean_days": 30, "applies_from": "always"}
    await _go_on(hass, await _change(hass, entry), {**FORM, "surface": surface})
    (subentry,) = entry.subentries.values()
    assert subentry.data["applies_from"] == "always"
    assert (subentry.data["surface_kind"], subentry.data["surface_mean_days"]) == ("slow", 30)
    result = await _change(hass, entry)
    assert _suggested(result["data_schema"].schema["surface"].schema)["applies_from"] == "now"
    await _go_on(hass, result, {**FORM, "surface": {"f_rsi": 0.6, "applies_from": "now"}})
    assert "applies_from" not in subentry.data


async def test_a_rule_switched_on_again_leaves_nothing_behind(
    hass: HomeAssistant, setup: Setup
) -> None:
    condensation = {"severity": "high", "minutes": 60}
    rules = {"condensation": condensation, "no_data": {"enabled": False, "notify": False}}
    entry = await setup(room(rules=rules))
    result = await _change(hass, entry)
    shown = _suggested(result["data_schema"].schema["more"].schema)
    assert (shown["condensation"], shown["no_data"]) == ("high", "off")
    assert shown["condensation_minutes"] == 60
    await _go_on(hass, result, FORM)
    (subentry,) = entry.subentries.values()
    assert subentry.data["rules"] == {"no_data": {"notify": False}}


async def test_one_selector_offers_devices_and_entities(
    hass: HomeAssistant, backend: Backend, setup: Setup, register_sensor: Register
) -> None:
    backend.devices = [
        device("0x02", "Zebra"),
        device("0x01", "apple", "humidity_pct"),
        device("x", "forwarded", instance="ha:me"),
    ]
    humidity = register_sensor("hall_humidity", "humidity", "50", "%")
    unnamed = register_sensor("attic_humidity", "humidity", None, "%")
    register_sensor("hall_temperature", "temperature", "20", "°C")
    register_sensor("off", "humidity", None, "%", disabled_by=er.RegistryEntryDisabler.USER)
    entry = await setup()
    result = await _start(hass, entry)
    assert _options(result, "humidity") == [
        "device:mqtt:0x01",
        "device:mqtt:0x02",
        f"entity:{unnamed.id}",
        f"entity:{humidity.id}",
    ]
    labels = [o["label"] for o in result["data_schema"].schema["humidity"].config["options"]]
    assert labels[0] == "apple (MQTT)"
    assert labels[-1].endswith(f"({humidity.entity_id})")
    assert _options(result, "temperature")[:2] == ["same_device", "device:mqtt:0x02"]


async def test_a_new_room_is_proposed_where_a_free_sensor_is(
    hass: HomeAssistant, backend: Backend, setup: Setup, register_sensor: Register
) -> None:
    """The frontend fills the first option in: never the balcony's sensor for the bathroom."""
    areas = ar.async_get(hass)
    for name in ("Attic", "Bathroom", "Hall", "Study"):
        areas.async_create(name)
    hall = areas.async_get_area_by_name("Hall")
    assert hall is not None
    sensor = register_sensor("xiaomi_humidity", "humidity", "50", "%")
    er.async_get(hass).async_update_entity(sensor.entity_id, area_id=hall.id)
    backend.devices += [
        device("0x00", "Balcony"),
        device("0x02", "Attic sensor", "temperature_c"),
        device("0x03", "Study sensor"),
    ]
    balcony = {**DEVICE, "native_id": "0x00"}
    outdoor = {"kind": "measured", "temperature": balcony, "humidity": balcony}
    entry = await setup(room(), options={"outdoor": outdoor})
    result = await _start(hass, entry)
    # the bathroom is watched, the attic has no humidity sensor
    assert _suggested(result["data_schema"]) == {
        "room": "Hall",
        "humidity": f"entity:{sensor.id}",
    }
    assert result["data_schema"].schema["room"].config["options"][-1] == "Bathroom"
    assert _options(result, "humidity") == [
        "device:mqtt:0x03",
        f"entity:{sensor.id}",
        "device:mqtt:0x00",
        "device:mqtt:0x01",
    ]
    er.async_get(hass).async_remove(sensor.entity_id)
    # else by its name
    assert _suggested((await _start(hass, entry))["data_schema"]) == {
        "room": "Study",
        "humidity": "device:mqtt:0x03",
    }


async def test_without_an_area_that_fits_a_room_is_proposed_with_its_sensors_name(
    hass: HomeAssistant, backend: Backend, setup: Setup, register_sensor: Register
) -> None:
    owner = MockConfigEntry(domain="test")
    owner.add_to_hass(hass)
    thing = dr.async_get(hass).async_get_or_create(
        config_entry_id=owner.entry_id, identifiers={("test", "thing")}, name="Cupboard"
    )
    ar.async_get(hass).async_create("Kitchen")
    backend.devices.append(device("0x02", "Hall"))
    entry = await setup(room())

    async def proposed() -> dict[str, Any]:
        return _suggested((await _start(hass, entry))["data_schema"])

    assert await proposed() == {"room": "Hall", "humidity": "device:mqtt:0x02"}
    backend.devices.pop()
    await backend.send({"type": "device_removed", "source_instance": "mqtt", "native_id": "0x02"})
    await until(lambda: len(entry.runtime_data.coordinator.data.devices) == 1)
    # every sensor is in use, and a watched area is not proposed again
    ar.async_get(hass).async_create("Bathroom")
    assert await proposed() == {}
    bare = register_sensor("bare_humidity", "humidity", None, "%")
    assert await proposed() == {"room": "bare_humidity", "humidity": f"entity:{bare.id}"}
    er.async_get(hass).async_remove(bare.entity_id)
    sensor = register_sensor(
        "xiaomi", "humidity", "50", "%", device_id=thing.id, config_entry=owner
    )
    assert await proposed() == {"room": "Cupboard", "humidity": f"entity:{sensor.id}"}


async def test_a_device_in_an_area_is_proposed_for_it(
    hass: HomeAssistant, setup: Setup, register_sensor: Register
) -> None:
    owner = MockConfigEntry(domain="test")
    owner.add_to_hass(hass)
    devices = dr.async_get(hass)
    hall = ar.async_get(hass).async_create("Hall")
    thing = devices.async_get_or_create(
        config_entry_id=owner.entry_id, identifiers={("test", "thing")}
    )
    devices.async_update_device(thing.id, area_id=hall.id)
    sensor = register_sensor(
        "xiaomi", "humidity", "50", "%", device_id=thing.id, config_entry=owner
    )
    result = await _start(hass, await setup())
    assert _suggested(result["data_schema"]) == {
        "room": "Hall",
        "humidity": f"entity:{sensor.id}",
    }


async def test_the_temperature_of_the_same_home_assistant_device(
    hass: HomeAssistant, setup: Setup, register_sensor: Register
) -> None:
    owner = MockConfigEntry(domain="test")
    owner.add_to_hass(hass)
    hall = dr.async_get(hass).async_get_or_create(
        config_entry_id=owner.entry_id, identifiers={("test", "hall")}
    )
    of_device = {"device_id": hall.id, "config_entry": owner}
    humidity = register_sensor("hall_humidity", "humidity", "50", "%", **of_device)
    register_sensor(
        "a_chip",
        "temperature",
        "40",
        "°C",
        entity_category=EntityCategory.DIAGNOSTIC,
        **of_device,
    )
    temperature = register_sensor("hall_temperature", "temperature", "20", "°C", **of_device)
    entry = await setup()
    result = await _start(hass, entry)
    await _go_on(hass, result, {**FORM, "humidity": f"entity:{humidity.id}"})
    (subentry,) = entry.subentries.values()
    assert subentry.data["sources"] == {
        "temperature": {"kind": "entity", "registry_id": temperature.id},
        "humidity": {"kind": "entity", "registry_id": humidity.id},
    }


async def test_without_a_temperature_on_the_device_one_is_asked_for(
    hass: HomeAssistant, backend: Backend, setup: Setup, register_sensor: Register
) -> None:
    backend.devices.append(device("0x03", "Damp only", "humidity_pct"))
    alone = register_sensor("alone", "humidity", "50", "%")
    entry = await setup()
    result = await _start(hass, entry)
    for humidity in ("device:mqtt:0x03", f"entity:{alone.id}"):
        result = await _go_on(hass, result, {**FORM, "humidity": humidity})
        assert result["errors"] == {"temperature": "temperature_missing"}
    result = await _go_on(
        hass, result, {**FORM, "humidity": "device:mqtt:0x03", "temperature": "device:mqtt:0x01"}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize("name", ["  ", "x" * 121])
async def test_a_name_is_needed(hass: HomeAssistant, setup: Setup, name: str) -> None:
    entry = await setup()
    result = await _go_on(hass, await _start(hass, entry), {**FORM, "room": name})
    assert result["errors"] == {"room": "name_length"}
    result = await _go_on(hass, result, FORM)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_refusal_of_the_backend_is_found_before_the_form_saves(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup()
    backend.room_errors["Bathroom"] = "the sensor is unknown"
    result = await _go_on(hass, await _start(hass, entry), FORM)
    assert result["errors"] == {"base": "room_refused"}
    assert result["description_placeholders"] == {"message": "the sensor is unknown"}
    assert not entry.subentries
    backend.room_errors.clear()
    result = await _go_on(hass, result, FORM)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_another_owner_met_while_the_form_is_open(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup()
    result = await _start(hass, entry)
    backend.refusals["check_configuration"] = {"code": "other_owner", "message": "no"}
    result = await _go_on(hass, result, FORM)
    assert result["errors"] == {"base": "read_only"}
    # a conflict over other rooms does not hold this one
    backend.refusals["check_configuration"] = {"code": "would_archive_rooms", "message": "no"}
    result = await _go_on(hass, result, FORM)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_backend_lost_while_the_form_is_open(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup()
    result = await _start(hass, entry)
    await backend.stop()
    await until(lambda: not entry.runtime_data.coordinator.last_update_success)
    result = await _go_on(hass, result, FORM)
    assert result["errors"] == {"base": "not_connected"}
    await backend.start()
    assert await entry.runtime_data.client.wait_ready(10)
    result = await _go_on(hass, result, FORM)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_an_archived_room_is_offered_again(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room(damp_hours=5), room("Bedroom"))
    room_id = room_id_of(entry)
    subentry = next(s for s in entry.subentries.values() if s.unique_id == room_id)
    hass.config_entries.async_remove_subentry(entry, subentry.subentry_id)
    await until(lambda: len(backend.archived) == 1)
    result = await _start(hass, entry)
    assert result["menu_options"] == ["new_room", "archived_room"]
    result = await _go_on(hass, result, {"next_step_id": "archived_room"})
    assert _options(result, "room_id") == [room_id]
    result = await _go_on(hass, result, {"room_id": room_id})
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
    assert (await _start(hass, entry))["step_id"] == "new_room"


async def test_a_room_is_changed_in_place(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room(f_rsi=0.6, notify=False))
    room_id = room_id_of(entry)
    result = await _change(hass, entry)
    assert result["step_id"] == "reconfigure"
    assert _suggested(result["data_schema"]) == {
        "room": "Bathroom",
        "humidity": "device:mqtt:0x01",
        "temperature": "same_device",
        "protect": "cold_wall",
    }
    assert _suggested(result["data_schema"].schema["surface"].schema) == {
        "f_rsi": 0.6,
        "applies_from": "now",
    }
    assert _suggested(result["data_schema"].schema["more"].schema) == {
        "condensation": "usual",
        "no_data": "usual",
    }
    assert _suggested(result["data_schema"].schema["told"].schema) == {
        "notify": False,
        "who": "as_home",
        "phones": [],
        "services": [],
    }
    result = await _go_on(
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
    await _go_on(hass, await _change(hass, entry), form)
    (subentry,) = entry.subentries.values()
    assert {s["native_id"] for s in subentry.data["sources"].values()} == {"0x02"}


async def test_a_temperature_of_another_device_is_shown_as_chosen(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    backend.devices.append(device("0x02", "Thermometer", "temperature_c"))
    other = {**DEVICE, "native_id": "0x02"}
    entry = await setup(room(sources={"temperature": other, "humidity": DEVICE}))
    result = await _change(hass, entry)
    assert _suggested(result["data_schema"])["temperature"] == "device:mqtt:0x02"


async def test_a_refused_change_is_not_saved(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    backend.room_errors["Bath"] = "no"
    result = await _go_on(hass, await _change(hass, entry), {**FORM, "room": "Bath"})
    assert result["errors"] == {"base": "room_refused"}
    assert room_id_of(entry, "Bathroom")


async def test_a_source_that_is_gone_stays_in_the_form(hass: HomeAssistant, setup: Setup) -> None:
    gone = {"kind": "device", "source_instance": "mqtt", "native_id": "a:b/c"}
    lost = {"kind": "entity", "registry_id": "lost"}
    entry = await setup(room(sources={"temperature": lost, "humidity": gone}))
    result = await _change(hass, entry)
    assert "device:mqtt:a%3Ab%2Fc" in _options(result, "humidity")
    assert "entity:lost" in _options(result, "temperature")
    form = {**FORM, "humidity": "device:mqtt:a%3Ab%2Fc", "temperature": "entity:lost"}
    await _go_on(hass, result, form)
    (subentry,) = entry.subentries.values()
    assert subentry.data["sources"] == {"temperature": lost, "humidity": gone}


async def test_a_temperature_shown_rounded_does_not_move_when_left_alone(
    hass: HomeAssistant, setup: Setup
) -> None:
    hass.config.units = US_CUSTOMARY_SYSTEM
    entry = await setup(room(surface_temperature_c=12.34))
    result = await _change(hass, entry)
    shown = _suggested(result["data_schema"].schema["surface"].schema)["surface_temperature"]
    assert shown == 54.2
    surface = {"surface_temperature": shown}
    await _go_on(hass, result, {**FORM, "surface": surface})
    (subentry,) = entry.subentries.values()
    assert subentry.data["surface_temperature_c"] == 12.34
    result = await _change(hass, entry)
    surface["surface_temperature"] = 50
    await _go_on(hass, result, {**FORM, "surface": surface})
    assert subentry.data["surface_temperature_c"] == 10.0


@pytest.mark.parametrize("start", [_start, _change])
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
    assert (await _start(hass, entry))["reason"] == "not_connected"


async def test_a_reader_adds_no_room(hass: HomeAssistant, backend: Backend, setup: Setup) -> None:
    backend.owner = "somebody"
    entry = await setup(wait=False)
    await until(lambda: entry.runtime_data.configuration.reader)
    assert (await _start(hass, entry))["reason"] == "read_only"


async def test_without_any_sensor_the_flow_says_so(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    backend.devices = []
    entry = await setup()
    assert (await _start(hass, entry))["reason"] == "no_sensors"
