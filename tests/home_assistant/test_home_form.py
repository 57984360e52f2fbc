"""The home's form when it is set up: what is preselected, and where the outdoor air comes from."""

from collections.abc import Callable

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er

from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import RegisterPhone
from tests.home_assistant.entry_forms import HOME, go_on, start_setup
from tests.home_assistant.forms import suggested_of
from tests.home_assistant.messages import device

pytestmark = pytest.mark.usefixtures("_unloaded")


async def test_weather_and_phones_are_preselected(
    hass: HomeAssistant, backend: Backend, mobile_app: RegisterPhone
) -> None:
    phones = [await mobile_app("Pixel"), await mobile_app("iPhone")]
    weather = er.async_get(hass).async_get_or_create("weather", "test", "home")
    hass.states.async_set(weather.entity_id, "sunny", {})
    hass.states.async_set("weather.a_not_registered", "sunny", {})
    result = await start_setup(hass, backend)
    suggested = suggested_of(result["data_schema"])
    assert suggested["outdoor_kind"] == "weather"
    assert suggested["weather"] == weather.entity_id
    assert set(suggested["phones"]) == {phone.device_id for phone in phones}
    result = await go_on(hass, result, **{**suggested, "weather": "weather.a_not_registered"})
    assert result["errors"] == {"weather": "not_registered"}
    result = await go_on(hass, result, outdoor_kind="weather")
    assert result["errors"] == {"weather": "weather_missing"}
    result = await go_on(hass, result, **suggested)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["result"].options == {
        "outdoor": {
            "kind": "weather",
            "weather": {"kind": "entity", "registry_id": weather.id},
        },
        "phones": suggested["phones"],
    }


async def test_outdoor_air_from_sensors(hass: HomeAssistant, backend: Backend) -> None:
    backend.devices.append(device("0x02", "Balcony"))
    backend.devices.append(device("0x03", "Shed", "humidity_pct"))
    result = await start_setup(hass, backend)
    result = await go_on(hass, result, **{**HOME, "outdoor_kind": "measured"})
    assert result["step_id"] == "outdoor_measured"
    result = await go_on(hass, result, humidity="device:mqtt:0x03")
    assert result["errors"] == {"temperature": "temperature_missing"}
    result = await go_on(hass, result, humidity="device:mqtt:0x03", temperature="device:mqtt:0x02")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["result"].options["outdoor"] == {
        "kind": "measured",
        "temperature": {"kind": "device", "source_instance": "mqtt", "native_id": "0x02"},
        "humidity": {"kind": "device", "source_instance": "mqtt", "native_id": "0x03"},
    }


async def test_outdoor_sensors_without_the_devices_of_the_backend(
    hass: HomeAssistant, backend: Backend, register_sensor: Callable[..., er.RegistryEntry]
) -> None:
    humidity = register_sensor("outside", "humidity", "80", "%")
    backend.refusals["devices"] = {"code": "database_unavailable"}
    result = await start_setup(hass, backend)
    result = await go_on(hass, result, **{**HOME, "outdoor_kind": "measured"})
    assert result["data_schema"] is not None
    assert [o["value"] for o in result["data_schema"].schema["humidity"].config["options"]] == [
        f"entity:{humidity.id}"
    ]


async def test_fixed_outdoor_air_in_the_units_of_the_home(
    hass: HomeAssistant, backend: Backend
) -> None:
    from homeassistant.util.unit_system import US_CUSTOMARY_SYSTEM  # noqa: PLC0415

    hass.config.units = US_CUSTOMARY_SYSTEM
    result = await start_setup(hass, backend)
    result = await go_on(hass, result, **{**HOME, "outdoor_kind": "fixed"})
    assert result["step_id"] == "outdoor_fixed"
    result = await go_on(hass, result, temperature=23, humidity=80)
    assert result["result"].options["outdoor"] == {
        "kind": "fixed",
        "temperature_c": -5.0,
        "humidity_pct": 80,
    }
