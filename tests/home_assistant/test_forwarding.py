"""What of Home Assistant's own entities becomes a reading, rule by rule."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from custom_components.mould_watch import forwarding
from custom_components.mould_watch.const import DOMAIN
from custom_components.mould_watch.forwarding import WaitingReadings
from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import (
    MockConfigEntry,
    RegisterSensor,
    Setup,
    entity_room,
    room_id_of,
    set_sensor,
)
from tests.home_assistant.messages import Message
from tests.support.waiting import until


@pytest.fixture
def temperature(register_sensor: RegisterSensor) -> er.RegistryEntry:
    return register_sensor("hall_temperature", "temperature", "20", "°C")


@pytest.fixture
def humidity(register_sensor: RegisterSensor) -> er.RegistryEntry:
    return register_sensor("hall_humidity", "humidity", "50", "%")


@pytest.fixture
async def entry(
    setup: Setup, temperature: er.RegistryEntry, humidity: er.RegistryEntry
) -> MockConfigEntry:
    """Set up a room that takes both values from Home Assistant."""
    return await setup(entity_room(temperature, humidity))


def _available(backend: Backend) -> dict[str, bool]:
    return {
        entity["entity_id"]: entity["available"]
        for message in backend.of("availability")
        for entity in message["entities"]
    }


@pytest.mark.usefixtures("entry")
async def test_a_change_becomes_a_reading_with_the_time_of_the_report(
    hass: HomeAssistant, backend: Backend, temperature: er.RegistryEntry
) -> None:
    set_sensor(hass, temperature.entity_id, "21.5", "°C")
    state = hass.states.get(temperature.entity_id)
    assert state is not None
    await until(lambda: len(backend.readings()) == 1)
    assert backend.readings() == [
        {
            "registry_id": temperature.id,
            "entity_id": temperature.entity_id,
            "name": state.name,
            "ts": state.last_reported.isoformat(),
            "metrics": {"temperature_c": 21.5},
        }
    ]


@pytest.mark.usefixtures("entry")
async def test_a_repeated_report_is_a_reading_too(
    hass: HomeAssistant, backend: Backend, humidity: er.RegistryEntry
) -> None:
    for _ in range(3):
        set_sensor(hass, humidity.entity_id, "61", "%", "humidity")
    await until(lambda: len(backend.readings()) == 3)
    assert [reading["metrics"] for reading in backend.readings()] == [{"humidity_pct": 61.0}] * 3
    assert len({reading["ts"] for reading in backend.readings()}) == 3


async def test_nothing_before_home_assistant_has_started(
    hass: HomeAssistant,
    backend: Backend,
    setup: Setup,
    temperature: er.RegistryEntry,
    humidity: er.RegistryEntry,
) -> None:
    hass.set_state(CoreState.starting)
    await setup(entity_room(temperature, humidity))
    set_sensor(hass, temperature.entity_id, "3", "°C")
    await hass.async_block_till_done()
    assert backend.of("availability") == []
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await until(lambda: len(_available(backend)) == 2)
    set_sensor(hass, temperature.entity_id, "4", "°C")
    await until(lambda: len(backend.readings()) == 1)
    assert backend.readings()[0]["metrics"] == {"temperature_c": 4.0}


async def test_the_state_found_is_availability_and_no_reading(
    backend: Backend,
    setup: Setup,
    temperature: er.RegistryEntry,
    register_sensor: RegisterSensor,
) -> None:
    silent = register_sensor("hall_humidity", "humidity", None, "%")
    await setup(entity_room(temperature, silent))
    await until(
        lambda: _available(backend) == {temperature.entity_id: True, silent.entity_id: False}
    )
    metrics = {
        entity["registry_id"]: entity["metrics"]
        for message in backend.of("availability")
        for entity in message["entities"]
    }
    assert metrics == {temperature.id: ["temperature_c"], silent.id: ["humidity_pct"]}
    assert backend.readings() == []


@pytest.mark.usefixtures("entry")
@pytest.mark.parametrize("state", ["unknown", "unavailable", "", "warm", "nan", "inf"])
async def test_what_is_no_number_is_availability(
    hass: HomeAssistant, *, backend: Backend, temperature: er.RegistryEntry, state: str
) -> None:
    await until(lambda: _available(backend).get(temperature.entity_id) is True)
    set_sensor(hass, temperature.entity_id, state, "°C")
    await until(lambda: _available(backend)[temperature.entity_id] is False)
    set_sensor(hass, temperature.entity_id, "20", "°C")
    await until(lambda: _available(backend)[temperature.entity_id] is True)
    await until(lambda: len(backend.readings()) == 1)


@pytest.mark.usefixtures("entry")
@pytest.mark.parametrize(
    ("state", "unit", "value_c"),
    [("68", "°F", 20.0), ("293.15", "K", 20.0), ("20", "°C", 20.0)],
)
async def test_units_are_converted_event_by_event(
    hass: HomeAssistant,
    *,
    backend: Backend,
    temperature: er.RegistryEntry,
    state: str,
    unit: str,
    value_c: float,
) -> None:
    set_sensor(hass, temperature.entity_id, "10", "°C")
    set_sensor(hass, temperature.entity_id, state, unit)
    await until(lambda: len(backend.readings()) == 2)
    assert [reading["metrics"]["temperature_c"] for reading in backend.readings()] == [
        10.0,
        value_c,
    ]


@pytest.mark.usefixtures("entry")
async def test_a_wrong_unit_is_never_guessed(
    hass: HomeAssistant, backend: Backend, temperature: er.RegistryEntry, humidity: er.RegistryEntry
) -> None:
    set_sensor(hass, temperature.entity_id, "20", "hPa")
    set_sensor(hass, humidity.entity_id, "0.5", "g/m³", "humidity")
    await until(
        lambda: _available(backend) == {temperature.entity_id: False, humidity.entity_id: False}
    )
    assert backend.readings() == []


async def test_a_weather_entity_carries_both_metrics_in_its_own_unit(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    weather = er.async_get(hass).async_get_or_create("weather", "test", "home")
    await setup(
        options={
            "outdoor": {
                "kind": "weather",
                "weather": {"kind": "entity", "registry_id": weather.id},
            }
        }
    )
    attributes: dict[str, Any] = {"temperature": 41, "temperature_unit": "°F", "humidity": 80}
    hass.states.async_set(weather.entity_id, "cloudy", attributes)
    await until(lambda: len(backend.readings()) == 1)
    assert backend.readings()[0]["metrics"] == {"temperature_c": 5.0, "humidity_pct": 80.0}
    # a change of attributes alone is news too
    hass.states.async_set(
        weather.entity_id, "cloudy", {"temperature": 6, "temperature_unit": "°C", "humidity": True}
    )
    await until(lambda: len(backend.readings()) == 2)
    assert backend.readings()[1]["metrics"] == {"temperature_c": 6.0}


@pytest.mark.usefixtures("entry")
async def test_the_identity_survives_a_rename(
    hass: HomeAssistant, backend: Backend, temperature: er.RegistryEntry
) -> None:
    hass.states.async_remove(temperature.entity_id)
    er.async_get(hass).async_update_entity(temperature.entity_id, new_entity_id="sensor.renamed")
    await hass.async_block_till_done()
    set_sensor(hass, "sensor.renamed", "19", "°C")
    await until(lambda: len(backend.readings()) == 1)
    assert backend.readings()[0]["registry_id"] == temperature.id
    assert backend.readings()[0]["entity_id"] == "sensor.renamed"


async def test_a_removed_entity_is_unavailable_and_a_repair_says_which_room(
    hass: HomeAssistant, backend: Backend, entry: MockConfigEntry, temperature: er.RegistryEntry
) -> None:
    await until(lambda: len(_available(backend)) == 2)
    er.async_get(hass).async_remove(temperature.entity_id)
    await hass.async_block_till_done()
    issue_id = f"source_missing.{entry.entry_id}.{room_id_of(entry)}"
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is not None
    await until(lambda: _available(backend).get(temperature.id) is False)


async def test_an_entity_that_is_added_again_is_followed_again(
    hass: HomeAssistant, backend: Backend, entry: MockConfigEntry, temperature: er.RegistryEntry
) -> None:
    registry = er.async_get(hass)
    registry.async_remove(temperature.entity_id)
    await hass.async_block_till_done()
    issue_id = f"source_missing.{entry.entry_id}.{room_id_of(entry)}"
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is not None
    again = registry.async_get_or_create("sensor", "test", temperature.unique_id)
    assert again.id == temperature.id
    await hass.async_block_till_done()
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is None
    set_sensor(hass, again.entity_id, "21", "°C")
    await until(lambda: len(backend.readings()) == 1)


@pytest.mark.usefixtures("entry")
async def test_the_comings_and_goings_of_other_entities_cost_nothing(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[object] = []
    monkeypatch.setattr(forwarding.Forwarder, "_subscribe", looked.append)
    registry = er.async_get(hass)
    stranger = registry.async_get_or_create("light", "test", "stranger")
    registry.async_update_entity(stranger.entity_id, new_entity_id="light.renamed")
    registry.async_remove("light.renamed")
    await hass.async_block_till_done()
    assert looked == []


async def test_lost_outdoor_air_is_a_repair_until_it_is_chosen_anew(
    hass: HomeAssistant, setup: Setup, temperature: er.RegistryEntry, humidity: er.RegistryEntry
) -> None:
    outdoor = {
        "kind": "measured",
        "temperature": {"kind": "entity", "registry_id": temperature.id},
        "humidity": {"kind": "entity", "registry_id": humidity.id},
    }
    entry = await setup(options={"outdoor": outdoor})
    issue_id = f"outdoor_missing.{entry.entry_id}"
    issues = ir.async_get(hass)
    assert issues.async_get_issue(DOMAIN, issue_id) is None
    er.async_get(hass).async_remove(humidity.entity_id)
    await hass.async_block_till_done()
    assert issues.async_get_issue(DOMAIN, issue_id) is not None
    fixed = {"kind": "fixed", "temperature_c": 0.0, "humidity_pct": 85}
    hass.config_entries.async_update_entry(entry, options={"outdoor": fixed})
    await until(lambda: issues.async_get_issue(DOMAIN, issue_id) is None)


async def test_what_no_room_names_any_more_is_followed_no_more(
    hass: HomeAssistant, backend: Backend, entry: MockConfigEntry, temperature: er.RegistryEntry
) -> None:
    (subentry,) = entry.subentries.values()
    hass.config_entries.async_remove_subentry(entry, subentry.subentry_id)
    await hass.async_block_till_done()
    set_sensor(hass, temperature.entity_id, "21", "°C")
    await hass.async_block_till_done()
    assert entry.runtime_data.forwarder.diagnostics()["followed"] == 0
    assert backend.readings() == []


async def test_unanswered_readings_survive_the_connection_in_order(
    hass: HomeAssistant, backend: Backend, entry: MockConfigEntry, temperature: er.RegistryEntry
) -> None:
    await backend.stop()
    await until(lambda: not entry.runtime_data.coordinator.last_update_success)
    for degrees in range(5):
        set_sensor(hass, temperature.entity_id, str(degrees), "°C")
    await hass.async_block_till_done()
    assert len(entry.runtime_data.forwarder.waiting) == 5
    await backend.start()
    await until(lambda: len(backend.readings()) == 5)
    assert [r["metrics"]["temperature_c"] for r in backend.readings()] == [0, 1, 2, 3, 4]
    await until(lambda: len(entry.runtime_data.forwarder.waiting) == 0)
    # and who is there is told anew
    assert len(backend.of("availability")) >= 2


async def test_a_refusal_for_now_keeps_the_readings(
    hass: HomeAssistant,
    *,
    backend: Backend,
    setup: Setup,
    temperature: er.RegistryEntry,
    humidity: er.RegistryEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forwarding, "RETRY_INITIAL_S", 0.05)
    entry = await setup(entity_room(temperature, humidity))
    backend.refusals["readings"] = {"code": "database_unavailable", "message": "away"}
    set_sensor(hass, temperature.entity_id, "21", "°C")
    await until(lambda: len(backend.of("readings")) >= 2)
    assert len(entry.runtime_data.forwarder.waiting) == 1
    del backend.refusals["readings"]
    await until(lambda: len(entry.runtime_data.forwarder.waiting) == 0)


async def test_a_rejected_reading_is_never_sent_again(
    hass: HomeAssistant,
    *,
    backend: Backend,
    entry: MockConfigEntry,
    temperature: er.RegistryEntry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:

    def reject(message: Message) -> Message:
        rejected = {"status": "rejected", "code": "temperature_out_of_range", "message": "hot"}
        return {"results": [rejected for _ in message["readings"]]}

    monkeypatch.setattr(backend, "_on_readings", reject)
    set_sensor(hass, temperature.entity_id, "900", "°C")
    await until(lambda: entry.runtime_data.forwarder.waiting.rejected == 1)
    assert len(entry.runtime_data.forwarder.waiting) == 0
    assert "temperature_out_of_range" in caplog.text
    # a sensor that is wrong every minute fills no log
    for number, degrees in enumerate(("901", "902"), start=2):
        set_sensor(hass, temperature.entity_id, degrees, "°C")
        await until(
            lambda number=number: entry.runtime_data.forwarder.waiting.rejected == number  # type: ignore[misc]
        )
    warnings = [
        record
        for record in caplog.records
        if record.levelno >= logging.WARNING and "temperature_out_of_range" in record.message
    ]
    assert len(warnings) == 1


async def test_one_poisonous_reading_does_not_hold_the_others(
    hass: HomeAssistant, backend: Backend, entry: MockConfigEntry, temperature: er.RegistryEntry
) -> None:
    backend.refusals["readings"] = {"code": "invalid_message", "message": "cannot read this"}
    set_sensor(hass, temperature.entity_id, "21", "°C")
    set_sensor(hass, temperature.entity_id, "22", "°C")
    await until(lambda: entry.runtime_data.forwarder.waiting.rejected == 2)
    del backend.refusals["readings"]
    set_sensor(hass, temperature.entity_id, "23", "°C")
    await until(lambda: bool(backend.readings()) and len(entry.runtime_data.forwarder.waiting) == 0)


def test_the_queue_is_bounded_in_number() -> None:
    waiting = WaitingReadings(maximum=3)
    for number in range(5):
        waiting.add(dt_util.utcnow(), {"number": number})
    assert [reading["number"] for reading in waiting.batch(10).values()] == [2, 3, 4]
    assert waiting.dropped == 2


def test_the_queue_is_bounded_in_time() -> None:
    waiting = WaitingReadings()
    waiting.add(dt_util.utcnow() - timedelta(hours=25), {"number": 0})
    waiting.add(dt_util.utcnow() - timedelta(hours=23), {"number": 1})
    assert [reading["number"] for reading in waiting.batch(10).values()] == [1]


def test_a_reading_stays_until_it_is_answered() -> None:
    waiting = WaitingReadings()
    waiting.add(dt_util.utcnow(), {"number": 0})
    (key,) = waiting.batch(10)
    assert len(waiting) == 1
    waiting.remove(key)
    assert len(waiting) == 0
