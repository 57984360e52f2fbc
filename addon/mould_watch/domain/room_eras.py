"""What a room was, and from when: its configuration over time, for everything that is folded.

A version of the configuration counts from its time on; one that "always was so" takes the place
of all before it, and the first one counts for the time before it too.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from mould_watch.domain.configuration import Outdoor, RoomConfiguration

ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""The beginning of time: no reading is older."""

FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Era:
    """A room's configuration, the outdoor source and the owner of both, from `start` on."""

    start: datetime
    config: RoomConfiguration
    outdoor: Outdoor | None
    # the Home Assistant whose entities the sources are
    owner: str


@dataclass(frozen=True, slots=True)
class Version:
    """A configuration as it came: the era it begins, and whether it always was so."""

    era: Era
    is_always: bool


def eras(versions: Sequence[Version]) -> tuple[Era, ...]:
    """Return what holds when, from `ALWAYS` on, of versions in the order of their times.

    Raises ValueError without any.
    """
    if not versions:
        raise ValueError("a room has no configuration at all")
    found: list[Era] = []
    for version in versions:
        era = version.era
        if version.is_always or not found:
            found = [Era(ALWAYS, era.config, era.outdoor, era.owner)]
        else:
            found.append(era)
    return tuple(found)


def spans[E](found: Sequence[tuple[datetime, E]]) -> list[tuple[datetime, datetime, E]]:
    """Return what holds from when until when."""
    ends = [start for start, _ in found[1:]]
    return [(start, end, one) for (start, one), end in zip(found, [*ends, FOREVER], strict=True)]


def steps[E, K: Hashable](
    found: Sequence[E], start: Callable[[E], datetime], key: Callable[[E], K]
) -> tuple[tuple[datetime, K], ...]:
    """Return the times at which `key` becomes another, with what it becomes."""
    keyed = [(start(one), key(one)) for one in found]
    return tuple(
        keyed[:1] + [later for earlier, later in pairwise(keyed) if later[1] != earlier[1]]
    )


def first_difference[K: Hashable](
    one: Sequence[tuple[datetime, K]], other: Sequence[tuple[datetime, K]]
) -> datetime | None:
    """Return the first time at which two such sequences say different things; None: never."""
    for mine, yours in zip(one, other, strict=False):
        if mine != yours:
            return mine[0] if mine[0] == yours[0] else min(mine[0], yours[0])
    longer = one if len(one) > len(other) else other
    rest = longer[min(len(one), len(other)) :]
    return rest[0][0] if rest else None
