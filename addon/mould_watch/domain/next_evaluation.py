"""When a room must be judged again although nothing new has come."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from mould_watch.domain.climate import GAP, Climate, MeasuredSeries, Series
from mould_watch.domain.surface_damp import Assessment, SurfaceDampRule

REGULARLY: Final = timedelta(minutes=5)
"""The window moves on by itself: no room waits longer than this."""

SOONEST: Final = timedelta(seconds=1)


def next_evaluation_at(
    climate: Climate, assessment: Assessment, rule: SurfaceDampRule, now: datetime
) -> datetime:
    """Return the earliest time at which the judgement may turn out differently.

    That is when a held value becomes a gap, a reading from a clock ahead of ours comes of age,
    enough hours are damp, enough hours are dry; 5 minutes from `now` at the latest.
    """
    times = [now + REGULARLY, *_data_changes(climate, now), *_thresholds(assessment, rule, now)]
    return max(now + SOONEST, min(t for t in times if t > now))


def _data_changes(climate: Climate, now: datetime) -> Iterator[datetime]:
    series: Iterable[Series | None] = (
        climate.temperature,
        climate.humidity,
        climate.outdoor_temperature,
    )
    for one in series:
        if isinstance(one, MeasuredSeries):
            newest = one.newest(now)
            if newest is not None:
                yield newest.ts + GAP
            yield from one.measured(now, now + REGULARLY)


def _thresholds(assessment: Assessment, rule: SurfaceDampRule, now: datetime) -> Iterator[datetime]:
    if assessment.is_damp:
        for required_h in (rule.building_up_hours, rule.damp_hours):
            yield now + timedelta(hours=required_h - assessment.evidence.damp_hours)
    if assessment.is_dry:
        yield now + timedelta(hours=rule.recovery_hours - assessment.dry_hours)
