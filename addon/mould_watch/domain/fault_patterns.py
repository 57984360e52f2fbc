"""Fault patterns that take hours to show: wrapped, stuck, saturated, frozen. Pure.

They are judged by hours (UTC, on the full hour) from the least and greatest values of each, not
by samples: two days of hours are few, whatever a sensor sends. What is said about an hour depends
on that hour and the `LOOKBACK` before it alone: wherever a window begins, and in whatever order
the readings came, the answer is the same.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from mould_watch.domain.climate import GAP, Metric
from mould_watch.domain.hourly import HOUR

SATURATED_PCT: Final = 99.5
SATURATED_AFTER: Final = timedelta(hours=12)
STUCK_AFTER: Final = timedelta(hours=24)
STUCK_AFTER_WHOLE: Final = timedelta(hours=48)
"""A sensor that only knows whole percents (or degrees) may well stay at one for a day."""

MOVED_PCT: Final = 1.0
"""So much another sensor's humidity moves in half a day when it lives (`MOVED_BIN`)."""

MOVED_BIN: Final = timedelta(hours=12)

FROZEN_WHILE_PCT: Final = 10.0
"""When the humidity of the same sensor moved so much, its temperature cannot have stood still."""

WRAP_FALL_PCT: Final = 40.0
WRAP_BELOW_PCT: Final = 15.0
WRAP_STEADY_K: Final = 1.0
WRAPPED_MOST_PCT: Final = 34.5
"""A humidity above 65.5 % of which 65.5 (2**16 thousandths) got lost: at most this is left."""

FALL_WITHIN: Final = timedelta(hours=2)
"""Two samples further apart say nothing of a fall between them (`Fall`)."""

WRAP_BELIEVED_AFTER: Final = timedelta(hours=48)
"""A humidity that stays low for so long after its fall is taken for true again."""

LOOKBACK: Final = timedelta(hours=51)
"""How far before an hour its answer reaches: 48 h, and the hours that begin and end them."""


class Place(StrEnum):
    """Where a sensor is, as far as it changes what it can measure: fog saturates for days."""

    INSIDE = "inside"
    OUTSIDE = "outside"


class FaultKind(StrEnum):
    """What is wrong with a sensor for hours."""

    WRAPPED = "wrapped"
    STUCK = "stuck"
    SATURATED = "saturated"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class Fall:
    """The deepest fall of humidity from one sample to the next, at most `FALL_WITHIN` apart."""

    from_pct: float
    to_pct: float
    # how the temperature changed with it; None: not known
    temperature_change_k: float | None

    @property
    def is_wrap(self) -> bool:
        """Say whether no air falls so at a steady temperature."""
        change_k = self.temperature_change_k
        return (
            self.from_pct - self.to_pct > WRAP_FALL_PCT
            and self.to_pct < WRAP_BELOW_PCT
            and (change_k is None or abs(change_k) <= WRAP_STEADY_K)
        )


@dataclass(frozen=True, slots=True)
class Span:
    """The least and the greatest value of a metric within an hour."""

    least: float
    most: float

    @property
    def is_one_value(self) -> bool:
        """Say whether it was the same all the time."""
        return self.least == self.most

    @property
    def is_whole(self) -> bool:
        """Say whether both are whole numbers."""
        return self.least.is_integer() and self.most.is_integer()


