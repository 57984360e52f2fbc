"""From a sensor's message to the phone: seen once, whatever dies on the way."""

import json
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from demo_flat.phone import Answer
from tests.support.home_assistant import (
    DAMP,
    DAMP_BEGIN,
    DAMP_END,
    DRY,
    House,
    TestRoom,
    eventually,
)
from tests.support.phone import next_push, pushes_about, shown_about
from tests.support.services import running_webhook

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_damp_wall_reaches_the_phone_once(house: House) -> None:
    room = await house.damp_room("Pantry")
    push = await next_push(house.phone, room.name)
    assert "last 24 hours" in push.message
    assert push.tag is not None

    async def is_sent() -> bool:
        return [found["state"] for found in await house.notifications(room)] == ["sent"]

    await eventually(is_sent, timeout_s=60, what="the notification to be sent")
    risk = (await house.entity_ids(room))["mould_risk"]

    async def is_on() -> bool:
        return bool((await house.api.states())[risk]["state"] == "on")

    await eventually(is_on, timeout_s=60, what="the mould risk to be on")
    assert len(pushes_about(house.phone, room.name)) == 1


async def test_what_is_the_matter_is_acknowledged_without_the_phone(house: House) -> None:
    room = await house.damp_room("Larder")
    await next_push(house.phone, room.name)
    (device,) = [one for one in await house.api.devices() if one["name"] == room.name]
    answer = await house.api.command(
        "call_service",
        domain="mould_watch",
        service="acknowledge",
        service_data={"device_id": device["id"]},
        return_response=True,
    )
    (incident,) = answer["response"]["incidents"]
    assert incident["acknowledged_at"] is not None

    async def is_cleared() -> bool:
        return not shown_about(house.phone, room.name)

    await eventually(is_cleared, timeout_s=60, what="the alarm to be taken from the phone")


async def test_recovery_replaces_the_alarm_silently(house: House) -> None:
    room = await house.damp_room("Laundry", recovery_hours=1)
    alarm = await next_push(house.phone, room.name)
    alerts = house.phone.screen().alerts

    await house.publish_past(room.sensor, DRY, begin=DAMP_END - timedelta(minutes=2))
    recovery = await next_push(house.phone, room.name, after=1)

    assert recovery.tag == alarm.tag
    assert recovery.title != alarm.title
    assert shown_about(house.phone, room.name) == [recovery]
    assert house.phone.screen().alerts == alerts
    risk = (await house.entity_ids(room))["mould_risk"]

    async def is_off() -> bool:
        return bool((await house.api.states())[risk]["state"] == "off")

    await eventually(is_off, timeout_s=60, what="the mould risk to be off")


async def test_a_room_tells_those_of_the_home_or_those_only_whom_its_form_names(
    house: House,
) -> None:
    """None of the services is another answer than those of the home."""
    async with running_webhook() as hook:
        await house.backend.process.stop()
        await house.backend.start(
            MOULD_WATCH_NOTIFY__APPRISE=json.dumps({"chat": hook.address}),
        )
        await house.backend.wait_ready()
        async with house.changed_home(services=["chat"]):
            # the form's test notification
            assert [one["title"] for one in hook.got] == ["Mould Watch"]
            chosen: dict[str, dict[str, object]] = {
                "Sauna": {},
                "Basement": {"who": "only_these", "services": []},
                "Wardrobe": {"who": "only_these", "phones": []},
                "Boxroom": {"who": "only_these", "phones": [], "services": []},
                # its mould is only shown, and its own limit is told: to a service, because what is
                # high is said again to a phone that does not confirm it, for as long as it lasts
                "Cubby": {
                    "mould_level": "watch",
                    "humidity_above": DAMP.humidity_pct - 5,
                    "humidity_severity": "high",
                    "who": "only_these",
                    "phones": [],
                },
            }
            rooms = {name: await house.damp_room(name, **told) for name, told in chosen.items()}
            # a value of a sensor, told of to others than the room that it is in
            await house.watch(
                rooms["Sauna"].sensor,
                "humidity",
                name="Steam",
                above=DAMP.humidity_pct - 5,
                severity="high",
                who="only_these",
                phones=[],
            )
            phone, chat, shown_inside = (
                ("home_assistant", house.phone_id),
                ("apprise", "chat"),
                ("home_assistant", "persistent"),
            )
            expected = {
                "Sauna": {phone, chat},
                "Basement": {phone},
                "Wardrobe": {chat},
                "Boxroom": {shown_inside},
                "Cubby": {chat},
                "Steam": {chat},
            }

            async def are_told() -> bool:
                sent = {
                    name: {
                        (one["channel"], one["target"])
                        for one in await house.notifications_named(name)
                        if one["state"] == "sent"
                    }
                    for name in expected
                }
                return sent == expected

            await eventually(are_told, timeout_s=60, what="everybody to be told, and nobody else")
    # what arrived, and not only what was written down
    for name, whom in expected.items():
        assert len(pushes_about(house.phone, name)) == (phone in whom), name
        told = [one for one in hook.got if str(one["title"]).startswith(f"{name}:")]
        assert len(told) == (chat in whom), name
    about = "the humidity is 78 %, above 73 %"
    titles = {one["title"] for one in hook.got}
    assert {f"Cubby: {about}", f"Steam: {about}"} <= titles


