"""Configuration from Home Assistant: one room's change touches no other, an empty one nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from tests.support.home_assistant import DRY, House, TestRoom, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _dry_room(house: House, name: str) -> TestRoom:
    sensor = house.new_sensor(name)
    # a day of readings: with fewer nothing is known of the risk
    await house.publish_past(sensor, DRY, begin=timedelta(hours=26))
    room = await house.add_room(name, sensor)

    async def is_shown() -> bool:
        states = await house.api.states()
        risk = (await house.entity_ids(room)).get("mould_risk", "")
        return risk in states and bool(states[risk]["state"] == "off")

    await eventually(is_shown, timeout_s=60, what=f"{name} to be shown")
    return room


async def test_renaming_one_room_changes_no_other_entity(house: House) -> None:
    renamed = await _dry_room(house, "Nursery")
    await _dry_room(house, "Library")
    own = set((await house.entity_ids(renamed)).values())
    others = {
        entity["entity_id"]
        for entity in await house.api.entities()
        if entity["platform"] == "mould_watch" and entity["entity_id"] not in own
    }
    async with house.api.socket() as socket:
        events = await socket.listen("state_changed")
        await socket.command(
            "config_entries/subentries/update",
            entry_id=house.entry_id,
            subentry_id=renamed.subentry_id,
            title="Playroom",
        )

        async def is_renamed() -> bool:
            found = await house.room(renamed)
            return found is not None and found["name"] == "Playroom"

        await eventually(is_renamed, timeout_s=60, what="the backend to know the new name")
        # a reading afterwards shows that the socket has told everything before it
        await house.publish((renamed.sensor, datetime.now(UTC), DRY))

        async def has_event() -> bool:
            return any(event["data"]["entity_id"] in own for event in events)

        await eventually(has_event, timeout_s=60, what="the room's own entity to change")
        touched = {event["data"]["entity_id"] for event in events} & others
    assert touched == set()
    assert set((await house.entity_ids(renamed)).values()) == own
    names = {device["name"] for device in await house.api.devices()}
    assert "Playroom" in names


async def test_an_empty_document_archives_nothing(house: House) -> None:
    """Asked as Home Assistant itself, while that is away, with every room missing."""
    room = await _dry_room(house, "Hallway")
    before = await house.backend.get("/v1/rooms")
    owner = (await house.backend.get("/v1/info"))["owner"]
    await house.home_assistant.stop()

    answer = await _configure(house, owner, {"home": {}, "rooms": []})

    assert answer["success"] is False
    assert answer["error"]["code"] == "would_archive_rooms"
    assert room.room_id in {found["room_id"] for found in answer["error"]["data"]["rooms"]}
    after = await house.backend.get("/v1/rooms")
    assert [(r["room_id"], r["archived"]) for r in after["rooms"]] == [
        (r["room_id"], r["archived"]) for r in before["rooms"]
    ]


async def test_another_owner_changes_nothing(house: House) -> None:
    room = await _dry_room(house, "Porch")
    answer = await _configure(house, "another-home-assistant", {"home": {}, "rooms": []})
    assert answer["success"] is False
    assert answer["error"]["code"] == "other_owner"
    found = await house.room(room)
    assert found is not None
    assert not found["archived"]


async def test_a_removed_room_is_archived_and_its_alarm_taken_from_the_phone(house: House) -> None:
    room = await house.damp_room("Shed")

    def shown() -> bool:
        return any(
            push.title and push.title.startswith("Shed:")
            for push in house.phone.screen().shown.values()
        )

    async def is_shown() -> bool:
        return shown()

    async def is_gone() -> bool:
        found = await house.room(room)
        return not shown() and found is not None and bool(found["archived"])

    await eventually(is_shown, timeout_s=60, what="the alarm on the phone")
    await house.api.command(
        "config_entries/subentries/delete", entry_id=house.entry_id, subentry_id=room.subentry_id
    )
    await eventually(is_gone, timeout_s=60, what="the room to be archived, the phone cleared")
    assert await house.readings_of(room.sensor), "its history stays"


async def _configure(house: House, instance_id: str, document: dict[str, Any]) -> dict[str, Any]:
    """Send a document over a stream of our own; return the answer to it."""
    headers = {"Authorization": f"Bearer {await house.backend.token()}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.ws_connect(f"{house.backend.address}/v1/stream") as stream,
    ):
        await stream.send_json(
            {
                "type": "hello",
                "api_version": 1,
                "client": "home_assistant",
                "client_version": "0.1.0",
                "instance_id": instance_id,
            }
        )
        await stream.send_json(
            {
                "type": "configure",
                "id": 1,
                "document": {"owner": instance_id, "revision": 10**9, **document},
            }
        )
        async for message in stream:
            content: dict[str, Any] = message.json()
            if content["type"] == "result":
                return content
    raise AssertionError("the stream ended without an answer")
