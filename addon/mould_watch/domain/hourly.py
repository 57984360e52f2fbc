"""The climate of a room by the hour: means over time from readings at irregular times.

Between two readings at most an hour apart the earlier one holds, as a sensor that sends on a
change means it; up to 6 h apart a straight line joins them; further apart there is a gap, and
after the last reading before a gap, or before the present, its value holds for an hour. A mean
is over the known part of an hour, and how much that is stands beside it. Hours are whole hours of
UTC: no clock is changed there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from mould_watch.domain.climate import GAP, Climate, MeasuredSeries, Series

HOUR: Final = timedelta(hours=1)
HELD: Final = HOUR
"""How long a reading stands for itself when the next one is late."""

_HOUR_S: Final = 3600.0
_HELD_S: Final = HELD.total_seconds()
_GAP_S: Final = GAP.total_seconds()
# sums of seconds are floats: a whole hour must be a whole hour
_COVERAGE_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class HourMean:
    """The mean of a metric over the known part of an hour; `coverage` is that part, > 0 to 1."""

    mean: float
    coverage: float


@dataclass(frozen=True, slots=True)
class AirHour:
    """An hour of a room's air, of the air outside, of the surface. None: nothing is known of it.

    `coverage` is the part of the hour for which temperature and humidity inside are known,
    `outdoor_coverage` that for the temperature outside, `surface_coverage` that for the sensor on
    the surface; 0 in a gap.
    """

    start: datetime
    temperature_c: float | None = None
    humidity_pct: float | None = None
    coverage: float = 0.0
    outdoor_temperature_c: float | None = None
    outdoor_coverage: float = 0.0
    surface_temperature_c: float | None = None
    surface_coverage: float = 0.0
    outdoor_humidity_pct: float | None = None


class HourlyMeans:
    """Adds up one metric by the hour, from pairs of neighbouring readings in any order.

    Times are seconds since 1970 (UTC), the number of an hour is their whole hours.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self._sums: dict[int, float] = {}
        self._seconds: dict[int, float] = {}

    def between(self, start_s: float, start: float, end_s: float, end: float) -> None:
        """Add the time between two neighbouring readings; the second must not be earlier.

        Raises ValueError for a time that runs backwards.
        """
        apart_s = end_s - start_s
        if apart_s < 0:
            message = f"time runs backwards: {end_s!r} after {start_s!r}"
            raise ValueError(message)
        if apart_s > _GAP_S:
            self.last(start_s, start)
        elif apart_s > _HELD_S:
            self._add(start_s, end_s, start, (end - start) / apart_s)
        else:
            self._add(start_s, end_s, start, 0.0)

    def last(self, at_s: float, value: float, until_s: float | None = None) -> None:
        """Add what the newest reading stands for: an hour, or less if the present is earlier."""
        end_s = at_s + _HELD_S
        self._add(at_s, end_s if until_s is None else min(end_s, until_s), value, 0.0)

    def _add(self, start_s: float, end_s: float, value: float, slope_per_s: float) -> None:
        at_s = start_s
        while at_s < end_s:
            number = int(at_s // _HOUR_S)
            until_s = min(end_s, (number + 1) * _HOUR_S)
            seconds = until_s - at_s
            mean = value + slope_per_s * ((at_s + until_s) / 2 - start_s)
            self._sums[number] = self._sums.get(number, 0.0) + mean * seconds
            self._seconds[number] = self._seconds.get(number, 0.0) + seconds
            at_s = until_s

    def of(self, number: int) -> HourMean | None:
        """Return the mean of an hour, None where nothing is known of it."""
        seconds = self._seconds.get(number, 0.0)
        coverage = min(1.0, round(seconds / _HOUR_S, _COVERAGE_DIGITS))
        return HourMean(self._sums[number] / seconds, coverage) if coverage > 0.0 else None


def hour_start(at: datetime) -> datetime:
    """Return the start of the hour of UTC in which `at` lies."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def next_hour(at: datetime) -> datetime:
    """Return the first full hour of UTC not before `at`."""
    start = hour_start(at)
    return start if start == at else start + HOUR


def hours_between(start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the starts of the hours that [start, end) touches."""
    at = hour_start(start)
    while at < end:
        yield at
        at += HOUR


def air_hours(climate: Climate, start: datetime, end: datetime, now: datetime) -> list[AirHour]:
    """Return every hour that [start, end) touches, in order, gaps as well.

    Readings later than `now` are not known yet, and nothing is assumed after it. The climate must
    reach back 6 h before `start`, and to 6 h after `end` where there are readings: the line
    between two readings is drawn from both.
    """
    temperature, humidity = _means(climate.temperature, now), _means(climate.humidity, now)
    outdoor = _means(climate.outdoor_temperature, now)
    outdoor_humidity = _means(climate.outdoor_humidity, now)
    surface = _means(climate.surface_temperature, now)
    hours = []
    for at in hours_between(start, end):
        number = int(at.timestamp() // _HOUR_S)
        outside, touched = outdoor(number), surface(number)
        outside_pct = outdoor_humidity(number)
        hour = AirHour(
            start=at,
            outdoor_temperature_c=None if outside is None else outside.mean,
            outdoor_coverage=0.0 if outside is None else outside.coverage,
            surface_temperature_c=None if touched is None else touched.mean,
            surface_coverage=0.0 if touched is None else touched.coverage,
            outdoor_humidity_pct=None if outside_pct is None else outside_pct.mean,
        )
        inside_c, inside_pct = temperature(number), humidity(number)
        if inside_c is not None and inside_pct is not None:
            hour = replace(
                hour,
                temperature_c=inside_c.mean,
                humidity_pct=inside_pct.mean,
                coverage=min(inside_c.coverage, inside_pct.coverage),
            )
        hours.append(hour)
    return hours


def _means(series: Series | None, now: datetime) -> Callable[[int], HourMean | None]:
    if series is None:
        return lambda _number: None
    if not isinstance(series, MeasuredSeries):
        # what the user says is always so
        value = series.value_at(now)
        constant = None if value is None else HourMean(value, 1.0)
        return lambda _number: constant
    means, now_s = HourlyMeans(), now.timestamp()
    known = [
        (ts.timestamp(), value)
        for ts, value in zip(series.times, series.values, strict=True)
        if ts <= now
    ]
    for (start_s, earlier), (end_s, later) in pairwise(known):
        means.between(start_s, earlier, end_s, later)
    if known:
        means.last(*known[-1], until_s=now_s)
    return means.of
