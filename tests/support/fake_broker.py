"""A broker that does what no real one can be made to do at will.

It delivers messages with the packet ids, DUP flags and session_present that a test chooses, and
writes down what the client acknowledges. Just enough of MQTT 5 and 3.1.1 for one client; every
other test uses the real broker (tests/support/mosquitto.py).
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from types import TracebackType
from typing import Self

from mould_watch.ingest.topics import matches

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4
SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 12, 13, 14

DEFAULT_WINDOW = 20
"""Of mosquitto, for a client that does not say how much it takes."""

_RECEIVE_MAXIMUM = 0x21
# the properties of CONNECT with a fixed size
_PROPERTY_BYTES = {0x11: 4, 0x21: 2, 0x27: 4, 0x22: 2, 0x19: 1, 0x17: 1}


@dataclass(frozen=True)
class Delivery:
    """A message to deliver right after CONNACK, before the client says anything."""

    packet_id: int
    topic: str
    payload: bytes
    dup: bool = False
    retain: bool = False
    qos: int = 1


@dataclass
class FakeBroker:
    """One client at a time; `async with` starts and ends it."""

    session_present: bool = False
    # protocol levels it refuses, as a broker of old does
    refuses: Sequence[int] = ()
    # delivered to each connection at once
    queued: list[Delivery] = field(default_factory=list)
    # echo what the client publishes (its marker) when it is subscribed to it
    echo: bool = True
    host: str = "127.0.0.1"
    port: int = 0
    # packet ids in the order they were acknowledged
    acknowledged: list[int] = field(default_factory=list)
    connects: list[int] = field(default_factory=list)
    subscriptions: list[str] = field(default_factory=list)
    # what happened, in order: "connect", "subscribe", "disconnect"
    events: list[str] = field(default_factory=list)
    # Receive Maximum as the client asked for it; what a broker of old allows by itself
    window: int = DEFAULT_WINDOW
    # the session of `publish`: what was sent and not acknowledged, in order, and what waits
    outstanding: dict[int, Delivery] = field(default_factory=dict)
    waiting: deque[Delivery] = field(default_factory=deque)
    most_outstanding: int = 0
    _server: asyncio.Server | None = None
    _writer: asyncio.StreamWriter | None = None
    _level: int = 5
    _next_id: int = 60000

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> None:
        """Send a message as an honest broker does: never beyond the window, and kept until then.

        The least packet id that is free is used again; a resumed session brings with DUP what was
        not acknowledged; `lose_session` forgets it.
        """
        delivery = Delivery(0, topic, payload, retain=retain, qos=qos)
        if qos:
            self.waiting.append(delivery)
            self._send_waiting()
        elif self._writer is not None:
            self.deliver(delivery)

    def lose_session(self) -> None:
        """Forget what was sent and what waits."""
        self.session_present = False
        self.outstanding.clear()
        self.waiting.clear()

    def deliver(self, delivery: Delivery) -> None:
        """Send a message to the connected client."""
        assert self._writer is not None
        properties = b"\0" if self._level == 5 else b""
        packet_id = delivery.packet_id.to_bytes(2) if delivery.qos else b""
        body = _text(delivery.topic) + packet_id + properties + delivery.payload
        flags = delivery.qos << 1 | delivery.dup << 3 | delivery.retain
        self._writer.write(_packet(PUBLISH, body, flags=flags))

    def _send_waiting(self) -> None:
        while self._writer is not None and self.waiting and len(self.outstanding) < self.window:
            free = next(one for one in count(1) if one not in self.outstanding)
            delivery = replace(self.waiting.popleft(), packet_id=free)
            self.outstanding[free] = delivery
            self.most_outstanding = max(self.most_outstanding, len(self.outstanding))
            self.deliver(delivery)

    def cut(self) -> None:
        """Cut the connection, without a word."""
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, body = await _read(reader)
                if not self._handle(kind, body, writer):
                    break
                await writer.drain()
        writer.close()

    def _handle(self, kind: int, body: bytes, writer: asyncio.StreamWriter) -> bool:
        match kind >> 4:
            case 1:
                return self._connect(body, writer)
            case 3:
                self._publish(kind, body, writer)
            case 4:
                packet_id = int.from_bytes(body[:2])
                self.acknowledged.append(packet_id)
                self.outstanding.pop(packet_id, None)
                self._send_waiting()
            case 8:
                self._subscribe(body, writer)
            case 12:
                writer.write(_packet(PINGRESP, b""))
            case 14:
                self.events.append("disconnect")
                return False
            case _:
                pass
        return True

    def _connect(self, body: bytes, writer: asyncio.StreamWriter) -> bool:
        level = body[6]
        self.connects.append(level)
        if level in self.refuses:
            writer.write(_packet(CONNACK, bytes([0, 1])))
            return False
        self.events.append("connect")
        self._level, self._writer = level, writer
        flags = bytes([self.session_present, 0])
        writer.write(_packet(CONNACK, flags + (b"\0" if level == 5 else b"")))
        self.window = _receive_maximum(body) if level == 5 else DEFAULT_WINDOW
        for delivery in (*self.queued, *self.outstanding.values()):
            self.deliver(
                replace(delivery, dup=delivery.dup or delivery.packet_id in self.outstanding)
            )
        self._send_waiting()
        return True

    def _subscribe(self, body: bytes, writer: asyncio.StreamWriter) -> None:
        self.events.append("subscribe")
        packet_id, rest = body[:2], body[2:]
        if self._level == 5:
            rest = rest[1 + rest[0] :]
        filters = 0
        while rest:
            length = int.from_bytes(rest[:2])
            self.subscriptions.append(rest[2 : 2 + length].decode())
            rest = rest[3 + length :]
            filters += 1
        properties = b"\0" if self._level == 5 else b""
        writer.write(_packet(SUBACK, packet_id + properties + b"\1" * filters))

    def _publish(self, kind: int, body: bytes, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(body[:2])
        topic, rest = body[2 : 2 + length].decode(), body[2 + length :]
        if kind & 0b0110:
            writer.write(_packet(PUBACK, rest[:2]))
            rest = rest[2:]
        payload = rest[1 + rest[0] :] if self._level == 5 else rest
        if self.echo and any(matches(one, topic) for one in self.subscriptions):
            self._next_id += 1
            self.deliver(Delivery(self._next_id, topic, payload))


def _receive_maximum(body: bytes) -> int:
    """Return what a CONNECT of MQTT 5 says, or what it means when it says nothing of it."""
    # protocol name, level, flags, keep alive; then the properties
    place = 2 + int.from_bytes(body[:2]) + 4
    end = place + 1 + body[place]
    place += 1
    while place < end:
        identifier, size = body[place], _PROPERTY_BYTES[body[place]]
        if identifier == _RECEIVE_MAXIMUM:
            return int.from_bytes(body[place + 1 : place + 1 + size])
        place += 1 + size
    return DEFAULT_WINDOW


def _text(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2) + encoded


def _packet(kind: int, body: bytes, flags: int = 0) -> bytes:
    length, remaining = bytearray(), len(body)
    while True:
        remaining, digit = remaining >> 7, remaining & 127
        length.append(digit | (128 if remaining else 0))
        if not remaining:
            return bytes([kind << 4 | flags]) + length + body


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    kind = (await reader.readexactly(1))[0]
    length, shift = 0, 0
    while True:
        digit = (await reader.readexactly(1))[0]
        length |= (digit & 127) << shift
        shift += 7
        if not digit & 128:
            return kind, await reader.readexactly(length)
