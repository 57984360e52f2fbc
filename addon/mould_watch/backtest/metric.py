"""One metric of a recording: its readings in the order of the file, added up by the hour."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from mould_watch.domain.climate import GAP
from mould_watch.domain.hourly import HourlyMeans
from mould_watch.errors import RecordingError

_GAP_S: Final = GAP.total_seconds()
_CLOCK_BACK_S: Final = 3900.0
"""When clocks are set back an hour comes twice, and a row may be some minutes late."""


@dataclass(slots=True)
class MetricRecording:
    """The readings of a metric. Times rise, or fall all the way: some exports begin at the end."""

    name: str
    least: float
    most: float
    means: HourlyMeans = field(default_factory=HourlyMeans)
    readings: int = 0
    # without a value, not to be read, not possible, at a time that was there, set back
    missing: int = 0
    unreadable: int = 0
    impossible: int = 0
    repeated: int = 0
    set_back: int = 0
    # pairs of neighbours near enough that what lies between is known
    joined: int = 0
    first_s: float = 0.0
    last_s: float = 0.0
    _previous: tuple[float, float] | None = None
    _newest: tuple[float, float] | None = None
    _direction: int = 0

    @property
    def previous_s(self) -> float | None:
        """The time of the row before; None where times fall, or there is none."""
        return self._previous[0] if self._previous and self._direction >= 0 else None

    @property
    def rows(self) -> int:
        """How many rows there were, with a value or without."""
        return self.readings + self.missing + self.unreadable + self.impossible + self.set_back

    def add(self, line: int, at_s: float, value: float | None) -> None:
        """Take the next value; None is a cell without one. Raises RecordingError."""
        if value is None:
            self.missing += 1
            return
        if not self.least <= value <= self.most:
            self.impossible += 1
            return
        if self._previous is None:
            self.first_s = self.last_s = at_s
        elif not self._join(line, self._previous, (at_s, value)):
            return
        self.readings += 1
        self._previous = (at_s, value)
        if self._newest is None or at_s >= self._newest[0]:
            self._newest = (at_s, value)
        self.first_s, self.last_s = min(self.first_s, at_s), max(self.last_s, at_s)

    def _join(self, line: int, previous: tuple[float, float], now: tuple[float, float]) -> bool:
        """Add the time since the row before; False where this row does not count."""
        apart_s = now[0] - previous[0]
        if apart_s == 0.0:
            self.repeated += 1
            return True
        direction = 1 if apart_s > 0.0 else -1
        if self._direction == 0:
            self._direction = direction
        if direction != self._direction:
            if abs(apart_s) <= _CLOCK_BACK_S:
                self.set_back += 1
                return False
            raise RecordingError(
                f"time runs backwards in line {line}: {_shown(now[0])} comes after"
                f" {_shown(previous[0])}; sort the rows by time",
                line=line,
            )
        earlier, later = (previous, now) if direction > 0 else (now, previous)
        self.means.between(*earlier, *later)
        self.joined += abs(apart_s) <= _GAP_S
        return True

    def finish(self) -> None:
        """Take the end of the file: the newest reading stands for an hour more."""
        if self._newest is not None:
            self.means.last(*self._newest)


def _shown(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, tz=UTC):%Y-%m-%d %H:%M} UTC"
