"""Publishes the flat: first what it has lived through, then what happens now."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiomqtt

from . import zigbee
from .flat import Flat, Place, past
from .recording import Recording
from .zigbee import Sensor

PAST_STEP = timedelta(minutes=10)
_LIVE_PAUSE_S = 5.0
_RECONNECT_S = 1.0
# every so many messages of a QoS 1 device are published a second time, as after a lost PUBACK
_TWICE_EVERY = 5
_FIRST_LIVE_SHOWER_AFTER = timedelta(seconds=40)
_SHOWER_MINUTES = 6.0


@dataclass
class Published:
    """What went out so far."""

    messages: int = 0
    twice: int = 0
    until: datetime | None = None


class Publisher:
    """A Zigbee2MQTT of our own making: its devices are a flat's, or a recorded room's."""

    def __init__(
        self,
        port: int,
        flat: Flat,
        say: Callable[[str], None],
        recorded: tuple[Sensor, Recording] | None = None,
    ) -> None:
        """Publish to the broker at `port` of this machine."""
        self._port = port
        self._flat = flat
        self._say = say
        self._recorded = recorded
        self._counter = itertools.count(1)
        self.published = Published()
        climate = (zigbee.OUTDOOR,) if recorded else zigbee.SENSORS
        self.sensors = (*climate, recorded[0]) if recorded else climate

    async def publish_past(self, begin: datetime, until: datetime) -> Published:
        """Publish what was measured from `begin` to `until`, each with the time it was."""
        async with self._connected() as client:
            await self._announce(client)
            for sensor, payload in self._past_messages(begin, until):
                await self._publish(client, sensor, payload)
        self.published.until = until
        return self.published

    async def run(self) -> None:
        """Publish what happens from now on, for ever; a broker that is away is waited for."""
        shower_at = None if self._recorded else datetime.now(UTC) + _FIRST_LIVE_SHOWER_AFTER
        while True:
            try:
                async with self._connected() as client:
                    await self._announce(client)
                    async for sensor in self._turns():
                        now = datetime.now(UTC)
                        if shower_at is not None and now >= shower_at:
                            self._flat.start_shower(_SHOWER_MINUTES)
                            self._say(f"somebody takes a shower ({_SHOWER_MINUTES:g} min)")
                            shower_at = None
                        for payload in self._live_payloads(sensor, now):
                            await self._publish(client, sensor, payload)
                        self.published.until = now
            except aiomqtt.MqttError:
                await asyncio.sleep(_RECONNECT_S)

    def _past_messages(self, begin: datetime, until: datetime) -> Iterator[tuple[Sensor, bytes]]:
        """Yield the past in order of time: only devices that can say when it was."""
        told = [
            sensor
            for sensor in self.sensors
            if sensor.place is not None and sensor.last_seen is not zigbee.LastSeen.DISABLE
        ]
        before = begin
        for ts in past(self._flat, until, PAST_STEP):
            for number, sensor in enumerate(told):
                if sensor.place is not None:
                    moment = ts.replace(microsecond=(137 * number) % 1000 * 1000)
                    yield sensor, sensor.state(moment, self._flat.air(sensor.place))
            if self._recorded is not None:
                sensor, recording = self._recorded
                for moment, air in recording.between(before, ts):
                    yield sensor, sensor.state(moment, air)
            before = ts

    def _live_payloads(self, sensor: Sensor, now: datetime) -> Iterator[bytes]:
        if self._recorded is not None and sensor is self._recorded[0]:
            since = self.published.until or now
            for moment, air in self._recorded[1].between(since, now):
                yield sensor.state(moment, air)
        elif sensor.place is not None:
            self._flat.advance(now)
            yield sensor.state(now, self._flat.air(sensor.place))
        else:
            lit = Place.HALL if now.second < 30 else None  # noqa: PLR2004 - half of each minute
            content = {"brightness": 180, "color_temp": 370, "linkquality": 112}
            yield sensor.payload(now, content | {"state": "ON" if lit else "OFF"})

    async def _turns(self) -> AsyncIterator[Sensor]:
        """Yield the devices one after the other, all of them in `_LIVE_PAUSE_S`."""
        for sensor in itertools.cycle(self.sensors):
            yield sensor
            await asyncio.sleep(_LIVE_PAUSE_S / len(self.sensors))

    async def _announce(self, client: aiomqtt.Client) -> None:
        """Publish what Zigbee2MQTT retains: its state, its devices, who can be reached."""
        base = zigbee.BASE_TOPIC
        await client.publish(f"{base}/bridge/state", b'{"state":"online"}', qos=1, retain=True)
        devices = zigbee.bridge_devices(self.sensors)
        await client.publish(f"{base}/bridge/devices", devices, qos=1, retain=True)
        for sensor in self.sensors:
            topic = f"{sensor.topic}/availability"
            await client.publish(topic, b'{"state":"online"}', qos=1, retain=True)

    async def _publish(self, client: aiomqtt.Client, sensor: Sensor, payload: bytes) -> None:
        await client.publish(sensor.topic, payload, qos=sensor.qos)
        self.published.messages += 1
        if sensor.qos and next(self._counter) % _TWICE_EVERY == 0:
            await client.publish(sensor.topic, payload, qos=sensor.qos)
            self.published.twice += 1

    def _connected(self) -> aiomqtt.Client:
        return aiomqtt.Client(
            "127.0.0.1",
            self._port,
            identifier="zigbee2mqtt-demo",
            # each message waits for its acknowledgement: Nagle's algorithm would add 40 ms
            socket_options=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),
            will=aiomqtt.Will(
                f"{zigbee.BASE_TOPIC}/bridge/state", b'{"state":"offline"}', qos=1, retain=True
            ),
        )
