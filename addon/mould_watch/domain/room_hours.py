"""All that a room's sources tell of it, hour by hour: what is kept for ever. Pure.

The rules of `hourly` hold for each metric on its own: a held value or a straight line between
readings up to 6 h apart, an hour for one that no other follows, nothing else. What an hour is
depends on the readings alone, not on the order they came in nor on the window they are seen in.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from mould_watch.domain.hourly import HOUR, HourlyMeans, HourMean

type Points = Iterable[tuple[datetime, float]]

_HOUR_S: Final = int(HOUR.total_seconds())


@dataclass(frozen=True, slots=True)
class RoomHour:
    """A room's climate in the hour (UTC) that begins at `start`; None is a gap. °C, %RH."""

    start: datetime
    temperature: HourMean | None = None
    humidity: HourMean | None = None
    outdoor_temperature: HourMean | None = None
    outdoor_humidity: HourMean | None = None
    # as a sensor on the surface itself measured it
    surface_temperature: HourMean | None = None

    @property
    def coverage(self) -> float:
        """Return the share of the hour, 0..1, in which the room's air is known."""
        if self.temperature is None or self.humidity is None:
            return 0.0
        return min(self.temperature.coverage, self.humidity.coverage)


@dataclass(frozen=True, kw_only=True, slots=True)
class SourcePoints:
    """The accepted values of each of a room's sources, in any order, one for each time."""

    temperature: Points = ()
    humidity: Points = ()
    outdoor_temperature: Points = ()
    outdoor_humidity: Points = ()
    surface_temperature: Points = ()
    # outdoor air that is always the same: °C and %RH
    fixed_outdoor: tuple[float, float] | None = None


def room_hours(
    points: SourcePoints, start: datetime, end: datetime, now: datetime
) -> list[RoomHour]:
    """Return the hours of [start, end) in which something of the room is known, in order.

    Points up to 6 h before `start` and 6 h beyond `end` matter; those after `now` are not known
    yet. Raises ValueError for a start or end between two hours.
    """
    temperature, humidity = _means(points.temperature, now), _means(points.humidity, now)
    outdoor_temperature = _means(points.outdoor_temperature, now)
    outdoor_humidity = _means(points.outdoor_humidity, now)
    surface = _means(points.surface_temperature, now)
    fixed = points.fixed_outdoor
    hours = []
    for number in range(_number(start), _number(end)):
        inside_c, inside_pct = temperature.of(number), humidity.of(number)
        if inside_c is None and inside_pct is None:
            continue
        hours.append(
            RoomHour(
                start=datetime.fromtimestamp(number * _HOUR_S, UTC),
                temperature=inside_c,
                humidity=inside_pct,
                outdoor_temperature=HourMean(fixed[0], 1.0)
                if fixed
                else outdoor_temperature.of(number),
                outdoor_humidity=HourMean(fixed[1], 1.0) if fixed else outdoor_humidity.of(number),
                surface_temperature=surface.of(number),
            )
        )
    return hours


def next_hour(at: datetime) -> datetime:
    """Return the first full hour (UTC) not before `at`."""
    number, rest = divmod(at.timestamp(), _HOUR_S)
    return datetime.fromtimestamp((number + bool(rest)) * _HOUR_S, UTC)


def _means(points: Points, now: datetime) -> HourlyMeans:
    means = HourlyMeans()
    known = sorted((ts.timestamp(), value) for ts, value in points if ts <= now)
    for (start_s, earlier), (end_s, later) in pairwise(known):
        means.between(start_s, earlier, end_s, later)
    if known:
        means.last(*known[-1], until_s=now.timestamp())
    return means


def _number(at: datetime) -> int:
    number, rest = divmod(at.timestamp(), _HOUR_S)
    if rest:
        raise ValueError(f"{at} is not on the hour")
    return int(number)
