"""What simpler rules would have said over the same hours, beside the mould level.

Home Assistant core's `mold_indicator` shows the relative humidity at the coldest spot, the same
formula as here; people alarm on it at 70 % or 80 %. The 80 %-rule takes the mean of a day.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mould_watch.domain.mould.index import SurfaceHour

_DAY_H: Final = 24


@dataclass(slots=True)
class Alarm:
    """A rule that is on or off. Hours are numbered from 1970; a gap leaves it as it was."""

    name: str
    alarms: int = 0
    hours: float = 0.0
    first_hour: int | None = None
    # since when it was on when growth began; None: it was off, or nothing grew
    on_at_growth_since: int | None = None
    _on_since: int | None = None

    def hear(self, hour: int, *, is_on: bool, duration_h: float = 1.0) -> None:
        """Take what the rule says in an hour."""
        if not is_on:
            self._on_since = None
            return
        if self._on_since is None:
            self._on_since = hour
            self.alarms += 1
        if self.first_hour is None:
            self.first_hour = hour
        self.hours += duration_h

    def growth_began(self) -> None:
        """Take that growth began in the hour that was heard last."""
        self.on_at_growth_since = self._on_since


def days_between(earlier_hour: int | None, later_hour: int | None) -> float | None:
    """Return the days from one hour to another; None: one of both never came."""
    if earlier_hour is None or later_hour is None:
        return None
    return (later_hour - earlier_hour) / _DAY_H


class DayMean:
    """The mean humidity at the surface over the last 24 hours, where half of them are known."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._hours: deque[SurfaceHour | None] = deque(maxlen=_DAY_H)

    def add(self, hour: SurfaceHour | None) -> float | None:
        """Take the next hour and return the mean; None: too little is known."""
        self._hours.append(hour)
        known = [one for one in self._hours if one is not None]
        hours = sum(one.duration_h for one in known)
        if hours < _DAY_H / 2:
            return None
        return sum(one.humidity_pct * one.duration_h for one in known) / hours


class Rivals:
    """The simpler rules, each hour asked the same."""

    def __init__(self) -> None:
        """Begin with none alarmed."""
        self._mean = DayMean()
        self.alarms: list[tuple[Alarm, Callable[[float, float | None], bool]]] = [
            (Alarm("mold_indicator > 70 %"), lambda now_pct, _mean: now_pct > 70.0),  # noqa: PLR2004
            (Alarm("mold_indicator > 80 %"), lambda now_pct, _mean: now_pct > 80.0),  # noqa: PLR2004
            (
                Alarm("80 %-rule (24 h mean)"),
                lambda _now, mean_pct: mean_pct is not None and mean_pct > 80.0,  # noqa: PLR2004
            ),
        ]

    def hear(self, hour: int, surface: SurfaceHour | None) -> None:
        """Take the next hour; in a gap nobody says anything new."""
        mean_pct = self._mean.add(surface)
        if surface is None:
            return
        for alarm, is_on in self.alarms:
            alarm.hear(
                hour, is_on=is_on(surface.humidity_pct, mean_pct), duration_h=surface.duration_h
            )
