"""What a room tells of, rule by rule, and the limits of its air: as its form says them."""

from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.util.unit_system import US_CUSTOMARY_SYSTEM

from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import Setup, room
from tests.home_assistant.forms import fill_in, suggested_of
from tests.home_assistant.room_forms import FORM, change_room, opened_in

USUAL = {"mould_level": "usual", "condensation": "usual", "no_data": "usual"}
NO_LIMITS = {"humidity_severity": "warning", "temperature_severity": "warning"}
DAMP = {"rule_id": "r-1", "metric": "humidity_pct", "direction": "above", "threshold": 65.0}


def shown_in(result: Any, section: str) -> dict[str, Any]:  # noqa: ANN401 - a flow result has many shapes
    return suggested_of(result["data_schema"].schema[section].schema)


def sent_thresholds(backend: Backend) -> list[dict[str, Any]]:
    assert backend.document is not None
    thresholds: list[dict[str, Any]] = backend.document["rooms"][0].get("metric_thresholds", [])
    return thresholds


@pytest.mark.parametrize(
    ("choice", "settings"),
    [
        ("watch", {"severity": "watch"}),
        ("warning", {"severity": "warning"}),
        ("high", {"severity": "high"}),
        ("off", {"enabled": False}),
    ],
)
@pytest.mark.parametrize("rule", USUAL)
async def test_each_rule_is_as_serious_as_it_is_chosen_and_usual_again(
    hass: HomeAssistant,
    *,
    backend: Backend,
    setup: Setup,
    rule: str,
    choice: str,
    settings: dict[str, Any],
) -> None:
    entry = await setup(room())
    result = await change_room(hass, entry)
    assert shown_in(result, "rules") == USUAL
    await fill_in(hass, result, {**FORM, "rules": {**USUAL, rule: choice}})
    (subentry,) = entry.subentries.values()
    assert subentry.data["rules"] == {rule: settings}
    await backend.wait_for(
        "configure", lambda m: m["document"]["rooms"][0].get("rules") == {rule: settings}
    )
    # shown again as it was said, also where the backend gives it back
    await entry.runtime_data.configuration.use_backend()
    result = await change_room(hass, entry)
    assert shown_in(result, "rules") == {**USUAL, rule: choice}
    await fill_in(hass, result, FORM)
    assert "rules" not in subentry.data


async def test_a_rule_switched_on_again_leaves_nothing_behind(
    hass: HomeAssistant, setup: Setup
) -> None:
    rules = {
        "condensation": {"severity": "high", "minutes": 60},
        # what the form does not show stays as it is
        "no_data": {"enabled": False, "notify": False, "targets": ["phone-2"]},
    }
    entry = await setup(room(rules=rules))
    result = await change_room(hass, entry)
    shown = shown_in(result, "rules")
    assert (shown["condensation"], shown["no_data"]) == ("high", "off")
    assert shown["condensation_minutes"] == 60
    await fill_in(hass, result, FORM)
    (subentry,) = entry.subentries.values()
    assert subentry.data["rules"] == {"no_data": {"notify": False, "targets": ["phone-2"]}}


