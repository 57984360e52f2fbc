"""When mould will have grown to an index, by two honest questions about the future.

"If it stays as now": the mean climate of the last day at the surface goes on unchanged. "If the
next weeks are like the last": the hours of the last week come again and again. The second is the
one to warn by: growth rises with the fourteenth power of the humidity, so a mean hides the damp
hours that matter.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, inf
from typing import Final

from mould_watch.domain.condition import Outlook
from mould_watch.domain.mould.band import DEFAULT_UNCERTAINTY_PCT, BandState
from mould_watch.domain.mould.index import (
    MouldState,
    SurfaceHour,
    declined,
    grown,
    hours_of_growth,
    hours_to_index,
)
from mould_watch.domain.mould.model import (
    GERMINATION_INDEX,
    HOURS_PER_WEEK,
    MouldModel,
    growth_conditions,
)

HORIZON_H: Final = 26 * HOURS_PER_WEEK
"""Nobody knows the weather further on."""

PATTERN_HOURS: Final = int(HOURS_PER_WEEK)
PATTERN_KNOWN_H: Final = 24.0
"""With less than a day of data there is nothing to repeat."""

_ROUNDING: Final = 1e-9

DAY_HOURS: Final = 24
DAY_KNOWN_H: Final = 12.0
"""With less than half of the day known there is no mean of it."""


class Never(StrEnum):
    """Why it is not expected."""

    TOO_DRY = "too_dry"
    TOO_COLD = "too_cold"
    TOO_HOT = "too_hot"
    # the dampest hours do not sustain that index on this material
    MATERIAL_LIMIT = "material_limit"
    # what grows in damp hours is lost in the dry ones
    DECLINING = "declining"
    # it grows, but for longer than anybody can look ahead
    BEYOND_HORIZON = "beyond_horizon"


@dataclass(frozen=True, slots=True)
class Projection:
    """When an index is reached: `hours` from now (0: it is), or the reason why not."""

    outlook: Outlook
    hours: float | None = None
    reason: Never | None = None

    @classmethod
    def reached_in(cls, hours: float, horizon_h: float = HORIZON_H) -> Projection:
        """Return the projection of an index that comes, unless nobody can look so far."""
        if hours > horizon_h:
            return cls.never(Never.BEYOND_HORIZON)
        return cls(Outlook.GROWING, hours=hours)

    @classmethod
    def never(cls, reason: Never) -> Projection:
        """Return the projection of an index that does not come."""
        return cls(Outlook.NOT_EXPECTED, reason=reason)

    def is_within(self, hours: float) -> bool:
        """Say whether the index is reached within so many hours."""
        return self.hours is not None and self.hours <= hours


UNKNOWN: Final = Projection(Outlook.UNKNOWN)


@dataclass(frozen=True, slots=True)
class BandProjection:
    """The projections for RH - u, RH and RH + u."""

    low: Projection = UNKNOWN
    mid: Projection = UNKNOWN
    high: Projection = UNKNOWN

    @property
    def earliest_h(self) -> float | None:
        """The shortest time of the three; None: none of them gets there."""
        return min((one.hours for one in self._all if one.hours is not None), default=None)

    @property
    def latest_h(self) -> float | None:
        """The longest time of the three; None: one of them does not get there."""
        hours = [one.hours for one in self._all]
        return None if None in hours else max(one for one in hours if one is not None)

    @property
    def _all(self) -> tuple[Projection, Projection, Projection]:
        return self.low, self.mid, self.high


def mean_surface(day: Iterable[SurfaceHour | None]) -> SurfaceHour | None:
    """Return the mean climate of a day at the surface; None where less than half of it is known."""
    known = [hour for hour in day if hour is not None]
    hours = sum(hour.duration_h for hour in known)
    if hours < DAY_KNOWN_H:
        return None
    return SurfaceHour(
        sum(hour.temperature_c * hour.duration_h for hour in known) / hours,
        sum(hour.humidity_pct * hour.duration_h for hour in known) / hours,
    )


def if_it_stays(
    band: BandState,
    mean: SurfaceHour | None,
    model: MouldModel,
    *,
    target: float = GERMINATION_INDEX,
    uncertainty_pct: float = DEFAULT_UNCERTAINTY_PCT,
) -> BandProjection:
    """Return when `target` is reached if this mean climate at the surface goes on."""
    if mean is None:
        return BandProjection()
    return _three(
        band,
        lambda state, offset_pct: _stays(state, _damper(mean, offset_pct), model, target),
        uncertainty_pct,
    )


def if_it_repeats(
    band: BandState,
    week: Sequence[SurfaceHour | None],
    model: MouldModel,
    *,
    target: float = GERMINATION_INDEX,
    uncertainty_pct: float = DEFAULT_UNCERTAINTY_PCT,
    horizon_h: float = HORIZON_H,
) -> BandProjection:
    """Return when `target` is reached if the newest 168 of these hours come again and again.

    Gaps are left out of what repeats; with less than a day of data nothing is known. A shorter
    `horizon_h` answers sooner, and says BEYOND_HORIZON of what comes later.
    """
    pattern = [hour for hour in week[-PATTERN_HOURS:] if hour is not None]
    if sum(hour.duration_h for hour in pattern) < PATTERN_KNOWN_H:
        return BandProjection()
    return _three(
        band,
        lambda state, offset_pct: repeats(
            state, pattern, model, target, offset_pct=offset_pct, horizon_h=horizon_h
        ),
        uncertainty_pct,
    )


def repeats(
    state: MouldState,
    pattern: Sequence[SurfaceHour],
    model: MouldModel,
    target: float,
    *,
    offset_pct: float = 0.0,
    horizon_h: float = HORIZON_H,
) -> Projection:
    """Return when `target` is reached if these hours come again and again.

    `offset_pct` is added to every humidity, as in `fold`.
    """
    if state.index >= target:
        return Projection.reached_in(0.0)
    stretches = _stretches(pattern, model, offset_pct)
    limit = max(one.maximum for one in stretches)
    if limit < 0.0:
        return Projection.never(_why_nothing_grows(pattern, model, offset_pct))
    if limit <= target:
        return Projection.never(Never.MATERIAL_LIMIT)
    cycle_h = sum(one.hours for one in stretches)
    start, elapsed_h = _Cycle(state.index, state.dry_hours, state.index), 0.0
    while elapsed_h < horizon_h:
        end = _play(start, stretches, model, target)
        if end.reached_h is not None:
            return Projection.reached_in(elapsed_h + end.reached_h, horizon_h)
        elapsed_h += cycle_h
        if end.dry_hours == start.dry_hours:
            # With the dry clock where it was, a cycle is an increasing function of the index:
            # what did not rise now never will.
            if end.index <= start.index:
                return Projection.never(Never.DECLINING)
            # Below 1 every step draws two indices together, so no later cycle gains more, nor
            # rises higher above its start: that may be too little for all that are left.
            gain, rise = end.index - start.index, end.highest - start.index
            left = ceil((horizon_h - elapsed_h) / cycle_h)
            most = end.index + (left - 1) * gain + rise
            if target <= GERMINATION_INDEX and most < target - _ROUNDING:
                break
        start = end
    return Projection.never(Never.BEYOND_HORIZON)


@dataclass(frozen=True, slots=True)
class _Cycle:
    """Where the pattern ends once: `highest` is the greatest index on the way.

    `reached_h` is when the target was reached; None: it was not.
    """

    index: float
    dry_hours: float
    highest: float
    reached_h: float | None = None


def _play(start: _Cycle, stretches: Sequence[_Stretch], model: MouldModel, target: float) -> _Cycle:
    """Play the pattern once, until the target is reached."""
    index, dry_hours, highest, elapsed_h = start.index, start.dry_hours, start.index, 0.0
    for stretch in stretches:
        if stretch.maximum < 0.0:
            index, dry_hours = declined(index, dry_hours, stretch.hours, model.decline)
        else:
            growth = stretch.maximum, stretch.pace_per_h
            earlier, dry_hours = index, 0.0
            index = grown(index, *growth, stretch.hours, model.sensitivity)
            highest = max(highest, index)
            if index >= target:
                last_h = hours_of_growth(earlier, target, *growth, model.sensitivity)
                # the target may be met in the last digit only
                reached_h = elapsed_h + min(last_h, stretch.hours)
                return _Cycle(index, dry_hours, highest, reached_h)
        elapsed_h += stretch.hours
    return _Cycle(index, dry_hours, highest)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Hours of one kind: of growth, or (maximum below 0) several without."""

    hours: float
    maximum: float = -1.0
    pace_per_h: float = 0.0


