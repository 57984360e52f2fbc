"""What was measured at the cold spot of a room, and the factor that it means."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from mould_watch.domain.climate import MeasuredSeries
from mould_watch.domain.cold_spot import Calibration, ColdSpotReading, calibrate
from mould_watch.domain.configuration import HomeConfiguration, RoomConfiguration
from mould_watch.domain.hourly import hour_start
from mould_watch.domain.room_eras import ALWAYS
from mould_watch.domain.room_model import CalibratedFactor
from mould_watch.domain.sources import DeviceIdentity, devices_of
from mould_watch.errors import ColdSpotRefusedError
from mould_watch.storage import readings
from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("mould")
_FRESH: Final = timedelta(hours=2)
"""So old at most may the air's temperatures be that the wall's is compared with."""


@dataclass(frozen=True, slots=True)
class RoomToday:
    """A watched room as it is configured now."""

    subject_id: int
    config: RoomConfiguration
    home: HomeConfiguration
    owner: str


@dataclass(frozen=True, slots=True)
class _Kept:
    """A reading that was taken, when, and the series that it was said to belong to."""

    at: datetime
    series_from: datetime
    reading: ColdSpotReading


async def room_today(connection: Connection, room_id: UUID) -> RoomToday | None:
    """Return a room that is watched, None when there is no such."""
    row = await connection.fetchrow(_QUERIES.room, room_id)
    if row is None:
        return None
    return RoomToday(
        row["subject_id"],
        RoomConfiguration.model_validate(row["config"]),
        HomeConfiguration.model_validate(row["home"]),
        row["owner"],
    )


async def factors(connection: Connection, room_id: UUID) -> list[CalibratedFactor]:
    """Return the factors that a room's cold spots mean, and from when on each counts."""
    series = _series(await _kept(connection, room_id))
    return [CalibratedFactor(start, calibrate(series[start]).f_rsi) for start in sorted(series)]


async def record(
    connection: Connection,
    room_id: UUID,
    room: RoomToday,
    surface_c: float,
    *,
    at: datetime,
    counts_always: bool,
    action_id: UUID | None = None,
) -> Calibration:
    """Take a reading of the cold spot; return the factor of all that count together with it.

    `counts_always`: it belongs to the readings around it; otherwise a new series begins with it,
    that of a wall that has become another. Raises ColdSpotRefusedError, having stored nothing.
    """
    reading = ColdSpotReading(
        indoor_c=await _indoor_c(connection, room, at),
        outdoor_c=await _outdoor_c(connection, room, at),
        surface_c=surface_c,
    )
    f_rsi = reading.f_rsi
    series_from = hour_start(at)
    if counts_always:
        series_from = _series_at(_starts(await _kept(connection, room_id)), at)
    await connection.execute(
        _QUERIES.insert_cold_spot,
        room_id,
        at,
        series_from,
        surface_c,
        reading.indoor_c,
        reading.outdoor_c,
        f_rsi,
        action_id or uuid4(),
    )
    await connection.execute(_QUERIES.request_evaluation, room.subject_id)
    kept = await _kept(connection, room_id)
    return calibrate(_series(kept).get(_series_at(_starts(kept), at), ()))


async def _kept(connection: Connection, room_id: UUID) -> list[_Kept]:
    return [_read(row) for row in await connection.fetch(_QUERIES.cold_spots, room_id)]


def _read(row: Any) -> _Kept:  # noqa: ANN401 - a record of the database
    return _Kept(
        row["at"],
        row["series_from"],
        ColdSpotReading(
            row["temperature_c"], row["outdoor_temperature_c"], row["surface_temperature_c"]
        ),
    )


def _starts(kept: Sequence[_Kept]) -> dict[datetime, datetime]:
    """Return when the reading was measured that began each series, by the series."""
    starts = {ALWAYS: ALWAYS}
    for one in kept:
        starts[one.series_from] = min(one.at, starts.get(one.series_from, one.at))
    return starts


def _series_at(starts: Mapping[datetime, datetime], at: datetime) -> datetime:
    """Return the series of a reading measured at a time."""
    return max(series for series, began_at in starts.items() if began_at <= at)


def _series(kept: Sequence[_Kept]) -> dict[datetime, list[ColdSpotReading]]:
    """Return the readings by their series.

    By when they were measured: one may be told of later than what was measured after it.
    """
    starts = _starts(kept)
    found: dict[datetime, list[ColdSpotReading]] = {}
    for one in kept:
        found.setdefault(_series_at(starts, one.at), []).append(one.reading)
    return found


async def _indoor_c(connection: Connection, room: RoomToday, at: datetime) -> float:
    devices = devices_of(room.config, room.home.outdoor, room.owner)
    found = await _temperature_c(connection, devices.temperature, at)
    if found is None:
        first = await _first_reading_at(connection, devices.temperature)
        if first is not None and at < first:
            raise ColdSpotRefusedError(
                "before_first_reading",
                f"the room's own temperature is known only from {first:%Y-%m-%d %H:%M} UTC on",
                first_at=first.isoformat(),
            )
        raise ColdSpotRefusedError(
            "no_room_temperature",
            "the room's own temperature of that time is not known, and the wall says nothing"
            " without it",
        )
    return found


async def _outdoor_c(connection: Connection, room: RoomToday, at: datetime) -> float:
    devices = devices_of(room.config, room.home.outdoor, room.owner)
    if devices.fixed_outdoor is not None:
        raise ColdSpotRefusedError(
            "no_outdoor_temperature",
            "outside is set to a fixed temperature, which is not the one of that time: choose a"
            " weather service or a sensor for it first",
        )
    found = (
        None
        if devices.outdoor_temperature is None
        else await _temperature_c(connection, devices.outdoor_temperature, at)
    )
    if found is None:
        raise ColdSpotRefusedError(
            "no_outdoor_temperature",
            "the temperature outside of that time is not known, and the wall says nothing without"
            " it",
        )
    return found


async def _first_reading_at(connection: Connection, device: DeviceIdentity) -> datetime | None:
    members = await readings.device_members(connection, [device])
    return await readings.first_temperature_at(connection, members[device])


async def _temperature_c(
    connection: Connection, device: DeviceIdentity, at: datetime
) -> float | None:
    members = await readings.device_members(connection, [device])
    ids: Collection[int] = members[device]
    after = at + timedelta(microseconds=1)
    samples = await readings.newest_samples(connection, ids, "temperature_c", after)
    newest = MeasuredSeries(samples, "temperature_c").newest(at)
    return None if newest is None or at - newest.ts > _FRESH else newest.value
