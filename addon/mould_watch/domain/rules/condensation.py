"""The rule "condensation": water condenses on the watched surface now.

That is so when the surface is no warmer than the dew point of the room's air: the humidity of
the air touching it is 100 %. It is over at 95 %, held for a while.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from mould_watch.domain.climate import Air, Climate
from mould_watch.domain.condition import Level
from mould_watch.domain.psychrometrics import dew_point_c
from mould_watch.domain.rules.crossing import Moment, Patience, cross, due, judge
from mould_watch.domain.rules.kinds import RuleKind
from mould_watch.domain.surface import SurfaceModel
from mould_watch.domain.surface_state import surface_now
from mould_watch.domain.verdict import Judged

SATURATED_PCT: Final = 99.9
"""Sums of exponentials are floats: saturation must be reached."""

DRY_PCT: Final = 95.0
DEFAULT_MINUTES: Final = 30.0
DEFAULT_SEVERITY: Final = Level.WATCH
"""A pane in the morning: shown, not pushed."""

_BEFORE: Final = timedelta(hours=1)


def lookback(minutes: float) -> timedelta:
    """Return how far back a condensation that counts can have begun."""
    return 2 * timedelta(minutes=minutes) + _BEFORE


def judge_condensation(
    climate: Climate,
    model: SurfaceModel,
    now: datetime,
    *,
    severity: Level = DEFAULT_SEVERITY,
    minutes: float = DEFAULT_MINUTES,
    counted_from: datetime | None = None,
) -> Judged:
    """Judge whether it condenses at `now`, and has for `minutes` on end."""
    patience = Patience(duration=timedelta(minutes=minutes))
    crossing = cross(
        _surface(climate, model, now - lookback(minutes), now),
        lambda humidity_pct: humidity_pct >= SATURATED_PCT,
        lambda humidity_pct: humidity_pct < DRY_PCT,
    )
    air = climate.air(now)
    surface = surface_now(air, model)
    verdict = judge(
        RuleKind.CONDENSATION.value,
        severity,
        crossing,
        patience,
        now,
        counted_from=counted_from,
        evidence={
            "surface_humidity_pct": _rounded(crossing.value),
            "surface_temperature_c": _rounded(None if surface is None else surface.temperature_c),
            "dew_point_c": _rounded(_dew_point_c(air)),
            "required_minutes": minutes,
        },
    )
    return Judged(verdict, tuple(due(crossing, patience, now, counted_from)))


def _surface(
    climate: Climate, model: SurfaceModel, start: datetime, now: datetime
) -> Iterator[Moment]:
    for air in climate.pieces(start, now):
        surface = surface_now(air, model)
        yield air.start, None if surface is None else surface.humidity_pct


def _dew_point_c(air: Air) -> float | None:
    if air.temperature_c is None or air.humidity_pct is None:
        return None
    return dew_point_c(air.temperature_c, air.humidity_pct)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
