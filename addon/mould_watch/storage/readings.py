"""Reading back what was measured, as evaluation needs it."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

import asyncpg

from mould_watch.domain.climate import GAP, Metric, Sample
from mould_watch.domain.sources import DeviceIdentity
from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("readings")
_NEWEST: Final[Mapping[Metric, str]] = {
    "temperature_c": _QUERIES.newest_temperature,
    "humidity_pct": _QUERIES.newest_humidity,
}


async def device_members(
    connection: Connection, devices: Sequence[DeviceIdentity]
) -> dict[DeviceIdentity, frozenset[int]]:
    """Return the ids of all rows that are each device, merged ones included.

    A device that nothing was heard of yet has none.
    """
    rows = await connection.fetch(
        _QUERIES.device_members,
        [device.source_instance for device in devices],
        [device.native_id for device in devices],
    )
    members: dict[DeviceIdentity, set[int]] = {device: set() for device in devices}
    for row in rows:
        members[DeviceIdentity(row["source_instance"], row["native_id"])].add(row["id"])
    return {device: frozenset(ids) for device, ids in members.items()}


async def window_samples(
    connection: Connection,
    device_ids: Collection[int],
    start: datetime,
    end: datetime,
    now: datetime,
) -> dict[int, list[Sample]]:
    """Return the usable temperature and humidity samples in [start, end], by device id.

    Of several within half a minute it is the last one, whatever the order of their arrival.
    """
    rows = await connection.fetch(_QUERIES.window_samples, list(device_ids), start, end, now)
    samples: defaultdict[int, list[Sample]] = defaultdict(list)
    for row in rows:
        samples[row["device_id"]].append(_sample(row))
    return samples


async def start_of_window(
    connection: Connection, device_ids: Collection[int], begin: datetime
) -> datetime:
    """Return from when on to read so that what was held at `begin` is known, and can be judged.

    For each device and metric that is the third value before, as far as it still matters.
    """
    start: datetime | None = await connection.fetchval(
        _QUERIES.start_of_window, list(device_ids), begin, GAP
    )
    return begin if start is None else start


async def newest_samples(
    connection: Connection, device_ids: Collection[int], metric: Metric, before: datetime
) -> list[Sample]:
    """Return the newest usable sample of `metric` before a time, of each device that has one."""
    rows = await connection.fetch(_NEWEST[metric], list(device_ids), before)
    return [_sample(row) for row in rows]


async def first_temperature_at(
    connection: Connection, device_ids: Collection[int]
) -> datetime | None:
    """Return when the first usable temperature was measured that is kept; None: there is none."""
    first: datetime | None = await connection.fetchval(
        _QUERIES.first_temperature_at, list(device_ids)
    )
    return first


def _sample(row: asyncpg.Record) -> Sample:
    return Sample(
        ts=row["ts"],
        fingerprint=row["fingerprint"],
        temperature_c=row["temperature_c"],
        humidity_pct=row["humidity_pct"],
    )
