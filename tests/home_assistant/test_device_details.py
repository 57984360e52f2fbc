"""What a device's form says in its sections: margins, silence, and who is told."""

from typing import Any

import pytest
from homeassistant.core import HomeAssistant

from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import Setup
from tests.home_assistant.device_forms import (
    CHOICE,
    FORM,
    FRIDGE,
    MORE,
    TOLD,
    change_device,
    start_device,
    watched,
)
from tests.home_assistant.forms import fill_in, suggested_of
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("_fridge")


async def test_everything_a_user_can_say_reaches_the_backend(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup()
    result = await fill_in(hass, await start_device(hass, entry), {"what": CHOICE})
    more = {
        "margin": 0.5,
        "count": 3,
        "minutes": 10,
        "severity": "high",
        "silent": "high",
        "silent_hours": 2,
    }
    told = {
        "notify": False,
        "who": "only_these",
        "phones": ["phone-1"],
        "services": ["mail"],
    }
    form = {"name": "Fridge", "above": 8, "below": 2, "more": more, "told": told}
    await fill_in(hass, result, form)
    await until(lambda: bool((backend.document or {}).get("devices")))
    assert backend.document is not None
    (sent,) = backend.document["devices"]
    told_of_it = ["phone-1", "apprise:mail"]
    silent = {"severity": "high", "hours": 2, "notify": False, "targets": told_of_it}
    assert sent["rules"] == {"silent": silent}
    assert "targets" not in sent
    above, below = sent["thresholds"]
    assert above["rule_id"] != below["rule_id"]
    assert (above["recovery_threshold"], below["recovery_threshold"]) == (7.5, 2.5)
    for threshold in (above, below):
        assert threshold["count"] == 3
        assert threshold["minutes"] == 10
        assert threshold["severity"] == "high"
        assert threshold["notify"] is False
        assert threshold["targets"] == told_of_it
    # and the backend gives the same back to a new entry
    (subentry,) = entry.subentries.values()
    before = dict(subentry.data)
    await entry.runtime_data.configuration.use_backend()
    (after,) = entry.subentries.values()
    assert (dict(after.data), after.title, after.unique_id) == (before, "Fridge", CHOICE)


async def test_a_device_may_be_watched_only_for_its_reports(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup()
    result = await fill_in(hass, await start_device(hass, entry), {"what": "device:mqtt:0xf0|"})
    assert "above" not in {str(key) for key in result["data_schema"].schema}
    about = "Kitchen fridge (MQTT): only whether it reports"
    assert result["description_placeholders"]["source"] == about
    more = {"silent": "usual", "silent_hours": 3}
    await fill_in(hass, result, {"name": "Fridge", "more": more, "told": TOLD})
    await until(lambda: bool((backend.document or {}).get("devices")))
    assert backend.document is not None
    assert backend.document["devices"] == [
        {"source": FRIDGE, "name": "Fridge", "rules": {"silent": {"hours": 3}}}
    ]
    await until(lambda: hass.states.get("binary_sensor.fridge_reports") is not None)
    assert hass.states.get("binary_sensor.fridge_beyond_its_limit") is None
    await entry.runtime_data.configuration.use_backend()
    (after,) = entry.subentries.values()
    assert dict(after.data) == {"source": FRIDGE, "silent_hours": 3}


async def test_a_limit_may_be_switched_off_and_on_again(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(watched(above=8.0, severity="high"))
    more = {**MORE, "severity": "off"}
    await fill_in(hass, await change_device(hass, entry), {**FORM, "more": more})
    (subentry,) = entry.subentries.values()
    assert {key: subentry.data.get(key) for key in ("above", "enabled", "severity")} == {
        "above": 8,
        "enabled": False,
        "severity": None,
    }

    def limit(message: dict[str, Any]) -> dict[str, Any]:
        (threshold,) = message["document"]["devices"][0]["thresholds"]
        return dict(threshold)

    await backend.wait_for("configure", lambda m: limit(m).get("enabled") is False)
    await entry.runtime_data.configuration.use_backend()
    result = await change_device(hass, entry)
    assert suggested_of(result["data_schema"].schema["more"].schema)["severity"] == "off"
    await fill_in(hass, result, FORM)
    (subentry,) = entry.subentries.values()
    assert "enabled" not in subentry.data


async def test_silence_that_is_only_shown_or_not_even_that(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(watched("Probe", None, silent_hours=3))
    more = {"silent": "off"}
    form = {"name": "Probe", "more": more, "told": {**TOLD, "notify": False}}
    await fill_in(hass, await change_device(hass, entry), form)
    await backend.wait_for(
        "configure",
        lambda m: (
            m["document"]["devices"][0].get("rules")
            == {"silent": {"enabled": False, "notify": False}}
        ),
    )
    (subentry,) = entry.subentries.values()
    assert dict(subentry.data) == {"source": FRIDGE, "silent": False, "notify": False}
    result = await change_device(hass, entry)
    assert suggested_of(result["data_schema"].schema["more"].schema)["silent"] == "off"
    await entry.runtime_data.configuration.use_backend()
    (after,) = entry.subentries.values()
    assert dict(after.data) == {"source": FRIDGE, "silent": False, "notify": False}
