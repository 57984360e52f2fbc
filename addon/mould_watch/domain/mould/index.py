"""The mould index: exact steps for constant conditions, and the fold over hourly climate.

0 none; 1 under the microscope only; 2 several colonies, microscope; 3 seen with the eye, below
10 %; 4 10..50 %; 5 above 50 %; 6 the whole surface. The equations of the model are solved, not
approximated by small steps: any interval of constant conditions is one step without error.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, expm1, inf, isfinite, log, log1p
from typing import Final

from mould_watch.domain.mould.model import (
    GERMINATION_INDEX,
    GREATEST_INDEX,
    SATURATION_STEEPNESS,
    MouldModel,
    Sensitivity,
    check_surface,
    growth_conditions,
)

# In the first hours without growth it loses as much as in twice the time later; from the sixth
# to the twenty-fourth hour nothing.
_FAST_UNTIL_H: Final = 6.0
_FAST_PER_H: Final = 0.032 / 24.0
_SLOW_FROM_H: Final = 24.0
_SLOW_PER_H: Final = 0.016 / 24.0


@dataclass(frozen=True, slots=True)
class MouldState:
    """All that the model remembers of a surface.

    `index` 0..6, `dry_hours` since conditions last allowed growth, `peak` the highest index ever:
    a falling index does not mean clean. Raises ValueError for what cannot be.
    """

    index: float = 0.0
    dry_hours: float = 0.0
    peak: float = 0.0

    def __post_init__(self) -> None:
        """Refuse NaN, negative hours, an index off the scale and a peak below the index."""
        if not (
            0.0 <= self.index <= self.peak <= GREATEST_INDEX
            and self.dry_hours >= 0.0
            and isfinite(self.dry_hours)
        ):
            message = f"no surface is like this: {self!r}"
            raise ValueError(message)

    @classmethod
    def starting_at(cls, index: float) -> MouldState:
        """Return the state of a surface on which a person sees mould of this index now."""
        return cls(index=index, peak=index)


INITIAL: Final = MouldState()
"""A clean surface."""


@dataclass(frozen=True, slots=True)
class SurfaceHour:
    """The mean climate at the surface over an hour, or over the known part of it.

    °C, -80..100; %, 0..105 (above 100 counts as 100); `duration_h` is the part with data, above
    0 and at most 1. Raises ValueError otherwise.
    """

    temperature_c: float
    humidity_pct: float
    duration_h: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what the model cannot be asked."""
        check_surface(self.temperature_c, self.humidity_pct)
        if not 0.0 < self.duration_h <= 1.0:
            message = f"{self.duration_h!r} is no part of an hour"
            raise ValueError(message)


def step(
    state: MouldState,
    surface_temperature_c: float,
    surface_humidity_pct: float,
    hours: float,
    model: MouldModel,
) -> MouldState:
    """Return the state after `hours` (>= 0, finite) of constant conditions at the surface.

    Exact for any length. Where conditions allow growth but the index is already above what they
    sustain, it stays, and the dry clock starts again. Raises ValueError for conditions outside
    -80..100 °C and 0..105 %, for NaN, and for time that runs backwards.
    """
    check_surface(surface_temperature_c, surface_humidity_pct)
    if not (hours >= 0.0 and isfinite(hours)):
        message = f"{hours!r} hours cannot pass"
        raise ValueError(message)
    if hours == 0.0:
        return state
    growth = growth_conditions(surface_temperature_c, surface_humidity_pct, model)
    if growth is None:
        index, dry_hours = declined(state.index, state.dry_hours, hours, model.decline)
        return MouldState(index, dry_hours, state.peak)
    index = grown(state.index, *growth, hours, model.sensitivity)
    return MouldState(index, 0.0, max(state.peak, index))


