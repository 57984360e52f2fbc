"""What a new room's form proposes: the sensors that are free, their area, their temperature."""

from typing import Any

from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er

from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import MockConfigEntry, RegisterSensor, Setup, room
from tests.home_assistant.forms import fill_in, suggested_of
from tests.home_assistant.messages import device
from tests.home_assistant.room_forms import DEVICE, FORM, options_of, start_room
from tests.support.waiting import until


async def test_one_selector_offers_devices_and_entities(
    hass: HomeAssistant, backend: Backend, setup: Setup, register_sensor: RegisterSensor
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
    result = await start_room(hass, entry)
    assert options_of(result, "humidity") == [
        "device:mqtt:0x01",
        "device:mqtt:0x02",
        f"entity:{unnamed.id}",
        f"entity:{humidity.id}",
    ]
    labels = [o["label"] for o in result["data_schema"].schema["humidity"].config["options"]]
    assert labels[0] == "apple (MQTT)"
    assert labels[-1].endswith(f"({humidity.entity_id})")
    assert options_of(result, "temperature")[:2] == ["same_device", "device:mqtt:0x02"]


async def test_a_new_room_is_proposed_where_a_free_sensor_is(
    hass: HomeAssistant, backend: Backend, setup: Setup, register_sensor: RegisterSensor
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
    result = await start_room(hass, entry)
    # the bathroom is watched, the attic has no humidity sensor
    assert suggested_of(result["data_schema"]) == {
        "room": "Hall",
        "humidity": f"entity:{sensor.id}",
    }
    assert result["data_schema"].schema["room"].config["options"][-1] == "Bathroom"
    assert options_of(result, "humidity") == [
        "device:mqtt:0x03",
        f"entity:{sensor.id}",
        "device:mqtt:0x00",
        "device:mqtt:0x01",
    ]
    er.async_get(hass).async_remove(sensor.entity_id)
    # else by its name
    assert suggested_of((await start_room(hass, entry))["data_schema"]) == {
        "room": "Study",
        "humidity": "device:mqtt:0x03",
    }


async def test_without_an_area_that_fits_a_room_is_proposed_with_its_sensors_name(
    hass: HomeAssistant, backend: Backend, setup: Setup, register_sensor: RegisterSensor
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
        return suggested_of((await start_room(hass, entry))["data_schema"])

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
    hass: HomeAssistant, setup: Setup, register_sensor: RegisterSensor
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
    result = await start_room(hass, await setup())
    assert suggested_of(result["data_schema"]) == {
        "room": "Hall",
        "humidity": f"entity:{sensor.id}",
    }


async def test_the_temperature_of_the_same_home_assistant_device(
    hass: HomeAssistant, setup: Setup, register_sensor: RegisterSensor
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
    result = await start_room(hass, entry)
    await fill_in(hass, result, {**FORM, "humidity": f"entity:{humidity.id}"})
    (subentry,) = entry.subentries.values()
    assert subentry.data["sources"] == {
        "temperature": {"kind": "entity", "registry_id": temperature.id},
        "humidity": {"kind": "entity", "registry_id": humidity.id},
    }


async def test_without_a_temperature_on_the_device_one_is_asked_for(
    hass: HomeAssistant, backend: Backend, setup: Setup, register_sensor: RegisterSensor
) -> None:
    backend.devices.append(device("0x03", "Damp only", "humidity_pct"))
    alone = register_sensor("alone", "humidity", "50", "%")
    entry = await setup()
    result = await start_room(hass, entry)
    for humidity in ("device:mqtt:0x03", f"entity:{alone.id}"):
        result = await fill_in(hass, result, {**FORM, "humidity": humidity})
        assert result["errors"] == {"temperature": "temperature_missing"}
    result = await fill_in(
        hass, result, {**FORM, "humidity": "device:mqtt:0x03", "temperature": "device:mqtt:0x01"}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
