"""What a room shows, and when it shows nothing."""

from collections.abc import Callable
from datetime import datetime

import pytest
from homeassistant.const import EntityCategory
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er

from custom_components.mould_watch.const import DOMAIN
from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import (
    MockConfigEntry,
    Setup,
    entity_room,
    room,
    room_id_of,
    set_sensor,
)
from tests.support.waiting import until

_OF_HOME_ASSISTANT = {
    "friendly_name",
    "device_class",
    "icon",
    "options",
    "state_class",
    "unit_of_measurement",
}


def _states(hass: HomeAssistant, room_name: str = "bathroom") -> dict[str, str]:
    prefix = f"{room_name}_"
    return {
        state.object_id.removeprefix(prefix): state.state
        for state in hass.states.async_all(("sensor", "binary_sensor"))
        if state.object_id.startswith(prefix)
    }


async def test_a_room_shows_its_condition(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    room_id = room_id_of(entry)
    await backend.tell_condition(room_id)
    await until(lambda: _states(hass)["mould_level"] == "warning")
    assert _states(hass) == {
        "watched_temperature": "21.5",
        "watched_humidity": "72.0",
        "dew_point": "16.2",
        "surface_temperature": "15.5",
        "surface_humidity": "93.0",
        "absolute_humidity": "13.5",
        "mould_index": "0.42",
        "mould_level": "warning",
        "reason": "surface_damp",
        "outlook": "growing",
        "days_to_first_growth": "20.0",
        "airing": "helps",
        "lowest_safe_temperature": "23.5",
        "highest_safe_humidity": "58.0",
        "data_coverage": "90.0",
        "mould_risk": "on",
        "other_trouble": "off",
    }
    for entity_id in ("sensor.bathroom_reason", "binary_sensor.bathroom_mould_risk"):
        why = hass.states.get(entity_id)
        assert why is not None
        assert why.attributes["damp_hours"] == 9.0
        assert why.attributes["warmer_k"] == 3.0
        assert (why.attributes["certainty"], why.attributes["at_most"]) == ("likely", "high")
        assert why.attributes["words"] == "The surface is at 12.1 °C and 84 % humidity."
        assert why.attributes["critical_humidity_pct"] == 80.0
    index = hass.states.get("sensor.bathroom_mould_index")
    assert index is not None
    assert (index.attributes["low"], index.attributes["high"]) == (0.1, 0.9)
    days = hass.states.get("sensor.bathroom_days_to_first_growth")
    assert days is not None
    assert (days.attributes["days_low"], days.attributes["days_high"]) == (14.0, 31.0)
    airing = hass.states.get("sensor.bathroom_airing")
    assert airing is not None
    assert airing.attributes["minutes"] == 10
    registry = er.async_get(hass)
    assert {e.unique_id for e in er.async_entries_for_config_entry(registry, entry.entry_id)} == {
        f"{room_id}_{key}"
        for key in (
            "temperature",
            "humidity",
            "dew_point",
            "surface_temperature",
            "surface_humidity",
            "absolute_humidity",
            "mould_index",
            "mould_level",
            "reason",
            "outlook",
            "days_to_first_growth",
            "airing",
            "lowest_safe_temperature",
            "highest_safe_humidity",
            "drying_half_time",
            "coverage",
            "mould_risk",
            "other_trouble",
            "cleaned",
        )
    }


@pytest.mark.parametrize(
    ("first_growth", "outlook", "days", "reason"),
    [
        (
            {"outlook": "not_expected", "reason": "too_dry", "days": None},
            "not_expected",
            "unknown",
            "too_dry",
        ),
        ({"outlook": "unknown", "reason": "learning"}, "unknown", "unknown", "learning"),
        (None, "unknown", "unknown", None),
    ],
)
async def test_never_and_not_known_are_told_apart(
    hass: HomeAssistant,
    *,
    backend: Backend,
    setup: Setup,
    first_growth: dict[str, object] | None,
    outlook: str,
    days: str,
    reason: str | None,
) -> None:
    entry = await setup(room())
    await backend.tell_condition(room_id_of(entry), first_growth=first_growth)
    await until(lambda: _states(hass)["reason"] == "surface_damp")
    assert _states(hass)["outlook"] == outlook
    assert _states(hass)["days_to_first_growth"] == days
    state = hass.states.get("sensor.bathroom_outlook")
    assert state is not None
    assert state.attributes["reason"] == reason


async def test_a_room_that_still_learns_shows_its_surface_and_says_until_when(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    await backend.tell_condition(
        room_id_of(entry),
        reason="learning",
        level=None,
        at_risk=None,
        learning_until="2026-11-23T08:00:00+00:00",
        mould_index=None,
        first_growth={"outlook": "unknown", "reason": "learning"},
    )
    await until(lambda: _states(hass)["reason"] == "learning")
    assert _states(hass)["surface_humidity"] == "93.0"
    assert _states(hass)["mould_risk"] == "unknown"
    state = hass.states.get("sensor.bathroom_reason")
    assert state is not None
    assert state.attributes["learning_until"] == "2026-11-23T08:00:00+00:00"


async def test_the_numbers_are_not_recorded(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    await backend.tell_condition(room_id_of(entry))
    await until(lambda: _states(hass)["reason"] == "surface_damp")
    for state in hass.states.async_all(("sensor", "binary_sensor")):
        assert state.state_info is not None
        shown = {key for key in state.attributes if key not in _OF_HOME_ASSISTANT}
        assert shown <= state.state_info["unrecorded_attributes"], state.entity_id


async def test_categories_and_classes(hass: HomeAssistant, setup: Setup) -> None:
    await setup(room())
    registry = er.async_get(hass)
    diagnostic = {
        entity.entity_id
        for entity in registry.entities.values()
        if entity.entity_category is EntityCategory.DIAGNOSTIC
    }
    assert diagnostic == {
        "sensor.bathroom_watched_temperature",
        "sensor.bathroom_watched_humidity",
        "sensor.bathroom_drying_half_time",
        "sensor.bathroom_data_coverage",
    }
    assert registry.entities["sensor.bathroom_drying_half_time"].disabled_by is not None
    classes = {
        "sensor.bathroom_surface_humidity": "humidity",
        "sensor.bathroom_absolute_humidity": "absolute_humidity",
        # a limit is no air of the room
        "sensor.bathroom_highest_safe_humidity": None,
        "sensor.bathroom_mould_level": "enum",
        "sensor.bathroom_reason": "enum",
        "binary_sensor.bathroom_mould_risk": "problem",
    }
    assert {key: registry.entities[key].original_device_class for key in classes} == classes


@pytest.mark.parametrize(("at_risk", "shown"), [(True, "on"), (False, "off"), (None, "unknown")])
async def test_without_data_the_risk_is_on_or_unknown_and_never_off(
    hass: HomeAssistant, *, backend: Backend, setup: Setup, at_risk: bool | None, shown: str
) -> None:
    entry = await setup(room())
    await backend.tell_condition(
        room_id_of(entry),
        at_risk=at_risk,
        level=None,
        reason="no_data",
        temperature=None,
        humidity=None,
        dew_point_c=None,
        surface=None,
        absolute_humidity_g_m3=None,
        mould_index=None,
        first_growth=None,
        coverage=None,
        mould_evidence=None,
        airing=None,
        lowest_safe_temperature_c=None,
        highest_safe_humidity_pct=None,
        incident=None,
    )
    await until(lambda: _states(hass)["reason"] == "no_data")
    states = _states(hass)
    assert states.pop("mould_risk") == shown
    assert states.pop("reason") == "no_data"
    assert set(states.values()) == {"unknown"}


async def test_a_word_of_a_newer_backend_is_unknown(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    await backend.tell_condition(room_id_of(entry), level="apocalypse", reason="of_the_future")
    await until(lambda: _states(hass)["mould_risk"] == "on")
    assert _states(hass)["mould_level"] == "unknown"
    assert _states(hass)["reason"] == "unknown"


async def test_a_room_gone_from_the_backend_is_unavailable(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room(), room("Bedroom"))
    await backend.send({"type": "room_removed", "room_id": room_id_of(entry)})
    await until(lambda: set(_states(hass).values()) == {"unavailable"})
    assert set(_states(hass, "bedroom").values()) == {"unknown"}


async def test_rooms_are_added_and_removed_while_it_runs(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry = await setup(room())
    from homeassistant.config_entries import ConfigSubentry  # noqa: PLC0415

    added = room("Bedroom")
    subentry = ConfigSubentry(
        data=added["data"],  # type: ignore[arg-type]
        subentry_type="room",
        title="Bedroom",
        unique_id=added["unique_id"],
    )
    hass.config_entries.async_add_subentry(entry, subentry)
    await until(lambda: set(_states(hass, "bedroom").values()) == {"unknown"})
    registry = er.async_get(hass)
    risk = registry.async_get("binary_sensor.bedroom_mould_risk")
    assert risk is not None
    assert risk.config_subentry_id == subentry.subentry_id
    hass.config_entries.async_remove_subentry(entry, subentry.subentry_id)
    await until(lambda: not _states(hass, "bedroom"))
    await until(lambda: len((backend.document or {})["rooms"]) == 1)
    assert backend.connections == 1


@pytest.fixture
async def two_rooms(hass: HomeAssistant, backend: Backend, setup: Setup) -> MockConfigEntry:
    """Set up a bathroom and a bedroom that show their conditions."""
    entry = await setup(room(), room("Bedroom"))
    for title in ("Bathroom", "Bedroom"):
        await backend.tell_condition(room_id_of(entry, title))
    await until(lambda: _states(hass, "bedroom")["mould_risk"] == "on")
    await hass.async_block_till_done()
    return entry


async def test_renaming_a_room_changes_no_other_entity(
    hass: HomeAssistant, backend: Backend, two_rooms: MockConfigEntry
) -> None:
    entry = two_rooms
    changed: list[Event[EventStateChangedData]] = []

    @callback
    def take(event: Event[EventStateChangedData]) -> None:
        changed.append(event)

    hass.bus.async_listen("state_changed", take)
    subentry = next(s for s in entry.subentries.values() if s.title == "Bathroom")
    room_id = subentry.unique_id
    hass.config_entries.async_update_subentry(entry, subentry, title="Bath")
    await until(
        lambda: any(r["name"] == "Bath" for r in (backend.document or {"rooms": []})["rooms"])
    )
    await until(lambda: entry.runtime_data.coordinator.data.rooms[room_id].name == "Bath")
    await hass.async_block_till_done()
    assert {event.data["entity_id"].split(".")[1].split("_")[0] for event in changed} == {
        "bathroom"
    }
    assert all(
        event.data["old_state"] is not None
        and event.data["new_state"] is not None
        and event.data["old_state"].state == event.data["new_state"].state
        for event in changed
    )
    device = next(
        d
        for d in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
        if (DOMAIN, room_id) in d.identifiers
    )
    assert device.name == "Bath"
    renamed = hass.states.get("binary_sensor.bathroom_mould_risk")
    assert renamed is not None
    assert renamed.name == "Bath Mould risk"


async def test_news_of_one_room_writes_no_entity_of_another(
    hass: HomeAssistant, backend: Backend, two_rooms: MockConfigEntry
) -> None:
    def reported() -> dict[str, datetime]:
        return {
            s.entity_id: s.last_reported
            for s in hass.states.async_all()
            if "bedroom" in s.entity_id
        }

    before = reported()
    assert len(before) == 18
    await backend.tell_condition(room_id_of(two_rooms), dew_point_c=3.0)
    await until(lambda: _states(hass, "bathroom")["dew_point"] == "3.0")
    assert reported() == before


async def test_a_rooms_device_says_what_it_is(hass: HomeAssistant, setup: Setup) -> None:
    entry = await setup(room())
    (device,) = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    assert device.identifiers == {(DOMAIN, room_id_of(entry))}
    assert (device.name, device.model, device.manufacturer) == (
        "Bathroom",
        "Watched room",
        "Mould Watch",
    )
    assert device.entry_type is dr.DeviceEntryType.SERVICE


async def test_a_room_named_like_an_area_is_put_there(hass: HomeAssistant, setup: Setup) -> None:
    area = ar.async_get(hass).async_create("Bathroom")
    entry = await setup(room(), room("Bedroom"))
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    assert {device.name: device.area_id for device in devices} == {
        "Bathroom": area.id,
        "Bedroom": None,
    }
    # and its entities are not named twice after it
    assert hass.states.get("sensor.bathroom_dew_point") is not None
    # where the user moves it, it stays
    (device,) = [device for device in devices if device.area_id]
    dr.async_get(hass).async_update_device(device.id, area_id=None)
    await hass.config_entries.async_reload(entry.entry_id)
    assert {
        d.area_id for d in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    } == {None}


async def test_a_watched_entity_is_shown_as_found_before_it_reports(
    hass: HomeAssistant,
    backend: Backend,
    setup: Setup,
    register_sensor: Callable[..., er.RegistryEntry],
) -> None:
    temperature = register_sensor("hall_temperature", "temperature", "68", "°F")
    humidity = register_sensor("hall_humidity", "humidity", "50", "%")
    entry = await setup(entity_room(temperature, humidity))
    assert _states(hass)["watched_temperature"] == "20.0"
    assert _states(hass)["watched_humidity"] == "50.0"
    assert backend.readings() == []
    set_sensor(hass, temperature.entity_id, "22", "°C")
    await until(lambda: _states(hass)["watched_temperature"] == "22.0")
    set_sensor(hass, temperature.entity_id, "unavailable", "°C")
    await until(lambda: _states(hass)["watched_temperature"] == "unknown")
    # what the backend counted last is no present value of a sensor that is silent
    await backend.tell_condition(room_id_of(entry))
    await until(lambda: _states(hass)["dew_point"] == "16.2")
    assert _states(hass)["watched_temperature"] == "unknown"


async def test_whatever_else_is_the_matter_with_a_room_is_shown(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    """What is only information is told to no phone: here it can be seen."""
    entry = await setup(room())

    def incident(rule_id: str, state: str = "open") -> dict[str, str]:
        return {"incident_id": rule_id, "rule_id": rule_id, "state": state, "level": "watch"}

    async def shown(expected: str, what: list[str], **condition: object) -> None:
        await backend.tell_condition(room_id_of(entry), **condition)
        await until(lambda: _states(hass).get("other_trouble") == expected)
        state = hass.states.get("binary_sensor.bathroom_other_trouble")
        assert state is not None
        assert state.attributes["what"] == what

    mould = incident("mould_level")
    await shown("off", [], incidents=[mould, incident("condensation", "verifying")])
    limits = [incident("threshold:1"), incident("threshold:2", "recovering")]
    await shown(
        "on", ["condensation", "threshold"], incidents=[mould, incident("condensation"), *limits]
    )
    await shown("unknown", [], incidents=[], reason="no_data")
    await shown("on", ["no_data"], incidents=[incident("no_data")], reason="no_data")
