"""The climate of a room by the hour, kept for ever, and how far it is done."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from mould_watch.domain.configuration import Outdoor, RoomConfiguration
from mould_watch.domain.fault_patterns import Fall, HourBand, Span
from mould_watch.domain.hourly import AirHour
from mould_watch.domain.room_eras import Era, HomeVersion, RoomVersion, eras
from mould_watch.domain.sources import DeviceIdentity
from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("room_hours")
_OUTDOOR: Final[TypeAdapter[Outdoor | None]] = TypeAdapter(Outdoor | None)

type Steps = tuple[tuple[datetime, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far the hours of a room are done; see the migration for what each part means."""

    hours_until: datetime
    sources: Steps
    models: Steps
    episodes: Steps
    bands_from: datetime | None
    settled_at: datetime | None
    counts: Mapping[str, int] = field(default_factory=dict)
    pending_from: datetime | None = None


async def room_eras(connection: Connection, room_id: UUID, now: datetime) -> tuple[Era, ...]:
    """Return what a room was, and from when.

    Raises ValidationError when the newest version cannot be read, ValueError without any.
    """
    rows = await connection.fetch(_QUERIES.versions, room_id, now)
    versions = []
    for row in rows:
        try:
            config = RoomConfiguration.model_validate(row["config"])
        except ValidationError:
            if row is rows[-1]:
                raise
            continue  # what it was then can no longer be read: what was before went on
        versions.append(RoomVersion(row["valid_from"], config, row["is_always"]))
    homes = [
        HomeVersion(row["valid_from"], _OUTDOOR.validate_python(row["outdoor"]), row["owner"])
        for row in await connection.fetch(_QUERIES.home_versions, now)
    ]
    return eras(versions, homes)


async def progress(connection: Connection, subject_id: int) -> Progress | None:
    """Return how far a room's hours are done; None: not begun."""
    row = await connection.fetchrow(_QUERIES.progress, subject_id)
    if row is None:
        return None
    return Progress(
        hours_until=row["hours_until"],
        sources=_steps(row["sources"]),
        models=_steps(row["models"]["models"]),
        episodes=_steps(row["models"]["episodes"]),
        bands_from=row["bands_from"],
        settled_at=row["settled_at"],
        counts=row["counts"],
        pending_from=row["pending_from"],
    )


async def store_progress(connection: Connection, subject_id: int, done: Progress) -> None:
    """Write how far a room's hours are done."""
    await connection.execute(
        _QUERIES.store_progress,
        subject_id,
        done.hours_until,
        _stored(done.sources),
        {"models": _stored(done.models), "episodes": _stored(done.episodes)},
        done.bands_from,
        done.settled_at,
        dict(done.counts),
        done.pending_from,
    )


async def first_reading(connection: Connection, device_ids: Collection[int]) -> datetime | None:
    """Return the time of the oldest usable reading of any of these."""
    first: datetime | None = await connection.fetchval(_QUERIES.first_reading, list(device_ids))
    return first


async def counts(
    connection: Connection, members: Mapping[str, Collection[int]], start: datetime
) -> dict[str, int]:
    """Return how many readings each has from `start` on, by its name."""
    names = list(members)
    pairs = [(place, one) for place, name in enumerate(names) for one in members[name]]
    rows = await connection.fetch(
        _QUERIES.counts,
        [place for place, _ in pairs],
        [device_id for _, device_id in pairs],
        start,
    )
    return dict.fromkeys(names, 0) | {names[row["place"]]: row["count"] for row in rows}


