"""The dead man's switch: told once when nobody watches for 15 minutes, and taken back."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from homeassistant.components import persistent_notification
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import (  # type: ignore[import-untyped]
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.mould_watch import phones
from custom_components.mould_watch.dead_man import dead_man_store
from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import Phone, RecordCalls, RegisterPhone, Setup, room
from tests.support.waiting import until

# the wall clock goes on, too
ALMOST = timedelta(minutes=14)
PATIENCE = timedelta(minutes=15, seconds=1)


@pytest.fixture
async def phone(mobile_app: RegisterPhone) -> Phone:
    return await mobile_app()


class House:
    """An entry with a phone, a backend, and time that a test lets pass."""

    def __init__(self, hass: HomeAssistant, entry: MockConfigEntry, backend: Backend) -> None:
        self.hass = hass
        self.entry = entry
        self.backend = backend
        self._passed = timedelta()

    async def passes(self, delta: timedelta) -> None:
        """Let time pass."""
        self._passed += delta
        async_fire_time_changed(self.hass, dt_util.utcnow() + self._passed)
        await self.settles()

    async def settles(self) -> None:
        await self.hass.async_block_till_done(wait_background_tasks=False)
        switch = self.entry.runtime_data.dead_man
        async with asyncio.timeout(10), switch._lock:
            return

    def counts_anew(self) -> None:
        """Let time pass from now: a timer begun now is not as far as one begun before."""
        self._passed = timedelta()

    async def loses_backend(self) -> None:
        self.counts_anew()
        await self.backend.stop()
        await until(lambda: not self.entry.runtime_data.coordinator.last_update_success)
        await self.settles()

    async def gets_it_back(self) -> None:
        await self.backend.start()
        await until(lambda: self.entry.runtime_data.dead_man._is_well)
        await self.settles()

    async def told(self) -> dict[str, str]:
        await self.settles()
        stored = await dead_man_store(self.hass, self.entry.entry_id).async_load()
        return dict(stored["told"]) if stored else {}

    @property
    def tag(self) -> str:
        return f"mould_watch_backend_{self.entry.entry_id}"


@pytest.fixture
async def house(hass: HomeAssistant, backend: Backend, setup: Setup, phone: Phone) -> House:
    entry = await setup(room(), options={"phones": [phone.device_id]})
    return House(hass, entry, backend)


async def test_an_absent_backend_is_told_once_and_taken_back(
    house: House, phone: Phone, record_calls: RecordCalls
) -> None:
    calls = record_calls(phone.action)
    await house.loses_backend()
    await house.passes(ALMOST)
    assert calls == []
    await house.passes(PATIENCE - ALMOST)
    await until(lambda: len(calls) == 1)
    data = calls[0].data
    assert data["title"] == "Nobody watches for mould"
    assert "has not reached Mould Watch for 15 minutes" in data["message"]
    assert data["data"]["tag"] == house.tag
    assert data["data"]["channel"] == "Mould Watch: warning"
    assert data["data"]["alert_once"] is False
    assert await house.told() == {phone.device_id: "told"}
    for _ in range(3):
        await house.passes(timedelta(hours=1))
    assert len(calls) == 1
    await house.gets_it_back()
    await until(lambda: len(calls) == 2)
    assert calls[1].data["message"] == "clear_notification"
    assert calls[1].data["data"] == {"tag": house.tag}
    assert await house.told() == {}
    # and again, when it goes again
    await house.loses_backend()
    await house.passes(PATIENCE)
    await until(lambda: len(calls) == 3)


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("de", "Niemand achtet auf Schimmel"),
        ("fr", "Personne ne surveille la moisissure"),
        # not spoken yet
        ("sv", "Nobody watches for mould"),
    ],
)
async def test_it_is_told_in_the_language_of_the_home(
    hass: HomeAssistant,
    *,
    house: House,
    phone: Phone,
    record_calls: RecordCalls,
    language: str,
    title: str,
) -> None:
    hass.config.language = language
    calls = record_calls(phone.action)
    await house.loses_backend()
    await house.passes(PATIENCE)
    await until(lambda: len(calls) == 1)
    assert calls[0].data["title"] == title


async def test_a_short_absence_is_none_of_anybodys_business(
    house: House, phone: Phone, record_calls: RecordCalls
) -> None:
    calls = record_calls(phone.action)
    await house.loses_backend()
    await house.passes(ALMOST)
    await house.gets_it_back()
    await house.passes(PATIENCE)
    await house.loses_backend()
    await house.passes(ALMOST)
    assert calls == []


async def test_a_backend_without_its_database_is_told_as_well(
    house: House, phone: Phone, record_calls: RecordCalls
) -> None:
    calls = record_calls(phone.action)
    away = {"database": "away", "broker": "ready", "dead_letters": 0, "detail": None}
    await house.backend.send({"type": "health", "health": away})
    await until(lambda: not house.entry.runtime_data.dead_man._is_well)
    await house.settles()
    await house.passes(PATIENCE)
    await until(lambda: len(calls) == 1)
    assert "without its database" in calls[0].data["message"]
    await house.backend.send({"type": "health", "health": away | {"database": "ready"}})
    await until(lambda: len(calls) == 2)
    assert calls[1].data["message"] == "clear_notification"


async def test_without_a_phone_it_is_shown_inside_home_assistant(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    house = House(hass, await setup(room()), backend)
    await house.loses_backend()
    await house.passes(PATIENCE)
    await until(lambda: house.tag in _persistent(hass))
    await house.gets_it_back()
    await until(lambda: house.tag not in _persistent(hass))


async def test_what_was_told_survives_a_restart_and_is_not_told_again(
    hass: HomeAssistant, house: House, phone: Phone, record_calls: RecordCalls
) -> None:
    calls = record_calls(phone.action)
    await house.loses_backend()
    await house.passes(PATIENCE)
    await until(lambda: len(calls) == 1)
    await house.settles()
    await hass.config_entries.async_reload(house.entry.entry_id)
    await house.passes(PATIENCE)
    assert len(calls) == 1
    await house.gets_it_back()
    await until(lambda: len(calls) == 2)
    assert calls[1].data["message"] == "clear_notification"


async def test_an_absence_goes_on_through_a_restart_and_nothing_is_told_during_a_start(
    hass: HomeAssistant,
    *,
    house: House,
    phone: Phone,
    record_calls: RecordCalls,
    hass_storage: dict[str, Any],
) -> None:
    calls = record_calls(phone.action)
    await house.loses_backend()
    await hass.config_entries.async_unload(house.entry.entry_id)
    stored = hass_storage[f"mould_watch.dead_man.{house.entry.entry_id}"]["data"]
    stored["since"] = (dt_util.utcnow() - timedelta(hours=1)).isoformat()
    hass.set_state(CoreState.starting)
    await hass.config_entries.async_setup(house.entry.entry_id)
    await house.passes(PATIENCE)
    assert calls == []
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done()
    house.counts_anew()
    # time for the connection, then at once: nobody has watched for long
    await house.passes(timedelta(minutes=1))
    assert calls == []
    await house.passes(timedelta(seconds=65))
    await until(lambda: len(calls) == 1)


async def test_a_push_that_may_have_arrived_is_repeated_silently(
    hass: HomeAssistant,
    *,
    house: House,
    phone: Phone,
    record_calls: RecordCalls,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(phones, "CALL_TIMEOUT_S", 0.05)
    begun: list[ServiceCall] = []

    async def hang(call: ServiceCall) -> None:
        begun.append(call)
        await asyncio.Event().wait()

    hass.services.async_register("notify", phone.action, hang)
    await house.loses_backend()
    await house.passes(PATIENCE)
    await until(lambda: len(begun) == 1)
    assert await house.told() == {phone.device_id: "sending"}
    calls = record_calls(phone.action)
    await house.passes(timedelta(minutes=5, seconds=1))
    await until(lambda: len(calls) == 1)
    assert calls[0].data["data"]["alert_once"] is True
    assert calls[0].data["data"]["push"] == {"interruption-level": "passive"}


async def test_a_phone_that_cannot_be_told_is_tried_again(
    hass: HomeAssistant, house: House, phone: Phone, record_calls: RecordCalls
) -> None:
    failed: list[ServiceCall] = []

    async def fail(call: ServiceCall) -> None:
        failed.append(call)
        raise HomeAssistantError("no")

    hass.services.async_register("notify", phone.action, fail)
    await house.loses_backend()
    await house.passes(PATIENCE)
    await until(lambda: len(failed) == 1)
    assert await house.told() == {}
    calls = record_calls(phone.action)
    await house.passes(timedelta(minutes=5, seconds=1))
    await until(lambda: len(calls) == 1)
    assert calls[0].data["data"]["alert_once"] is False
    # and what cannot be taken back now is taken back later
    hass.services.async_register("notify", phone.action, fail)
    await house.gets_it_back()
    await until(lambda: len(failed) == 2)
    assert await house.told() == {phone.device_id: "told"}
    calls = record_calls(phone.action)
    await house.passes(timedelta(minutes=5, seconds=1))
    await until(lambda: len(calls) == 1)
    assert calls[0].data["message"] == "clear_notification"


async def test_a_phone_without_an_action_is_told_by_its_entity(
    house: House, mobile_app: RegisterPhone, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[dict[str, Any]] = []

    async def call(_phone: phones.Phone, action: str, payload: dict[str, Any]) -> None:
        assert action == "send_message"
        said.append(payload)

    # another phone of its name takes its action away
    await mobile_app(phone.entry.data["device_name"])
    monkeypatch.setattr(phones.Phone, "_call", call)
    await house.loses_backend()
    await house.passes(PATIENCE)
    await until(lambda: len(said) == 1)
    assert said[0]["title"] == "Nobody watches for mould"
    await house.gets_it_back()
    await house.settles()
    assert await house.told() == {}


async def test_a_silent_phone_is_tried_again_and_without_any_left_home_assistant_shows_it(
    hass: HomeAssistant, house: House, phone: Phone, caplog: pytest.LogCaptureFixture
) -> None:
    await hass.config_entries.async_unload(phone.entry.entry_id)
    await house.loses_backend()
    await house.passes(PATIENCE)
    await until(lambda: "cannot be told" in caplog.text)
    await hass.config_entries.async_remove(phone.entry.entry_id)
    await house.passes(timedelta(minutes=5, seconds=1))
    assert await house.told() == {"persistent": "told"}
    assert _persistent(hass)[house.tag]["title"] == "Nobody watches for mould"
    await house.gets_it_back()
    await house.settles()
    assert (await house.told(), _persistent(hass)) == ({}, {})


def _persistent(hass: HomeAssistant) -> dict[str, Any]:
    return dict(persistent_notification._async_get_or_create_notifications(hass))
