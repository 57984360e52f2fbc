"""A household with three phones, two of them of one name, and rooms that are soon too hot.

Everything else is the house of the end-to-end tests. The rooms' rule is the fastest there is: one
reading above a threshold is an alarm of severity "high", which waits for nothing.
"""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from demo_flat.flat import Air
from demo_flat.zigbee import Sensor
from tests.support.companion import CompanionApp
from tests.support.home_assistant import House, TestRoom, eventually

TWIN = "Twin phone"
HOT = Air(35.0, 40.0)
COOL = Air(20.0, 40.0)


class Family:
    """Who is told, and the rooms that no test has used yet."""

    def __init__(self, house: House) -> None:
        """Join a house that runs."""
        self.house = house
        self.anna = CompanionApp("anna")
        self.twins = (CompanionApp("first-twin"), CompanionApp("second-twin"))
        self._every_room: list[TestRoom] = []
        self._rooms: Iterator[TestRoom] = iter(())
        self._entry_before: dict[str, Any] = {}

    @property
    def apps(self) -> tuple[CompanionApp, ...]:
        """Return every phone."""
        return (self.anna, *self.twins)

    async def move_in(self, names: Sequence[str]) -> None:
        """Register the phones, add the rooms, and start Home Assistant with them."""
        await self.anna.register(self.house.api, "Phone of Anna")
        for twin in self.twins:
            await twin.register(self.house.api, TWIN)
        # one stays behind: a house without any room is no change the backend takes at its word
        (*self._every_room, _), self._entry_before = await add_hot_rooms(
            self.house, self.apps, [*names, "Broom closet"]
        )
        self._rooms = iter(self._every_room)

    async def move_out(self) -> None:
        """Take the rooms along, and leave the phones of the house as they were."""
        for room in self._every_room:
            await self.house.api.command(
                "config_entries/subentries/delete",
                entry_id=self.house.entry_id,
                subentry_id=room.subentry_id,
            )
        gone = {room.room_id for room in self._every_room}

        async def are_archived() -> bool:
            rooms = (await self.house.backend.get("/v1/rooms"))["rooms"]
            return gone <= {room["room_id"] for room in rooms if room["archived"]}

        await eventually(are_archived, timeout_s=60, what="the rooms to be archived")
        phones = self._entry_before["options"]["phones"]
        await _change_entry(self.house, lambda entry: entry["options"].update(phones=phones))
        for app in self.apps:
            await app.stop()

    async def room(self) -> TestRoom:
        """Return a room of one's own, cool until an hour ago."""
        room = next(self._rooms)
        await self.house.publish((room.sensor, datetime.now(UTC) - timedelta(hours=1), COOL))
        return room

    async def heat(self, room: TestRoom) -> None:
        """Let the room have been too hot since 50 minutes ago."""
        await self.house.publish((room.sensor, datetime.now(UTC) - timedelta(minutes=50), HOT))

    async def cool(self, room: TestRoom) -> None:
        """Let the room have been cool again for so long that it is over."""
        await self.house.publish((room.sensor, datetime.now(UTC) - timedelta(minutes=40), COOL))


async def add_hot_rooms(
    house: House,
    apps: Sequence[CompanionApp],
    names: Sequence[str],
    thresholds_c: Sequence[float] = (30.0,),
) -> tuple[list[TestRoom], dict[str, Any]]:
    """Add rooms that alarm `apps` above each threshold; return them, and the entry before.

    Home Assistant is started anew with them.
    """
    rooms = [
        TestRoom(name, house.new_sensor(name), str(uuid4()), uuid4().hex[:26]) for name in names
    ]
    await house.home_assistant_has_written(apps[-1].webhook_id)
    before: dict[str, Any] = {}

    def change(entry: dict[str, Any]) -> None:
        before.update(json.loads(json.dumps(entry)))
        entry["options"]["phones"] = [app.device_id for app in apps]
        entry["subentries"] += [_subentry(room, thresholds_c) for room in rooms]

    await _change_entry(house, change)
    wanted = {room.room_id for room in rooms}

    async def are_known() -> bool:
        known = (await house.backend.get("/v1/rooms"))["rooms"]
        return wanted <= {room["room_id"] for room in known}

    await eventually(are_known, timeout_s=60, what="the rooms to be known")
    return rooms, before


async def _change_entry(house: House, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the integration's entry on disk, as no form can in one step, and start again."""
    await house.home_assistant.stop()
    path = house.home_assistant.folder / ".storage" / "core.config_entries"
    await asyncio.to_thread(_edit, path, house.entry_id, change)
    await house.start_home_assistant()


def _edit(path: Path, entry_id: str, change: Callable[[dict[str, Any]], None]) -> None:
    stored = json.loads(path.read_text(encoding="utf-8"))
    (entry,) = (one for one in stored["data"]["entries"] if one["entry_id"] == entry_id)
    change(entry)
    path.write_text(json.dumps(stored), encoding="utf-8")


def _subentry(room: TestRoom, thresholds_c: Sequence[float]) -> dict[str, Any]:
    return {
        "data": _data(room.sensor, thresholds_c),
        "subentry_id": room.subentry_id,
        "subentry_type": "room",
        "title": room.name,
        "unique_id": room.room_id,
    }


def _data(sensor: Sensor, thresholds_c: Sequence[float]) -> dict[str, Any]:
    """Return a room's data: nothing is told of it but temperatures above the thresholds."""
    source = {
        "kind": "device",
        "source_instance": "mqtt:zigbee2mqtt",
        "native_id": sensor.ieee_address,
    }
    return {
        "sources": {"temperature": source, "humidity": source},
        "protect": "things",
        "rules": {
            "mould_level": {"enabled": False},
            "condensation": {"enabled": False},
            "no_data": {"enabled": False},
        },
        "metric_thresholds": [
            {
                "rule_id": str(uuid4()),
                "name": f"above {threshold_c:g} °C",
                "metric": "temperature_c",
                "direction": "above",
                "threshold": threshold_c,
                "severity": "high",
            }
            for threshold_c in thresholds_c
        ],
    }
