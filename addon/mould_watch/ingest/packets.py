"""MQTT's packets, as far as received messages are concerned. Pure: bytes in, packets out.

paho reads a message in four system calls and builds its properties one by one, though nobody
looks at them: three quarters of what receiving one costs. Here a read takes what there is, and a
message is taken apart in one go (MQTT 3.1.1 and 5, section 3.3).
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from mould_watch.errors import BrokerUnavailableError

PUBLISH: Final = 0x30
_KIND: Final = 0xF0
_DUP: Final = 0x08
_RETAIN: Final = 0x01
_PUBACK: Final = 0x40
_CONTINUES: Final = 0x80
_LENGTH_DIGITS_MAXIMUM: Final = 4

_SHORT: Final = struct.Struct("!H")
_ACKNOWLEDGEMENT: Final = struct.Struct("!BBH")


class MalformedPacketError(BrokerUnavailableError):
    """The broker sends what is no MQTT: the connection cannot go on."""

    code = "malformed_packet"


@dataclass(frozen=True, slots=True)
class Publish:
    """A message as it came."""

    topic: bytes
    payload: bytes
    qos: int
    retain: bool
    dup: bool
    # 0 at QoS 0
    packet_id: int


class PacketSplitter:
    """Cuts what is read into packets, wherever the reads begin and end."""

    def __init__(self) -> None:
        self._rest = bytearray()
        # fewer bytes than this cannot complete the packet that has begun
        self._needed = 2

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Return the packets that `data` completes: first byte and body, without the length.

        Raises MalformedPacketError for a length that is none.
        """
        rest = self._rest
        rest += data
        if len(rest) < self._needed:
            return
        whole, start = bytes(rest), 0
        while (found := _body_of(whole, start)) is not None:
            begin, end = found
            if end > len(whole):
                break
            yield whole[start], whole[begin:end]
            start = end
        del rest[:start]
        self._needed = 2 if found is None else found[1] - start


def parse_publish(first: int, body: bytes, *, speaks_5: bool) -> Publish:
    """Take a PUBLISH apart; raises MalformedPacketError."""
    try:
        (length,) = _SHORT.unpack_from(body)
        begin = 2 + length
        topic = body[2:begin]
        qos = first >> 1 & 3
        packet_id = 0
        if qos:
            (packet_id,) = _SHORT.unpack_from(body, begin)
            begin += 2
        if speaks_5:
            found = _variable_integer(body, begin)
            if found is None:
                raise MalformedPacketError("a message ends within its properties")
            length, begin = found
            begin += length
    except struct.error as error:
        raise MalformedPacketError("a message ends too early") from error
    if begin > len(body):
        raise MalformedPacketError("a message ends too early")
    return Publish(topic, body[begin:], qos, bool(first & _RETAIN), bool(first & _DUP), packet_id)


def acknowledgements(packet_ids: Iterable[int]) -> bytes:
    """Return the PUBACKs of messages of QoS 1, one after the other."""
    return b"".join([_ACKNOWLEDGEMENT.pack(_PUBACK, 2, packet_id) for packet_id in packet_ids])


def is_publish(first: int) -> bool:
    """Return whether a packet with this first byte is a message of QoS 0 or 1."""
    return first & _KIND == PUBLISH and first & 0x04 == 0


def _body_of(whole: bytes, start: int) -> tuple[int, int] | None:
    """Return where a packet's body begins and ends; None: its length is not there yet."""
    if len(whole) < start + 2:
        return None
    found = _variable_integer(whole, start + 1)
    if found is None:
        return None
    length, begin = found
    return begin, begin + length


def _variable_integer(data: bytes, place: int) -> tuple[int, int] | None:
    """Return a variable byte integer and where it ends; None: it goes on beyond the end."""
    value = shift = 0
    for digit in data[place : place + _LENGTH_DIGITS_MAXIMUM]:
        place += 1
        value |= (digit & 0x7F) << shift
        if not digit & _CONTINUES:
            return value, place
        shift += 7
    if shift == 7 * _LENGTH_DIGITS_MAXIMUM:
        raise MalformedPacketError("a length has more than four digits")
    return None
