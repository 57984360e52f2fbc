"""What was sent, and what the broker said to it: the truth the database is compared with."""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Nature(StrEnum):
    """What a message is to become."""

    TIMED = "timed"
    """It carries its own time: however often it is sent, one row."""
    UNTIMED = "untimed"
    """It does not: a row for each time it is sent."""
    POISON = "poison"
    """Nobody can understand it: a dead letter for each time it is sent."""


@dataclass(slots=True)
class Entry:
    """One payload, and how often it was sent with which answer."""

    number: int
    nature: Nature
    qos: int
    temperature_c: float | None = None
    humidity_pct: float | None = None
    # seconds since the epoch, of the payload
    at_s: float | None = None
    # monotonic times at which the broker said that it has it (QoS 1) or it was written (QoS 0)
    accepted_s: list[float] = field(default_factory=list)
    # sent, and no answer came: it may have arrived
    in_doubt: int = 0
    # how often the broker sent it anew by itself, as if it were another message
    replayed: int = 0

    @property
    def least(self) -> int:
        """How often it must be found."""
        if self.qos == 0:
            return 0
        return min(1, len(self.accepted_s)) if self.nature is Nature.TIMED else len(self.accepted_s)

    @property
    def most(self) -> int:
        """How often it may be found."""
        sent = len(self.accepted_s) + self.in_doubt + self.replayed
        return min(1, sent) if self.nature is Nature.TIMED else sent


class Ledger:
    """Every message of a run. QoS 0 has a ledger of its own: it may be lost, never doubled."""

    def __init__(self) -> None:
        self.entries: dict[int, Entry] = {}

    def open(self, entry: Entry) -> Entry:
        """Note a payload before it is sent."""
        self.entries[entry.number] = entry
        return entry

    def accepted(self, entry: Entry) -> None:
        """Note that the broker has it."""
        entry.accepted_s.append(time.monotonic())

    def doubt_since(self, since_s: float) -> None:
        """Take back the broker's word of the last moments before it was killed.

        What it had not written down itself went with it; that is not what is tested here.
        """
        for entry in self.entries.values():
            kept = [one for one in entry.accepted_s if one < since_s]
            entry.in_doubt += len(entry.accepted_s) - len(kept)
            entry.accepted_s = kept

    def replayed(self, numbers: Iterable[int]) -> None:
        """Note what the broker sent anew by itself."""
        times = Counter(numbers)
        for entry in self.entries.values():
            entry.replayed = times[entry.number]

    def of(self, qos: int) -> list[Entry]:
        """Return the entries of a QoS."""
        return [entry for entry in self.entries.values() if entry.qos == qos]

    @property
    def published(self) -> int:
        """How many messages of QoS 1 the broker accepted."""
        return sum(len(entry.accepted_s) for entry in self.of(1))
