"""What would end a level: how much warmer the wall, or how much drier the air, would have to be.

Asked of the model itself, not of a rule of thumb: the last week is played again with a warmer
surface, or with less vapour, until the level would not be there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mould_watch.domain.condition import Level
from mould_watch.domain.mould.index import SurfaceHour, fold
from mould_watch.domain.mould.level import LevelFacts, LevelThresholds
from mould_watch.domain.mould.model import HOURS_PER_WEEK, MouldModel
from mould_watch.domain.mould.projection import repeats
from mould_watch.domain.psychrometrics import TEMPERATURE_MAXIMUM_C, saturation_pressure_pa

_KELVINS: Final = tuple(0.5 * number for number in range(1, 25))
_POINTS: Final = tuple(float(number) for number in range(1, 41))


@dataclass(frozen=True, slots=True)
class Remedy:
    """Either of the two alone is enough; None: not even the most that was tried is.

    `kelvins` more at the surface (tried up to 12 K), `humidity_pct` points of relative humidity
    less in the room (tried up to 40 points, never below half of it).
    """

    kelvins: float | None = None
    humidity_pct: float | None = None


def remedy(
    facts: LevelFacts,
    level: Level,
    thresholds: LevelThresholds,
    model: MouldModel,
    room_humidity_pct: float,
) -> Remedy:
    """Return what would end a level of this week; `room_humidity_pct` is the room's mean.

    `watch` ends when the days are not damp, `warning` when growth is not expected so soon, the
    others, where mould is there, when it does not grow any further. Raises ValueError for a
    humidity outside 0..105 %.
    """
    if not 0.0 < room_humidity_pct <= 105.0:  # noqa: PLR2004 - see psychrometrics
        message = f"relative humidity {room_humidity_pct!r} % is outside 0..105 %"
        raise ValueError(message)
    if level is Level.NONE:
        return Remedy(0.0, 0.0)
    is_over = _end_of(level, facts, thresholds, model)
    half = [points for points in _POINTS if points <= room_humidity_pct / 2]
    return Remedy(
        kelvins=_smallest(
            _KELVINS, lambda kelvins: is_over([_warmer(hour, kelvins) for hour in facts.week])
        ),
        humidity_pct=_smallest(
            half,
            lambda points: is_over(
                [_drier(hour, 1.0 - points / room_humidity_pct) for hour in facts.week]
            ),
        ),
    )


type _Week = Sequence[SurfaceHour | None]


def _end_of(
    level: Level, facts: LevelFacts, thresholds: LevelThresholds, model: MouldModel
) -> Callable[[_Week], bool]:
    state = facts.band.mid
    if level is Level.WATCH:

        def no_damp_days(week: _Week) -> bool:
            return replace(facts, week=week).damp(thresholds).days < thresholds.damp_days

        return no_damp_days
    if level is Level.WARNING:
        soon_h = thresholds.warning_weeks * HOURS_PER_WEEK

        def not_so_soon(week: _Week) -> bool:
            pattern = [hour for hour in week if hour is not None]
            projection = repeats(state, pattern, model, thresholds.high_index, horizon_h=soon_h)
            return not projection.is_within(soon_h)

        return not_so_soon

    def no_growth(week: _Week) -> bool:
        return fold(state, week, model).index <= state.index

    return no_growth


def _smallest(steps: Sequence[float], is_enough: Callable[[float], bool]) -> float | None:
    """Return the smallest of rising steps that is enough; None: none is."""
    if not steps or not is_enough(steps[-1]):
        return None
    low, high = 0, len(steps) - 1
    while low < high:
        middle = (low + high) // 2
        if is_enough(steps[middle]):
            high = middle
        else:
            low = middle + 1
    return steps[high]


def _warmer(hour: SurfaceHour | None, kelvins: float) -> SurfaceHour | None:
    """Return the hour with a warmer surface in the same air.

    Where water condensed, the air held more than the surface shows: there it is a lower bound.
    """
    if hour is None:
        return None
    warmer_c = min(hour.temperature_c + kelvins, TEMPERATURE_MAXIMUM_C)
    share = saturation_pressure_pa(hour.temperature_c) / saturation_pressure_pa(warmer_c)
    return SurfaceHour(warmer_c, hour.humidity_pct * share, hour.duration_h)


def _drier(hour: SurfaceHour | None, share: float) -> SurfaceHour | None:
    """Return the hour with less vapour in the air."""
    if hour is None:
        return None
    return SurfaceHour(hour.temperature_c, hour.humidity_pct * share, hour.duration_h)
