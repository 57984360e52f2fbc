"""A whole house for the end-to-end tests: broker, backend, Home Assistant and phone, all real.

The servers are those of the demo (scripts/demo_flat); here are the tests' own rooms.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import aiomqtt
import asyncpg

from demo_flat import home, zigbee
from demo_flat.backend import Backend
from demo_flat.broker import Broker
from demo_flat.flat import Air
from demo_flat.flow_driver import FlowDriver
from demo_flat.home_assistant import HomeAssistant
from demo_flat.home_assistant_api import HomeAssistantApi, HomeAssistantError
from demo_flat.phone import Phone
from demo_flat.processes import free_port
from demo_flat.zigbee import LastSeen, Sensor

PASSWORD = "a password of the tests"
DAMP = Air(20.0, 78.0)
DRY = Air(20.0, 35.0)

DAMP_BEGIN, DAMP_END = timedelta(hours=29), timedelta(minutes=130)
"""How long ago a damp room began to be damp, and its last reading: a whole hour is over since."""
_STEP = timedelta(minutes=10)

# A test kills its server and wants to see it again, and lets no receipt come; one phone is told of
# the rooms of all tests.
SHORT_WAITS: Final = {
    "MOULD_WATCH_NOTIFY__RETRY_INITIAL_S": "0.5",
    "MOULD_WATCH_NOTIFY__RETRY_MAXIMUM_S": "2",
    "MOULD_WATCH_NOTIFY__POLL_S": "0.5",
    "MOULD_WATCH_NOTIFY__CHANNEL_TIMEOUT_S": "5",
    "MOULD_WATCH_NOTIFY__LEASE_S": "6",
    "MOULD_WATCH_NOTIFY__RECEIPT_WAIT_S": "3",
    "MOULD_WATCH_NOTIFY__PERSON_WAIT_S": "3",
    "MOULD_WATCH_PLAN__HOURLY_MAXIMUM": "100",
}

type Json = dict[str, Any]


@dataclass(frozen=True)
class TestRoom:
    """A room with a sensor of its own."""

    __test__ = False

    name: str
    sensor: Sensor
    room_id: str
    subentry_id: str


class House:
    """Everything, started once for all tests; each test brings a room of its own."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        """Describe it; `start` starts it. `settings` are the backend's beside the demo's."""
        self.broker = Broker(folder / "broker", free_port())
        self.backend = Backend(
            folder / "backend",
            free_port(),
            self.broker.port,
            **(SHORT_WAITS if settings is None else settings),
        )
        self.home_assistant = HomeAssistant(folder / "home-assistant", free_port())
        self.phone = Phone()
        self.api = HomeAssistantApi(self.home_assistant.address)
        self.phone_id = ""
        self.entry_id = ""
        self._sensors: list[Sensor] = []
        self._numbers = itertools.count(1)

    async def start(self) -> None:
        """Start every server and set the home up, without a room."""
        await self.phone.start()
        await self.broker.start()
        self.home_assistant.prepare()
        await asyncio.gather(self.backend.start(), self.home_assistant.start())
        await self.backend.wait_ready()
        self.api = await self.home_assistant.log_in(PASSWORD)
        await self.home_assistant_runs()
        self.phone_id, _ = await self.api.register_phone("Test phone", self.phone.push_url)
        self.entry_id, first_room_flow = await home.configure_home(
            self.api,
            home.Home(self.backend.address, await self.backend.token(), None, self.phone_id),
        )
        if first_room_flow is not None:
            # each test begins a flow of its own, which offers the sensor it has just made
            flow = FlowDriver(self.api, of="subentries/")
            await flow.resume(first_room_flow)
            await flow.abandon()

    async def stop(self) -> None:
        """End every server."""
        await self.api.close()
        await asyncio.gather(self.home_assistant.stop(), self.backend.stop())
        await self.backend.remove_database()
        await self.broker.stop()
        await self.phone.stop()

    # ------------------------------------------------------------------ servers

    async def home_assistant_runs(self) -> None:
        """Wait until Home Assistant has finished starting."""
        await eventually(self.api.running, timeout_s=90, what="Home Assistant to have started")

    async def start_home_assistant(self) -> None:
        """Start Home Assistant again and sign in."""
        await self.home_assistant.start()
        await self.home_assistant_runs()

    async def home_assistant_has_written(self, text: str) -> None:
        """Wait until Home Assistant's entries on disk hold `text`: it writes them late."""
        entries = self.home_assistant.folder / ".storage" / "core.config_entries"

        async def is_there() -> bool:
            return entries.exists() and text in entries.read_text(encoding="utf-8")

        await eventually(is_there, timeout_s=60, what=f"{text} to be written down")

    # ------------------------------------------------------------------ sensors

    def new_sensor(self, name: str, last_seen: LastSeen = LastSeen.ISO_8601) -> Sensor:
        """Return a sensor that no test has used."""
        number = next(self._numbers)
        sensor = Sensor(name, f"0x00158d00e2e{number:05x}", zigbee.SONOFF, 1, last_seen)
        self._sensors.append(sensor)
        return sensor

    async def publish(self, *messages: tuple[Sensor, datetime, Air], qos: int = 1) -> None:
        """Publish reports as Zigbee2MQTT would, each with its time."""
        async with self.publisher() as client:
            for sensor, ts, air in messages:
                await client.publish(sensor.topic, sensor.state(ts, air), qos=qos)

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator[aiomqtt.Client]:
        """Connect as Zigbee2MQTT, with every device of the tests known."""
        async with aiomqtt.Client("127.0.0.1", self.broker.port) as client:
            devices = zigbee.bridge_devices(tuple(self._sensors))
            await client.publish("zigbee2mqtt/bridge/devices", devices, qos=1, retain=True)
            yield client

    async def publish_past(
        self, sensor: Sensor, air: Air, *, begin: timedelta, end: timedelta = timedelta(0)
    ) -> list[datetime]:
        """Publish reports every ten minutes, from `begin` ago to `end` ago; return their times."""
        now = datetime.now(UTC).replace(microsecond=0)
        times = []
        ts = now - begin
        while ts <= now - end:
            times.append(ts)
            ts += _STEP
        await self.publish(*((sensor, ts, air) for ts in times))
        return times

    # ------------------------------------------------------------------ rooms

    async def add_room(self, name: str, sensor: Sensor, **more: object) -> TestRoom:
        """Add a room by its own flow, once that offers the sensor."""
        await self._offered(sensor.name)
        subentry = await home.add_room(
            self.api, self.entry_id, home.Room(name, sensor.name, "cold_wall"), more=more
        )
        return TestRoom(name, sensor, subentry["unique_id"], subentry["subentry_id"])

    async def _offered(self, name: str) -> None:
        """Wait until the forms offer a sensor; devices are told at most every 5 s."""

        async def is_offered() -> bool:
            flow = FlowDriver(self.api, of="subentries/")
            step = await flow.start([self.entry_id, "room"])
            if step["type"] == "abort":
                return False  # no device at all is known yet
            try:
                await home.past_menu(flow)
                flow.option("humidity", name)
            except HomeAssistantError:
                return False
            else:
                return True
            finally:
                await flow.abandon()

        await eventually(is_offered, timeout_s=60, what=f"{name} to be offered")

    @asynccontextmanager
    async def changed_home(
        self, outdoor: str | None = None, services: Sequence[str] = ()
    ) -> AsyncIterator[None]:
        """Change the home by its form, and back: a sensor outside, services that are told.

        What is told gets the form's test notification.
        """
        if outdoor is not None:
            await self._offered(outdoor)
        changes = {"services": list(services), "send_test": bool(services)}
        await home.change_home(self.api, self.entry_id, outdoor, **changes)
        try:
            yield
        finally:
            await home.change_home(self.api, self.entry_id, services=[])

    async def damp_room(self, name: str, **more: object) -> TestRoom:
        """Add a room whose wall has been damp for more than a day: the alarm is due."""
        sensor = self.new_sensor(name)
        await self.publish_past(sensor, DAMP, begin=DAMP_BEGIN, end=DAMP_END)
        return await self.add_room(name, sensor, **more)

    async def watch(self, sensor: Sensor, metric: str, **form: object) -> None:
        """Watch a metric of a sensor by its own form, filled in with `form`."""
        flow = FlowDriver(self.api, of="subentries/")
        await flow.start([self.entry_id, "device"])
        await flow.fill(what=flow.option("what", f"{sensor.name} (MQTT): {metric}"))
        flow.expect(kind="form", step_id="limits")
        await flow.fill(**form)
        flow.expect(kind="create_entry")

    async def room(self, room: TestRoom) -> Json | None:
        """Return a room as the backend has it."""
        rooms: list[Json] = (await self.backend.get("/v1/rooms"))["rooms"]
        return next((found for found in rooms if found["room_id"] == room.room_id), None)

    async def notifications(self, room: TestRoom) -> list[Json]:
        """Return a room's notifications as the backend has them, newest first."""
        return await self._notifications("room_id", room.room_id)

    async def notifications_named(self, name: str) -> list[Json]:
        """Return those of the room or watched device of a name, newest first."""
        return await self._notifications("room", name)

    async def _notifications(self, key: str, value: str) -> list[Json]:
        every: list[Json] = (await self.backend.get("/v1/notifications"))["notifications"]
        return [found for found in every if found["message"][key] == value]

    async def entity_ids(self, room: TestRoom) -> dict[str, str]:
        """Return a room's entity ids by their keys ("risk", "level", ...)."""
        return {
            entity["unique_id"].removeprefix(f"{room.room_id}_"): entity["entity_id"]
            for entity in await self.api.entities()
            if entity["unique_id"].startswith(room.room_id)
        }

    # ------------------------------------------------------------------ rows

    async def readings_of(self, sensor: Sensor) -> list[asyncpg.Record]:
        """Return a sensor's rows in order of time."""
        connection = await asyncpg.connect(self.backend.database.address)
        try:
            return list(
                await connection.fetch(
                    "SELECT readings.* FROM readings JOIN device ON device.id = device_id "
                    "WHERE coalesce(merged_into, device.id) IN "
                    "(SELECT id FROM device WHERE native_id = $1) ORDER BY ts",
                    sensor.ieee_address,
                )
            )
        finally:
            await connection.close()


async def eventually(
    ask: Callable[[], Awaitable[bool]], *, timeout_s: float, what: str, poll_s: float = 0.1
) -> None:
    """Return as soon as `ask()` is true; raise TimeoutError naming `what` otherwise."""
    try:
        async with asyncio.timeout(timeout_s):
            while not await ask():
                await asyncio.sleep(poll_s)
    except TimeoutError:
        raise TimeoutError(f"waited {timeout_s:g} s for {what}") from None
