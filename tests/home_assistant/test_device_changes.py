"""Changing a watched device that is there: its limits, and the unit they are asked for in."""

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.util.unit_system import US_CUSTOMARY_SYSTEM

from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import Setup
from tests.home_assistant.device_forms import FORM, FRIDGE, MORE, change_device, watched
from tests.home_assistant.forms import fill_in, suggested_of
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("_fridge")


async def test_the_limits_are_changed_and_the_device_stays(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(watched(above=8.0, margin=1.0, count=2, notify=False))
    result = await change_device(hass, entry)
    assert result["step_id"] == "reconfigure"
    assert suggested_of(result["data_schema"]) == {"name": "Fridge", "above": 8.0}
    assert suggested_of(result["data_schema"].schema["more"].schema) == {
        "margin": 1.0,
        "count": 2,
        "severity": "warning",
        "silent": "usual",
    }
    assert suggested_of(result["data_schema"].schema["told"].schema) == {
        "notify": False,
        "who": "as_home",
        "phones": [],
        "services": [],
    }
    backend.device_errors["Freezer"] = "no"
    form = {**FORM, "name": "Freezer", "above": -15}
    result = await fill_in(hass, result, form)
    assert result["errors"] == {"base": "device_refused"}
    backend.device_errors.clear()
    result = await fill_in(hass, result, form)
    assert result["reason"] == "reconfigure_successful"
    (subentry,) = entry.subentries.values()
    assert dict(subentry.data) == {"source": FRIDGE, "metric": "temperature_c", "above": -15}
    registry = dr.async_get(hass)
    await until(
        lambda: (
            {d.name for d in dr.async_entries_for_config_entry(registry, entry.entry_id)}
            == {"Freezer"}
        )
    )


async def test_temperatures_are_asked_for_in_the_homes_unit(
    hass: HomeAssistant, setup: Setup
) -> None:
    hass.config.units = US_CUSTOMARY_SYSTEM
    entry = await setup(watched(above=7.77, margin=0.55))
    result = await change_device(hass, entry)
    shown = suggested_of(result["data_schema"])["above"]
    margin = suggested_of(result["data_schema"].schema["more"].schema)["margin"]
    assert (shown, margin) == (46.0, 1.0)
    more = {**MORE, "margin": margin}
    await fill_in(hass, result, {**FORM, "above": shown, "more": more})
    (subentry,) = entry.subentries.values()
    # shown rounded: left alone it does not move
    assert (subentry.data["above"], subentry.data["margin"]) == (7.77, 0.55)
    more["margin"] = 9
    await fill_in(hass, await change_device(hass, entry), {**FORM, "above": 50, "more": more})
    assert (subentry.data["above"], subentry.data["margin"]) == (10.0, 5.0)