def fold(
    state: MouldState,
    hours: Iterable[SurfaceHour | None],
    model: MouldModel,
    offset_pct: float = 0.0,
) -> MouldState:
    """Return the state after these hours in order; None, a gap, changes nothing at all.

    `offset_pct` is added to every humidity (within 0..100 %): a sensor's error is a bias.
    """
    index, dry_hours, peak = state.index, state.dry_hours, state.peak
    driest_pct = model.floor_pct - offset_pct
    sensitivity, decline = model.sensitivity, model.decline
    # hours without growth in a row are one step: nothing but their number counts
    waiting_h = 0.0
    for hour in hours:
        if hour is None:
            continue
        if hour.humidity_pct < driest_pct:
            waiting_h += hour.duration_h
            continue
        growth = growth_conditions(hour.temperature_c, hour.humidity_pct + offset_pct, model)
        if growth is None:
            waiting_h += hour.duration_h
            continue
        if waiting_h:
            index, dry_hours = declined(index, dry_hours, waiting_h, decline)
            waiting_h = 0.0
        index = grown(index, *growth, hour.duration_h, sensitivity)
        dry_hours = 0.0
        peak = max(peak, index)
    if waiting_h:
        index, dry_hours = declined(index, dry_hours, waiting_h, decline)
    return MouldState(index, dry_hours, peak)


def hours_to_index(
    index: float,
    target: float,
    surface_temperature_c: float,
    surface_humidity_pct: float,
    model: MouldModel,
) -> float:
    """Return the hours of these constant conditions until `target`; inf where it never comes.

    0 where it is reached already. Raises ValueError as `step` does.
    """
    check_surface(surface_temperature_c, surface_humidity_pct)
    if index >= target:
        return 0.0
    growth = growth_conditions(surface_temperature_c, surface_humidity_pct, model)
    if growth is None:
        return inf
    maximum, pace_per_h = growth
    return hours_of_growth(index, target, maximum, pace_per_h, model.sensitivity)


def grown(
    index: float, maximum: float, pace_per_h: float, hours: float, sensitivity: Sensitivity
) -> float:
    """Return the index after `hours` of growth conditions, see `growth_conditions`."""
    if index >= maximum:
        return index
    if index < GERMINATION_INDEX:
        rate_per_h = sensitivity.pace_before * pace_per_h
        reached = _approach(index, maximum, rate_per_h * hours)
        if reached <= GERMINATION_INDEX:
            return reached
        hours -= _hours_between(index, GERMINATION_INDEX, maximum, rate_per_h)
        index = GERMINATION_INDEX
    return _approach(index, maximum, sensitivity.pace_after * pace_per_h * max(hours, 0.0))


def hours_of_growth(
    index: float, target: float, maximum: float, pace_per_h: float, sensitivity: Sensitivity
) -> float:
    """Return the hours of growth conditions from `index` to `target`; inf where never."""
    if index >= target:
        return 0.0
    if target >= maximum:
        return inf
    hours = 0.0
    if index < GERMINATION_INDEX:
        end = min(target, GERMINATION_INDEX)
        hours = _hours_between(index, end, maximum, sensitivity.pace_before * pace_per_h)
        index = end
    if index < target:
        hours += _hours_between(index, target, maximum, sensitivity.pace_after * pace_per_h)
    return hours


def declined(index: float, dry_hours: float, hours: float, decline: float) -> tuple[float, float]:
    """Return index and dry clock after `hours` without growth conditions."""
    end_h = dry_hours + hours
    if index <= 0.0:
        return 0.0, end_h
    lost = _FAST_PER_H * max(0.0, min(end_h, _FAST_UNTIL_H) - dry_hours)
    lost += _SLOW_PER_H * max(0.0, end_h - max(dry_hours, _SLOW_FROM_H))
    return max(0.0, index - decline * lost), end_h


# dM/dt = r (1 - exp(b (M - Mmax))) with u = exp(b (Mmax - M)) is du/dt = -b r (u - 1): u - 1
# decays exponentially. expm1 and log1p keep the digits close to Mmax and for tiny steps.


def _approach(index: float, maximum: float, rate_times_hours: float) -> float:
    excess = expm1(SATURATION_STEEPNESS * (maximum - index))
    left = excess * exp(-SATURATION_STEEPNESS * rate_times_hours)
    # the last digit must not make growth a loss
    return max(index, maximum - log1p(left) / SATURATION_STEEPNESS)


def _hours_between(index: float, target: float, maximum: float, rate_per_h: float) -> float:
    now = expm1(SATURATION_STEEPNESS * (maximum - index))
    then = expm1(SATURATION_STEEPNESS * (maximum - target))
    return log(now / then) / (SATURATION_STEEPNESS * rate_per_h)
