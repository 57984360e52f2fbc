"""What a room was, and from when: its configuration over time, for everything that is folded.

A version of the configuration counts from its time on; one that "always was so" takes the place
of all before it, and the first one counts for the time before it too.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from mould_watch.domain.configuration import Outdoor, RoomConfiguration
from mould_watch.domain.hourly import next_hour

ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""The beginning of time: no reading is older."""


@dataclass(frozen=True, slots=True)
class Era:
    """A room's configuration, the outdoor source and the owner of both, from `start` on."""

    start: datetime
    config: RoomConfiguration
    outdoor: Outdoor | None
    # the Home Assistant whose entities the sources are
    owner: str


@dataclass(frozen=True, slots=True)
class RoomVersion:
    """A room's configuration as it came; `is_always`: it is to count for all the time before."""

    valid_from: datetime
    config: RoomConfiguration
    is_always: bool


@dataclass(frozen=True, slots=True)
class HomeVersion:
    """The home's outdoor source and its owner, from when on."""

    valid_from: datetime
    outdoor: Outdoor | None
    owner: str


def eras(rooms: Sequence[RoomVersion], homes: Sequence[HomeVersion]) -> tuple[Era, ...]:
    """Return what holds when, from `ALWAYS` on; both in the order of their times.

    An era begins on the hour: in the hour of a change the former counts. Raises ValueError
    without a version of either.
    """
    if not rooms or not homes:
        raise ValueError("a room has no configuration at all")
    configs: list[tuple[datetime, RoomConfiguration]] = []
    for version in rooms:
        if version.is_always or not configs:
            configs = [(ALWAYS, version.config)]
        else:
            configs.append((next_hour(version.valid_from), version.config))
    # the first outdoor air that was named counts for the time before it too
    named = next((home.outdoor for home in homes if home.outdoor is not None), None)
    outdoors: list[tuple[datetime, HomeVersion]] = []
    for home in homes:
        is_named = any(earlier.outdoor is not None for _, earlier in outdoors)
        outdoors.append(
            (
                next_hour(home.valid_from) if outdoors else ALWAYS,
                home if is_named else replace(home, outdoor=named),
            )
        )
    found: dict[datetime, Era] = {}
    for start in sorted({at for at, _ in (*configs, *outdoors)}):
        config = [one for at, one in configs if at <= start][-1]
        home = [one for at, one in outdoors if at <= start][-1]
        found[start] = Era(start, config, home.outdoor, home.owner)
    return tuple(found.values())


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
