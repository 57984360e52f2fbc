"""When a room must be judged again although nothing new has come."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from mould_watch.domain.climate import GAP, Climate, MeasuredSeries, Series
from mould_watch.domain.hourly import HOUR, hour_start

REGULARLY: Final = timedelta(minutes=5)
"""The window moves on by itself: no room waits longer than this."""

SOONEST: Final = timedelta(seconds=1)


def next_evaluation_at(climate: Climate, now: datetime, due: Iterable[datetime] = ()) -> datetime:
    """Return the earliest time at which the judgement may turn out differently.

    That is when a held value becomes a gap, a reading from a clock ahead of ours comes of age,
    an hour is over, or a rule said so (`due`); 5 minutes from `now` at the latest.
    """
    times = [now + REGULARLY, hour_start(now) + HOUR, *_data_changes(climate, now), *due]
    return max(now + SOONEST, min(t for t in times if t > now))


def _data_changes(climate: Climate, now: datetime) -> Iterator[datetime]:
    series: Iterable[Series | None] = (
        climate.temperature,
        climate.humidity,
        climate.outdoor_temperature,
        climate.surface_temperature,
    )
    for one in series:
        if isinstance(one, MeasuredSeries):
            newest = one.newest(now)
            if newest is not None:
                yield newest.ts + GAP
            yield from one.measured(now, now + REGULARLY)
