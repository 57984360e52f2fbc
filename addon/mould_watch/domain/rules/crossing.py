"""A value beyond a threshold, back behind another: what most rules are made of.

Everything is counted by the times of the readings, never by their arrival. A gap ends every
stretch: neither a breach nor its end is assumed for time without data.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from mould_watch.domain.climate import GAP, Point
from mould_watch.domain.condition import Level
from mould_watch.domain.verdict import Verdict

LEAST_RECOVERY: Final = timedelta(minutes=30)
"""So long at least must a value be back: one that swings about its threshold is no news."""

_HALF: Final = 0.5

UNSTEADY_BREACHES: Final = 4
"""So many separate breaches within a day are a value that swings about its threshold."""

_DAY: Final = timedelta(hours=24)

type Moment = tuple[datetime, float | None]
"""When a value begins to hold, and the value; None where a gap begins."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long a breach must last to count, and its end to be believed."""

    count: int = 1
    duration: timedelta = timedelta(0)

    @property
    def recovery(self) -> timedelta:
        """How long it must be clear to be over."""
        return max(LEAST_RECOVERY, self.duration)


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where a value stands now. At most one of the two stretches lasts."""

    # the latest value; None: there is none now
    value: float | None
    # the stretch beyond the threshold that lasts until now: since when, how many values
    breach_since: datetime | None = None
    breach_count: int = 0
    # the stretch behind the recovery threshold that lasts until now
    clear_since: datetime | None = None
    # when each stretch beyond the threshold began, the one that lasts included
    breaches: tuple[datetime, ...] = ()

    def is_unsteady(self, now: datetime) -> bool:
        """Say whether it went beyond the threshold again and again within the last day."""
        recent = sum(1 for at in self.breaches if at > now - _DAY)
        return recent >= UNSTEADY_BREACHES


def moments(points: Iterable[Point], now: datetime) -> Iterator[Moment]:
    """Yield measured points up to `now`, with the gaps between and after them."""
    last: datetime | None = None
    for point in sorted(points, key=lambda point: point.ts):
        if point.ts > now:
            break
        if last is not None and point.ts - last >= GAP:
            yield last + GAP, None
        yield point.ts, point.value
        last = point.ts
    if last is not None and now - last >= GAP:
        yield last + GAP, None


def cross(
    values: Iterable[Moment],
    is_beyond: Callable[[float], bool],
    is_clear: Callable[[float], bool],
) -> Crossing:
    """Return where a value stands after `values`, which come in the order of their times."""
    now = Crossing(None)
    breaches: list[datetime] = []
    for at, value in values:
        if value is None:
            now = Crossing(None)
        elif is_beyond(value):
            if now.breach_since is None:
                breaches.append(at)
            now = Crossing(value, now.breach_since or at, now.breach_count + 1)
        elif is_clear(value):
            now = Crossing(value, clear_since=now.clear_since or at)
        else:
            now = Crossing(value)
    return replace(now, breaches=tuple(breaches))


def judge(
    rule_id: str,
    severity: Level,
    crossing: Crossing,
    patience: Patience,
    now: datetime,
    *,
    counted_from: datetime | None,
    evidence: Mapping[str, Any],
) -> Verdict:
    """Return the verdict on where a value stands.

    Time before `counted_from` is no duration: the clock was wrong, or nobody listened. Half of
    the patience is worth watching; half of the recovery is a recovery begun. So one crossing
    back and forth leaves nothing, and an open incident does not follow each of them.
    """
    breached = _lasting(crossing.breach_since, now, counted_from)
    clear = _lasting(crossing.clear_since, now, counted_from)
    is_building_up = (
        crossing.breach_since is not None
        and crossing.breach_count >= patience.count * _HALF
        and breached >= patience.duration * _HALF
    )
    return Verdict(
        rule_id=rule_id,
        is_known=crossing.value is not None,
        level=severity if is_building_up else Level.NONE,
        is_breach=crossing.breach_since is not None,
        is_verified=is_building_up
        and crossing.breach_count >= patience.count
        and breached >= patience.duration,
        is_clear=crossing.clear_since is not None and clear >= patience.recovery * _HALF,
        is_recovered=crossing.clear_since is not None and clear >= patience.recovery,
        breach_since=crossing.breach_since,
        is_unsteady=crossing.is_unsteady(now),
        evidence=evidence,
    )


def due(
    crossing: Crossing, patience: Patience, now: datetime, counted_from: datetime | None
) -> Iterator[datetime]:
    """Yield the times at which the verdict changes by time alone."""
    for since, needed in (
        (crossing.breach_since, patience.duration),
        (crossing.clear_since, patience.recovery),
    ):
        if since is not None:
            start = since if counted_from is None else max(since, counted_from)
            yield from (at for at in (start + needed * _HALF, start + needed) if at > now)


def _lasting(since: datetime | None, now: datetime, counted_from: datetime | None) -> timedelta:
    if since is None:
        return timedelta(0)
    return now - (since if counted_from is None else max(since, counted_from))
