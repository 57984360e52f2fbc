"""The same messages for every contender, and a publisher that costs next to nothing."""

import asyncio
import json
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

DEVICES = 20
TOPIC_FILTER = "zigbee2mqtt/#"
METRICS = ("temperature", "humidity")

_CONNECT, _PUBLISH_QOS_1 = 0x10, 0x32
_WRITE_BYTES = 256 * 1024
_STEP = timedelta(milliseconds=50)

type Message = tuple[str, bytes]


def topic(device: int) -> str:
    """Return the topic of a device, as Zigbee2MQTT names it."""
    return f"zigbee2mqtt/sensor {device:02}"


def messages(count: int, number: int = 0) -> list[Message]:
    """Return `count` states of sensors in turn, all different; `number` tells rounds apart."""
    start = datetime.now(UTC) - timedelta(days=1, hours=number) - count * _STEP
    return [_message(start, place, place // DEVICES + 7 * number) for place in range(count)]


def _message(start: datetime, place: int, turn: int) -> Message:
    state = {
        "battery": 97,
        "humidity": round(40 + turn % 3001 / 100, 2),
        "last_seen": (start + place * _STEP).isoformat(timespec="milliseconds"),
        "linkquality": 100 + place % 100,
        "temperature": round(10 + turn % 1999 / 100, 2),
        "voltage": 2900 + place % 90,
    }
    return topic(place % DEVICES), json.dumps(state).encode()


async def publish(port: int, load: Sequence[Message], *, retain: bool = False) -> None:
    """Publish at QoS 1 as fast as the broker takes it; return when it has acknowledged all."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_packet(_CONNECT, b"\0\4MQTT\4\2\0\x3c" + _text("bench-publisher")))
    await reader.readexactly(4)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_send(writer, load, _PUBLISH_QOS_1 | retain))
        tasks.create_task(_count_acknowledgements(reader, len(load)))
    writer.write(b"\xe0\0")
    writer.close()
    await writer.wait_closed()


async def _send(writer: asyncio.StreamWriter, load: Sequence[Message], first: int) -> None:
    buffer = bytearray()
    for place, (name, payload) in enumerate(load):
        packet_id = struct.pack("!H", place % 65535 + 1)
        buffer += _packet(first, _text(name) + packet_id + payload)
        if len(buffer) >= _WRITE_BYTES:
            writer.write(bytes(buffer))
            buffer.clear()
            await writer.drain()
    writer.write(bytes(buffer))
    await writer.drain()


async def _count_acknowledgements(reader: asyncio.StreamReader, count: int) -> None:
    # each is 4 bytes in MQTT 3.1.1
    waiting = 4 * count
    while waiting:
        received = await reader.read(min(waiting, _WRITE_BYTES))
        if not received:
            raise ConnectionError("the broker has ended the publisher's connection")
        waiting -= len(received)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("!H", len(encoded)) + encoded


def _packet(kind: int, body: bytes) -> bytes:
    length, head = len(body), bytearray([kind])
    while True:
        length, digit = divmod(length, 128)
        head.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(head) + body
