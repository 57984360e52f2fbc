"""The rule "condensation": water condenses on the watched surface now.

That is so when the surface is no warmer than the dew point of the room's air: the humidity of
the air touching it is 100 %. It is over at 95 %, held for a while.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from mould_watch.domain.climate import Climate
from mould_watch.domain.condition import Level
from mould_watch.domain.psychrometrics import dew_point_c
from mould_watch.domain.rules.crossing import Moment, Patience, cross, due, judge
from mould_watch.domain.rules.kinds import RuleKind
from mould_watch.domain.surface import SurfaceModel, surface_humidity_pct
from mould_watch.domain.verdict import Judged

SATURATED_PCT: Final = 99.9
"""Sums of exponentials are floats: saturation must be reached."""

DRY_PCT: Final = 95.0
DEFAULT_MINUTES: Final = 30.0
DEFAULT_SEVERITY: Final = Level.WATCH
"""A pane in the morning: shown, not pushed."""

LOOKBACK: Final = timedelta(hours=24)


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
        _surface(climate, model, now),
        lambda humidity_pct: humidity_pct >= SATURATED_PCT,
        lambda humidity_pct: humidity_pct < DRY_PCT,
    )
    temperature_c, humidity_pct = climate.temperature.value_at(now), climate.humidity.value_at(now)
    outdoor = climate.outdoor_temperature
    is_air_known = temperature_c is not None and humidity_pct is not None
    verdict = judge(
        RuleKind.CONDENSATION.value,
        severity,
        crossing,
        patience,
        now,
        counted_from=counted_from,
        evidence={
            "surface_humidity_pct": _rounded(crossing.value),
            "surface_temperature_c": _rounded(
                model.surface_temperature_c(
                    temperature_c, None if outdoor is None else outdoor.value_at(now)
                )
                if temperature_c is not None
                else None
            ),
            "dew_point_c": _rounded(
                dew_point_c(temperature_c, humidity_pct)
                if is_air_known and temperature_c is not None and humidity_pct is not None
                else None
            ),
            "required_minutes": minutes,
        },
    )
    return Judged(verdict, tuple(due(crossing, patience, now, counted_from)))


def _surface(climate: Climate, model: SurfaceModel, now: datetime) -> Iterator[Moment]:
    for air in climate.pieces(now - LOOKBACK, now):
        if air.temperature_c is None or air.humidity_pct is None:
            yield air.start, None
            continue
        surface_c = model.surface_temperature_c(air.temperature_c, air.outdoor_temperature_c)
        yield (
            air.start,
            None
            if surface_c is None
            else surface_humidity_pct(air.temperature_c, air.humidity_pct, surface_c),
        )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
