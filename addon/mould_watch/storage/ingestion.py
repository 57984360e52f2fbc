"""What one batch of messages writes. Every function takes the batch's open transaction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from mould_watch.storage import devices as device_store
from mould_watch.storage.database import Connection
from mould_watch.storage.devices import Device, DeviceNews, DeviceReference
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("ingestion")

METRIC_COLUMNS: Final = (
    "temperature_c",
    "humidity_pct",
    "pressure_hpa",
    "co2_ppm",
    "illuminance_lx",
    "moisture_pct",
    "battery_pct",
)
"""The metrics that have a column of their own in `readings`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReading:
    """A reading to be stored."""

    device: DeviceReference
    ts: datetime
    fingerprint: int
    received_at: datetime
    # a value of the type time_quality
    time_quality: str
    qos: int | None
    metrics: Mapping[str, float]
    # JSON text
    extra: str | None = None
    # the broker had kept it: true at its time, but no sign of life and no present QoS
    retained: bool = False

    @property
    def is_timed(self) -> bool:
        """Return whether its time is known well enough to judge by."""
        return self.time_quality != "backlog"


@dataclass(frozen=True, slots=True)
class Delivery:
    """An MQTT delivery that a redelivery can be recognised by."""

    epoch: int
    fingerprint: int


@dataclass(slots=True)
class DeliverySession:
    """What is known of the MQTT session: kept in step with `mqtt_delivery` after each commit."""

    client_id: str
    epoch: int
    # the number of this connection, greater than that of every earlier row
    connection: int
    # packet id -> the delivery recorded for it
    deliveries: dict[int, Delivery]
    # packet ids recorded or seen again over this connection
    confirmed: set[int]
    redelivery_phase: bool


async def begin_session(
    connection: Connection, client_id: str, *, resumed: bool
) -> DeliverySession:
    """Note a connection to the broker; a session that was lost begins a new epoch."""
    if not resumed:
        epoch: int = await connection.fetchval(_QUERIES.next_epoch, client_id)
        await connection.execute(_QUERIES.end_deliveries, client_id)
        return DeliverySession(client_id, epoch, 1, {}, set(), redelivery_phase=False)
    epoch = await connection.fetchval(_QUERIES.resume_epoch, client_id)
    rows = await connection.fetch(_QUERIES.deliveries, client_id)
    return DeliverySession(
        client_id,
        epoch,
        max((row["seq"] for row in rows), default=0) + 1,
        {row["packet_id"]: Delivery(row["epoch"], row["fingerprint"]) for row in rows},
        set(),
        redelivery_phase=True,
    )


async def write_deliveries(
    connection: Connection,
    session: DeliverySession,
    recorded: Mapping[int, int],
    ended: Sequence[int],
    *,
    phase_over: bool,
) -> None:
    """Record packet id -> fingerprint, remove the rows of ids that came anew.

    `phase_over`: the redelivery phase ended with this batch; what it did not bring is done.
    """
    if recorded:
        await connection.execute(
            _QUERIES.record_deliveries,
            session.client_id,
            session.epoch,
            session.connection,
            list(recorded),
            list(recorded.values()),
        )
    if ended:
        await connection.execute(_QUERIES.remove_deliveries, session.client_id, list(ended))
    if phase_over:
        await connection.execute(
            _QUERIES.end_redelivery_phase, session.client_id, session.connection
        )


async def write_readings(
    connection: Connection,
    readings: Sequence[NewReading],
    known: Sequence[DeviceReference] = (),
    availability: Mapping[DeviceReference, bool] | None = None,
) -> list[Device | None]:
    """Store readings, and what they and `availability` say about their devices.

    `known`: devices to make known that sent no reading. Returns for each reading its device,
    or None when that very reading was there already. The months of `readings` must have their
    partitions. Subjects that depend on a new reading of known time get an evaluation request.
    """
    availability = availability or {}
    references = {reading.device for reading in readings} | set(known) | set(availability)
    if not references:
        return []
    found = await device_store.resolve(connection, references)
    devices = {device.device_id: device for device in found.values()}
    owners = [found[reading.device] for reading in readings]
    is_new = await _insert(connection, readings, owners)
    await _request_evaluations(connection, readings, owners, is_new)
    await device_store.update(connection, devices, _news(readings, owners, found, availability))
    return [owner if new else None for owner, new in zip(owners, is_new, strict=True)]


