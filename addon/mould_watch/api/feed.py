"""What every client is told: rooms, devices and health, and each change of them once.

The tables are read on a wake-up and now and then without one, and compared with what was told
last: a lost wake-up delays a change, it never loses it.
"""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID

from mould_watch.clock import Clock
from mould_watch.errors import DatabaseUnavailableError
from mould_watch.ports import PartHealth
from mould_watch.retry import Backoff
from mould_watch.storage import overview
from mould_watch.storage.database import Database
from mould_watch.storage.overview import BackendOverview, DeviceOverview, RoomOverview

_LOGGER: Final = logging.getLogger(__name__)
_CHANNELS: Final = (
    "mould_watch_condition",
    "mould_watch_device",
    "mould_watch_configuration",
)
_BROKER_STATES: Final = frozenset({"ready", "connecting", "away"})
# the health of the parts is in memory: looking costs nothing
_HEALTH_INTERVAL_S: Final = 1.0
# what many wake-ups in a row are gathered into
_REFRESH_INTERVAL_S: Final = 0.2


class Listener(Protocol):
    """A client that is told of changes."""

    def push_text(self, text: str) -> None:
        """Queue an encoded message; a client too slow to take it is dropped."""
        ...


@dataclass(frozen=True)
class View:
    """The tables as they were read last."""

    backend: BackendOverview
    rooms: Mapping[UUID, RoomOverview]
    devices: Mapping[tuple[str, str], DeviceOverview]