async def _unjudged_room(house: House, name: str) -> TestRoom:
    """Add a room of which too little is known to say anything."""
    sensor = house.new_sensor(name)
    long_ago = DAMP_BEGIN + timedelta(hours=1)
    await house.publish_past(sensor, DAMP, begin=long_ago, end=long_ago)
    room = await house.add_room(sensor.name, sensor)
    await house.home_assistant_has_written(room.room_id)
    return room


async def _is_claimed(house: House, room: TestRoom) -> bool:
    """Return whether a notification of the room is claimed; the backend may be dead."""
    connection = await asyncpg.connect(house.backend.database.address, timeout=30)
    try:
        states = await connection.fetch(
            "SELECT state::text FROM notification WHERE message ->> 'room_id' = $1", room.room_id
        )
    finally:
        await connection.close()
    return [row["state"] for row in states] == ["claimed"]


@pytest.mark.parametrize("failpoint", ["after_claim_before_send", "after_send_before_sent"])
async def test_a_backend_killed_while_sending_is_seen_once(house: House, failpoint: str) -> None:
    room = await _unjudged_room(house, f"Study {failpoint}")
    await house.backend.process.stop()
    # the broker keeps it until the backend is back
    await house.publish_past(room.sensor, DAMP, begin=DAMP_BEGIN, end=DAMP_END)
    while True:
        house.backend.process.start(MOULD_WATCH_FAILPOINT=failpoint)
        assert await house.backend.process.wait_exit(timeout_s=120) == -9
        if await _is_claimed(house, room):
            break
        # it died of another room's, which happened to be due

    await house.backend.start()

    async def is_sent() -> bool:
        return [found["state"] for found in await house.notifications(room)] == ["sent"]

    await eventually(is_sent, timeout_s=60, what="the notification to be sent after all")
    pushed = pushes_about(house.phone, room.name)
    assert len(shown_about(house.phone, room.name)) == 1
    assert len(pushed) == 1, "an id once delivered is answered from the Store"
    (notification,) = await house.notifications(room)
    assert [step["to_state"] for step in notification["steps"]] == [
        "pending",
        "claimed",
        "claimed",
        "sent",
    ]


async def test_an_answer_lost_is_seen_once_and_repeated_silently(house: House) -> None:
    """Home Assistant dies while the phone has the push and its answer is still to come."""
    room = await _unjudged_room(house, "Attic")
    house.phone.answer = Answer.SILENT
    await house.publish_past(room.sensor, DAMP, begin=DAMP_BEGIN, end=DAMP_END)
    first = await next_push(house.phone, room.name)
    alerts = house.phone.screen().alerts
    await house.home_assistant.process.kill()

    house.phone.answer = Answer.ACCEPTED
    await house.start_home_assistant()
    again = await next_push(house.phone, room.name, after=1, timeout_s=60)

    assert again.tag == first.tag
    assert len(shown_about(house.phone, room.name)) == 1
    assert house.phone.screen().alerts == alerts, "the second is silent"

    async def is_sent() -> bool:
        return [found["state"] for found in await house.notifications(room)] == ["sent"]

    await eventually(is_sent, timeout_s=60, what="the notification to be sent")


async def test_a_phone_service_that_refuses_does_not_stop_the_others(house: House) -> None:
    """The action hides a refused push (429): it is no reason to repeat, nor to wait."""
    house.phone.answer = Answer.RATE_LIMITED
    refused = await house.damp_room("Cellar stairs")
    await next_push(house.phone, refused.name)
    house.phone.answer = Answer.ACCEPTED
    room = await house.damp_room("Workshop")
    await next_push(house.phone, room.name)
    assert len(shown_about(house.phone, room.name)) == 1
    assert len(pushes_about(house.phone, refused.name)) == 1


async def test_home_assistant_faults_are_none(house: House) -> None:
    # the backend was taken away: each time that is said once
    said = "There is no connection to the Mould Watch backend"
    assert [fault for fault in house.home_assistant.faults() if said not in fault] == []


async def test_what_is_the_matter_with_the_backend_is_shown_and_acknowledged(house: House) -> None:
    """Messages that nobody can read: a trouble of its own, which nobody is pushed by default."""

    async def trouble() -> dict[str, Any]:
        states = await house.api.states()
        return states.get("binary_sensor.mould_watch_trouble", {"state": "", "attributes": {}})

    async with house.publisher() as client:
        for number in range(20):
            await client.publish(f"zigbee2mqtt/unreadable-{number}", b"no JSON", qos=1)

    async def is_shown() -> bool:
        shown = await trouble()
        return shown["state"] == "on" and "dead_letters" in shown["attributes"]["rules"]

    await eventually(is_shown, timeout_s=90, what="the backend's own trouble to be shown")
    (device,) = [one for one in await house.api.devices() if one["model"] == "Backend"]
    answer = await house.api.command(
        "call_service",
        domain="mould_watch",
        service="acknowledge",
        service_data={"device_id": device["id"]},
        return_response=True,
    )
    handled = {one["rule_id"]: one for one in answer["response"]["incidents"]}
    assert handled["dead_letters"]["acknowledged_at"] is not None
    # it is still so
    assert (await trouble())["state"] == "on"
