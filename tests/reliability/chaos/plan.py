"""Which faults come when: drawn from the seed alone, so that a run can be had again. Pure."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import count, islice, takewhile
from typing import Final


class FaultKind(StrEnum):
    """Everything that is done to the system."""

    KILL_BACKEND = "kill_backend"
    KILL_BACKEND_AT_POINT = "kill_backend_at_point"
    STOP_BACKEND = "stop_backend"
    KILL_BROKER = "kill_broker"
    RESTART_BROKER = "restart_broker"
    LOSE_SESSION = "lose_session"
    KILL_DATABASE = "kill_database"
    TERMINATE_CONNECTIONS = "terminate_connections"
    DATABASE_AWAY = "database_away"
    DATABASE_HALF_OPEN = "database_half_open"
    DATABASE_SLOW = "database_slow"
    SPOOL_DISK_FULL = "spool_disk_full"
    NETWORK_CUT = "network_cut"
    NETWORK_DRIBBLE = "network_dribble"
    DUPLICATES = "duplicates"
    REORDERING = "reordering"
    POISON = "poison"
    CLOCK_BEHIND = "clock_behind"


POINTS: Final = (
    "after_commit_before_puback",
    "inside_spool_write",
    "after_spool_commit_before_puback",
    "inside_drain_before_commit",
    "inside_drain_after_commit",
)
"""Where a backend may be killed; all but the first are reached only with the database away."""

_LASTS_S: Final = {
    FaultKind.KILL_DATABASE: (0.5, 3.0),
    FaultKind.KILL_BROKER: (0.2, 2.0),
    FaultKind.RESTART_BROKER: (0.2, 2.0),
    FaultKind.DATABASE_AWAY: (2.0, 8.0),
    FaultKind.DATABASE_HALF_OPEN: (2.0, 8.0),
    FaultKind.DATABASE_SLOW: (2.0, 6.0),
    FaultKind.SPOOL_DISK_FULL: (2.0, 5.0),
    FaultKind.NETWORK_CUT: (0.5, 4.0),
    FaultKind.NETWORK_DRIBBLE: (2.0, 5.0),
    FaultKind.CLOCK_BEHIND: (3.0, 6.0),
    FaultKind.KILL_BACKEND: (0.0, 0.5),
}
_PAUSE_S: Final = (0.1, 1.8)
_OWN_WORK_S: Final = 2.0
"""What a fault takes beside how long it lasts, about: the restart of what was killed."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: when nothing has happened for `pause_s`, it lasts `lasts_s`."""

    kind: FaultKind
    pause_s: float
    lasts_s: float
    # for what has a choice: which point, which of many
    choice: int

    @property
    def takes_s(self) -> float:
        """About how long it takes in all, in seconds."""
        return self.pause_s + self.lasts_s + _OWN_WORK_S


def faults_for(seed: int, minutes: float, kinds: Sequence[FaultKind]) -> list[Fault]:
    """Return the faults of a run of about `minutes`; the machine's speed changes nothing."""
    ends_s = 0.0

    def fits(fault: Fault) -> bool:
        nonlocal ends_s
        ends_s += fault.takes_s
        return ends_s <= minutes * 60

    return list(takewhile(fits, _endless(seed, kinds)))


def faults_counted(seed: int, number: int, kinds: Sequence[FaultKind]) -> list[Fault]:
    """Return the first `number` faults."""
    return list(islice(_endless(seed, kinds), number))


def counts(faults: Sequence[Fault]) -> dict[str, int]:
    """Return how often each kind comes."""
    return dict(sorted(Counter(fault.kind.value for fault in faults).items()))


def _endless(seed: int, kinds: Sequence[FaultKind]) -> Iterator[Fault]:
    """Yield every kind once in a random order, then again: none is left to chance."""
    chance = random.Random(seed)  # noqa: S311 - it must be had again
    for _ in count():
        for kind in chance.sample(sorted(kinds), len(kinds)):
            yield Fault(
                kind=kind,
                pause_s=round(chance.uniform(*_PAUSE_S), 3),
                lasts_s=round(chance.uniform(*_LASTS_S.get(kind, (0.0, 0.0))), 3),
                choice=chance.randrange(1_000_000),
            )