@dataclass(frozen=True, slots=True)
class HourBand:
    """What a device measured in one hour; None: nothing of that metric."""

    start: datetime
    temperature_c: Span | None = None
    humidity_pct: Span | None = None
    fall: Fall | None = None

    def span(self, metric: Metric) -> Span | None:
        """Return the span of a metric."""
        return self.humidity_pct if metric == "humidity_pct" else self.temperature_c


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault and since when it shows."""

    kind: FaultKind
    metric: Metric
    since: datetime


type HourFaults = dict[datetime, tuple[Fault, ...]]


def kinds_of(faults: HourFaults, metric: Metric) -> dict[datetime, frozenset[FaultKind]]:
    """Return the kinds of fault of one metric by hour."""
    return {
        hour: frozenset(fault.kind for fault in found if fault.metric == metric)
        for hour, found in faults.items()
    }


def is_hit(kinds: Collection[FaultKind], value: float) -> bool:
    """Say whether a value of an hour with these faults of its metric is a faulty one."""
    if not kinds:
        return False
    return set(kinds) != {FaultKind.WRAPPED} or value < WRAPPED_MOST_PCT


def needs_others(bands: Sequence[HourBand]) -> bool:
    """Say whether it matters for `hour_faults` if another sensor moved: a humidity stood still."""
    return bool(list(_standing(bands, "humidity_pct")))


def hour_faults(
    bands: Sequence[HourBand], place: Place, moved: Collection[datetime] = ()
) -> HourFaults:
    """Return the faults of each hour that has any; `bands` in order, each hour once.

    `moved`: the beginnings of the half days (`MOVED_BIN`) in which the humidity of another live
    sensor moved. An hour's answer is right when `bands` reach back `LOOKBACK` before it.
    """
    found: dict[datetime, list[Fault]] = {}

    def note(hour: datetime, kind: FaultKind, metric: Metric, since: datetime) -> None:
        found.setdefault(hour, []).append(Fault(kind, metric, since))

    for hour, since in _wrapped(bands):
        note(hour, FaultKind.WRAPPED, "humidity_pct", since)
    for hour, since in _standing(bands, "humidity_pct"):
        has_company = any(hour - STUCK_AFTER <= at <= hour for at in moved)
        is_fog = place == Place.OUTSIDE and _is_saturated(hour, bands)
        if has_company and not is_fog:
            note(hour, FaultKind.STUCK, "humidity_pct", since)
    if place == Place.INSIDE:
        for hour, since in _saturated(bands):
            note(hour, FaultKind.SATURATED, "humidity_pct", since)
    for hour, since in _standing(bands, "temperature_c"):
        lived = [
            band.humidity_pct
            for band in bands
            if band.humidity_pct is not None and hour - STUCK_AFTER <= band.start <= hour
        ]
        if lived and _spread(lived) >= FROZEN_WHILE_PCT:
            note(hour, FaultKind.FROZEN, "temperature_c", since)
    return {hour: tuple(faults) for hour, faults in found.items()}


def _spread(spans: Sequence[Span]) -> float:
    return max(span.most for span in spans) - min(span.least for span in spans)


def _wrapped(bands: Sequence[HourBand]) -> Iterable[tuple[datetime, datetime]]:
    """Yield the hours with wrapped values, and when each fell."""
    fell_at: datetime | None = None
    last: datetime | None = None
    for band in bands:
        span = band.humidity_pct
        if span is None:
            continue
        if last is not None and band.start - last > GAP:
            fell_at = None
        last = band.start
        if band.fall is not None and band.fall.is_wrap:
            fell_at = band.start
            yield band.start, band.start
            continue
        if fell_at is None or band.start - fell_at > WRAP_BELIEVED_AFTER:
            fell_at = None
            continue
        if span.least < WRAPPED_MOST_PCT:
            yield band.start, fell_at
        if span.most >= WRAPPED_MOST_PCT:
            fell_at = None


def _saturated(bands: Sequence[HourBand]) -> Iterable[tuple[datetime, datetime]]:
    """Yield the hours of saturation beyond the time that air may be saturated, and its begin."""
    since: datetime | None = None
    last: datetime | None = None
    for band in bands:
        span = band.humidity_pct
        if span is None:
            continue
        if span.least < SATURATED_PCT:
            since = None
        elif since is None or (last is not None and band.start - last > GAP):
            since = band.start
        last = band.start
        if since is not None and band.start - since > SATURATED_AFTER:
            yield band.start, since


def _is_saturated(hour: datetime, bands: Sequence[HourBand]) -> bool:
    return any(
        band.start == hour
        and band.humidity_pct is not None
        and band.humidity_pct.least >= SATURATED_PCT
        for band in bands
    )


def _standing(bands: Sequence[HourBand], metric: Metric) -> Iterable[tuple[datetime, datetime]]:
    """Yield the hours in which a metric has stood still for too long, and since when it does."""
    value: float | None = None
    since: datetime | None = None
    last: datetime | None = None
    for band in bands:
        span = band.span(metric)
        if span is None:
            continue
        is_broken = last is not None and band.start - last > GAP
        last = band.start
        if not span.is_one_value:
            value = None
        elif span.least != value or is_broken:
            value, since = span.least, band.start
        if value is None or since is None or band.start - since <= STUCK_AFTER:
            continue
        limit = STUCK_AFTER_WHOLE if _knows_only_whole(bands, metric, band.start) else STUCK_AFTER
        if band.start - since > limit:
            yield band.start, since


def _knows_only_whole(bands: Sequence[HourBand], metric: Metric, hour: datetime) -> bool:
    """Say whether every value up to an hour is a whole number.

    Two hours more than the whole run: what was seen before it does not drop out while it counts.
    """
    first = hour - STUCK_AFTER_WHOLE - 2 * HOUR
    spans = (band.span(metric) for band in bands if first <= band.start <= hour)
    return all(span.is_whole for span in spans if span is not None)
