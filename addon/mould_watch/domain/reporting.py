"""How often a device reports, learned from the times of its readings. Pure.

Times are taken by the minute: what is sent in a burst is one report. The newest ones count, by
their own time and not by their arrival, so that a late or a repeated reading ends in the same
answer. A quantile of 95 % leaves out the few gaps that outages of ours have made.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime
from math import ceil
from typing import Final

MINUTES_KEPT: Final = 240
"""So many minutes with a reading are looked at: four hours of a sensor that reports each minute,
ten days of one that reports each hour."""

INTERVALS_NEEDED: Final = 20
"""With fewer nothing is learned yet."""

QUANTILE: Final = 0.95

_MINUTE_S: Final = 60


class ReportingTimes:
    """The newest minutes in which a device reported; about 2 KiB."""

    __slots__ = ("_minutes",)

    def __init__(self, times: Iterable[datetime] = ()) -> None:
        """Begin with aware `times`, in any order."""
        self._minutes = array("q")
        for at in times:
            self.note(at)

    def note(self, at: datetime) -> None:
        """Take one more time, aware, in whatever order they come."""
        minute = int(at.timestamp() // _MINUTE_S)
        minutes = self._minutes
        if not minutes or minute > minutes[-1]:
            minutes.append(minute)
        else:
            place = bisect_left(minutes, minute)
            if minutes[place] == minute:
                return
            minutes.insert(place, minute)
        if len(minutes) > MINUTES_KEPT:
            del minutes[0]

    @property
    def interval_s(self) -> float | None:
        """Return the seconds within which 95 % of its reports follow each other; None: unknown.

        At least 60: it may report more often.
        """
        minutes = self._minutes
        count = len(minutes) - 1
        if count < INTERVALS_NEEDED:
            return None
        gaps = sorted(minutes[n + 1] - minutes[n] for n in range(count))
        return float(gaps[ceil(QUANTILE * count) - 1] * _MINUTE_S)