async def test_limits_of_the_air_are_thresholds_of_the_room_until_they_are_emptied(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    result = await change_room(hass, entry)
    assert shown_in(result, "limits") == NO_LIMITS
    limits = {
        "humidity_above": 65,
        "humidity_below": 30,
        "humidity_minutes": 60,
        "humidity_severity": "watch",
        "temperature_below": 5.5,
        "temperature_severity": "high",
    }
    await fill_in(hass, result, {**FORM, "limits": limits})
    await backend.wait_for("configure", lambda m: "metric_thresholds" in m["document"]["rooms"][0])
    sent = sent_thresholds(backend)
    assert len({one["rule_id"] for one in sent}) == 3
    said = {"minutes": 60, "severity": "watch"}
    assert [{key: value for key, value in one.items() if key != "rule_id"} for one in sent] == [
        {"metric": "humidity_pct", "direction": "above", "threshold": 65, **said},
        {"metric": "humidity_pct", "direction": "below", "threshold": 30, **said},
        {
            "metric": "temperature_c",
            "direction": "below",
            "threshold": 5.5,
            "severity": "high",
        },
    ]
    await entry.runtime_data.configuration.use_backend()
    result = await change_room(hass, entry)
    assert shown_in(result, "limits") == limits
    # one is moved and one emptied: the first stays the same rule
    limits["humidity_above"] = 70
    del limits["humidity_below"]
    limits |= {"humidity_severity": "off", "temperature_severity": "warning"}
    await fill_in(hass, result, {**FORM, "limits": limits})
    (subentry,) = entry.subentries.values()
    first, last = subentry.data["metric_thresholds"]
    assert first == {
        "rule_id": sent[0]["rule_id"],
        "metric": "humidity_pct",
        "direction": "above",
        "threshold": 70,
        "minutes": 60,
        "enabled": False,
    }
    assert "severity" not in last
    result = await change_room(hass, entry)
    assert shown_in(result, "limits")["humidity_severity"] == "off"
    await fill_in(hass, result, FORM)
    assert "metric_thresholds" not in subentry.data


async def test_thresholds_that_the_form_does_not_show_whole_stay_as_they_are(
    hass: HomeAssistant, setup: Setup
) -> None:
    first = {**DAMP, "recovery_threshold": 60.0, "count": 3, "targets": ["phone-2"]}
    second = {**DAMP, "rule_id": "r-2", "threshold": 80.0, "severity": "high"}
    entry = await setup(room(metric_thresholds=[first, second]))
    result = await change_room(hass, entry)
    shown = shown_in(result, "limits")
    assert shown == {**NO_LIMITS, "humidity_above": 65.0}
    await fill_in(hass, result, {**FORM, "limits": shown})
    (subentry,) = entry.subentries.values()
    assert subentry.data["metric_thresholds"] == [first, second]
    # it must come back as far as before
    moved = {**shown, "humidity_above": 70}
    await fill_in(hass, await change_room(hass, entry), {**FORM, "limits": moved})
    (kept, other) = subentry.data["metric_thresholds"]
    assert kept == {**first, "threshold": 70, "recovery_threshold": 65.0}
    assert other == second
    await fill_in(hass, await change_room(hass, entry), FORM)
    assert subentry.data["metric_thresholds"] == [second]


async def test_a_temperature_is_asked_for_in_the_homes_unit_and_left_alone_it_stays(
    hass: HomeAssistant, setup: Setup
) -> None:
    hass.config.units = US_CUSTOMARY_SYSTEM
    cold = {"rule_id": "r-3", "metric": "temperature_c", "direction": "below", "threshold": 7.77}
    entry = await setup(room(metric_thresholds=[cold]))
    result = await change_room(hass, entry)
    shown = shown_in(result, "limits")
    assert shown["temperature_below"] == 46.0
    field = result["data_schema"].schema["limits"].schema.schema["temperature_below"]
    assert field.config["unit_of_measurement"] == "°F"
    await fill_in(hass, result, {**FORM, "limits": shown})
    (subentry,) = entry.subentries.values()
    assert subentry.data["metric_thresholds"] == [cold]
    shown["temperature_below"] = 50
    await fill_in(hass, await change_room(hass, entry), {**FORM, "limits": shown})
    assert subentry.data["metric_thresholds"] == [{**cold, "threshold": 10.0}]


@pytest.mark.parametrize("value", ["humidity", "temperature"])
async def test_limits_with_nothing_between_them_are_told(
    hass: HomeAssistant, setup: Setup, value: str
) -> None:
    entry = await setup(room())
    crossed = {**NO_LIMITS, f"{value}_above": 20, f"{value}_below": 20}
    result = await fill_in(hass, await change_room(hass, entry), {**FORM, "limits": crossed})
    assert result["errors"] == {"base": "limits_crossed"}
    assert opened_in(result) == ["limits"]
    crossed[f"{value}_above"] = 20.5
    result = await fill_in(hass, result, {**FORM, "limits": crossed})
    assert result["reason"] == "reconfigure_successful"
