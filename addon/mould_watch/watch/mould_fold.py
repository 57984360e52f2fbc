"""The mould index of a room, folded over its hours from the last day that needs no refolding."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Final
from uuid import UUID

from mould_watch.domain.hourly import AirHour, hour_start, hours_between
from mould_watch.domain.mould.band import INITIAL_BAND, BandState, fold_band
from mould_watch.domain.mould.index import SurfaceHour
from mould_watch.domain.room_eras import first_difference
from mould_watch.domain.room_model import RoomModel
from mould_watch.domain.surface_hours import surface_hours
from mould_watch.storage import mould as storage
from mould_watch.storage import room_hours
from mould_watch.storage.database import Connection
from mould_watch.storage.mould import Checkpoint, Episode
from mould_watch.storage.room_hours import Progress, Steps
from mould_watch.watch.room_hours import HoursDone

_DAY: Final = timedelta(days=1)
_READ: Final = timedelta(days=31)
"""So many days of hours are in memory at once."""

type Models = Sequence[tuple[datetime, RoomModel]]


@dataclass(frozen=True, slots=True)
class Folded:
    """The index at the end of the last hour that is done, and since when it is counted."""

    band: BandState
    # None: nothing is known of the room yet
    since: datetime | None
    is_told: bool
    progress: Progress


class MouldFold:
    """The fold of one room, in one evaluation."""

    def __init__(
        self,
        connection: Connection,
        subject_id: int,
        room_id: UUID,
        models: Models,
        episodes: Sequence[Episode],
    ) -> None:
        """Fold by these models (from when on), beginning anew with each episode."""
        self._connection = connection
        self._subject_id = subject_id
        self._room_id = room_id
        self._models = models
        # in the hour it was cleaned the new episode counts
        self._resets = {hour_start(one.began_at): one for one in episodes}

    async def fold(self, hours: HoursDone) -> Folded:
        """Return the index at the end of the hours that are done; keep the days before."""
        progress = hours.progress
        models = _steps([(at, repr(model)) for at, model in self._models])
        resets = tuple((at, f"{one.start_index}") for at, one in sorted(self._resets.items()))
        changed = [
            hours.changed_from,
            first_difference(progress.models, models),
            first_difference(progress.episodes, resets),
        ]
        changed_from = min((at for at in changed if at is not None), default=None)
        if changed_from is not None:
            await storage.forget_checkpoints(
                self._connection, self._subject_id, changed_from.astimezone(UTC).date()
            )
        until = progress.hours_until
        first = await room_hours.first_hour(self._connection, self._subject_id)
        start, band = await self._start(first, until)
        band = await self._run(start, until, band)
        newest = self._resets.get(until)
        if newest is not None:
            band = await self._begin_anew(newest, band)
        since, is_told = first, False
        for at, episode in sorted(self._resets.items()):
            if at <= until:
                since, is_told = episode.began_at, episode.reason == "told"
        return Folded(band, since, is_told, replace(progress, models=models, episodes=resets))

    async def _start(self, first: datetime | None, until: datetime) -> tuple[datetime, BandState]:
        """Return from where the fold has to go on, and with what."""
        kept = await storage.checkpoint(
            self._connection, self._subject_id, until.astimezone(UTC).date()
        )
        if kept is not None:
            return _midnight(kept.day), kept.band
        begins = [at for at in (first, *self._resets) if at is not None and at < until]
        return min(begins, default=until), INITIAL_BAND

    async def _run(self, start: datetime, until: datetime, band: BandState) -> BandState:
        while start < until:
            end = min(until, _midnight(start.astimezone(UTC).date() + _READ))
            hours = await room_hours.hours(
                self._connection, self._subject_id, start - self._memory(start), end
            )
            checkpoints: list[Checkpoint] = []
            for from_hour, to_hour in _days(start, end):
                band = await self._fold_day(hours, from_hour, to_hour, band)
                if to_hour == _midnight(to_hour.date()):
                    checkpoints.append(Checkpoint(to_hour.date(), band))
            await storage.write_checkpoints(self._connection, self._subject_id, checkpoints)
            start = end
        return band

    async def _fold_day(
        self,
        hours: Mapping[datetime, AirHour],
        start: datetime,
        end: datetime,
        band: BandState,
    ) -> BandState:
        bounds = sorted(
            {start, end, *(at for at in (*self._resets, *self._starts) if start < at < end)}
        )
        for from_hour, to_hour in pairwise(bounds):
            episode = self._resets.get(from_hour)
            if episode is not None:
                band = await self._begin_anew(episode, band)
            model = self._model(from_hour)
            surfaces = surfaces_of(hours, model, from_hour, to_hour)
            band = fold_band(band, surfaces, model.mould, uncertainty_pct=model.uncertainty_pct)
        return band

    async def _begin_anew(self, episode: Episode, band: BandState) -> BandState:
        await storage.keep_peak(self._connection, self._room_id, episode.began_at, band.mid.peak)
        return BandState.starting_at(episode.start_index)

    @property
    def _starts(self) -> Iterator[datetime]:
        return (at for at, _ in self._models)

    def _model(self, at: datetime) -> RoomModel:
        return [model for start, model in self._models if start <= at][-1]

    def _memory(self, start: datetime) -> timedelta:
        """Return how far back a surface remembers the outdoor air, of any model from then on."""
        kept = [model for at, model in self._models if at > start]
        return max(one.memory for one in (self._model(start), *kept))


def surfaces_of(
    hours: Mapping[datetime, AirHour], model: RoomModel, start: datetime, end: datetime
) -> list[SurfaceHour | None]:
    """Return the surface in each hour of [start, end), None in a gap."""

    def air(from_hour: datetime, to_hour: datetime) -> list[AirHour]:
        return [hours.get(at, AirHour(at)) for at in hours_between(from_hour, to_hour)]

    return list(surface_hours(air(start, end), model.surface, air(start - model.memory, start)))


def _days(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    while start < end:
        next_day = min(end, _midnight(start.astimezone(UTC).date() + _DAY))
        yield start, next_day
        start = next_day


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _steps(found: Sequence[tuple[datetime, str]]) -> Steps:
    """Return when the key becomes another."""
    kept: list[tuple[datetime, str]] = []
    for at, key in found:
        if not kept or kept[-1][1] != key:
            kept.append((at, key))
    return tuple(kept)