async def write_hours(
    connection: Connection,
    subject_id: int,
    hours: Sequence[AirHour],
    start: datetime,
    end: datetime,
) -> datetime | None:
    """Make the hours of [start, end) be these; return the first that is another than before."""
    gone = await connection.fetch(
        _QUERIES.delete_other_hours, subject_id, start, end, [hour.start for hour in hours]
    )
    changed = await connection.fetch(
        _QUERIES.write_hours,
        subject_id,
        [hour.start for hour in hours],
        [hour.temperature_c for hour in hours],
        [hour.humidity_pct for hour in hours],
        [hour.coverage for hour in hours],
        [hour.outdoor_temperature_c for hour in hours],
        [hour.outdoor_humidity_pct for hour in hours],
        [hour.outdoor_coverage for hour in hours],
        [hour.surface_temperature_c for hour in hours],
        [hour.surface_coverage for hour in hours],
    )
    return min((row["hour"] for row in (*gone, *changed)), default=None)


async def hours(
    connection: Connection, subject_id: int, start: datetime, end: datetime
) -> dict[datetime, AirHour]:
    """Return the hours of [start, end) in which something is known, by their start."""
    rows = await connection.fetch(_QUERIES.hours, subject_id, start, end)
    return {
        row["hour"]: AirHour(
            start=row["hour"],
            temperature_c=row["temperature_c"],
            humidity_pct=row["humidity_pct"],
            coverage=row["coverage"],
            outdoor_temperature_c=row["outdoor_temperature_c"],
            outdoor_coverage=row["outdoor_coverage"],
            surface_temperature_c=row["surface_temperature_c"],
            surface_coverage=row["surface_coverage"],
            outdoor_humidity_pct=row["outdoor_humidity_pct"],
        )
        for row in rows
    }


async def first_hour(connection: Connection, subject_id: int) -> datetime | None:
    """Return the first hour that is known of a room."""
    first: datetime | None = await connection.fetchval(_QUERIES.first_hour, subject_id)
    return first


async def bands(
    connection: Connection, subject_id: int, start: datetime, end: datetime
) -> dict[DeviceIdentity, list[HourBand]]:
    """Return the kept bands of [start, end) of each device, in order."""
    found: dict[DeviceIdentity, list[HourBand]] = {}
    for row in await connection.fetch(_QUERIES.source_hours, subject_id, start, end):
        key = DeviceIdentity(row["source_instance"], row["native_id"])
        fell = row["fall_from"] is not None
        found.setdefault(key, []).append(
            HourBand(
                start=row["hour"],
                temperature_c=_span(row["temperature_least"], row["temperature_most"]),
                humidity_pct=_span(row["humidity_least"], row["humidity_most"]),
                fall=Fall(row["fall_from"], row["fall_to"], row["fall_temperature_change"])
                if fell
                else None,
            )
        )
    return found


async def keep_bands(
    connection: Connection,
    subject_id: int,
    found: Mapping[DeviceIdentity, Sequence[HourBand]],
    kept: tuple[datetime, datetime],
) -> None:
    """Keep these bands, in place of all outside of [from, until) of `kept`."""
    await connection.execute(_QUERIES.delete_source_hours, subject_id, *kept)
    rows = [(key, band) for key, of_device in found.items() for band in of_device]
    await connection.execute(
        _QUERIES.write_source_hours,
        subject_id,
        [key.source_instance for key, _ in rows],
        [key.native_id for key, _ in rows],
        [band.start for _, band in rows],
        [band.temperature_c and band.temperature_c.least for _, band in rows],
        [band.temperature_c and band.temperature_c.most for _, band in rows],
        [band.humidity_pct and band.humidity_pct.least for _, band in rows],
        [band.humidity_pct and band.humidity_pct.most for _, band in rows],
        [band.fall and band.fall.from_pct for _, band in rows],
        [band.fall and band.fall.to_pct for _, band in rows],
        [band.fall and band.fall.temperature_change_k for _, band in rows],
    )


def _span(least: float | None, most: float | None) -> Span | None:
    return None if least is None or most is None else Span(least, most)


def _steps(stored: Sequence[Any]) -> Steps:
    return tuple((datetime.fromisoformat(at), key) for at, key in stored)


def _stored(steps: Steps) -> list[list[str]]:
    return [[at.isoformat(), key] for at, key in steps]
