"""What a room's last week of hours says of mould: level, forecast, evidence, what would end it.

It depends on hours that are over alone: reckoned once for each of them, and kept meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict

from mould_watch.domain.condition import (
    FirstGrowth,
    Level,
    MouldEvidence,
    Outlook,
    OutlookReason,
)
from mould_watch.domain.configuration import RoomConfiguration
from mould_watch.domain.critical_humidity import critical_humidity_pct, grows_at
from mould_watch.domain.mould.band import BandState
from mould_watch.domain.mould.index import SurfaceHour
from mould_watch.domain.mould.level import (
    DAY_HOURS,
    ENOUGH_H,
    Damp,
    LevelFacts,
    LevelJudgement,
    LevelThresholds,
    judge_level,
)
from mould_watch.domain.mould.model import GERMINATION_INDEX
from mould_watch.domain.mould.projection import (
    PATTERN_HOURS,
    BandProjection,
    Never,
    Projection,
    if_it_repeats,
    if_it_stays,
    mean_surface,
)
from mould_watch.domain.mould.remedy import Remedy, remedy
from mould_watch.domain.room_model import RoomModel

DEFAULT_MARGIN_PCT: Final = 5.0
_DAY_H: Final = 24.0
_REASONS: Final = {
    Never.TOO_DRY: OutlookReason.TOO_DRY,
    Never.TOO_COLD: OutlookReason.TOO_COLD,
    Never.TOO_HOT: OutlookReason.TOO_HOT,
    Never.MATERIAL_LIMIT: OutlookReason.STAYS_BELOW_GROWTH,
    Never.DECLINING: OutlookReason.STAYS_BELOW_GROWTH,
    Never.BEYOND_HORIZON: OutlookReason.BEYOND_HORIZON,
}


class MouldOutlook(BaseModel):
    """Where a room stands at the end of its last hour. `level` None: fewer than 24 h are known."""

    model_config = ConfigDict(frozen=True)

    level: Level | None
    first_growth: FirstGrowth
    evidence: MouldEvidence
    # hours with data of the last seven days
    known_hours: float
    # the hours with data since the surface was last not safely dry
    dry_hours: float
    # the first damp hour of those that count; None: there is none
    damp_since: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LastWeek:
    """The newest 168 hours at a room's surface, oldest first, None for a gap; they end at `end`.

    Those before `counted_from` belong to an incident that has been resolved: they would open
    the next one. `room_humidity_pct` is the mean of the air; None: not known. `held` is the level
    that is there, which is left only by a margin.
    """

    hours: Sequence[SurfaceHour | None]
    end: datetime
    counted_from: datetime | None = None
    room_humidity_pct: float | None = None
    held: Level | None = None

    @property
    def counted(self) -> list[SurfaceHour | None]:
        """The hours that count, with gaps in place of the others."""
        week = list(self.hours[-PATTERN_HOURS:])
        if self.counted_from is None:
            return week
        first = self.end - len(week) * timedelta(hours=1)
        return [
            hour if first + number * timedelta(hours=1) >= self.counted_from else None
            for number, hour in enumerate(week)
        ]


def thresholds_of(room: RoomConfiguration) -> LevelThresholds:
    """Return the levels of a room: what the user set, else the defaults."""
    levels, default = room.levels, LevelThresholds()

    def chosen[T](value: T | None, otherwise: T) -> T:
        return otherwise if value is None else value

    return LevelThresholds(
        damp_pct=chosen(levels.damp_pct, default.damp_pct),
        damp_hours_per_day=chosen(levels.damp_hours, default.damp_hours_per_day),
        damp_days=chosen(levels.damp_days, default.damp_days),
        warning_weeks=chosen(levels.warning_weeks, default.warning_weeks),
        high_index=chosen(levels.high_index, default.high_index),
        damage_index=chosen(levels.damage_index, default.damage_index),
    )


def mould_outlook(
    week: LastWeek,
    band: BandState,
    model: RoomModel,
    thresholds: LevelThresholds,
    margin_pct: float = DEFAULT_MARGIN_PCT,
) -> MouldOutlook:
    """Return where a room stands. `margin_pct`: so far below critical it is safely dry, in %RH."""
    known_h = _known_h(week.hours)
    hours = week.counted
    has_new = _known_h(hours) >= ENOUGH_H
    if not has_new:
        # what was over is over, until there is a new day to judge by
        hours = list(week.hours[-PATTERN_HOURS:])
    projection = _repeats(band, hours, model, thresholds.high_index)
    facts = LevelFacts(hours, week.end, band, projection, model.uncertainty_pct)
    judged = judge_level(facts, thresholds, _held(week))
    if judged.level is not None and not has_new and judged.level.rank < Level.HIGH.rank:
        judged = LevelJudgement(Level.NONE, judged.since, judged.damp, Level.NONE, judged.at_most)
    is_growing = thresholds.high_index == GERMINATION_INDEX
    first = projection if is_growing else _repeats(band, hours, model, GERMINATION_INDEX)
    ends = Remedy()
    if judged.level not in {None, Level.NONE} and week.room_humidity_pct:
        ends = remedy(
            facts, judged.level or Level.NONE, thresholds, model.mould, week.room_humidity_pct
        )
    return MouldOutlook(
        level=judged.level,
        first_growth=_first_growth(first, hours, band, model),
        evidence=_evidence(hours[-DAY_HOURS:], judged, ends),
        known_hours=round(known_h, 3),
        dry_hours=dry_hours(hours, model, margin_pct),
        damp_since=judged.damp.since,
    )


def is_safely_dry(hour: SurfaceHour, model: RoomModel, margin_pct: float) -> bool:
    """Say whether an hour was below critical by a margin."""
    critical_pct = critical_humidity_pct(hour.temperature_c, model.mould.material)
    return not grows_at(hour.temperature_c) or hour.humidity_pct < critical_pct - margin_pct


def dry_hours(hours: Sequence[SurfaceHour | None], model: RoomModel, margin_pct: float) -> float:
    """Return the hours with data since the surface was last not safely dry.

    A gap neither proves dryness nor ends it.
    """
    dry_h = 0.0
    for hour in reversed(hours):
        if hour is None:
            continue
        if not is_safely_dry(hour, model, margin_pct):
            break
        dry_h += hour.duration_h
    return round(dry_h, 6)


def _held(week: LastWeek) -> LevelJudgement | None:
    if week.held is None:
        return None
    return LevelJudgement(level=week.held, since=week.end, damp=Damp(0.0, 0, None))


def _repeats(
    band: BandState, hours: Sequence[SurfaceHour | None], model: RoomModel, target: float
) -> BandProjection:
    return if_it_repeats(
        band, hours, model.mould, target=target, uncertainty_pct=model.uncertainty_pct
    )


def _first_growth(
    projection: BandProjection,
    hours: Sequence[SurfaceHour | None],
    band: BandState,
    model: RoomModel,
) -> FirstGrowth:
    mid = projection.mid
    if mid.outlook.value == Outlook.UNKNOWN.value:
        return FirstGrowth(outlook=Outlook.UNKNOWN, reason=OutlookReason.LEARNING)
    stays = if_it_stays(
        band,
        mean_surface(hours[-DAY_HOURS:]),
        model.mould,
        uncertainty_pct=model.uncertainty_pct,
    )
    return FirstGrowth(
        outlook=Outlook(mid.outlook.value),
        reason=_reason(mid),
        days=_days(mid.hours),
        days_low=_days(projection.earliest_h),
        days_high=_days(projection.latest_h),
        days_as_now=_days(stays.mid.hours),
        days_as_now_low=_days(stays.earliest_h),
        days_as_now_high=_days(stays.latest_h),
        reason_as_now=_reason(stays.mid),
    )


def _reason(mid: Projection) -> OutlookReason | None:
    if mid.hours == 0.0:
        return OutlookReason.ALREADY_GROWING
    return None if mid.reason is None else _REASONS[mid.reason]


def _evidence(
    day: Sequence[SurfaceHour | None], judged: LevelJudgement, ends: Remedy
) -> MouldEvidence:
    damp = judged.damp
    known = [hour for hour in day if hour is not None]
    mean = mean_surface(day)
    return MouldEvidence(
        damp_hours=round(damp.hours_in_last_day, 2),
        known_hours=round(_known_h(day), 2),
        surface_temperature_lowest_c=round(min(hour.temperature_c for hour in known), 2)
        if known
        else None,
        surface_temperature_mean_c=None if mean is None else round(mean.temperature_c, 2),
        damp_days=damp.days,
        warmer_k=ends.kelvins,
        drier_pct=ends.humidity_pct,
        certainty=judged.certainty,
        at_most=judged.at_most,
    )


def _known_h(hours: Sequence[SurfaceHour | None]) -> float:
    return sum(hour.duration_h for hour in hours if hour is not None)


def _days(hours: float | None) -> float | None:
    return None if hours is None else round(hours / _DAY_H, 2)