def _stretches(
    pattern: Iterable[SurfaceHour], model: MouldModel, offset_pct: float
) -> list[_Stretch]:
    stretches: list[_Stretch] = []
    waiting_h = 0.0
    driest_pct = model.floor_pct - offset_pct
    for hour in pattern:
        if hour.humidity_pct < driest_pct:
            waiting_h += hour.duration_h
            continue
        growth = growth_conditions(hour.temperature_c, hour.humidity_pct + offset_pct, model)
        if growth is None:
            waiting_h += hour.duration_h
            continue
        if waiting_h:
            stretches.append(_Stretch(waiting_h))
            waiting_h = 0.0
        stretches.append(_Stretch(hour.duration_h, *growth))
    if waiting_h:
        stretches.append(_Stretch(waiting_h))
    return stretches


def _stays(state: MouldState, mean: SurfaceHour, model: MouldModel, target: float) -> Projection:
    hours = hours_to_index(state.index, target, mean.temperature_c, mean.humidity_pct, model)
    if hours < inf:
        return Projection.reached_in(hours)
    if growth_conditions(mean.temperature_c, mean.humidity_pct, model) is None:
        return Projection.never(_why_nothing_grows([mean], model, 0.0))
    return Projection.never(Never.MATERIAL_LIMIT)


def _why_nothing_grows(
    pattern: Iterable[SurfaceHour], model: MouldModel, offset_pct: float
) -> Never:
    damp_from_pct = model.floor_pct - offset_pct
    damp_c = [hour.temperature_c for hour in pattern if hour.humidity_pct >= damp_from_pct]
    if not damp_c or any(0.0 < one_c < 50.0 for one_c in damp_c):  # noqa: PLR2004 - see grows_at
        return Never.TOO_DRY
    return Never.TOO_COLD if min(damp_c) <= 0.0 else Never.TOO_HOT


def _damper(hour: SurfaceHour, offset_pct: float) -> SurfaceHour:
    humidity_pct = min(max(hour.humidity_pct + offset_pct, 0.0), 100.0)
    return SurfaceHour(hour.temperature_c, humidity_pct, hour.duration_h)


def _three(
    band: BandState, project: Callable[[MouldState, float], Projection], uncertainty_pct: float
) -> BandProjection:
    return BandProjection(
        low=project(band.low, -uncertainty_pct),
        mid=project(band.mid, 0.0),
        high=project(band.high, uncertainty_pct),
    )
