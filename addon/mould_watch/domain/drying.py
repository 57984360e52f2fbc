"""Showers, and how fast a room dries after them: what a fan or an open window really does.

Absolute humidity shows them; a warming room changes the relative one without a drop of water. The
rate is that of drying, not of the exchange of air: walls and towels give water back meanwhile.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log
from statistics import median
from typing import Final

from mould_watch.domain.climate import GAP, Climate
from mould_watch.domain.condition import DryingTrend
from mould_watch.domain.psychrometrics import absolute_humidity_g_m3

RISE_G_M3: Final = 2.0
"""So much above the least of the last 20 minutes begins a shower."""
RISE_WITHIN: Final = timedelta(minutes=20)
REFRACTORY: Final = timedelta(minutes=60)
"""What follows within an hour is the same shower."""

DRYING_FROM: Final = timedelta(minutes=10)
DRYING_UNTIL: Final = timedelta(minutes=60)
"""The part after the peak that is looked at: before, the room still mixes."""
EXCESS_G_M3: Final = 0.5
POINTS: Final = 4
FIT: Final = 0.8
"""A slope counts with so many points that are so far above before, and with this R² or more."""

NEWEST: Final = 10
"""The half-time shown is the median of so many."""
COMPARED_NEWEST: Final = 3
COMPARED_BEFORE: Final = 5
SLOWER: Final = 1.5
"""The newest few take so much longer, or shorter, than those before: it changed."""


@dataclass(frozen=True, slots=True)
class Moisture:
    """Absolute humidity at a time, in g/m³."""

    ts: datetime
    g_m3: float


@dataclass(frozen=True, slots=True)
class Shower:
    """A sudden rise of moisture. `rate_per_h` is how fast the excess went; None: not clear."""

    started_at: datetime
    peak_at: datetime
    before_g_m3: float
    peak_g_m3: float
    rate_per_h: float | None = None

    @property
    def half_time_minutes(self) -> float | None:
        """The minutes in which half of the excess went."""
        return None if self.rate_per_h is None else log(2.0) / self.rate_per_h * 60.0


@dataclass(frozen=True, slots=True)
class DryingSummary:
    """How a room dries: the median half-time of the newest showers, and whether it changed."""

    half_time_minutes: float | None
    trend: DryingTrend
    events: int


def moisture_of(climate: Climate, start: datetime, end: datetime) -> list[Moisture]:
    """Return the absolute humidity at every reading of the humidity in [start, end]."""
    points = []
    for ts in climate.humidity.measured(start, end):
        humidity_pct, temperature_c = (
            climate.humidity.value_at(ts),
            climate.temperature.value_at(ts),
        )
        if humidity_pct is not None and temperature_c is not None:
            points.append(Moisture(ts, absolute_humidity_g_m3(temperature_c, humidity_pct)))
    return points


def showers(points: Sequence[Moisture]) -> list[Shower]:
    """Return the showers in points of rising time, in order.

    One whose hour after the peak is not over yet is in it, with the rate so far. Raises
    ValueError for time that runs backwards.
    """
    found: list[Shower] = []
    recent: deque[Moisture] = deque()
    for number, point in enumerate(points):
        if recent and point.ts < recent[-1].ts:
            message = f"time runs backwards: {point.ts} after {recent[-1].ts}"
            raise ValueError(message)
        # the value of twenty minutes ago is that of the last reading before then
        while len(recent) > 1 and point.ts - recent[1].ts >= RISE_WITHIN:
            recent.popleft()
        if recent and point.ts - recent[0].ts >= GAP:
            recent.popleft()
        before_g_m3 = min((one.g_m3 for one in recent), default=point.g_m3)
        recent.append(point)
        is_same = bool(found) and point.ts - found[-1].started_at < REFRACTORY
        if not is_same and point.g_m3 - before_g_m3 >= RISE_G_M3:
            found.append(_shower(points, number, before_g_m3))
    return found


def drying(events: Sequence[Shower]) -> DryingSummary:
    """Return how a room dries by its showers, oldest first; those without a rate do not count."""
    half_times = [one.half_time_minutes for one in events]
    clear = [one for one in half_times if one is not None]
    return DryingSummary(
        half_time_minutes=median(clear[-NEWEST:]) if clear else None,
        trend=_trend(clear),
        events=len(clear),
    )


def _trend(half_times_minutes: Sequence[float]) -> DryingTrend:
    newest = half_times_minutes[-COMPARED_NEWEST:]
    before = half_times_minutes[:-COMPARED_NEWEST][-NEWEST:]
    if len(newest) < COMPARED_NEWEST or len(before) < COMPARED_BEFORE:
        return DryingTrend.UNKNOWN
    ratio = median(newest) / median(before)
    if ratio >= SLOWER:
        return DryingTrend.SLOWER
    return DryingTrend.FASTER if ratio <= 1.0 / SLOWER else DryingTrend.STEADY


def _shower(points: Sequence[Moisture], number: int, before_g_m3: float) -> Shower:
    start = points[number]
    peak = start
    end = number
    while end < len(points) and points[end].ts - start.ts < REFRACTORY:
        # the last of several equal ones: drying begins after it
        peak = points[end] if points[end].g_m3 >= peak.g_m3 else peak
        end += 1
    return Shower(
        started_at=start.ts,
        peak_at=peak.ts,
        before_g_m3=before_g_m3,
        peak_g_m3=peak.g_m3,
        rate_per_h=_rate_per_h(points, number, peak, before_g_m3),
    )


def _rate_per_h(
    points: Sequence[Moisture], number: int, peak: Moisture, before_g_m3: float
) -> float | None:
    """Return the slope of ln(excess) after the peak; None where it is not clear, or no fall."""
    times_h: list[float] = []
    logs: list[float] = []
    for point in points[number:]:
        after = point.ts - peak.ts
        if after > DRYING_UNTIL:
            break
        excess_g_m3 = point.g_m3 - before_g_m3
        if after >= DRYING_FROM and excess_g_m3 > EXCESS_G_M3:
            times_h.append(after / timedelta(hours=1))
            logs.append(log(excess_g_m3))
    if len(logs) < POINTS:
        return None
    mean_h, mean_log = sum(times_h) / len(times_h), sum(logs) / len(logs)
    spread_h = sum((one - mean_h) ** 2 for one in times_h)
    spread_log = sum((one - mean_log) ** 2 for one in logs)
    both = sum((t - mean_h) * (y - mean_log) for t, y in zip(times_h, logs, strict=True))
    if spread_h <= 0.0 or spread_log <= 0.0 or both >= 0.0:
        return None
    fit = both * both / (spread_h * spread_log)
    return -both / spread_h if fit > FIT else None
