"""What went over the wire between broker and backend: which messages a broker sent anew by itself.

mosquitto 2.1 with its SQLite persistence sends what was not acknowledged when it ended again under
the same packet id and without DUP, as if it were new. Nobody can tell these from honest ones, so
the ledger has to know of each.
"""

import re
from collections.abc import Iterator
from typing import Final

_CONNECT: Final = 1
_PUBLISH: Final = 3
_VERSION_5: Final = 5
_NUMBER: Final = re.compile(rb'"number": ?(\d+)')
_ANY_NUMBER: Final = re.compile(rb"(\d+)")


class Replays:
    """The messages that were sent again as new ones, over all connections."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        # packet id -> the number it was last used for, and over which connection
        self._used: dict[int, tuple[int, int]] = {}
        self._connections = 0

    def connection(self) -> Tap:
        """Return what looks at a new connection."""
        self._connections += 1
        return Tap(self, self._connections)

    def sent(self, connection: int, packet_id: int, number: int, *, dup: bool) -> None:
        """Note a message of QoS 1 that the broker sent."""
        before = self._used.get(packet_id)
        if not dup and before is not None and before[0] == number and before[1] != connection:
            self.numbers.append(number)
        self._used[packet_id] = number, connection


class Tap:
    """Reads along on one connection, in both directions."""

    def __init__(self, replays: Replays, connection: int) -> None:
        self._replays = replays
        self._connection = connection
        self._level = 0
        self._out, self._back = bytearray(), bytearray()

    def out(self, data: bytes) -> None:
        """Take bytes of the client's."""
        if self._level:
            return
        self._out += data
        for kind, body in _packets(self._out):
            if kind >> 4 == _CONNECT:
                self._level = body[2 + int.from_bytes(body[:2])]
                return

    def back(self, data: bytes) -> None:
        """Take bytes of the broker's."""
        self._back += data
        for kind, body in _packets(self._back):
            if kind >> 4 == _PUBLISH and kind & 0b0110:
                self._published(kind, body)

    def _published(self, kind: int, body: bytes) -> None:
        place = 2 + int.from_bytes(body[:2])
        packet_id, payload = int.from_bytes(body[place : place + 2]), body[place + 2 :]
        if self._level == _VERSION_5:
            length, size = _varint(payload, 0) or (0, 0)
            payload = payload[size + length :]
        found = _NUMBER.search(payload) or _ANY_NUMBER.search(payload)
        number = int(found[1]) if found else -1
        self._replays.sent(self._connection, packet_id, number, dup=bool(kind & 0b1000))


def _packets(buffer: bytearray) -> Iterator[tuple[int, bytes]]:
    """Take the whole packets off the front of a buffer."""
    while len(buffer) > 1:
        measured = _varint(buffer, 1)
        if measured is None or len(buffer) < 1 + measured[1] + measured[0]:
            return
        start = 1 + measured[1]
        kind, body = buffer[0], bytes(buffer[start : start + measured[0]])
        del buffer[: start + measured[0]]
        yield kind, body


def _varint(data: bytes | bytearray, place: int) -> tuple[int, int] | None:
    """Return a length and how many bytes say it; None: they are not all there."""
    length = 0
    for size, byte in enumerate(data[place : place + 4], start=1):
        length |= (byte & 127) << 7 * (size - 1)
        if not byte & 128:
            return length, size
    return None
