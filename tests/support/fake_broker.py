"""A broker that does what no real one can be made to do at will.

It delivers messages with the packet ids, DUP flags and session_present that a test chooses, and
writes down what the client acknowledges. Just enough of MQTT 5 and 3.1.1 for one client; every
other test uses the real broker (tests/support/mosquitto.py).
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4
SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 12, 13, 14


@dataclass(frozen=True)
class Delivery:
    """A message to deliver right after CONNACK, before the client says anything."""

    packet_id: int
    topic: str
    payload: bytes
    dup: bool = False


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

    def deliver(self, delivery: Delivery) -> None:
        """Send a message to the connected client."""
        assert self._writer is not None
        properties = b"\0" if self._level == 5 else b""
        body = (
            _text(delivery.topic) + delivery.packet_id.to_bytes(2) + properties + delivery.payload
        )
        self._writer.write(_packet(PUBLISH, body, flags=0b0010 | (delivery.dup << 3)))

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
                self.acknowledged.append(int.from_bytes(body[:2]))
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
        for delivery in self.queued:
            self.deliver(delivery)
        return True

    def _subscribe(self, body: bytes, writer: asyncio.StreamWriter) -> None:
        self.events.append("subscribe")
        packet_id, rest = body[:2], body[2:]
        if self._level == 5:
            rest = rest[1 + rest[0] :]
        count = 0
        while rest:
            length = int.from_bytes(rest[:2])
            self.subscriptions.append(rest[2 : 2 + length].decode())
            rest = rest[3 + length :]
            count += 1
        properties = b"\0" if self._level == 5 else b""
        writer.write(_packet(SUBACK, packet_id + properties + b"\1" * count))

    def _publish(self, kind: int, body: bytes, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(body[:2])
        topic, rest = body[2 : 2 + length].decode(), body[2 + length :]
        if kind & 0b0110:
            writer.write(_packet(PUBACK, rest[:2]))
            rest = rest[2:]
        payload = rest[1 + rest[0] :] if self._level == 5 else rest
        if self.echo:
            self._next_id += 1
            self.deliver(Delivery(self._next_id, topic, payload))


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
