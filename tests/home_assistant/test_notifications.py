"""Each notification once on the phone, whatever is repeated, lost or restarted."""

import asyncio
from datetime import timedelta
from typing import Any

from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from custom_components.mould_watch.const import DOMAIN
from tests.home_assistant.backend import Backend
from tests.home_assistant.conftest import (
    RecordCalls,
    RegisterPhone,
    Setup,
    Told,
    delivering_entry,
    room,
)
from tests.home_assistant.messages import notification
from tests.home_assistant.phone_calls import stored_ids
from tests.support.waiting import until


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
    mobile_app: RegisterPhone,
    record_calls: RecordCalls,
) -> None:
    phone, other = await mobile_app("Pixel"), await mobile_app("iPhone")
    calls, others = record_calls(phone.action), record_calls(other.action)
    entry, room_id = await delivering_entry(backend, setup)
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
    assert (await stored_ids(hass, entry))[alarm["notification_id"]]["state"] == "delivered"


async def test_the_id_is_written_before_the_phone_is_called(
    hass: HomeAssistant, backend: Backend, setup: Setup, mobile_app: RegisterPhone
) -> None:
    phone = await mobile_app()
    entry, room_id = await delivering_entry(backend, setup)
    seen: list[dict[str, Any]] = []

    async def push(_call: ServiceCall) -> None:
        seen.append(await stored_ids(hass, entry))

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
    hass: HomeAssistant, backend: Backend, setup: Setup, mobile_app: RegisterPhone
) -> None:
    phone = await mobile_app()
    calls: list[ServiceCall] = []
    may_end = asyncio.Event()

    async def push(call: ServiceCall) -> None:
        calls.append(call)
        await may_end.wait()

    hass.services.async_register("notify", phone.action, push)
    _, room_id = await delivering_entry(backend, setup)
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


async def test_a_recovery_never_overtakes_the_alarm_of_its_lane(
    hass: HomeAssistant, backend: Backend, setup: Setup, mobile_app: RegisterPhone
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
    _, room_id = await delivering_entry(backend, setup)
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
    hass: HomeAssistant, backend: Backend, setup: Setup, mobile_app: RegisterPhone
) -> None:
    phone = await mobile_app()
    begun: list[str] = []

    async def push(call: ServiceCall) -> None:
        begun.append(call.data["message"])
        if call.data["message"] == "damp":
            raise HomeAssistantError("no")

    hass.services.async_register("notify", phone.action, push)
    entry, room_id = await delivering_entry(backend, setup)
    alarm = notification(room_id, phone.device_id, body="damp")
    recovery = notification(room_id, phone.device_id, kind="recovery", body="dry")
    await backend.send({"type": "notify", "notification": alarm})
    assert (await backend.notify(recovery))["outcome"] == "delivered"
    assert begun == ["damp", "dry"]
    assert backend.results(alarm["notification_id"])[0]["outcome"] == "retry"
    # no lane is kept once it is empty
    assert not entry.runtime_data.notifier._lanes


async def test_a_stopping_home_assistant_delivers_later(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    _, room_id = await delivering_entry(backend, setup)
    hass.set_state(CoreState.stopping)
    answer = await backend.notify(notification(room_id, "persistent"))
    hass.set_state(CoreState.running)
    assert answer["outcome"] == "retry"
    assert answer["code"] == "stopping"


async def test_ids_are_kept_until_their_lane_is_closed_and_30_days_more(
    hass: HomeAssistant, backend: Backend, setup: Setup
) -> None:
    entry, room_id = await delivering_entry(backend, setup)
    alarm = notification(room_id, "persistent")
    recovery = notification(room_id, "persistent", kind="recovery")
    still_open = notification(room_id, "persistent", incident_id="incident-2")
    for message in (alarm, recovery, still_open):
        await backend.notify(message)
    kept = {m["notification_id"] for m in (alarm, recovery, still_open)}
    assert set(await stored_ids(hass, entry)) == kept
    deliveries = entry.runtime_data.notifier._deliveries
    for days, remain in ((29, kept), (31, {still_open["notification_id"]})):
        closed_at = (dt_util.utcnow() - timedelta(days=days)).isoformat()
        for message in (alarm, recovery):
            deliveries._ids[message["notification_id"]]["closed_at"] = closed_at
        await backend.notify(notification(room_id, "persistent", incident_id="incident-3"))
        assert set(await stored_ids(hass, entry)) & kept == remain
