"""A gateway that sends without end, and writes down what the broker said to each message."""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

import aiomqtt

from tests.reliability.chaos.ledger import Entry, Ledger, Nature
from tests.support.mosquitto import Mosquitto

_DEVICES: Final = 6
_ANSWER_S: Final = 2.0
_QOS_0_SHARE: Final = 0.1
_UNTIMED_SHARE: Final = 0.4
_WRONG_CLOCKS: Final = ("1970-01-01T00:00:07Z", "2099-06-01T12:00:00Z")


class ChaosPublisher:
    """Sends `rate` messages a second to a broker that comes and goes."""

    def __init__(self, broker: Mosquitto, ledger: Ledger, seed: int, rate: float) -> None:
        self._broker = broker
        self._ledger = ledger
        self._chance = random.Random(seed)  # noqa: S311 - it must be had again
        self._rate = rate
        self._number = 0
        self._client: aiomqtt.Client | None = None
        self._may_send = asyncio.Event()
        self._may_send.set()
        self._idle = asyncio.Lock()

    async def run(self) -> None:
        """Send for ever."""
        while True:
            try:
                async with self._connected():
                    while True:
                        await self._may_send.wait()
                        async with self._idle:
                            await self._send(*self._ordinary())
                        await asyncio.sleep(1 / self._rate)
            except aiomqtt.MqttError, OSError:
                await asyncio.sleep(0.1)

    @asynccontextmanager
    async def silent(self) -> AsyncGenerator[None]:
        """Send nothing while the block runs; the message under way is finished first."""
        self._may_send.clear()
        try:
            async with self._idle:
                yield
        finally:
            self._may_send.set()

    async def duplicates(self, choice: int) -> None:
        """Send some messages several times: the same bytes, byte for byte."""
        chance = random.Random(choice)  # noqa: S311
        async with self._burst():
            for _ in range(5):
                entry, topic, payload = self._ordinary(qos=1)
                for _ in range(chance.randint(2, 3)):
                    await self._send(entry, topic, payload)

    async def reordering(self, choice: int) -> None:
        """Send messages whose own times go backwards, up to a day."""
        chance = random.Random(choice)  # noqa: S311
        ages_s = sorted(chance.uniform(0, 86_400) for _ in range(20))
        async with self._burst():
            for age_s in chance.sample(ages_s, len(ages_s)):
                await self._send(*self._timed(time.time() - age_s, qos=1))

    async def poison(self, choice: int) -> None:
        """Send what nobody can understand, and times that cannot be."""
        chance = random.Random(choice)  # noqa: S311
        async with self._burst():
            for _ in range(5):
                number = self._next()
                payload = chance.choice(_POISON).replace(b"%d", str(number).encode())
                entry = self._ledger.open(Entry(number, Nature.POISON, 1))
                await self._send(entry, "mould-watch/readings/poison", payload)
            for wrong in _WRONG_CLOCKS:
                entry, topic, payload = self._untimed(qos=1)
                fields = json.loads(payload) | {"timestamp": wrong}
                await self._send(
                    entry, topic.replace("zigbee2mqtt/", "mould-watch/readings/"), _encode(fields)
                )

    @asynccontextmanager
    async def _burst(self) -> AsyncGenerator[None]:
        """Have the connection for oneself; a broker that goes meanwhile ends the burst."""
        with contextlib.suppress(aiomqtt.MqttError, OSError, TimeoutError):
            async with asyncio.timeout(30), self.silent():
                while self._client is None:
                    await asyncio.sleep(0.05)
                yield

    @asynccontextmanager
    async def _connected(self) -> AsyncGenerator[None]:
        client = aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            protocol=aiomqtt.ProtocolVersion.V5,
            timeout=_ANSWER_S,
        )
        async with client:
            self._client = client
            try:
                yield
            finally:
                self._client = None

    async def _send(self, entry: Entry, topic: str, payload: bytes) -> None:
        if self._client is None:
            raise aiomqtt.MqttError("not connected")
        try:
            await self._client.publish(topic, payload, qos=entry.qos, timeout=_ANSWER_S)
        except BaseException:
            entry.in_doubt += 1
            raise
        self._ledger.accepted(entry)

    def _ordinary(self, qos: int | None = None) -> tuple[Entry, str, bytes]:
        if qos is None:
            qos = 0 if self._chance.random() < _QOS_0_SHARE else 1
        if self._chance.random() < _UNTIMED_SHARE:
            return self._untimed(qos)
        return self._timed(time.time(), qos)

    def _timed(self, at_s: float, qos: int) -> tuple[Entry, str, bytes]:
        at_s = round(at_s, 3)
        entry, fields, device = self._values(Nature.TIMED, qos)
        entry.at_s = at_s
        fields["last_seen"] = datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds")
        return entry, f"zigbee2mqtt/room {device}", _encode(fields)

    def _untimed(self, qos: int) -> tuple[Entry, str, bytes]:
        entry, fields, device = self._values(Nature.UNTIMED, qos)
        return entry, f"zigbee2mqtt/room {device}", _encode(fields)

    def _values(self, nature: Nature, qos: int) -> tuple[Entry, dict[str, float | str], int]:
        number = self._next()
        entry = Entry(
            number,
            nature,
            qos,
            temperature_c=round(self._chance.uniform(18, 23), 2),
            humidity_pct=round(self._chance.uniform(45, 75), 2),
        )
        self._ledger.open(entry)
        fields: dict[str, float | str] = {
            "temperature": entry.temperature_c or 0.0,
            "humidity": entry.humidity_pct or 0.0,
            "number": number,
        }
        return entry, fields, self._chance.randrange(_DEVICES)

    def _next(self) -> int:
        self._number += 1
        return self._number


_POISON: Final = (
    b"%d is no JSON",
    b'{"temperature": "warm", "number": %d}',
    b'["a", "list", %d]',
    b'{"temperature": 21.5, "number": %d',
    b'{"temperature": NaN, "number": %d}',
    b"\xff\xfe%d\x00",
)


def _encode(fields: dict[str, float | str]) -> bytes:
    return json.dumps(fields).encode()
