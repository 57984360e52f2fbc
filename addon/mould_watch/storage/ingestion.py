"""What one batch of messages writes. Every function takes the batch's open transaction."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from mould_watch.domain.plausibility import suspicion
from mould_watch.storage import devices as device_store
from mould_watch.storage import spool as spool_store
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

_CLOCKS_DIFFER: Final = timedelta(minutes=10)
"""A device's clock may be ahead of ours by less."""


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
    def suspect(self) -> str | None:
        """Return why its values cannot be true, as far as they say so themselves."""
        return suspicion(self.metrics)

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
    # False: another process has the client id now, and its record is left alone
    keeps_record: bool = True


async def begin_session(
    connection: Connection, client_id: str, *, resumed: bool
) -> DeliverySession:
    """Note a connection to the broker; a session that was lost begins a new epoch."""
    if resumed:
        row = await connection.fetchrow(_QUERIES.resume_session, client_id)
    else:
        row = await connection.fetchrow(_QUERIES.new_session, client_id)
        await connection.execute(_QUERIES.end_deliveries, client_id)
    assert row is not None  # noqa: S101 - an upsert that changes its row returns it
    return await _session(connection, client_id, row["epoch"], row["connection"])


async def load_session(connection: Connection, client_id: str) -> DeliverySession:
    """Return the session of the newest connection noted, as its last commit left it."""
    row = await connection.fetchrow(_QUERIES.load_session, client_id)
    assert row is not None  # noqa: S101 - an upsert that changes its row returns it
    return await _session(connection, client_id, row["epoch"], row["connection"])


async def _session(
    connection: Connection, client_id: str, epoch: int, number: int
) -> DeliverySession:
    rows = await connection.fetch(_QUERIES.deliveries, client_id)
    return DeliverySession(
        client_id,
        epoch,
        number,
        {row["packet_id"]: Delivery(row["epoch"], row["fingerprint"]) for row in rows},
        {row["packet_id"] for row in rows if row["seq"] == number},
        # if it is over already, its end finds nothing more to remove
        redelivery_phase=True,
    )


async def is_written(connection: Connection, client_id: str, batch: UUID) -> bool:
    """Return whether the batch whose COMMIT was never answered was committed after all.

    Nobody else writes a batch of this client before the transaction ends.
    """
    latest: UUID | None = await connection.fetchval(_QUERIES.lock_batch, client_id)
    return latest == batch


async def note_batch(
    connection: Connection,
    client_id: str,
    batch: UUID | None,
    newest_received_at: datetime,
    correlation_id: UUID,
) -> int:
    """Note a batch with its transaction; `batch` None: it comes out of a spool.

    All that the transaction asks to be judged carries `correlation_id`. Returns the number of
    the newest connection to the broker that any process has noted.
    """
    number: int = await connection.fetchval(
        _QUERIES.note_batch, client_id, batch, newest_received_at, correlation_id
    )
    return number


async def correlate(connection: Connection, correlation_id: UUID) -> None:
    """Have all that this transaction asks to be judged carry an id."""
    await connection.execute(_QUERIES.correlate, correlation_id)


async def newest_received_at(connection: Connection) -> datetime | None:
    """Return the latest receipt ever stored, None before the first."""
    newest: datetime | None = await connection.fetchval(_QUERIES.newest_received_at)
    return newest


async def subscribed_filters(connection: Connection, client_id: str) -> frozenset[str]:
    """Return the topic filters the session was last known to be subscribed to."""
    return frozenset(await connection.fetchval(_QUERIES.filters, client_id) or ())


async def note_filters(connection: Connection, client_id: str, filters: Iterable[str]) -> None:
    """Note the topic filters the session is subscribed to."""
    await connection.execute(_QUERIES.note_filters, client_id, sorted(filters))


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
    if not session.keeps_record:
        return
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
    *,
    spool_id: UUID | None = None,
) -> list[Device | None]:
    """Store readings, and what they and `availability` say about their devices.

    `known`: devices to make known that sent no reading. Returns for each reading its device,
    or None when that very reading was there already. The months of `readings` must have their
    partitions. Subjects that depend on a new reading of known time get an evaluation request;
    those of readings out of a spool when it is empty (storage/spool.py).
    """
    availability = availability or {}
    references = {reading.device for reading in readings} | set(known) | set(availability)
    if not references:
        return []
    found = await device_store.resolve(connection, references)
    devices = {device.device_id: device for device in found.values()}
    owners = [found[reading.device] for reading in readings]
    is_new = await _insert(connection, readings, owners)
    earliest = _earliest(readings, owners, is_new)
    if earliest and spool_id is not None:
        await spool_store.defer_evaluations(connection, spool_id, earliest)
    elif earliest:
        await connection.execute(
            _QUERIES.request_evaluations, list(earliest), list(earliest.values())
        )
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
            reading.suspect,
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


def _earliest(
    readings: Sequence[NewReading], owners: Sequence[Device], is_new: Sequence[bool]
) -> dict[int, datetime]:
    """Return the devices with new readings of known time, and the time of the first of them."""
    earliest: dict[int, datetime] = {}
    for reading, owner, new in zip(readings, owners, is_new, strict=True):
        if new and reading.is_timed:
            before = earliest.get(owner.device_id, reading.ts)
            earliest[owner.device_id] = min(before, reading.ts)
    return earliest


def _tells_present(reading: NewReading, owner: Device) -> bool:
    """Return whether a reading is no replay of one that was received long before the latest."""
    return owner.last_seen_at is None or reading.received_at >= owner.last_seen_at - _CLOCKS_DIFFER


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
        if reading.qos is not None and _tells_present(reading, owner):
            new.qos = reading.qos
            if reading.is_timed:
                new.clock_wrong = reading.time_quality == "device_clock_wrong"
        if reading.is_timed and (new.last_seen_at is None or reading.ts > new.last_seen_at):
            new.last_seen_at = reading.ts
    for reference, available in availability.items():
        new = news.setdefault(found[reference].device_id, DeviceNews(set()))
        new.available = available
    return news
