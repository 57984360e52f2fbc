"""Each notification once on the phone, whatever is repeated, lost or restarted."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from homeassistant.components import persistent_notification
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from custom_components.mould_watch import phones
from custom_components.mould_watch.const import DOMAIN
from custom_components.mould_watch.notifications import notification_store
from tests.home_assistant.backend import Backend, Message, notification
from tests.home_assistant.conftest import MockConfigEntry, Phone, Setup, room, room_id_of
from tests.support.waiting import until

type Register = Callable[..., Awaitable[Phone]]
type Record = Callable[[str], list[ServiceCall]]


async def _entry(backend: Backend, setup: Setup) -> tuple[MockConfigEntry, str]:
    entry = await setup(room())
    await backend.wait_for("ready_to_deliver")
    return entry, room_id_of(entry)


@dataclass(frozen=True)
class Told:
    """A phone that is told of a room, and the calls of its action."""

    phone: Phone
    calls: list[ServiceCall]
    entry: MockConfigEntry
    room_id: str

    def notification(self, **changed: object) -> Message:
        """Return a notification of the room for the phone."""
        return notification(self.room_id, self.phone.device_id, **changed)


@pytest.fixture
async def told(backend: Backend, setup: Setup, mobile_app: Register, record_calls: Record) -> Told:
    phone = await mobile_app()
    calls = record_calls(phone.action)
    return Told(phone, calls, *await _entry(backend, setup))


async def _fail(_call: ServiceCall) -> None:
    raise HomeAssistantError("no")


async def _hang(_call: ServiceCall) -> None:
    await asyncio.Event().wait()


def _persistent(hass: HomeAssistant) -> dict[str, Any]:
    return dict(persistent_notification._async_get_or_create_notifications(hass))


async def _stored(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, Any]:
    stored = await notification_store(hass, entry.entry_id).async_load()
    return dict((stored or {"ids": {}})["ids"])


async def test_nothing_comes_before_home_assistant_has_started(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    hass.set_state(CoreState.starting)
    await setup(room())
    assert backend.of("ready_to_deliver") == []
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await backend.wait_for("ready_to_deliver")


async def test_an_alarm_reaches_its_phone_once(
    hass: HomeAssistant,
    backend: Backend,
    setup: Setup,
    mobile_app: Register,
    record_calls: Record,
) -> None:
    phone, other = await mobile_app("Pixel"), await mobile_app("iPhone")
    calls, others = record_calls(phone.action), record_calls(other.action)
    entry, room_id = await _entry(backend, setup)
    alarm = notification(
        room_id,
        phone.device_id,
        buttons=[
            {"action": "seen", "title": "Seen"},
            {"action": "sing", "title": "of a newer backend"},
            {"action": "snooze", "title": "Remind me tomorrow", "more": 1},
            {"action": "open", "title": "Open"},
            {"action": "seen", "title": "a fourth"},
        ],
    )
    assert await backend.notify(alarm) == {
        "type": "notification_result",
        "notification_id": alarm["notification_id"],
        "outcome": "delivered",
        "code": None,
        "message": None,
        "retry_after_s": None,
        "expects_receipt": True,
    }
    (call,) = calls
    assert call.data["title"] == alarm["title"]
    assert call.data["message"] == alarm["body"]
    assert call.data["data"] == {
        "tag": "mould_watch_incident-1",
        "group": "mould_watch",
        "channel": "Mould Watch: warning",
        "importance": "default",
        "alert_once": False,
        "push": {"interruption-level": "active"},
        "url": "/history?entity_id=binary_sensor.bathroom_mould_risk",
        "clickAction": "entityId:binary_sensor.bathroom_mould_risk",
        "priority": "high",
        "confirmation": True,
        "actions": [
            {"action": f"MOULD_WATCH_SEEN_incident-1_{alarm['notification_id']}", "title": "Seen"},
            {
                "action": f"MOULD_WATCH_SNOOZE_incident-1_{alarm['notification_id']}",
                "title": "Remind me tomorrow",
            },
            {
                "action": "URI",
                "title": "Open",
                "uri": "/history?entity_id=binary_sensor.bathroom_mould_risk",
            },
        ],
    }
    # the same id again is answered at once, without a second push
    again = await backend.notify(alarm)
    assert (again["outcome"], again["expects_receipt"]) == ("delivered", True)
    assert len(calls) == 1
    assert others == []
    assert (await _stored(hass, entry))[alarm["notification_id"]]["state"] == "delivered"


async def test_the_id_is_written_before_the_phone_is_called(
    hass: HomeAssistant, backend: Backend, setup: Setup, mobile_app: Register
) -> None:
    phone = await mobile_app()
    entry, room_id = await _entry(backend, setup)
    seen: list[dict[str, Any]] = []

    async def push(_call: ServiceCall) -> None:
        seen.append(await _stored(hass, entry))

    hass.services.async_register("notify", phone.action, push)
    alarm = notification(room_id, phone.device_id)
    await backend.notify(alarm)
    assert [stored[alarm["notification_id"]]["state"] for stored in seen] == ["sending"]


async def test_an_id_left_in_sending_is_sent_again_silently_under_its_tag(
    hass: HomeAssistant, *, hass_storage: dict[str, Any], backend: Backend, told: Told
) -> None:
    """Home Assistant died between the call and its note of it."""
    alarm = told.notification()
    await hass.config_entries.async_unload(told.entry.entry_id)
    hass_storage[f"{DOMAIN}.notifications.{told.entry.entry_id}"] = {
        "version": 1,
        "key": f"{DOMAIN}.notifications.{told.entry.entry_id}",
        "data": {
            "ids": {
                alarm["notification_id"]: {
                    "state": "sending",
                    "lane": f"incident-1/{told.phone.device_id}",
                    "closed_at": None,
                }
            }
        },
    }
    await hass.config_entries.async_setup(told.entry.entry_id)
    await until(lambda: len(backend.of("ready_to_deliver")) == 2)
    assert (await backend.notify(alarm))["outcome"] == "delivered"
    (call,) = told.calls
    assert call.data["data"]["tag"] == "mould_watch_incident-1"
    assert call.data["data"]["alert_once"] is True
    assert call.data["data"]["push"] == {"interruption-level": "passive"}


async def test_a_delivered_id_survives_a_restart(
    hass: HomeAssistant, backend: Backend, told: Told
) -> None:
    alarm = told.notification()
    await backend.notify(alarm)
    await hass.config_entries.async_reload(told.entry.entry_id)
    await until(lambda: len(backend.of("ready_to_deliver")) == 2)
    assert (await backend.notify(alarm))["outcome"] == "delivered"
    assert len(told.calls) == 1


async def test_an_answer_lost_with_the_connection_is_given_over_the_next(
    hass: HomeAssistant, backend: Backend, setup: Setup, mobile_app: Register
) -> None:
    phone = await mobile_app()
    calls: list[ServiceCall] = []
    may_end = asyncio.Event()

    async def push(call: ServiceCall) -> None:
        calls.append(call)
        await may_end.wait()

    hass.services.async_register("notify", phone.action, push)
    _, room_id = await _entry(backend, setup)
    alarm = notification(room_id, phone.device_id)
    await backend.send({"type": "notify", "notification": alarm})
    await until(lambda: len(calls) == 1)
    # the same again while the first is under way: one push, one answer
    await backend.send({"type": "notify", "notification": alarm})
    await backend.stop()
    may_end.set()
    await backend.start()
    await until(lambda: len(backend.of("ready_to_deliver")) == 2)
    assert (await backend.notify(alarm))["outcome"] == "delivered"
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("severity", "channel", "importance", "level"),
    [
        ("watch", "Mould Watch: information", "low", "active"),
        ("warning", "Mould Watch: warning", "default", "active"),
        ("high", "Mould Watch: high risk", "high", "time-sensitive"),
        ("damage", "Mould Watch: damage", "high", "time-sensitive"),
        ("unheard_of", "Mould Watch: warning", "default", "active"),
    ],
)
async def test_a_fixed_channel_for_each_severity_and_from_high_on_it_breaks_through(
    *, backend: Backend, told: Told, severity: str, channel: str, importance: str, level: str
) -> None:
    await backend.notify(told.notification(severity=severity))
    assert told.calls[0].data["data"]["channel"] == channel
    assert told.calls[0].data["data"]["importance"] == importance
    # nothing critical: no sound of its own, no volume
    assert told.calls[0].data["data"]["push"] == {"interruption-level": level}


async def test_an_iphone_is_asked_for_no_receipt_and_repeats_passively(
    backend: Backend, setup: Setup, mobile_app: Register, record_calls: Record
) -> None:
    phone = await mobile_app("iPhone", os_name="iOS")
    calls = record_calls(phone.action)
    _, room_id = await _entry(backend, setup)
    answer = await backend.notify(notification(room_id, phone.device_id, severity="high"))
    assert answer["expects_receipt"] is False
    assert "confirmation" not in calls[0].data["data"]


async def test_what_the_backend_repeats_replaces_silently(backend: Backend, told: Told) -> None:
    await backend.notify(told.notification(severity="high"))
    again = told.notification(severity="high", is_repetition=True)
    assert (await backend.notify(again))["expects_receipt"] is True
    first, second = (call.data["data"] for call in told.calls)
    assert first["tag"] == second["tag"]
    assert (first["alert_once"], second["alert_once"]) == (False, True)
    assert second["push"] == {"interruption-level": "passive"}
    assert second["confirmation"] is True


@pytest.mark.parametrize("kind", ["reminder", "step_up", "of_a_newer_backend"])
async def test_what_follows_an_alarm_replaces_it_and_is_heard(
    backend: Backend, told: Told, kind: str
) -> None:
    await backend.notify(told.notification())
    answer = await backend.notify(told.notification(kind=kind))
    assert answer["expects_receipt"] is True
    assert told.calls[1].data["data"]["tag"] == told.calls[0].data["data"]["tag"]
    assert told.calls[1].data["data"]["alert_once"] is False


async def test_a_summary_replaces_the_one_before_and_no_alarm(backend: Backend, told: Told) -> None:
    for incident_id in ("incident-1", "incident-2"):
        answer = await backend.notify(told.notification(kind="summary", incident_id=incident_id))
        assert answer["expects_receipt"] is None
    assert {call.data["data"]["tag"] for call in told.calls} == {"mould_watch_summary"}
    assert all("confirmation" not in call.data["data"] for call in told.calls)
    # of the first the phone shows nothing any more; seen on the second, its summary goes
    for incident_id in ("incident-1", "incident-2"):
        await backend.notify(told.notification(kind="clear", incident_id=incident_id))
    cleared = [call.data["data"]["tag"] for call in told.calls[2:]]
    assert cleared == ["mould_watch_incident-1", "mould_watch_incident-2", "mould_watch_summary"]


async def test_by_the_entity_it_is_plain_text_and_its_errors_are_told(
    hass: HomeAssistant,
    *,
    backend: Backend,
    setup: Setup,
    mobile_app: Register,
    record_calls: Record,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    phone = await mobile_app()
    pushes = record_calls(phone.action)
    entry, room_id = await _entry(backend, setup)
    alarm = notification(room_id, phone.device_id, via="entity", is_repetition=True)
    # nothing listens at the phone's push address
    answer = await backend.notify(alarm)
    assert (answer["outcome"], answer["code"]) == ("retry", "push_failed")
    assert "Pixel" in answer["message"]
    said: list[dict[str, Any]] = []

    async def call(_phone: phones.Phone, action: str, payload: dict[str, Any]) -> None:
        assert action == "send_message"
        said.append(payload)

    monkeypatch.setattr(phones.Phone, "_call", call)
    answer = await backend.notify(alarm)
    assert (answer["outcome"], answer["expects_receipt"]) == ("delivered", None)
    assert [(one["title"], one["message"]) for one in said] == [(alarm["title"], alarm["body"])]
    assert (await backend.notify(alarm))["outcome"] == "delivered"
    assert len(said) == 1
    assert pushes == []
    await hass.config_entries.async_unload(phone.entry.entry_id)
    lost = notification(room_id, phone.device_id, via="entity")
    answer = await backend.notify(lost)
    assert (answer["outcome"], answer["code"]) == ("retry", "phone_entity_missing")
    assert _persistent(hass) == {}
    assert (await _stored(hass, entry))[alarm["notification_id"]]["state"] == "delivered"


async def test_recovery_replaces_silently_and_clear_removes(backend: Backend, told: Told) -> None:
    await backend.notify(told.notification())
    await backend.notify(told.notification(kind="recovery"))
    await backend.notify(told.notification(kind="clear"))
    alarm, recovery, clear = (call.data for call in told.calls)
    assert {data["data"]["tag"] for data in (alarm, recovery, clear)} == {"mould_watch_incident-1"}
    assert recovery["data"]["alert_once"] is True
    assert recovery["data"]["push"] == {"interruption-level": "passive"}
    assert recovery["data"]["importance"] == "low"
    assert clear["message"] == "clear_notification"


async def test_without_a_phone_it_is_shown_inside_home_assistant(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    _, room_id = await _entry(backend, setup)
    alarm = notification(room_id, "persistent")
    assert (await backend.notify(alarm))["outcome"] == "delivered"
    shown = _persistent(hass)["mould_watch_incident-1"]
    assert (shown["title"], shown["message"]) == (alarm["title"], alarm["body"])
    await backend.notify(notification(room_id, "persistent", kind="recovery", body="dry"))
    assert _persistent(hass)["mould_watch_incident-1"]["message"] == "dry"
    await backend.notify(notification(room_id, "persistent", kind="clear"))
    assert "mould_watch_incident-1" not in _persistent(hass)


async def test_a_phone_that_is_gone_is_failed(
    hass: HomeAssistant, backend: Backend, setup: Setup, mobile_app: Register
) -> None:
    phone = await mobile_app()
    _, room_id = await _entry(backend, setup)
    await hass.config_entries.async_remove(phone.entry.entry_id)
    answer = await backend.notify(notification(room_id, phone.device_id))
    assert answer["outcome"] == "failed"
    assert answer["code"] == "phone_gone"


async def test_a_device_that_is_no_phone_is_failed(backend: Backend, setup: Setup) -> None:
    entry, room_id = await _entry(backend, setup)
    device = entry.runtime_data._device(room_id)
    answer = await backend.notify(notification(room_id, device.id))
    assert answer["outcome"] == "failed"


async def test_a_missing_action_is_never_failed(
    hass: HomeAssistant,
    backend: Backend,
    setup: Setup,
    mobile_app: Register,
    record_calls: Record,
) -> None:
    phone = await mobile_app()
    entry, room_id = await _entry(backend, setup)
    await hass.config_entries.async_unload(phone.entry.entry_id)
    alarm = notification(room_id, phone.device_id)
    answer = await backend.notify(alarm)
    assert answer["outcome"] == "retry"
    assert answer["code"] == "phone_action_missing"
    assert answer["retry_after_s"] > 0
    assert "mould_watch_incident-1" in _persistent(hass)
    issue = f"phone_unreachable.{entry.entry_id}.{phone.device_id}"
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue) is not None
    # what the user has dismissed is not shown again by a retry
    persistent_notification.async_dismiss(hass, "mould_watch_incident-1")
    assert (await backend.notify(alarm))["outcome"] == "retry"
    assert "mould_watch_incident-1" not in _persistent(hass)
    # the phone is back
    await hass.config_entries.async_setup(phone.entry.entry_id)
    calls = record_calls(phone.action)
    assert (await backend.notify(alarm))["outcome"] == "delivered"
    assert calls[0].data["data"]["alert_once"] is False
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue) is None


async def test_clearing_what_a_missing_action_has_shown(
    hass: HomeAssistant, backend: Backend, setup: Setup, mobile_app: Register
) -> None:
    phone = await mobile_app()
    _, room_id = await _entry(backend, setup)
    await hass.config_entries.async_unload(phone.entry.entry_id)
    await backend.notify(notification(room_id, phone.device_id))
    answer = await backend.notify(notification(room_id, phone.device_id, kind="clear"))
    assert answer["outcome"] == "delivered"
    assert "mould_watch_incident-1" not in _persistent(hass)


@pytest.fixture
async def twins(mobile_app: Register) -> tuple[Phone, Phone]:
    """Return two phones of one name: only the second has an action."""
    return await mobile_app("Pixel"), await mobile_app("Pixel")


async def test_of_two_phones_with_one_name_each_gets_only_its_own(
    hass: HomeAssistant,
    backend: Backend,
    setup: Setup,
    twins: tuple[Phone, Phone],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = twins
    pushed: list[str] = []
    said: list[dict[str, Any]] = []

    async def call(self: phones.Phone, action: str, payload: dict[str, Any]) -> None:
        (said if action == "send_message" else pushed).append(
            payload if action == "send_message" else self.device_id  # type: ignore[arg-type]
        )

    monkeypatch.setattr(phones.Phone, "_call", call)
    entry, room_id = await _entry(backend, setup)
    answer = await backend.notify(notification(room_id, first.device_id))
    # its notify entity is its own, and takes text
    assert answer["outcome"] == "delivered"
    assert pushed == []
    entity = er.async_get(hass).async_get(said[0]["entity_id"])
    assert entity is not None
    assert entity.device_id == first.device_id
    await backend.notify(notification(room_id, second.device_id, incident_id="incident-2"))
    assert pushed == [second.device_id]
    issue = f"phones_alike.{entry.entry_id}.{first.device_id}"
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue) is not None


async def test_two_phones_of_one_name_are_a_repair_until_one_is_renamed(
    hass: HomeAssistant, setup: Setup, twins: tuple[Phone, Phone], mobile_app: Register
) -> None:
    first, second = twins
    other = await mobile_app("Fairphone")
    entry = await setup(room(), options={"phones": [first.device_id, other.device_id]})
    issues = ir.async_get(hass)

    def found(phone: Phone) -> ir.IssueEntry | None:
        return issues.async_get_issue(DOMAIN, f"phones_alike.{entry.entry_id}.{phone.device_id}")

    issue = found(first)
    assert issue is not None
    assert issue.translation_placeholders == {"phone": "Pixel"}
    # nobody is told by the second, and the third has a name of its own
    assert found(second) is found(other) is None
    hass.config_entries.async_update_entry(
        second.entry, data={**second.entry.data, "device_name": "Pixel of Anna"}
    )
    await hass.async_block_till_done()
    assert found(first) is None
    # alike is what becomes the same action
    hass.config_entries.async_update_entry(
        second.entry, data={**second.entry.data, "device_name": "PIXEL!"}
    )
    await hass.async_block_till_done()
    assert found(first) is not None
    hass.config_entries.async_update_entry(entry, options={"phones": []})
    await until(lambda: found(first) is None)


async def test_an_entity_that_fails_is_tried_again(
    backend: Backend, setup: Setup, twins: tuple[Phone, Phone]
) -> None:
    _, room_id = await _entry(backend, setup)
    # nothing listens at the phone's push address: the entity says so, unlike the action
    answer = await backend.notify(notification(room_id, twins[0].device_id))
    assert answer["outcome"] == "retry"
    assert answer["code"] == "push_failed"


async def test_a_failing_action_is_tried_again(
    hass: HomeAssistant, backend: Backend, setup: Setup, mobile_app: Register
) -> None:
    phone = await mobile_app()
    hass.services.async_register("notify", phone.action, _fail)
    _, room_id = await _entry(backend, setup)
    answer = await backend.notify(notification(room_id, phone.device_id))
    assert answer["outcome"] == "retry"
    assert answer["code"] == "push_failed"


async def test_what_surely_did_not_arrive_is_no_silent_repetition(
    hass: HomeAssistant,
    backend: Backend,
    setup: Setup,
    mobile_app: Register,
    record_calls: Record,
) -> None:
    phone = await mobile_app()
    hass.services.async_register("notify", phone.action, _fail)
    _, room_id = await _entry(backend, setup)
    alarm = notification(room_id, phone.device_id, severity="high")
    assert (await backend.notify(alarm))["outcome"] == "retry"
    calls = record_calls(phone.action)
    assert (await backend.notify(alarm))["outcome"] == "delivered"
    assert calls[0].data["data"]["alert_once"] is False
    assert calls[0].data["data"]["push"] == {"interruption-level": "time-sensitive"}


async def test_what_may_have_arrived_is_repeated_silently(
    hass: HomeAssistant,
    *,
    backend: Backend,
    setup: Setup,
    mobile_app: Register,
    record_calls: Record,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(phones, "CALL_TIMEOUT_S", 0.05)
    phone = await mobile_app()
    hass.services.async_register("notify", phone.action, _hang)
    _, room_id = await _entry(backend, setup)
    alarm = notification(room_id, phone.device_id, severity="high")
    assert (await backend.notify(alarm))["outcome"] == "retry"
    # a later failure does not unsay that the first may have arrived
    hass.services.async_register("notify", phone.action, _fail)
    assert (await backend.notify(alarm))["outcome"] == "retry"
    calls = record_calls(phone.action)
    assert (await backend.notify(alarm))["outcome"] == "delivered"
    assert calls[0].data["data"]["alert_once"] is True
    assert calls[0].data["data"]["push"] == {"interruption-level": "passive"}


async def test_a_recovery_never_overtakes_the_alarm_of_its_lane(
    hass: HomeAssistant, backend: Backend, setup: Setup, mobile_app: Register
) -> None:
    """The alarm's answer is lost, the incident ends, the alarm's call still runs."""
    phone, other = await mobile_app("Pixel"), await mobile_app("Fairphone")
    begun: list[str] = []
    ended: list[str] = []
    may_end = asyncio.Event()

    async def push(call: ServiceCall) -> None:
        begun.append(call.data["message"])
        if call.data["message"] == "damp":
            await may_end.wait()
        ended.append(call.data["message"])

    for each in (phone, other):
        hass.services.async_register("notify", each.action, push)
    _, room_id = await _entry(backend, setup)
    alarm = notification(room_id, phone.device_id, body="damp")
    recovery = notification(room_id, phone.device_id, kind="recovery", body="dry")
    clear = notification(room_id, phone.device_id, kind="clear")
    await backend.send({"type": "notify", "notification": alarm})
    await until(lambda: begun == ["damp"])
    await backend.drop()
    await until(lambda: len(backend.of("ready_to_deliver")) == 2)
    for message in (recovery, clear):
        await backend.send({"type": "notify", "notification": message})
    # other phones and other incidents do not wait for it
    elsewhere = [
        notification(room_id, other.device_id, body="other phone"),
        notification(room_id, phone.device_id, incident_id="incident-2", body="other incident"),
    ]
    for message in elsewhere:
        assert (await backend.notify(message))["outcome"] == "delivered"
    assert ended == ["other phone", "other incident"]
    assert backend.results(recovery["notification_id"]) == []
    may_end.set()
    await until(lambda: bool(backend.results(clear["notification_id"])))
    assert ended[2:] == ["damp", "dry", "clear_notification"]
    for message in (alarm, recovery, clear):
        assert [r["outcome"] for r in backend.results(message["notification_id"])] == ["delivered"]


async def test_a_lane_goes_on_after_one_that_failed(
    hass: HomeAssistant, backend: Backend, setup: Setup, mobile_app: Register
) -> None:
    phone = await mobile_app()
    begun: list[str] = []

    async def push(call: ServiceCall) -> None:
        begun.append(call.data["message"])
        if call.data["message"] == "damp":
            raise HomeAssistantError("no")

    hass.services.async_register("notify", phone.action, push)
    entry, room_id = await _entry(backend, setup)
    alarm = notification(room_id, phone.device_id, body="damp")
    recovery = notification(room_id, phone.device_id, kind="recovery", body="dry")
    await backend.send({"type": "notify", "notification": alarm})
    assert (await backend.notify(recovery))["outcome"] == "delivered"
    assert begun == ["damp", "dry"]
    assert backend.results(alarm["notification_id"])[0]["outcome"] == "retry"
    # no lane is kept once it is empty
    assert not entry.runtime_data.notifier._lanes


async def test_a_phone_the_user_no_longer_notifies_needs_no_repair(
    hass: HomeAssistant, backend: Backend, setup: Setup, mobile_app: Register
) -> None:
    phone = await mobile_app()
    entry = await setup(room(), options={"phones": [phone.device_id]})
    await backend.wait_for("ready_to_deliver")
    await hass.config_entries.async_unload(phone.entry.entry_id)
    await backend.notify(notification(room_id_of(entry), phone.device_id))
    issue = f"phone_unreachable.{entry.entry_id}.{phone.device_id}"
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue) is not None
    hass.config_entries.async_update_entry(entry, options={"phones": []})
    await until(lambda: ir.async_get(hass).async_get_issue(DOMAIN, issue) is None)


async def test_a_phone_that_only_a_room_tells_has_its_repairs_too(
    hass: HomeAssistant,
    *,
    backend: Backend,
    setup: Setup,
    twins: tuple[Phone, Phone],
    mobile_app: Register,
) -> None:
    first, _ = twins
    away = await mobile_app("Fairphone")
    targets = [first.device_id, away.device_id, "apprise:mail"]
    entry = await setup(room(targets=targets), options={"phones": []})
    (subentry,) = entry.subentries.values()
    issues = ir.async_get(hass)
    alike = f"phones_alike.{entry.entry_id}.{first.device_id}"
    unreachable = f"phone_unreachable.{entry.entry_id}.{away.device_id}"
    await until(lambda: issues.async_get_issue(DOMAIN, alike) is not None)
    await backend.wait_for("ready_to_deliver")
    await hass.config_entries.async_unload(away.entry.entry_id)
    await backend.notify(notification(room_id_of(entry), away.device_id))
    assert issues.async_get_issue(DOMAIN, unreachable) is not None
    # another change of the entry is none of its business
    hass.config_entries.async_update_subentry(entry, subentry, title="Bath")
    await hass.async_block_till_done()
    assert issues.async_get_issue(DOMAIN, unreachable) is not None
    data = {key: value for key, value in subentry.data.items() if key != "targets"}
    hass.config_entries.async_update_subentry(entry, subentry, data=data)
    await until(lambda: issues.async_get_issue(DOMAIN, unreachable) is None)
    assert issues.async_get_issue(DOMAIN, alike) is None


async def test_an_action_that_hangs_is_tried_again(
    hass: HomeAssistant,
    backend: Backend,
    setup: Setup,
    mobile_app: Register,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(phones, "CALL_TIMEOUT_S", 0.05)
    phone = await mobile_app()
    hass.services.async_register("notify", phone.action, _hang)
    _, room_id = await _entry(backend, setup)
    answer = await backend.notify(notification(room_id, phone.device_id))
    assert answer["outcome"] == "retry"


async def test_a_stopping_home_assistant_delivers_later(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    _, room_id = await _entry(backend, setup)
    hass.set_state(CoreState.stopping)
    answer = await backend.notify(notification(room_id, "persistent"))
    hass.set_state(CoreState.running)
    assert answer["outcome"] == "retry"
    assert answer["code"] == "stopping"


async def test_ids_are_kept_until_their_lane_is_closed_and_30_days_more(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry, room_id = await _entry(backend, setup)
    alarm = notification(room_id, "persistent")
    recovery = notification(room_id, "persistent", kind="recovery")
    still_open = notification(room_id, "persistent", incident_id="incident-2")
    for message in (alarm, recovery, still_open):
        await backend.notify(message)
    kept = {m["notification_id"] for m in (alarm, recovery, still_open)}
    assert set(await _stored(hass, entry)) == kept
    for days, remain in ((29, kept), (31, {still_open["notification_id"]})):
        closed_at = (dt_util.utcnow() - timedelta(days=days)).isoformat()
        for message in (alarm, recovery):
            entry.runtime_data.notifier._ids[message["notification_id"]]["closed_at"] = closed_at
        await backend.notify(notification(room_id, "persistent", incident_id="incident-3"))
        assert set(await _stored(hass, entry)) & kept == remain
