"""Plays a recorded series hour by hour: index with band, projection, levels, and the rivals."""

from array import array
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from mould_watch.backtest.recording import Recording
from mould_watch.backtest.rivals import Alarm, Rivals
from mould_watch.domain.condition import Level
from mould_watch.domain.hourly import AirHour
from mould_watch.domain.mould.band import INITIAL_BAND, BandState, fold_band
from mould_watch.domain.mould.index import SurfaceHour
from mould_watch.domain.mould.level import (
    WEEKS_MARGIN,
    LevelFacts,
    LevelJudgement,
    LevelThresholds,
    judge_level,
)
from mould_watch.domain.mould.model import GERMINATION_INDEX, HOURS_PER_WEEK, MouldModel
from mould_watch.domain.mould.projection import (
    DAY_HOURS,
    PATTERN_HOURS,
    BandProjection,
    if_it_repeats,
    if_it_stays,
    mean_surface,
)
from mould_watch.domain.surface import SurfaceModel
from mould_watch.domain.surface_hours import surface_hours
from mould_watch.errors import RecordingError

JUDGED_EVERY_H: Final = 6
"""The level is asked so often; a year of hours would be asked for much longer, for the same."""

_TELL_EVERY_H: Final = 1_000


@dataclass(frozen=True, slots=True)
class Setup:
    """How a series is judged. `surface` None: its values are the surface's own."""

    model: MouldModel
    surface: SurfaceModel | None = None
    thresholds: LevelThresholds = field(default_factory=LevelThresholds)


@dataclass(frozen=True, slots=True)
class Warned:
    """A level of warning or above that began: when, which, and what was known then."""

    at: datetime
    level: Level
    index: float
    expected_days: tuple[float | None, float | None]


@dataclass(slots=True)
class Replay:
    """All that came out. `indices` are low, mid and high at the end of each hour, one by one."""

    first_hour: int
    hours: int = 0
    known_h: float = 0.0
    band: BandState = INITIAL_BAND
    # the first hour at whose end growth had begun; None: never
    growth_hour: int | None = None
    indices: tuple[array[float], ...] = field(
        default_factory=lambda: (array("d"), array("d"), array("d"))
    )
    warned: list[Warned] = field(default_factory=list)
    rivals: Rivals = field(default_factory=Rivals)
    alarm: Alarm = field(default_factory=lambda: Alarm("Mould Watch (warning)"))
    level: LevelJudgement | None = None
    if_repeated: BandProjection = field(default_factory=BandProjection)
    if_stays: BandProjection = field(default_factory=BandProjection)

    @property
    def coverage(self) -> float:
        """The share of its hours with data, 0..1."""
        return self.known_h / self.hours

    @property
    def alarms(self) -> list[Alarm]:
        """The rules side by side, the mould level first."""
        return [self.alarm, *(alarm for alarm, _ in self.rivals.alarms)]


def replay(
    room: Recording,
    outdoor: Recording | None,
    setup: Setup,
    progress: Callable[[int], None] | None = None,
) -> Replay:
    """Return what would have been said. Raises RecordingError where nothing is known at all.

    `progress` hears how many hours were judged.
    """
    judged = Replay(room.first_hour)
    week: deque[SurfaceHour | None] = deque(maxlen=PATTERN_HOURS)
    for hour, surface in enumerate(_surfaces(room, outdoor, setup), room.first_hour):
        week.append(surface)
        _fold(judged, hour, surface, setup)
        if surface is not None and hour % JUDGED_EVERY_H == 0:
            _judge(judged, hour, week, setup)
        judged.alarm.hear(hour, is_on=_is_warned(judged.level))
        judged.rivals.hear(hour, surface)
        if judged.growth_hour == hour:
            for alarm in judged.alarms:
                alarm.growth_began()
        if progress is not None and judged.hours % _TELL_EVERY_H == 0:
            progress(judged.hours)
    if judged.known_h <= 0.0:
        raise RecordingError(
            "there is no hour for which temperature, humidity and what the surface needs are known"
            " together: do the files overlap in time?"
        )
    judged.if_repeated = if_it_repeats(judged.band, list(week), setup.model)
    judged.if_stays = if_it_stays(judged.band, mean_surface(list(week)[-DAY_HOURS:]), setup.model)
    return judged


def hours_of(room: Recording) -> int:
    """Return how many hours a recording spans."""
    return room.last_hour - room.first_hour + 1


def time_of(hour: int) -> datetime:
    """Return the start of an hour that is numbered from 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=hour)


def _surfaces(
    room: Recording, outdoor: Recording | None, setup: Setup
) -> Iterator[SurfaceHour | None]:
    numbers = range(room.first_hour, room.last_hour + 1)
    air = (_air(room, outdoor, number) for number in numbers)
    if setup.surface is not None:
        yield from surface_hours(air, setup.surface)
        return
    for hour in air:
        if hour.temperature_c is None or hour.humidity_pct is None:
            yield None
        else:
            yield SurfaceHour(hour.temperature_c, hour.humidity_pct, hour.coverage)


def _air(room: Recording, outdoor: Recording | None, number: int) -> AirHour:
    temperature, humidity = room.of(number)
    outside = None if outdoor is None else outdoor.of(number)[0]
    is_known = temperature is not None and humidity is not None
    return AirHour(
        start=time_of(number),
        temperature_c=temperature.mean if temperature and is_known else None,
        humidity_pct=humidity.mean if humidity and is_known else None,
        coverage=min(temperature.coverage, humidity.coverage) if temperature and humidity else 0.0,
        outdoor_temperature_c=None if outside is None else outside.mean,
        outdoor_coverage=0.0 if outside is None else outside.coverage,
    )


def _fold(judged: Replay, hour: int, surface: SurfaceHour | None, setup: Setup) -> None:
    judged.hours += 1
    if surface is not None:
        judged.known_h += surface.duration_h
        judged.band = fold_band(judged.band, (surface,), setup.model)
    states = (judged.band.low, judged.band.mid, judged.band.high)
    for indices, state in zip(judged.indices, states, strict=True):
        indices.append(state.index)
    if judged.growth_hour is None and judged.band.mid.index >= GERMINATION_INDEX:
        judged.growth_hour = hour


def _judge(judged: Replay, hour: int, week: deque[SurfaceHour | None], setup: Setup) -> None:
    thresholds = setup.thresholds
    hours = list(week)
    projection = if_it_repeats(
        judged.band,
        hours,
        setup.model,
        target=thresholds.high_index,
        # the level asks no further
        horizon_h=thresholds.warning_weeks * WEEKS_MARGIN * HOURS_PER_WEEK,
    )
    facts = LevelFacts(hours, time_of(hour + 1), judged.band, projection)
    previous, judged.level = judged.level, judge_level(facts, thresholds, judged.level)
    level = judged.level.level
    before = Level.NONE if previous is None or previous.level is None else previous.level
    if level is not None and level.rank > before.rank and _is_warned(judged.level):
        judged.warned.append(
            Warned(
                at=facts.end,
                level=level,
                index=judged.band.mid.index,
                expected_days=(_days(projection.earliest_h), _days(projection.latest_h)),
            )
        )


def _is_warned(judgement: LevelJudgement | None) -> bool:
    level = None if judgement is None else judgement.level
    return level is not None and level.rank >= Level.WARNING.rank


def _days(hours: float | None) -> float | None:
    return None if hours is None else hours / DAY_HOURS
