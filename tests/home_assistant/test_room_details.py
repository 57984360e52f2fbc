"""What a room's form says in its sections: the surface, what was seen, how mould is judged."""

import pytest
from homeassistant.core import HomeAssistant

from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import RegisterSensor, Setup, room
from tests.home_assistant.forms import fill_in, suggested_of
from tests.home_assistant.room_forms import DEVICE, FORM, change_room, opened_in, start_room


async def test_only_changed_values_are_stored(hass: HomeAssistant, setup: Setup) -> None:
    entry = await setup()
    result = await start_room(hass, entry)
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
        "decline": "almost_none",
    }
    rules = {
        "mould_level": "watch",
        "condensation": "off",
        "condensation_minutes": 60,
        "no_data": "high",
    }
    told = {
        "notify": False,
        "who": "only_these",
        "phones": ["phone-1"],
        "services": ["mail"],
    }
    folded = {"surface": surface, "more": more, "rules": rules, "told": told}
    await fill_in(hass, result, {**FORM, "protect": "cellar", **folded})
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
            "mould_level": {"severity": "watch"},
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
    result = await start_room(hass, entry)
    await fill_in(hass, result, {**FORM, "surface": {"calibration_factor": 2}})
    (subentry,) = entry.subentries.values()
    assert subentry.data["f_rsi"] == 0.5


async def test_a_wall_is_told_by_its_u_value(hass: HomeAssistant, setup: Setup) -> None:
    entry = await setup()
    await fill_in(hass, await start_room(hass, entry), {**FORM, "surface": {"u_value_w_m2_k": 1.4}})
    (subentry,) = entry.subentries.values()
    assert (subentry.data["surface_kind"], subentry.data["u_value_w_m2_k"]) == ("u_value", 1.4)


async def test_a_sensor_on_the_surface_is_a_source_of_the_room(
    hass: HomeAssistant, backend: Backend, setup: Setup, register_sensor: RegisterSensor
) -> None:
    spot = register_sensor("cold_spot", "temperature", "12", "°C")
    entry = await setup()
    result = await start_room(hass, entry)
    await fill_in(hass, result, {**FORM, "surface": {"surface_sensor": f"entity:{spot.id}"}})
    (subentry,) = entry.subentries.values()
    assert subentry.data["sources"]["surface_temperature"] == {
        "kind": "entity",
        "registry_id": spot.id,
    }
    assert subentry.data["surface_kind"] == "sensor"
    # and it is forwarded
    await backend.wait_for("availability", lambda m: m["entities"][0]["registry_id"] == spot.id)
    shown = suggested_of((await change_room(hass, entry))["data_schema"].schema["surface"].schema)
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
    result = await start_room(hass, entry)
    result = await fill_in(hass, result, {**FORM, "surface": surface, "more": more})
    assert result["errors"] == {"base": error}
    # the section that it is about is open
    assert opened_in(result) == ["more" if error == "damage_below_high" else "surface"]
    assert not entry.subentries


async def test_what_was_seen_is_asked_once_and_kept(hass: HomeAssistant, setup: Setup) -> None:
    entry = await setup(room(visible_mould="a_lot"))
    result = await change_room(hass, entry)
    fields = result["data_schema"].schema["surface"].schema.schema
    assert "visible_mould" not in {str(key) for key in fields}
    await fill_in(hass, result, FORM)
    (subentry,) = entry.subentries.values()
    assert subentry.data["visible_mould"] == "a_lot"


async def test_how_fast_mould_goes_back_is_shown_and_can_be_the_usual_again(
    hass: HomeAssistant, setup: Setup
) -> None:
    entry = await setup(room(decline=0.5))
    result = await change_room(hass, entry)
    assert suggested_of(result["data_schema"].schema["more"].schema)["decline"] == "significant"
    await fill_in(hass, result, {**FORM, "more": {"decline": "strong"}})
    (subentry,) = entry.subentries.values()
    assert subentry.data["decline"] == 1.0
    await fill_in(hass, await change_room(hass, entry), FORM)
    assert "decline" not in subentry.data


async def test_a_change_is_from_now_unless_it_always_was_so(
    hass: HomeAssistant, setup: Setup
) -> None:
    entry = await setup(room())
    surface = {"f_rsi": 0.6, "surface_mean_days": 30, "applies_from": "always"}
    await fill_in(hass, await change_room(hass, entry), {**FORM, "surface": surface})
    (subentry,) = entry.subentries.values()
    assert subentry.data["applies_from"] == "always"
    assert (subentry.data["surface_kind"], subentry.data["surface_mean_days"]) == ("slow", 30)
    result = await change_room(hass, entry)
    assert suggested_of(result["data_schema"].schema["surface"].schema)["applies_from"] == "now"
    await fill_in(hass, result, {**FORM, "surface": {"f_rsi": 0.6, "applies_from": "now"}})
    assert "applies_from" not in subentry.data