async def add_counts(connection: Connection, counts: Counter[tuple[date, str, str]]) -> None:
    """Add to the counts by (day, source, ending)."""
    keys = sorted(counts)
    if keys:
        await connection.execute(
            _QUERIES.add_counts,
            [day for day, _, _ in keys],
            [source for _, source, _ in keys],
            [ending for _, _, ending in keys],
            [counts[key] for key in keys],
        )


async def try_lead(connection: Connection, client_id: str) -> bool:
    """Take the session lock that entitles to the client id; False when another holds it."""
    took: bool = await connection.fetchval(_QUERIES.try_lead, client_id)
    return took


async def _insert(
    connection: Connection, readings: Sequence[NewReading], owners: Sequence[Device]
) -> list[bool]:
    """Insert; return for each reading whether its row is new, true once for each row."""
    if not readings:
        return []
    keys = [
        (owner.device_id, reading.ts, reading.fingerprint)
        for reading, owner in zip(readings, owners, strict=True)
    ]
    skipped = await _stored_before_merge(connection, keys)
    rows = [
        (
            *key,
            reading.received_at,
            reading.time_quality,
            reading.qos,
            *(reading.metrics.get(column) for column in METRIC_COLUMNS),
            reading.extra,
        )
        for key, reading in zip(keys, readings, strict=True)
        if key not in skipped
    ]
    if not rows:
        return [False] * len(readings)
    inserted = await connection.fetch(
        _QUERIES.insert_readings, *(list(column) for column in zip(*rows, strict=True))
    )
    new = {(row["device_id"], row["ts"], row["fingerprint"]) for row in inserted}
    result = []
    for key in keys:
        result.append(key in new)
        new.discard(key)
    return result


async def _stored_before_merge(
    connection: Connection, keys: Sequence[tuple[int, datetime, int]]
) -> set[tuple[int, datetime, int]]:
    """Return the keys whose readings a device that was merged into theirs holds already."""
    merged = await device_store.merged_from(connection, {device_id for device_id, _, _ in keys})
    stored = set()
    for device_id, sources in merged.items():
        own = [key for key in keys if key[0] == device_id]
        rows = await connection.fetch(
            _QUERIES.stored_before_merge,
            sources,
            [ts for _, ts, _ in own],
            [fingerprint for _, _, fingerprint in own],
        )
        stored |= {(device_id, row["ts"], row["fingerprint"]) for row in rows}
    return stored


async def _request_evaluations(
    connection: Connection,
    readings: Sequence[NewReading],
    owners: Sequence[Device],
    is_new: Sequence[bool],
) -> None:
    earliest: dict[int, datetime] = {}
    for reading, owner, new in zip(readings, owners, is_new, strict=True):
        if new and reading.is_timed:
            before = earliest.get(owner.device_id, reading.ts)
            earliest[owner.device_id] = min(before, reading.ts)
    if earliest:
        await connection.execute(
            _QUERIES.request_evaluations, list(earliest), list(earliest.values())
        )


def _news(
    readings: Sequence[NewReading],
    owners: Sequence[Device],
    found: Mapping[DeviceReference, Device],
    availability: Mapping[DeviceReference, bool],
) -> dict[int, DeviceNews]:
    news: dict[int, DeviceNews] = {}
    for reading, owner in zip(readings, owners, strict=True):
        new = news.setdefault(owner.device_id, DeviceNews(set()))
        new.metrics.update(reading.metrics)
        if reading.retained:
            continue
        if reading.qos is not None:
            new.qos = reading.qos
        if reading.is_timed and (new.last_seen_at is None or reading.ts > new.last_seen_at):
            new.last_seen_at = reading.ts
    for reference, available in availability.items():
        new = news.setdefault(found[reference].device_id, DeviceNews(set()))
        new.available = available
    return news
