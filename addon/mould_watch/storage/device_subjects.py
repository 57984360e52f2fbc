"""Devices as subjects: what is known about one, and the readings its rules are asked about."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mould_watch.domain.climate import Point
from mould_watch.domain.power import PowerSource
from mould_watch.domain.sources import DeviceIdentity
from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("device_subjects")


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceFacts:
    """A device as far as its rules are concerned; its configuration as it is stored."""

    device_id: int
    source_instance: str
    name: str
    metrics: frozenset[str]
    available: bool | None
    first_seen_at: datetime
    last_seen_at: datetime | None
    reporting_interval_s: float | None
    power_source: PowerSource | None
    is_merged: bool
    is_of_a_room: bool
    config: Mapping[str, Any] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFacts:
    """A device as far as a room that reads it is concerned."""

    source_instance: str
    metrics: frozenset[str]
    last_seen_at: datetime | None
    reporting_interval_s: float | None
    power_source: PowerSource | None
    config: Mapping[str, Any] | None


async def device(connection: Connection, device_id: int) -> DeviceFacts | None:
    """Return what is known about a device."""
    row = await connection.fetchrow(_QUERIES.device, device_id)
    if row is None:
        return None
    return DeviceFacts(
        device_id=row["id"],
        source_instance=row["source_instance"],
        name=row["name"],
        metrics=frozenset(row["metrics"]),
        available=row["available"],
        first_seen_at=row["first_seen_at"],
        last_seen_at=row["last_seen_at"],
        reporting_interval_s=row["reporting_interval_s"],
        power_source=_power_source(row["power_source"]),
        is_merged=row["is_merged"],
        is_of_a_room=row["is_of_a_room"],
        config=row["config"],
    )


async def sources(
    connection: Connection, identities: Collection[DeviceIdentity]
) -> dict[DeviceIdentity, SourceFacts]:
    """Return what is known about the devices a room reads; nothing of those unheard of."""
    asked = list(identities)
    rows = await connection.fetch(
        _QUERIES.sources,
        [identity.source_instance for identity in asked],
        [identity.native_id for identity in asked],
    )
    return {
        DeviceIdentity(row["asked_source"], row["asked_native_id"]): SourceFacts(
            source_instance=row["source_instance"],
            metrics=frozenset(row["metrics"]),
            last_seen_at=row["last_seen_at"],
            reporting_interval_s=row["reporting_interval_s"],
            power_source=_power_source(row["power_source"]),
            config=row["config"],
        )
        for row in rows
    }


async def metric_points(
    connection: Connection, device_id: int, metric: str, start: datetime, end: datetime
) -> list[Point]:
    """Return the usable values of a metric in [start, end], the last of each ten seconds."""
    rows = await connection.fetch(_QUERIES.metric, device_id, start, end, metric)
    return [Point(row["ts"], row["value"]) for row in rows]


async def hear_readings(connection: Connection, subject_id: int, device_id: int) -> None:
    """Let each reading of a device ask for this subject."""
    await connection.execute(_QUERIES.hear, subject_id, device_id)


async def forget_readings(connection: Connection, subject_id: int) -> None:
    """Let no reading ask for this subject any more."""
    await connection.execute(_QUERIES.forget, subject_id)


def _power_source(word: str | None) -> PowerSource | None:
    return None if word is None else PowerSource(word)
