"""MQTT's packets, cut out of a stream and taken apart."""

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from mould_watch.ingest.packets import (
    MalformedPacketError,
    PacketSplitter,
    Publish,
    acknowledgements,
    is_publish,
    parse_publish,
)


def packet(first: int, body: bytes) -> bytes:
    length, head = len(body), bytearray([first])
    while True:
        length, digit = divmod(length, 128)
        head.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(head) + body


def publish_body(message: Publish, properties: bytes | None) -> bytes:
    """Write the body of a PUBLISH as section 3.3 of MQTT says; `properties` None: 3.1.1."""
    body = struct.pack("!H", len(message.topic)) + message.topic
    if message.qos:
        body += struct.pack("!H", message.packet_id)
    return body + (properties or b"") + message.payload


def first_byte(message: Publish) -> int:
    return 0x30 | message.dup << 3 | message.qos << 1 | message.retain


_MESSAGES = st.builds(
    Publish,
    topic=st.text(max_size=200).map(str.encode),
    payload=st.binary(max_size=400),
    qos=st.integers(0, 1),
    retain=st.booleans(),
    dup=st.booleans(),
    packet_id=st.integers(1, 65535),
).map(lambda m: m if m.qos else Publish(m.topic, m.payload, 0, m.retain, m.dup, 0))


@given(_MESSAGES, st.dictionaries(st.text(max_size=20), st.text(max_size=80), max_size=4))
def test_a_message_is_read_as_it_was_written(message: Publish, user: dict[str, str]) -> None:
    properties = Properties(PacketTypes.PUBLISH)
    if user:
        properties.UserProperty = list(user.items())
        properties.MessageExpiryInterval = 5
    body = publish_body(message, properties.pack())
    assert parse_publish(first_byte(message), body, speaks_5=True) == message
    body = publish_body(message, None)
    assert parse_publish(first_byte(message), body, speaks_5=False) == message
    assert is_publish(first_byte(message))


@given(
    st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=300)), max_size=12),
    st.lists(st.integers(0, 40), max_size=60),
)
def test_packets_are_found_wherever_the_reads_begin_and_end(
    packets: list[tuple[int, bytes]], sizes: list[int]
) -> None:
    stream = b"".join(packet(first, body) for first, body in packets)
    splitter, found, place = PacketSplitter(), [], 0
    for size in itertools.chain(sizes, itertools.repeat(64 * 1024)):
        found += list(splitter.feed(stream[place : place + size]))
        place += size
        if place >= len(stream):
            break
    assert found == packets


@given(st.binary(max_size=60), st.integers(0x30, 0x3F), st.booleans())
def test_whatever_comes_is_a_message_or_malformed(body: bytes, first: int, speaks_5: bool) -> None:  # noqa: FBT001
    try:
        message = parse_publish(first, body, speaks_5=speaks_5)
    except MalformedPacketError:
        return
    assert len(message.topic) + len(message.payload) <= len(body)


def test_a_large_packet_is_not_looked_at_with_every_read() -> None:
    splitter = PacketSplitter()
    whole = packet(0x30, b"\0\1t" + b"x" * 5_000_000)
    found = [
        one
        for start in range(0, len(whole), 4096)
        for one in splitter.feed(whole[start : start + 4096])
    ]
    assert found == [(0x30, whole[-5_000_003:])]
    assert not splitter._rest


def test_a_length_of_more_than_four_digits_is_malformed() -> None:
    with pytest.raises(MalformedPacketError):
        list(PacketSplitter().feed(b"\x30\xff\xff\xff\xff\x01"))


def test_acknowledgements_follow_each_other() -> None:
    assert acknowledgements([1, 65535]) == b"\x40\x02\x00\x01\x40\x02\xff\xff"
    assert acknowledgements([]) == b""


def test_a_message_of_qos_2_is_not_for_us() -> None:
    assert [is_publish(first) for first in (0x30, 0x32, 0x3B, 0x34, 0x40, 0x20)] == [
        *[True] * 3,
        *[False] * 3,
    ]
