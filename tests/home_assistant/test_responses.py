"""Buttons pressed on phones, and receipts: each reaches the backend once, whatever is away."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from homeassistant.core import HomeAssistant, ServiceCall
from pytest_homeassistant_custom_component.common import (  # type: ignore[import-untyped]
    MockConfigEntry,
)

from custom_components.mould_watch import reports
from custom_components.mould_watch.responses import EVENT_ACTION, EVENT_RECEIVED, tomorrow
from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import Phone, RecordCalls, RegisterPhone, Setup, room, room_id_of
from tests.home_assistant.messages import Message, notification
from tests.support.waiting import until

BUTTONS = [{"action": "seen", "title": "Seen"}, {"action": "snooze", "title": "Tomorrow"}]
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
async def alarm(backend: Backend, setup: Setup, mobile_app: RegisterPhone) -> Alarm:
    """Return an alarm with buttons that a phone shows."""
    phone = await mobile_app()
    entry = await setup(room())
    await backend.wait_for("ready_to_deliver")
    return Alarm(backend, entry, phone, room_id_of(entry))


class Alarm:
    """What a phone shows, and what its companion app says of it."""

    def __init__(
        self, backend: Backend, entry: MockConfigEntry, phone: Phone, room_id: str
    ) -> None:
        self.backend = backend
        self.entry = entry
        self.phone = phone
        self.room_id = room_id

    async def shown(self, calls: list[ServiceCall], **values: object) -> Message:
        """Show one and return it as it was pushed."""
        message = notification(self.room_id, self.phone.device_id, **{"buttons": BUTTONS} | values)
        await self.backend.notify(message)
        return {**message, "pushed": calls[-1].data["data"]}

    def event(self, shown: Message) -> dict[str, Any]:
        """Return what Android says of it: what the push service passes on, and its webhook."""
        pushed = shown["pushed"]
        keys = {
            f"action_{number}_key": action["action"]
            for number, action in enumerate(pushed.get("actions", ()), 1)
        }
        return {
            "tag": pushed["tag"],
            "message": shown["body"],
            "webhook_id": self.phone.entry.data["webhook_id"],
            "device_id": self.phone.entry.data["device_id"],
            **keys,
        }


def fire(hass: HomeAssistant, event_type: str, data: dict[str, Any]) -> None:
    hass.bus.async_fire(event_type, data)


@pytest.mark.parametrize(("button", "action"), [(0, "seen"), (1, "snooze")])
async def test_a_press_comes_to_the_backend(
    hass: HomeAssistant, alarm: Alarm, record_calls: RecordCalls, *, button: int, action: str
) -> None:
    shown = await alarm.shown(record_calls(alarm.phone.action))
    fire(hass, EVENT_ACTION, {"action": shown["pushed"]["actions"][button]["action"]})
    pressed = await alarm.backend.wait_for("incident_action")
    assert pressed["incident_id"] == shown["incident_id"]
    assert pressed["notification_id"] == shown["notification_id"]
    assert pressed["action"] == action
    assert ("until" in pressed) == (action == "snooze")
    await until(lambda: alarm.entry.runtime_data.reports.waiting == 0)
    # pressed again, on another phone perhaps: another press
    fire(hass, EVENT_ACTION, {"action": shown["pushed"]["actions"][button]["action"]})
    await until(lambda: len(alarm.backend.of("incident_action")) == 2)
    first, second = alarm.backend.of("incident_action")
    assert first["action_id"] != second["action_id"]


@pytest.mark.parametrize("action", ["URI", "OTHER_1_2", "MOULD_WATCH_SING_1_2", None, 7])
async def test_other_buttons_are_none_of_ours(
    hass: HomeAssistant, alarm: Alarm, action: object
) -> None:
    fire(hass, EVENT_ACTION, {"action": action})
    await hass.async_block_till_done()
    assert alarm.entry.runtime_data.reports.waiting == 0
    assert alarm.backend.of("incident_action") == []


async def test_a_press_waits_for_the_backend_through_a_restart_of_home_assistant(
    hass: HomeAssistant, alarm: Alarm, record_calls: RecordCalls
) -> None:
    shown = await alarm.shown(record_calls(alarm.phone.action))
    await alarm.backend.stop()
    for button in (0, 1):
        fire(hass, EVENT_ACTION, {"action": shown["pushed"]["actions"][button]["action"]})
    await until(lambda: alarm.entry.runtime_data.reports.waiting == 2)
    await hass.async_block_till_done()
    await hass.config_entries.async_reload(alarm.entry.entry_id)
    assert alarm.entry.runtime_data.reports.waiting == 2
    await alarm.backend.start()
    await until(lambda: len(alarm.backend.of("incident_action")) == 2)
    assert [one["action"] for one in alarm.backend.of("incident_action")] == ["seen", "snooze"]
    await until(lambda: alarm.entry.runtime_data.reports.waiting == 0)


async def test_a_press_whose_answer_was_lost_is_sent_again_as_the_same_press(
    hass: HomeAssistant, alarm: Alarm, record_calls: RecordCalls
) -> None:
    shown = await alarm.shown(record_calls(alarm.phone.action))
    alarm.backend.silent = True
    fire(hass, EVENT_ACTION, {"action": shown["pushed"]["actions"][0]["action"]})
    await until(lambda: len(alarm.backend.of("incident_action")) == 1)
    alarm.backend.silent = False
    await alarm.backend.drop()
    await until(lambda: len(alarm.backend.of("incident_action")) == 2)
    first, second = alarm.backend.of("incident_action")
    assert first["action_id"] == second["action_id"]
    await until(lambda: alarm.entry.runtime_data.reports.waiting == 0)


async def test_a_backend_without_its_database_is_asked_again(
    hass: HomeAssistant, alarm: Alarm, record_calls: RecordCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "RETRY_S", 0.02)
    shown = await alarm.shown(record_calls(alarm.phone.action))
    alarm.backend.refusals["incident_action"] = {"code": "database_unavailable", "message": "no"}
    fire(hass, EVENT_ACTION, {"action": shown["pushed"]["actions"][0]["action"]})
    await until(lambda: len(alarm.backend.of("incident_action")) > 1)
    assert alarm.entry.runtime_data.reports.waiting == 1
    del alarm.backend.refusals["incident_action"]
    await until(lambda: alarm.entry.runtime_data.reports.waiting == 0)


async def test_a_refused_press_is_answered_and_blocks_no_other(
    hass: HomeAssistant,
    alarm: Alarm,
    record_calls: RecordCalls,
    caplog: pytest.LogCaptureFixture,
) -> None:
    shown = await alarm.shown(record_calls(alarm.phone.action))
    alarm.backend.refusals["incident_action"] = {"code": "invalid_until", "message": "too late"}
    fire(hass, EVENT_ACTION, {"action": shown["pushed"]["actions"][1]["action"]})
    fire(hass, EVENT_RECEIVED, alarm.event(shown))
    await alarm.backend.wait_for("notification_receipt")
    await until(lambda: alarm.entry.runtime_data.reports.waiting == 0)
    assert "too late" in caplog.text
    alarm.backend.refusals.clear()


async def test_what_waits_is_bounded_and_the_oldest_is_given_up(
    alarm: Alarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "REPORTS_MAXIMUM", 3)
    await alarm.backend.stop()
    waiting = alarm.entry.runtime_data.reports
    for number in range(5):
        await waiting.add("notification_receipt", notification_id=str(number))
    assert waiting.waiting == 3
    await alarm.backend.start()
    await until(lambda: len(alarm.backend.of("notification_receipt")) == 3)
    ids = [one["notification_id"] for one in alarm.backend.of("notification_receipt")]
    assert ids == ["2", "3", "4"]
    await until(lambda: waiting.waiting == 0)


async def test_a_receipt_is_known_by_the_buttons(
    hass: HomeAssistant, alarm: Alarm, record_calls: RecordCalls
) -> None:
    calls = record_calls(alarm.phone.action)
    first = await alarm.shown(calls)
    await alarm.shown(calls)
    fire(hass, EVENT_RECEIVED, alarm.event(first))
    receipt = await alarm.backend.wait_for("notification_receipt")
    assert receipt["notification_id"] == first["notification_id"]


async def test_what_was_confirmed_is_confirmed_again_to_a_backend_that_asks_for_it_again(
    hass: HomeAssistant, alarm: Alarm, record_calls: RecordCalls
) -> None:
    """Its database was restored from an earlier dump: the phone says it only once."""
    calls = record_calls(alarm.phone.action)
    shown = await alarm.shown(calls)
    fire(hass, EVENT_RECEIVED, alarm.event(shown))
    await alarm.backend.wait_for("notification_receipt")
    await until(lambda: alarm.entry.runtime_data.reports.waiting == 0)
    await hass.config_entries.async_reload(alarm.entry.entry_id)
    await until(lambda: len(alarm.backend.of("ready_to_deliver")) == 2)
    del shown["pushed"]
    assert (await alarm.backend.notify(shown))["outcome"] == "delivered"
    await until(lambda: len(alarm.backend.of("notification_receipt")) == 2)
    ids = {one["notification_id"] for one in alarm.backend.of("notification_receipt")}
    assert ids == {shown["notification_id"]}
    assert len(calls) == 1


async def test_a_receipt_that_comes_before_the_answer_of_the_push_is_kept_as_well(
    hass: HomeAssistant, alarm: Alarm
) -> None:
    sent = notification(alarm.room_id, alarm.phone.device_id, buttons=BUTTONS)

    async def push(call: ServiceCall) -> None:
        fire(hass, EVENT_RECEIVED, alarm.event({**sent, "pushed": call.data["data"]}))
        await alarm.backend.wait_for("notification_receipt")

    hass.services.async_register("notify", alarm.phone.action, push)
    await alarm.backend.notify(sent)
    await alarm.backend.notify(sent)
    await until(lambda: len(alarm.backend.of("notification_receipt")) == 2)


async def test_a_receipt_without_buttons_is_of_the_last_under_its_tag_on_that_phone(
    hass: HomeAssistant, alarm: Alarm, record_calls: RecordCalls, mobile_app: RegisterPhone
) -> None:
    other = await mobile_app("Fairphone")
    record_calls(other.action)
    calls = record_calls(alarm.phone.action)
    shown = [await alarm.shown(calls, buttons=[]) for _ in range(2)]
    await alarm.shown(calls, buttons=[], incident_id="incident-2")
    await alarm.backend.notify(notification(alarm.room_id, other.device_id))
    fire(hass, EVENT_RECEIVED, alarm.event(shown[0]))
    receipt = await alarm.backend.wait_for("notification_receipt")
    assert receipt["notification_id"] == shown[1]["notification_id"]
    # an app that does not say its webhook is known by its own device id
    by_device = alarm.event(shown[0])
    del by_device["webhook_id"]
    fire(hass, EVENT_RECEIVED, by_device)
    await until(lambda: len(alarm.backend.of("notification_receipt")) == 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"tag": "somebody_elses"},
        {"tag": None},
        {"webhook_id": "of no phone"},
        {"action_1_key": "MOULD_WATCH_SEEN_incident-1_of-another-backend", "tag": None},
    ],
)
async def test_receipts_of_others_are_none_of_ours(
    hass: HomeAssistant, alarm: Alarm, record_calls: RecordCalls, changes: dict[str, Any]
) -> None:
    shown = await alarm.shown(record_calls(alarm.phone.action), buttons=[])
    fire(hass, EVENT_RECEIVED, alarm.event(shown) | changes)
    await hass.async_block_till_done()
    assert alarm.entry.runtime_data.reports.waiting == 0
    assert alarm.backend.of("notification_receipt") == []


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-11-25T19:00", "2026-11-26T08:00"),
        ("2026-11-25T23:59", "2026-11-26T08:00"),
        # in the night: the coming morning
        ("2026-11-26T01:30", "2026-11-26T08:00"),
        ("2026-11-26T03:00", "2026-11-27T08:00"),
        ("2026-11-26T07:59", "2026-11-27T08:00"),
        ("2026-11-26T09:00", "2026-11-27T08:00"),
        # the night in which the clocks go back
        ("2026-10-24T20:00", "2026-10-25T08:00"),
    ],
)
def test_tomorrow_is_the_next_morning_that_is_not_now(now: str, then: str) -> None:
    asked = datetime.fromisoformat(now).replace(tzinfo=BERLIN)
    assert tomorrow(asked) == datetime.fromisoformat(then).replace(tzinfo=BERLIN)
