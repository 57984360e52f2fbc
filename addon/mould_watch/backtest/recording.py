"""Reads a recorded series into hours: bounded memory, however long the file is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, tzinfo
from itertools import chain, islice
from pathlib import Path
from typing import Final

from mould_watch.backtest.cells import TimeReader, UnreadableError, celsius, number
from mould_watch.backtest.columns import (
    Columns,
    Unit,
    Wanted,
    looks_like_humidity,
    looks_like_temperature,
    tells_of_outside,
)
from mould_watch.backtest.metric import MetricRecording
from mould_watch.backtest.table_file import History, TableFile, open_table
from mould_watch.domain.fault_patterns import Place
from mould_watch.domain.hourly import HourMean
from mould_watch.domain.plausibility import (
    HUMIDITY_LEAST_PCT,
    HUMIDITY_MOST_PCT,
    TEMPERATURE_LEAST_C,
    TEMPERATURE_MOST_C,
)
from mould_watch.errors import RecordingError

_SAMPLE_ROWS: Final = 500
_TELL_EVERY_ROWS: Final = 5_000
_YEARS_MOST: Final = 100
_HOURS_MOST: Final = _YEARS_MOST * 8766


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded series by the hour, which columns it is from, and what was left out of it.

    Hours are numbered from 1970 (UTC).
    """

    path: Path
    taken: dict[str, str | None]
    temperature: MetricRecording
    humidity: MetricRecording | None
    notes: tuple[str, ...]

    @property
    def first_hour(self) -> int:
        """The number of its first hour."""
        return int(min(one.first_s for one in self._metrics) // 3600)

    @property
    def last_hour(self) -> int:
        """The number of its last hour with a reading."""
        return int(max(one.last_s for one in self._metrics) // 3600)

    def of(self, hour: int) -> tuple[HourMean | None, HourMean | None]:
        """Return the mean temperature and humidity of an hour; None in a gap."""
        humidity = None if self.humidity is None else self.humidity.means.of(hour)
        return self.temperature.means.of(hour), humidity

    @property
    def _metrics(self) -> tuple[MetricRecording, ...]:
        return (self.temperature,) if self.humidity is None else (self.temperature, self.humidity)


def read_recording(
    path: Path,
    wanted: Wanted,
    zone: tzinfo | None = None,
    progress: Callable[[int], None] | None = None,
) -> Recording:
    """Return what a file says. `zone` is that of times without one; None: as the file says, or UTC.

    `progress` hears how many bytes were read. Raises RecordingError where the file is not there,
    is no table, misses a column, or says nothing that can be used.
    """
    with open_table(path, wanted) as table:
        head = list(islice(table.rows, _SAMPLE_ROWS))
        reading = _Reading(path, table, wanted, zone, head)
        for count, (line, row) in enumerate(chain(head, table.rows)):
            reading.take(line, row)
            if progress is not None and count % _TELL_EVERY_ROWS == 0:
                progress(table.position())
    return reading.finish()


class _Reading:
    """A file while it is read."""

    def __init__(
        self,
        path: Path,
        table: TableFile,
        wanted: Wanted,
        zone: tzinfo | None,
        head: list[tuple[int, list[str]]],
    ) -> None:
        self._path, self._shape, self._wanted = path, table.shape, wanted
        self._said = table.shape.offset if isinstance(table.shape, Columns) else None
        self._zone = zone
        times = TimeReader(
            [text for _, row in head if (text := _time_text(table.shape, row)) is not None],
            zone or self._said or UTC,
        )
        self._times = times
        self._temperature = MetricRecording(
            "temperature", TEMPERATURE_LEAST_C[Place.OUTSIDE], TEMPERATURE_MOST_C
        )
        self._humidity = MetricRecording("humidity", HUMIDITY_LEAST_PCT, HUMIDITY_MOST_PCT)
        self._bad_times = 0
        # of Home Assistant's history: which entities are taken, which others could have been
        self._entities: dict[str, str] = {}
        self._others: set[str] = set()

    def take(self, line: int, row: list[str]) -> None:
        """Take the next row."""
        if not any(cell.strip() for cell in row):
            return
        if isinstance(self._shape, History):
            self._take_state(self._shape, line, row)
        else:
            self._take_row(self._shape, line, row)

    def _take_row(self, columns: Columns, line: int, row: list[str]) -> None:
        at_s = self._seconds(row, self._temperature.previous_s)
        if at_s is None:
            return
        self._add(self._temperature, line, at_s, _cell(row, columns.temperature), columns.unit)
        if columns.humidity is not None:
            self._add(self._humidity, line, at_s, _cell(row, columns.humidity), None)

    def _take_state(self, history: History, line: int, row: list[str]) -> None:
        entity = _cell(row, history.entity).strip()
        metric = self._metric_of(entity)
        if metric is None:
            return
        at_s = self._seconds(row, metric.previous_s)
        if at_s is not None:
            unit = None if metric is self._humidity else self._wanted.unit or Unit.CELSIUS
            self._add(metric, line, at_s, _cell(row, history.state), unit)

    def _metric_of(self, entity: str) -> MetricRecording | None:
        name = entity.rpartition(".")[2].replace("_", " ")
        for metric, wanted, fits in (
            (self._temperature, self._wanted.temperature, looks_like_temperature(name)),
            (self._humidity, self._wanted.humidity, looks_like_humidity(name)),
        ):
            if entity == wanted or (wanted is None and fits):
                is_elsewhere = tells_of_outside(name) and not self._wanted.is_outside
                if wanted is None and is_elsewhere:
                    self._others.add(entity)
                    return None
                if self._entities.setdefault(metric.name, entity) == entity:
                    return metric
                self._others.add(entity)
        return None

    def _seconds(self, row: list[str], previous_s: float | None) -> float | None:
        try:
            return self._times.seconds(_time_text(self._shape, row) or "", previous_s)
        except UnreadableError:
            self._bad_times += 1
            return None

    @staticmethod
    def _add(metric: MetricRecording, line: int, at_s: float, text: str, unit: Unit | None) -> None:
        try:
            value = number(text)
        except UnreadableError:
            metric.unreadable += 1
            return
        if value is not None and unit is not None:
            value = celsius(value, unit)
        metric.add(line, at_s, value)

    def finish(self) -> Recording:
        """Return the recording. Raises RecordingError where it says nothing."""
        humidity = self._humidity if self._has_humidity else None
        for metric in (self._temperature, humidity):
            if metric is None:
                continue
            metric.finish()
            self._check(metric)
        recording = Recording(
            self._path, self._taken, self._temperature, humidity, tuple(self._notes(humidity))
        )
        if recording.last_hour - recording.first_hour > _HOURS_MOST:
            raise RecordingError(
                f"{self._path.name} spans more than {_YEARS_MOST} years: a time in it is wrong",
                file=str(self._path),
            )
        return recording

    @property
    def _has_humidity(self) -> bool:
        if not self._wanted.needs_humidity:
            return False
        return isinstance(self._shape, History) or self._shape.humidity is not None

    @property
    def _taken(self) -> dict[str, str | None]:
        if isinstance(self._shape, Columns):
            return self._shape.taken
        return {
            "time": self._shape.name,
            "temperature": self._entities.get("temperature"),
            "humidity": self._entities.get("humidity"),
        }

    def _check(self, metric: MetricRecording) -> None:
        if isinstance(self._shape, History) and metric.name not in self._entities:
            raise RecordingError(
                f"{self._path.name} has no entity that looks like a {metric.name}:"
                f" name it with --{metric.name}-column",
                metric=metric.name,
            )
        counts = _counts(metric)
        if metric.readings == 0:
            reasons = f" ({counts})" if counts else ""
            raise RecordingError(
                f"{self._path.name} has no usable {metric.name}{reasons}", metric=metric.name
            )
        if metric.readings == 1:
            raise RecordingError(
                f"{self._path.name} has one single {metric.name}: one reading is no series",
                metric=metric.name,
            )
        if metric.joined == 0:
            raise RecordingError(
                f"{self._path.name} is nothing but gaps: no two readings of the {metric.name} are"
                " within 6 hours of each other, and what lies between is not known",
                metric=metric.name,
            )

    def _notes(self, humidity: MetricRecording | None) -> Iterator[str]:
        for metric in (self._temperature, humidity):
            if metric is not None and (counts := _counts(metric)):
                yield f"{metric.name}: of {metric.rows} cells {counts}; left out"
        if self._bad_times:
            yield f"{self._bad_times} rows have no time that can be read; left out"
        if self._temperature.set_back and self._zone is None:
            yield "times go back by an hour: if they are local, say where with --time-zone"
        if self._times.repeated_hours:
            yield f"{self._times.repeated_hours} rows are in the hour that came twice"
        if self._times.is_naive and self._zone is None and self._said is None:
            yield "times without a zone were taken as UTC; --time-zone says otherwise"
        if self._others:
            yield f"other entities were left out: {', '.join(sorted(self._others))}"


def _counts(metric: MetricRecording) -> str:
    """Return in words what was left out of a metric, and what was doubled."""
    words = (
        (metric.missing, "without a value"),
        (metric.unreadable, "not a number"),
        (metric.impossible, f"not within {metric.least:g}..{metric.most:g}"),
        (metric.set_back, "earlier than the row before"),
        (metric.repeated, "at the time of the row before (the later one counts)"),
    )
    return ", ".join(
        f"{count} {word} ({100 * count / metric.rows:.1f} %)" for count, word in words if count
    )


def _cell(row: list[str], place: int) -> str:
    return row[place] if place < len(row) else ""


def _time_text(shape: Columns | History, row: list[str]) -> str | None:
    if not row:
        return None
    text = _cell(row, shape.time)
    if isinstance(shape, Columns) and shape.clock is not None:
        text = f"{text.strip()} {_cell(row, shape.clock).strip()}"
    return text
