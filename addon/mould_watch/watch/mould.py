"""The mould of one room brought up to date: its hours, its index, what its last week says."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mould_watch.domain.condition import Level
from mould_watch.domain.hourly import HOUR, AirHour
from mould_watch.domain.mould.band import BandState
from mould_watch.domain.mould.index import SurfaceHour
from mould_watch.domain.mould.projection import PATTERN_HOURS
from mould_watch.domain.mould_outlook import (
    LastWeek,
    MouldOutlook,
    mould_outlook,
    thresholds_of,
)
from mould_watch.domain.room_model import RoomModel, models_of
from mould_watch.domain.rules.mould_level import Recovery
from mould_watch.domain.sources import DeviceIdentity
from mould_watch.storage import cold_spots, room_hours
from mould_watch.storage import mould as storage
from mould_watch.storage.database import Connection
from mould_watch.watch.mould_fold import Folded, MouldFold, surfaces_of
from mould_watch.watch.plausible import KnownBands
from mould_watch.watch.room_hours import RoomHours
from mould_watch.watch.room_rules import RoomUnderWatch

WEEK: Final = PATTERN_HOURS * HOUR
_DAY_HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class RoomMould:
    """What is known of a room's mould at the end of its last hour.

    `outlook` None: its hours are not done yet. `outdoor_mean_c` is what a slow surface follows;
    None: it follows the air outside, or none.
    """

    model: RoomModel
    band: BandState
    since: datetime | None
    is_told: bool
    outlook: MouldOutlook | None
    coverage: float | None
    outdoor_mean_c: float | None
    # hours whose fault patterns are known: what is read next need not go back so far
    bands: KnownBands[DeviceIdentity] | None


@dataclass(frozen=True, slots=True)
class Before:
    """What the incident about mould says: the level that is there, and what is over."""

    held: Level | None
    resolved_at: datetime | None


async def bring_up_to_date(
    connection: Connection,
    room: RoomUnderWatch,
    now: datetime,
    requested_from: datetime | None,
    before: Before,
) -> RoomMould:
    """Bring hours and index of a room to what is stored by now; inside a transaction."""
    eras = await room_hours.room_eras(connection, room.room_id, now)
    progress = await room_hours.progress(connection, room.subject_id)
    hours = await RoomHours(connection, room.subject_id, eras, now).update(progress, requested_from)
    models = models_of(eras, await cold_spots.factors(connection, room.room_id))
    fold = MouldFold(
        connection,
        room.subject_id,
        room.room_id,
        models,
        await storage.episodes(connection, room.room_id),
    )
    folded = await fold.fold(hours)
    await room_hours.store_progress(connection, room.subject_id, folded.progress)
    model = models[-1][1]
    until = folded.progress.hours_until
    air = await room_hours.hours(connection, room.subject_id, until - WEEK - model.memory, until)
    week = surfaces_of(air, model, until - WEEK, until)
    outlook = None
    if not hours.is_behind:
        outlook = await _outlook(
            connection, room, folded, model, _last_week(air, week, until, before)
        )
    known = [hour.duration_h for hour in week if hour is not None]
    first = folded.since or until
    lasted_h = min(float(PATTERN_HOURS), max(1.0, (until - first) / HOUR))
    return RoomMould(
        model=model,
        band=folded.band,
        since=folded.since,
        is_told=folded.is_told,
        outlook=outlook,
        coverage=round(min(1.0, sum(known) / lasted_h), 3) if folded.since else None,
        outdoor_mean_c=_outdoor_mean_c(air, model, until),
        bands=hours.bands,
    )


def _last_week(
    air: Mapping[datetime, AirHour],
    week: Sequence[SurfaceHour | None],
    until: datetime,
    before: Before,
) -> LastWeek:
    humidities = [
        hour.humidity_pct
        for at, hour in air.items()
        if at >= until - _DAY_HOURS * HOUR and hour.humidity_pct is not None
    ]
    return LastWeek(
        hours=week,
        end=until,
        counted_from=before.resolved_at,
        room_humidity_pct=sum(humidities) / len(humidities) if humidities else None,
        held=before.held,
    )


async def _outlook(
    connection: Connection,
    room: RoomUnderWatch,
    folded: Folded,
    model: RoomModel,
    week: LastWeek,
) -> MouldOutlook:
    """Return the outlook; reckoned anew only when what it comes from is another."""
    recovery, thresholds = Recovery.of(room.config), thresholds_of(room.config)
    key = repr((week, folded.band, model, thresholds, recovery.margin_pct))
    digest = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
    kept = await storage.outlook(connection, room.subject_id)
    if kept is not None and kept[1] == digest:
        return MouldOutlook.model_validate(kept[0])
    outlook = mould_outlook(week, folded.band, model, thresholds, recovery.margin_pct)
    await storage.store_outlook(
        connection, room.subject_id, outlook.model_dump(mode="json"), digest
    )
    return outlook


def _outdoor_mean_c(
    air: Mapping[datetime, AirHour], model: RoomModel, until: datetime
) -> float | None:
    if not model.memory:
        return None
    values = [
        hour.outdoor_temperature_c
        for at, hour in air.items()
        if at >= until - model.memory and hour.outdoor_temperature_c is not None
    ]
    is_enough = len(values) * HOUR >= model.memory / 2
    return sum(values) / len(values) if is_enough else None
