"""How serious it is for a room: a level from its last week, its index and its projection.

`watch`: the surface was damp on several days. `warning`: first growth is expected within weeks.
`high`: mould grows, under a microscope yet. `damage`: it can be seen. Each level is left only when
it is over by a margin, so that it does not come and go; and each is judged with a humidity that is
lower and higher as well, which says how sure it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mould_watch.domain.condition import Certainty, Level
from mould_watch.domain.configuration import DEFAULT_DAMAGE_INDEX, DEFAULT_HIGH_INDEX
from mould_watch.domain.mould.band import DEFAULT_UNCERTAINTY_PCT, BandState
from mould_watch.domain.mould.index import MouldState, SurfaceHour
from mould_watch.domain.mould.model import HOURS_PER_WEEK
from mould_watch.domain.mould.projection import PATTERN_HOURS, BandProjection, Projection

DAY_HOURS: Final = 24
DAYS: Final = PATTERN_HOURS // DAY_HOURS
ENOUGH_H: Final = 24.0
"""Until there is a day of readings there is no level."""

DEFAULT_DAMP_PCT: Final = 80.0

INDEX_MARGIN: Final = 0.1
WEEKS_MARGIN: Final = 1.25
DAYS_MARGIN: Final = 2
"""A level is left by so much: index, factor on weeks, damp days."""

_TOLERANCE_H: Final = 1e-9


@dataclass(frozen=True, slots=True)
class LevelThresholds:
    """From when a room is at which level; defaults of the reference, adjustable per room.

    Raises ValueError for a threshold that could never be met, or always is.
    """

    damp_pct: float = DEFAULT_DAMP_PCT
    damp_hours_per_day: float = 6.0
    damp_days: int = 3
    warning_weeks: float = 8.0
    high_index: float = DEFAULT_HIGH_INDEX
    damage_index: float = DEFAULT_DAMAGE_INDEX

    def __post_init__(self) -> None:
        """Refuse nonsense, and levels in the wrong order."""
        if not (
            50.0 <= self.damp_pct < 100.0  # noqa: PLR2004 - every room is damper than that
            and 1.0 <= self.damp_hours_per_day <= DAY_HOURS
            and 1 <= self.damp_days <= DAYS
            and 1.0 <= self.warning_weeks <= 26.0  # noqa: PLR2004 - the horizon of a projection
            and INDEX_MARGIN < self.high_index < self.damage_index <= 6.0  # noqa: PLR2004
        ):
            message = f"no levels can be told apart by {self!r}"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Damp:
    """How damp the surface was in the last week, by a threshold of humidity."""

    hours_in_last_day: float
    # of the seven days that end now
    days: int
    # the start of the first damp hour of the week; None: there was none
    since: datetime | None


@dataclass(frozen=True, slots=True)
class LevelFacts:
    """What a level is judged by, and shown with: its evidence.

    `week` are the newest 168 hours at the surface, oldest first, None for a gap; the last one
    ends at `end`. `projection` is that of `warning`: index `high_index`, if the week repeats.
    """

    week: Sequence[SurfaceHour | None]
    end: datetime
    band: BandState
    projection: BandProjection
    uncertainty_pct: float = DEFAULT_UNCERTAINTY_PCT

    @property
    def known_h(self) -> float:
        """The hours of the week with data."""
        return sum(hour.duration_h for hour in self.week if hour is not None)

    @property
    def coverage(self) -> float:
        """The share of the week with data, 0..1."""
        return self.known_h / HOURS_PER_WEEK

    def damp(self, thresholds: LevelThresholds, offset_pct: float = 0.0) -> Damp:
        """Return how damp the week was, with every humidity higher by `offset_pct`."""
        damp_from_pct = thresholds.damp_pct - offset_pct
        hours_by_day = [0.0] * DAYS
        first: int | None = None
        # counted back from the end: a day is the 24 hours before the same time of day
        for age, hour in enumerate(reversed(self.week[-PATTERN_HOURS:])):
            if hour is not None and hour.humidity_pct > damp_from_pct:
                hours_by_day[age // DAY_HOURS] += hour.duration_h
                first = age
        return Damp(
            hours_in_last_day=hours_by_day[0],
            days=sum(
                hours >= thresholds.damp_hours_per_day - _TOLERANCE_H for hours in hours_by_day
            ),
            since=None if first is None else self.end - timedelta(hours=first + 1),
        )


@dataclass(frozen=True, slots=True)
class LevelJudgement:
    """A level and how sure it is. `level` None: there is not yet a day of readings.

    `at_least` and `at_most` are the levels if the sensor reads too high, or too low; `since` is
    when the level began; `damp` its evidence beside `LevelFacts`.
    """

    level: Level | None
    since: datetime
    damp: Damp
    at_least: Level | None = None
    at_most: Level | None = None

    @property
    def certainty(self) -> Certainty | None:
        """How sure the level is."""
        if self.level is None or self.at_least is None:
            return None
        is_certain = self.at_least.rank >= self.level.rank
        return Certainty.CERTAIN if is_certain else Certainty.LIKELY


def judge_level(
    facts: LevelFacts,
    thresholds: LevelThresholds,
    previous: LevelJudgement | None = None,
) -> LevelJudgement:
    """Return the level of a room now; `previous` is the last judgement, for what is left late."""
    damp = facts.damp(thresholds)
    if facts.known_h < ENOUGH_H - _TOLERANCE_H:
        is_same = previous is not None and previous.level is None
        since = previous.since if previous and is_same else facts.end
        return LevelJudgement(level=None, since=since, damp=damp)
    held = previous.level if previous else None
    view = _View(facts.band.mid, facts.projection.mid, damp.days)
    level = _level(view, thresholds, held)
    is_same = previous is not None and previous.level is level
    low, high = (
        _View(state, projection, facts.damp(thresholds, offset_pct).days)
        for state, projection, offset_pct in (
            (facts.band.low, facts.projection.low, -facts.uncertainty_pct),
            (facts.band.high, facts.projection.high, facts.uncertainty_pct),
        )
    )
    return LevelJudgement(
        level=level,
        since=previous.since if previous and is_same else facts.end,
        damp=damp,
        at_least=_level(low, thresholds),
        at_most=_level(high, thresholds),
    )


@dataclass(frozen=True, slots=True)
class _View:
    """One of the three of the band."""

    state: MouldState
    projection: Projection
    damp_days: int


def _level(view: _View, thresholds: LevelThresholds, held: Level | None = None) -> Level:
    """Return the highest level that is met, or that is `held` (or below it) and not yet left."""
    held_rank = held.rank if held else 0
    met = Level.NONE
    for level in Level:
        is_held = 0 < level.rank <= held_rank
        if _is_met(level, view, thresholds, is_held=is_held):
            met = level
    return met


def _is_met(level: Level, view: _View, thresholds: LevelThresholds, *, is_held: bool) -> bool:
    margin = INDEX_MARGIN if is_held else 0.0
    match level:
        case Level.DAMAGE:
            return view.state.index >= thresholds.damage_index - margin
        case Level.HIGH:
            return view.state.index >= thresholds.high_index - margin
        case Level.WARNING:
            weeks = thresholds.warning_weeks * (WEEKS_MARGIN if is_held else 1.0)
            return view.projection.is_within(weeks * HOURS_PER_WEEK)
        case Level.WATCH:
            days = thresholds.damp_days - (DAYS_MARGIN if is_held else 0)
            return view.damp_days >= max(days, 1)
        case Level.NONE:
            return True
