"""What the broker's own log says it did. Pure."""

import re
from collections.abc import Iterable
from typing import Final

_STARTS: Final = re.compile(r"mosquitto version \S+ starting")
_SENT: Final = re.compile(
    r"Sending PUBLISH to mould-watch \(d(?P<dup>[01]), q1, r\d, m(?P<id>\d+),"
)
_ACKNOWLEDGED: Final = re.compile(r"Received PUBACK from mould-watch \(Mid: (?P<id>\d+)")


def replays(lines: Iterable[str]) -> int:
    """Return how many messages a restarted broker sent again without saying so (DUP = 0).

    mosquitto 2.1 with its SQLite persistence does that to what was not acknowledged when it
    ended: the same packet id, and no DUP.
    """
    outstanding: set[str] = set()
    carried: set[str] = set()
    count = 0
    for line in lines:
        if _STARTS.search(line):
            carried |= outstanding
            outstanding.clear()
        elif sent := _SENT.search(line):
            packet_id = sent["id"]
            if packet_id in carried and sent["dup"] == "0":
                count += 1
            carried.discard(packet_id)
            outstanding.add(packet_id)
        elif acknowledged := _ACKNOWLEDGED.search(line):
            outstanding.discard(acknowledged["id"])
            carried.discard(acknowledged["id"])
    return count
