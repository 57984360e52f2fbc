"""Watching a single device: choosing it, giving it limits, and what is said when it cannot be."""

from collections.abc import Callable
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.mould_watch import subentry_flow
from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import RegisterSensor, Setup, set_sensor
from tests.home_assistant.device_forms import (
    CHOICE,
    FORM,
    FRIDGE,
    MORE,
    TOLD,
    change_device,
    labels_of,
    start_device,
    watched,
)
from tests.home_assistant.forms import fill_in, suggested_of
from tests.home_assistant.messages import device
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("_fridge")


async def test_a_fridge_is_watched_in_two_steps(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup()
    result = await start_device(hass, entry)
    assert labels_of(result)[CHOICE] == "Kitchen fridge (MQTT): temperature"
    assert (
        labels_of(result)["device:mqtt:0xf0|"] == "Kitchen fridge (MQTT): only whether it reports"
    )
    result = await fill_in(hass, result, {"what": CHOICE})
    assert result["step_id"] == "limits"
    assert result["description_placeholders"]["source"] == "Kitchen fridge (MQTT): temperature"
    assert suggested_of(result["data_schema"]) == {"name": "Kitchen fridge"}
    assert result["data_schema"].schema["above"].config["unit_of_measurement"] == "°C"
    result = await fill_in(hass, result, FORM)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (subentry,) = entry.subentries.values()
    assert (subentry.title, subentry.unique_id) == ("Fridge", CHOICE)
    # what was not changed is not stored
    assert dict(subentry.data) == {"source": FRIDGE, "metric": "temperature_c", "above": 8}
    await until(lambda: bool((backend.document or {}).get("devices")))
    assert backend.document is not None
    (sent,) = backend.document["devices"]
    (threshold,) = sent.pop("thresholds")
    assert sent == {"source": FRIDGE, "name": "Fridge"}
    assert threshold.pop("rule_id")
    assert threshold == {
        "name": "Fridge",
        "metric": "temperature_c",
        "direction": "above",
        "threshold": 8,
    }


async def test_an_entity_of_home_assistant_is_forwarded_in_the_metrics_unit(
    hass: HomeAssistant, backend: Backend, setup: Setup, register_sensor: RegisterSensor, owner: str
) -> None:
    pressure = register_sensor("barometer", "atmospheric_pressure", "29.92", "inHg")
    entry = await setup()
    result = await start_device(hass, entry)
    choice = f"entity:{pressure.id}|pressure_hpa"
    assert labels_of(result)[choice].endswith("pressure")
    result = await fill_in(hass, result, {"what": choice})
    await fill_in(hass, result, {"name": "Storm", "below": 990, "more": MORE, "told": TOLD})
    await hass.async_block_till_done()
    set_sensor(hass, pressure.entity_id, "29.00", "inHg", "atmospheric_pressure")
    await until(lambda: bool(backend.readings()))
    assert backend.readings()[-1]["metrics"] == {"pressure_hpa": pytest.approx(982.05, abs=0.01)}
    # its state is that of the backend's device of this Home Assistant
    told = device(pressure.id, "Barometer", "pressure_hpa", instance=f"ha:{owner}")
    await backend.send({"type": "device", "device": {**told, "condition": {"incidents": []}}})
    await until(
        lambda: (
            (s := hass.states.get("binary_sensor.storm_beyond_its_limit")) is not None
            and s.state == "off"
        )
    )


@pytest.mark.parametrize(
    ("form", "errors"),
    [
        ({"name": " "}, {"name": "name_length"}),
        ({"name": "x" * 121}, {"name": "name_length"}),
        ({"above": None}, {"base": "limit_missing"}),
        ({"above": 2, "below": 8}, {"base": "limits_crossed"}),
        ({"told": {**TOLD, "services": ["mail"]}}, {"base": "told_as_home"}),
    ],
)
async def test_what_is_wrong_is_told_and_the_form_stays(
    hass: HomeAssistant, setup: Setup, form: dict[str, Any], errors: dict[str, str]
) -> None:
    entry = await setup()
    result = await fill_in(hass, await start_device(hass, entry), {"what": CHOICE})
    wrong = {key: value for key, value in {**FORM, **form}.items() if value is not None}
    result = await fill_in(hass, result, wrong)
    assert result["errors"] == errors
    assert not entry.subentries
    await fill_in(hass, result, FORM)
    assert len(entry.subentries) == 1


async def test_a_refusal_of_the_backend_is_found_before_the_form_saves(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup()
    backend.device_errors["Fridge"] = "no such thing"
    result = await fill_in(hass, await start_device(hass, entry), {"what": CHOICE})
    result = await fill_in(hass, result, FORM)
    assert result["errors"] == {"base": "device_refused"}
    assert result["description_placeholders"]["message"] == "no such thing"
    backend.device_errors.clear()
    backend.refusals["check_configuration"] = {"code": "other_owner", "message": "no", "data": {}}
    result = await fill_in(hass, result, FORM)
    assert result["errors"] == {"base": "read_only"}
    backend.refusals["check_configuration"] = {
        "code": "revision_too_old",
        "message": "no",
        "data": {},
    }
    # settled by its own repair, not by this form
    assert (await fill_in(hass, result, FORM))["type"] is FlowResultType.CREATE_ENTRY


async def test_a_backend_lost_while_the_form_is_open(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup()
    result = await fill_in(hass, await start_device(hass, entry), {"what": CHOICE})
    await backend.stop()
    await until(lambda: not entry.runtime_data.coordinator.last_update_success)
    assert (await fill_in(hass, result, FORM))["errors"] == {"base": "not_connected"}


async def test_what_is_watched_already_is_not_offered_again(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    backend.devices = [device("0xf0", "Fridge", "temperature_c")]
    entry = await setup(watched(above=8.0))
    assert set(labels_of(await start_device(hass, entry))) == {"device:mqtt:0xf0|"}
    backend.devices = []
    await backend.drop()
    await until(lambda: not entry.runtime_data.coordinator.data.devices)
    assert (await start_device(hass, entry))["reason"] == "nothing_to_watch"


@pytest.mark.parametrize("start", [start_device, change_device])
async def test_an_entry_that_is_not_loaded_watches_no_device(
    hass: HomeAssistant, setup: Setup, start: Callable[..., Any]
) -> None:
    entry = await setup(watched(above=8.0))
    await hass.config_entries.async_unload(entry.entry_id)
    assert (await start(hass, entry))["reason"] == "entry_not_loaded"


async def test_without_a_connection_or_as_a_reader_none_is_added(
    hass: HomeAssistant, backend: Backend, setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subentry_flow, "CONNECTION_TIMEOUT_S", 0.05)
    backend.owner = "somebody"
    entry = await setup(wait=False)
    await until(lambda: entry.runtime_data.configuration.reader)
    assert (await start_device(hass, entry))["reason"] == "read_only"
    await backend.stop()
    await until(lambda: not entry.runtime_data.coordinator.last_update_success)
    assert (await start_device(hass, entry))["reason"] == "not_connected"
