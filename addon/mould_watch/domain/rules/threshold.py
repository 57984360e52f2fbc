"""The rule "threshold": one metric of a device, or of a room's sources, beyond what a user set."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from mould_watch.domain.climate import GAP, Point
from mould_watch.domain.rules.crossing import Patience, cross, due, judge, moments
from mould_watch.domain.rules.kinds import threshold_rule_id
from mould_watch.domain.rules.settings import Direction, ThresholdSettings
from mould_watch.domain.verdict import Judged

# How far back a value must be to have recovered, where the user did not say.
_HYSTERESIS: Final = {
    "temperature_c": 0.5,
    "humidity_pct": 3.0,
    "pressure_hpa": 2.0,
    "co2_ppm": 100.0,
    "moisture_pct": 5.0,
    "battery_pct": 5.0,
}
_HYSTERESIS_SHARE: Final = 0.05
"""Of the threshold, for a metric that is none of these."""

_LOOKBACK: Final = timedelta(hours=24)
_LONGEST_LOOKBACK: Final = timedelta(days=14)


def recovery_threshold(settings: ThresholdSettings) -> float:
    """Return the value behind which a breach is over, in the metric's unit."""
    if settings.recovery_threshold is not None:
        return settings.recovery_threshold
    share = abs(settings.threshold) * _HYSTERESIS_SHARE
    margin = _HYSTERESIS.get(settings.metric, share)
    sign = -1 if settings.direction is Direction.ABOVE else 1
    return settings.threshold + sign * margin


def lookback(settings: ThresholdSettings) -> timedelta:
    """Return how far back readings matter, 1 to 14 days."""
    duration = timedelta(minutes=settings.minutes)
    return min(_LONGEST_LOOKBACK, max(_LOOKBACK, 2 * duration, settings.count * GAP / 6))


def judge_threshold(
    settings: ThresholdSettings,
    points: Iterable[Point],
    now: datetime,
    counted_from: datetime | None = None,
) -> Judged:
    """Judge the readings of the metric, in any order; those after `now` do not count yet."""
    recovery = recovery_threshold(settings)
    patience = Patience(settings.count, timedelta(minutes=settings.minutes))
    if settings.direction is Direction.ABOVE:
        crossing = cross(
            moments(points, now),
            lambda value: value > settings.threshold,
            lambda value: value <= recovery,
        )
    else:
        crossing = cross(
            moments(points, now),
            lambda value: value < settings.threshold,
            lambda value: value >= recovery,
        )
    verdict = judge(
        threshold_rule_id(settings.rule_id),
        settings.severity,
        crossing,
        patience,
        now,
        counted_from=counted_from,
        evidence={
            "metric": settings.metric,
            "direction": settings.direction.value,
            "value": crossing.value,
            "threshold": settings.threshold,
            "recovery_threshold": recovery,
            "count": crossing.breach_count,
            "required_count": settings.count,
            "required_minutes": settings.minutes,
            "name": settings.name,
        },
    )
    return Judged(verdict, tuple(due(crossing, patience, now, counted_from)))
