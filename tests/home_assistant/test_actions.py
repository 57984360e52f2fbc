"""What can be told of a room: its cold spot, and that it was cleaned."""

from typing import Any

import probatio
import pytest
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr
from homeassistant.util.unit_system import US_CUSTOMARY_SYSTEM

from custom_components.mould_watch.const import DOMAIN
from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import MockConfigEntry, Setup, room, room_id_of
from tests.support.waiting import until


def _device(hass: HomeAssistant, entry: MockConfigEntry) -> str:
    (device,) = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return device.id


async def _call(hass: HomeAssistant, service: str, *, answers: bool = True, **data: Any) -> Any:  # noqa: ANN401 - as actions have it
    return await hass.services.async_call(
        DOMAIN, service, data, blocking=True, return_response=answers
    )


async def test_a_cold_spot_is_recorded_and_its_factor_returned(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    answer = {"f_rsi": 0.62, "spread": 0.04, "readings": 3, "accepted": True}
    backend.answers["record_cold_spot"] = answer
    result = await _call(
        hass, "record_cold_spot", device_id=_device(hass, entry), surface_temperature=12.5
    )
    assert result == answer
    (asked,) = backend.of("record_cold_spot")
    assert asked["room_id"] == room_id_of(entry)
    assert asked["surface_temperature_c"] == 12.5
    assert asked["action_id"]


async def test_the_thermometer_shows_the_homes_unit(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    hass.config.units = US_CUSTOMARY_SYSTEM
    entry = await setup(room())
    backend.answers["record_cold_spot"] = {}
    await _call(hass, "record_cold_spot", device_id=_device(hass, entry), surface_temperature=50)
    assert backend.of("record_cold_spot")[0]["surface_temperature_c"] == 10.0


@pytest.mark.parametrize(
    ("reason", "key"),
    [
        ("difference_too_small", "cold_spot_difference_too_small"),
        ("factor_out_of_range", "cold_spot_factor_out_of_range"),
        ("in_the_future", "cold_spot_in_the_future"),
        ("no_outdoor_temperature", "cold_spot_no_outdoor_temperature"),
        ("no_room_temperature", "cold_spot_no_room_temperature"),
    ],
)
async def test_what_a_cold_spot_cannot_be_used_for_is_said_in_words(
    hass: HomeAssistant, *, backend: Backend, setup: Setup, reason: str, key: str
) -> None:
    entry = await setup(room())
    data = {"reason": reason, "difference_k": 6.25}
    backend.refusals["record_cold_spot"] = {
        "code": "cold_spot_refused",
        "message": "no",
        "data": data,
    }
    with pytest.raises(ServiceValidationError) as refused:
        await _call(
            hass, "record_cold_spot", device_id=_device(hass, entry), surface_temperature=12.5
        )
    assert refused.value.translation_key == key
    assert refused.value.translation_placeholders == {"difference": "6.2", "first": "?"}


async def test_before_the_first_reading_the_homes_time_of_that_is_said(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    await hass.config.async_set_time_zone("Europe/Berlin")
    entry = await setup(room())
    backend.refusals["record_cold_spot"] = {
        "code": "cold_spot_refused",
        "message": "no",
        "data": {"reason": "before_first_reading", "first_at": "2026-11-20T23:30:00+00:00"},
    }
    with pytest.raises(ServiceValidationError) as refused:
        await _call(
            hass,
            "record_cold_spot",
            device_id=_device(hass, entry),
            surface_temperature=12.5,
            at="2026-11-19 07:30:00",
        )
    assert refused.value.translation_key == "cold_spot_before_first_reading"
    assert str(refused.value).startswith("At that time the room was not watched yet")
    assert "2026-11-21 00:30" in str(refused.value)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        # as the form's date and time, which are the home's
        ("2026-01-15 07:30:00", "2026-01-15T06:30:00+00:00"),
        ("2026-01-15T07:30:00-05:00", "2026-01-15T12:30:00+00:00"),
    ],
)
async def test_a_cold_spot_may_have_been_measured_before(
    hass: HomeAssistant, *, backend: Backend, setup: Setup, given: str, sent: str
) -> None:
    await hass.config.async_set_time_zone("Europe/Berlin")
    entry = await setup(room())
    backend.answers["record_cold_spot"] = {}
    spot: dict[str, Any] = {"device_id": _device(hass, entry), "surface_temperature": 12.5}
    await _call(hass, "record_cold_spot", **spot, at=given, applies_from="now")
    await _call(hass, "record_cold_spot", **spot)
    measured, now = backend.of("record_cold_spot")
    assert (measured["at"], measured["applies_from"]) == (sent, "now")
    assert "at" not in now
    assert now["applies_from"] == "always"
    wrong: tuple[dict[str, Any], ...] = ({"at": "yesterday"}, {"applies_from": "tomorrow"})
    for one in wrong:
        with pytest.raises(probatio.Invalid):
            await _call(hass, "record_cold_spot", **spot, **one)
    assert len(backend.of("record_cold_spot")) == 2


@pytest.mark.parametrize("service", ["record_cold_spot", "start_episode"])
async def test_where_another_decides_an_action_says_so(
    hass: HomeAssistant, backend: Backend, setup: Setup, service: str
) -> None:
    entry = await setup(room())
    backend.refusals[service] = {"code": "other_owner", "message": "no", "data": {"owner": "x"}}
    more: dict[str, Any] = {"surface_temperature": 12.5} if service == "record_cold_spot" else {}
    with pytest.raises(ServiceValidationError) as refused:
        await _call(hass, service, device_id=_device(hass, entry), **more)
    assert refused.value.translation_key == "read_only"
    assert "Another Home Assistant" in str(refused.value)


async def test_the_button_is_there_for_who_decides(
    hass: HomeAssistant, backend: Backend, setup: Setup, owner: str
) -> None:
    entry = await setup(room())

    def button() -> str:
        state = hass.states.get("button.bathroom_i_cleaned_it")
        assert state is not None
        return state.state

    assert button() == "unknown"
    await backend.send({"type": "configuration", "owner": "another", "revision": 2})
    await until(lambda: button() == "unavailable")
    # what is only shown stays
    risk = hass.states.get("sensor.bathroom_dew_point")
    assert risk is not None
    assert risk.state != "unavailable"
    await backend.send({"type": "configuration", "owner": owner, "revision": 2})
    await until(lambda: button() == "unknown")
    assert not entry.runtime_data.configuration.reader


async def test_a_refusal_of_a_newer_backend_is_passed_on(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    backend.refusals["start_episode"] = {"code": "of_the_future", "message": "not on a Sunday"}
    with pytest.raises(HomeAssistantError) as refused:
        await _call(hass, "start_episode", device_id=_device(hass, entry))
    assert refused.value.translation_key == "backend_refused"
    assert refused.value.translation_placeholders == {"message": "not on a Sunday"}


async def test_a_new_episode_begins_by_the_action_and_by_the_button(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    answer = {"began_at": "2026-11-22T08:00:00+00:00", "peak_before": 1.2}
    backend.answers["start_episode"] = answer
    device_id = _device(hass, entry)
    assert await _call(hass, "start_episode", device_id=device_id, reason="renewed") == answer
    assert await _call(hass, "start_episode", answers=False, device_id=device_id) is None
    await hass.services.async_call(
        "button", "press", {"entity_id": "button.bathroom_i_cleaned_it"}, blocking=True
    )
    asked = backend.of("start_episode")
    assert [one["reason"] for one in asked] == ["renewed", "cleaned", "cleaned"]
    assert {one["room_id"] for one in asked} == {room_id_of(entry)}
    # each is an action of its own
    assert len({one["action_id"] for one in asked}) == 3


async def test_without_the_backend_an_action_says_so(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    await backend.stop()
    device_id = _device(hass, entry)
    with pytest.raises(HomeAssistantError) as failed:
        await _call(hass, "start_episode", device_id=device_id)
    assert failed.value.translation_key == "connection_lost"
    await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises(ServiceValidationError) as refused:
        await _call(hass, "start_episode", device_id=device_id)
    assert refused.value.translation_key == "entry_not_loaded"


async def test_a_device_that_is_no_room_is_refused(hass: HomeAssistant, setup: Setup) -> None:
    await setup(room())
    with pytest.raises(ServiceValidationError) as refused:
        await _call(hass, "start_episode", device_id="another")
    assert refused.value.translation_key == "not_a_room"