class Feed:
    """Reads, compares, tells."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        parts: Sequence[PartHealth],
        *,
        poll_s: float = 10.0,
        device_interval_s: float = 5.0,
    ) -> None:
        """Watch `database` and the health of `parts`.

        The tables are read at least every `poll_s` seconds while a client listens; a device is
        told at most once in `device_interval_s` seconds.
        """
        self._database = database
        self._clock = clock
        self._parts = {part.name: part for part in parts}
        self._poll_s = poll_s
        self._device_interval_s = device_interval_s
        self._view: View | None = None
        self._dead_letters = 0
        self._told_devices: dict[tuple[str, str], DeviceOverview] = {}
        self._device_told_at_s: dict[tuple[str, str], float] = {}
        self._told_health: dict[str, Any] = {}
        self._listeners: set[Listener] = set()
        self._waiting: set[Listener] = set()
        self._look = asyncio.Event()
        self._reading = asyncio.Lock()

    async def run(self) -> None:
        """Tell changes, for ever."""
        async with asyncio.TaskGroup() as group:
            for channel in _CHANNELS:
                group.create_task(self._hear(channel), name=f"api feed {channel}")
            group.create_task(self._refresh_for_ever(), name="api feed refresh")
            group.create_task(self._watch_health(), name="api feed health")

    def health(self) -> dict[str, Any]:
        """Return the Health of docs/protocol.md."""
        told = {name: part.health() for name, part in self._parts.items()}
        details = [health["detail"] for health in told.values() if health.get("detail")]
        broker = told.get("broker", {}).get("state")
        return {
            "database": told.get("database", {}).get("state", "starting"),
            # what else it says (standing by, waiting for the database) is in the detail
            "broker": broker if broker in _BROKER_STATES else "connecting",
            "dead_letters": self._dead_letters,
            "detail": "; ".join(details) or None,
        }

    def wait(self, listener: Listener) -> None:
        """Tell `listener` the health, now if the database is not ready, and when it changes."""
        self._waiting.add(listener)
        health = self.health()
        if health["database"] != "ready":
            listener.push_text(encode({"type": "health", "health": health}))

    async def view(self) -> View:
        """Return the tables as they are now; waits for the database."""
        backoff = Backoff(initial_s=0.2, maximum_s=5.0)
        while True:
            await self._database.wait_ready()
            try:
                return await self._refresh()
            except DatabaseUnavailableError:
                await self._clock.sleep(backoff.next_delay_s())

    def listen(self, listener: Listener) -> None:
        """Tell `listener` every change from the view just returned on; no await in between."""
        self._waiting.discard(listener)
        self._listeners.add(listener)

    def leave(self, listener: Listener) -> None:
        """Tell it nothing any more."""
        self._waiting.discard(listener)
        self._listeners.discard(listener)

    async def _hear(self, channel: str) -> None:
        wakeup = self._database.signals.wakeup(channel)
        while True:
            await wakeup.wait(self._poll_s)
            self._look.set()

    async def _refresh_for_ever(self) -> None:
        backoff = Backoff(initial_s=0.2, maximum_s=5.0)
        while True:
            await self._wait_until_due()
            if not self._listeners:
                continue
            try:
                await self._refresh()
            except DatabaseUnavailableError:
                self._look.set()
                await self._clock.sleep(backoff.next_delay_s())
                await self._database.wait_ready()
            else:
                backoff.reset()
                await self._clock.sleep(_REFRESH_INTERVAL_S)

    async def _wait_until_due(self) -> None:
        """Return on a wake-up, or when a device that was held back may be told."""
        view = self._view
        held_back = [
            self._device_told_at_s[identity] + self._device_interval_s - self._clock.monotonic_s()
            for identity, told in self._told_devices.items()
            if self._listeners and view is not None and view.devices.get(identity, told) != told
        ]
        try:
            async with asyncio.timeout(max(0.0, min(held_back)) if held_back else None):
                await self._look.wait()
        except TimeoutError:
            pass
        self._look.clear()

    async def _refresh(self) -> View:
        """Read everything and tell the listeners what is new."""
        async with self._reading:
            async with self._database.connection() as connection:
                view = View(
                    backend=await overview.backend(connection),
                    rooms={
                        room.room_id: room
                        for room in await overview.rooms(connection, archived=False)
                    },
                    devices={
                        device.identity: device for device in await overview.devices(connection)
                    },
                )
                self._dead_letters = await overview.dead_letters(connection)
            before, self._view = self._view, view
            self._tell_configuration(before, view)
            self._tell_backend(before, view)
            self._tell_rooms(before, view)
            self._tell_devices(view)
            return view

    def _tell_configuration(self, before: View | None, view: View) -> None:
        now = (view.backend.owner, view.backend.revision)
        if before is not None and now != (before.backend.owner, before.backend.revision):
            self._tell({"type": "configuration", "owner": now[0], "revision": now[1]})

    def _tell_backend(self, before: View | None, view: View) -> None:
        now = backend_wire(view.backend)
        if before is not None and now != backend_wire(before.backend):
            self._tell({"type": "backend", "backend": now})

    def _tell_rooms(self, before: View | None, view: View) -> None:
        known = before.rooms if before is not None else {}
        for room_id in known.keys() - view.rooms.keys():
            self._tell({"type": "room_removed", "room_id": str(room_id)})
        for room_id, room in view.rooms.items():
            if room != known.get(room_id):
                self._tell({"type": "room", "room": room.model_dump(mode="json")})

    def _tell_devices(self, view: View) -> None:
        now_s = self._clock.monotonic_s()
        for identity in self._told_devices.keys() - view.devices.keys():
            del self._told_devices[identity]
            del self._device_told_at_s[identity]
            source_instance, native_id = identity
            self._tell(
                {
                    "type": "device_removed",
                    "source_instance": source_instance,
                    "native_id": native_id,
                }
            )
        for identity, device in view.devices.items():
            if device == self._told_devices.get(identity):
                continue
            told_at_s = self._device_told_at_s.get(identity)
            if told_at_s is not None and now_s - told_at_s < self._device_interval_s:
                continue
            self._told_devices[identity] = device
            self._device_told_at_s[identity] = now_s
            self._tell({"type": "device", "device": device.model_dump(mode="json")})

    async def _watch_health(self) -> None:
        while True:
            health = self.health()
            if health != self._told_health:
                self._told_health = health
                text = encode({"type": "health", "health": health})
                for listener in (*self._listeners, *self._waiting):
                    listener.push_text(text)
            try:
                async with asyncio.timeout(_HEALTH_INTERVAL_S):
                    await self._database.wait_change()
            except TimeoutError:
                pass

    def _tell(self, message: Mapping[str, Any]) -> None:
        if self._listeners:
            text = encode(message)
            for listener in tuple(self._listeners):
                listener.push_text(text)


def backend_wire(backend: BackendOverview) -> dict[str, Any]:
    """Return the Backend of docs/protocol.md: what is the matter with it."""
    return backend.model_dump(mode="json", include={"incidents"})


def encode(message: Mapping[str, Any]) -> str:
    """Return a message as the text of a frame; UUIDs and the like as their text."""
    return json.dumps(message, default=str, ensure_ascii=False, separators=(",", ":"))
