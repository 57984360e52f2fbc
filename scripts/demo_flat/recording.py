"""A recorded series (CSV: time, temperature, relative humidity), told as if it were now."""

import csv
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from .flat import Air

PAST_MAXIMUM = timedelta(days=6)
_LIVE = timedelta(hours=24)

_TIME = re.compile(r"^(t|ts|time|date|datetime|timestamp|zeit)\b|^t_|time", re.IGNORECASE)
_TEMPERATURE = re.compile(r"^(t|temp.*|ta|t_in|t\s*[\[(].*)$", re.IGNORECASE)
_HUMIDITY = re.compile(r"^(rh|h|hum.*|rel.*|.*rh.*|φ)", re.IGNORECASE)
_OFFSET = re.compile(r"UTC\s*([+-]\d{1,2})(?::?(\d\d))?", re.IGNORECASE)


class RecordingError(Exception):
    """The file is not a series that can be replayed."""


@dataclass(frozen=True)
class Recording:
    """The samples, moved so that `present` (a time in the file) is the moment of the demo."""

    samples: tuple[tuple[datetime, Air], ...]
    present: datetime
    moved_by: timedelta

    def between(self, begin: datetime, end: datetime) -> Iterator[tuple[datetime, Air]]:
        """Yield the moved samples with begin < time <= end."""
        return ((ts, air) for ts, air in self.samples if begin < ts <= end)

    @property
    def last(self) -> datetime:
        """Return the time of the last moved sample."""
        return self.samples[-1][0]


def read(path: Path, now: datetime) -> Recording:
    """Read a series; its last day is still to come, up to six days before it are the past.

    Raises RecordingError when the file has no columns for time, temperature and humidity.
    """
    rows = list(_rows(path))
    if len(rows) < 2:  # noqa: PLR2004 - a series is at least two samples
        raise RecordingError(f"{path} holds no series")
    rows.sort(key=lambda row: row[0])
    span = rows[-1][0] - rows[0][0]
    present = rows[-1][0] - min(_LIVE, span / 4)
    moved_by = now - present
    kept = [(ts + moved_by, air) for ts, air in rows if ts > present - PAST_MAXIMUM]
    return Recording(tuple(kept), present, moved_by)


def _rows(path: Path) -> Iterator[tuple[datetime, Air]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = file.readline()
        delimiter = max(",;\t", key=head.count)
        names = [name.strip().strip('"') for name in head.split(delimiter)]
        time, temperature, humidity = _columns(path, names)
        zone = _zone(names[time])
        for cells in csv.reader(file, delimiter=delimiter):
            try:
                ts = datetime.fromisoformat(cells[time].strip())
                air = Air(_number(cells[temperature]), _number(cells[humidity]))
            except ValueError, IndexError:
                continue  # a hole in the recording stays one
            yield (ts if ts.tzinfo else ts.replace(tzinfo=zone)).astimezone(UTC), air


def _columns(path: Path, names: list[str]) -> tuple[int, int, int]:
    humidity = _first(names, lambda name: bool(_HUMIDITY.search(name)))
    times = [n for n, name in enumerate(names) if _TIME.search(name) and n != humidity]
    # a bare "t" is the temperature where another column is the time
    time = next((n for n in times if names[n].lower() != "t"), times[0] if times else None)
    temperature = _first(
        names,
        lambda name: bool(_TEMPERATURE.match(name)) and names.index(name) not in {time, humidity},
    )
    if time is None or temperature is None or humidity is None:
        raise RecordingError(
            f"{path} needs the columns time, T and RH; it has {', '.join(names) or 'none'}"
        )
    return time, temperature, humidity


def _first(names: list[str], fits: Callable[[str], bool]) -> int | None:
    return next((n for n, name in enumerate(names) if fits(name)), None)


def _zone(name: str) -> timezone:
    """Return the zone that the column's name tells, UTC where it tells none."""
    found = _OFFSET.search(name)
    if found is None:
        return UTC
    hours, minutes = int(found[1]), int(found[2] or 0)
    return timezone(timedelta(hours=hours, minutes=minutes if hours >= 0 else -minutes))


def _number(text: str) -> float:
    number = float(text.strip().replace(",", "."))
    if not math.isfinite(number):
        raise ValueError(text)
    return number
