"""The air of a room over a window of time, from readings in any order.

A value is held until the next one of its metric, for less than 6 h; from then on there is a
gap, and a gap stays a gap. Two readings at one time are one moment: each metric is taken from
the row that carries it, the greater fingerprint counts (arbitrary, but the same in any order).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

from mould_watch.domain.psychrometrics import is_humidity_computable, is_temperature_computable

GAP: Final = timedelta(hours=6)
"""How long a value is held at most."""

type Metric = Literal["temperature_c", "humidity_pct"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One usable reading: neither suspect nor of unknown time. Aware times."""

    ts: datetime
    fingerprint: int
    temperature_c: float | None = None
    humidity_pct: float | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """A value and the time it was measured at."""

    ts: datetime
    value: float


class Series(Protocol):
    """One metric over time."""

    def value_at(self, t: datetime) -> float | None:
        """Return the value held at `t`, None in a gap."""
        ...

    def changes(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield the times in [start, end] at which the held value may change."""
        ...

    def newest(self, t: datetime) -> Point | None:
        """Return the newest measured point at or before `t`, however old."""
        ...


class MeasuredSeries:
    """A metric as it was measured."""

    def __init__(self, samples: Iterable[Sample], metric: Metric) -> None:
        """Take the samples that carry `metric` with a value that can be computed with."""
        is_computable = (
            is_humidity_computable if metric == "humidity_pct" else is_temperature_computable
        )
        chosen: dict[datetime, tuple[int, float]] = {}
        for sample in samples:
            value: float | None = getattr(sample, metric)
            if value is None or not is_computable(value):
                continue
            candidate = (sample.fingerprint, value)
            # the value only decides between devices merged into one that sent the same bytes
            if sample.ts not in chosen or candidate > chosen[sample.ts]:
                chosen[sample.ts] = candidate
        self.times: tuple[datetime, ...] = tuple(sorted(chosen))
        self.values: tuple[float, ...] = tuple(chosen[ts][1] for ts in self.times)

    def newest(self, t: datetime) -> Point | None:
        """Return the newest measured point at or before `t`, however old."""
        index = bisect_right(self.times, t) - 1
        return Point(self.times[index], self.values[index]) if index >= 0 else None

    def value_at(self, t: datetime) -> float | None:
        """Return the value held at `t`: the newest one, if it is less than 6 h old."""
        point = self.newest(t)
        return point.value if point is not None and t - point.ts < GAP else None

    def measured(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield the times of measurement in [start, end]."""
        yield from self.times[bisect_left(self.times, start) : bisect_right(self.times, end)]

    def changes(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield the times in [start, end] of a measurement and of a value becoming a gap."""
        for ts in self.measured(start - GAP, end):
            if ts >= start:
                yield ts
            if start <= ts + GAP <= end:
                yield ts + GAP


@dataclass(frozen=True, slots=True)
class ConstantSeries:
    """A value that the user says is always so."""

    value: float

    def newest(self, t: datetime) -> Point | None:
        """Return the value as of `t`."""
        return Point(t, self.value)

    def value_at(self, t: datetime) -> float | None:  # noqa: ARG002 - it holds at any time
        """Return the value."""
        return self.value

    def changes(self, start: datetime, end: datetime) -> Iterator[datetime]:  # noqa: ARG002
        """Yield nothing: it never changes."""
        yield from ()


@dataclass(frozen=True, slots=True)
class Air:
    """The air inside and the temperature outside in [start, end); None is a gap."""

    start: datetime
    end: datetime
    temperature_c: float | None
    humidity_pct: float | None
    outdoor_temperature_c: float | None
    # as a sensor on the surface itself measures it
    surface_temperature_c: float | None = None

    @property
    def duration_h(self) -> float:
        """How long it lasted, in hours."""
        return (self.end - self.start).total_seconds() / 3600.0


@dataclass(frozen=True, slots=True)
class Climate:
    """What is known about a room's air and the air outside."""

    temperature: MeasuredSeries
    humidity: MeasuredSeries
    # None: the home has no outdoor source
    outdoor_temperature: Series | None = None
    outdoor_humidity: Series | None = None
    # None: no sensor is on the surface
    surface_temperature: Series | None = None

    def pieces(self, start: datetime, end: datetime, at: Iterable[datetime] = ()) -> Iterator[Air]:
        """Yield the window [start, end] in pieces of constant air, in order, without holes.

        A piece also ends at each time of `at` within the window. The last piece is the moment
        `end` itself, with no duration: the air now.
        """
        watched = (
            self.temperature,
            self.humidity,
            self.outdoor_temperature,
            self.surface_temperature,
        )
        bounds = {start, end, *(t for t in at if start < t < end)}
        for series in watched:
            if series is not None:
                bounds.update(series.changes(start, end))
        ordered = sorted(bounds)
        for piece_start, piece_end in zip(ordered, [*ordered[1:], end], strict=True):
            temperature_c, humidity_pct, outdoor_c, surface_c = (
                None if series is None else series.value_at(piece_start) for series in watched
            )
            yield Air(
                start=piece_start,
                end=piece_end,
                temperature_c=temperature_c,
                humidity_pct=humidity_pct,
                outdoor_temperature_c=outdoor_c,
                surface_temperature_c=surface_c,
            )

    def air(self, at: datetime) -> Air:
        """Return the air at one moment."""
        return next(self.pieces(at, at))
