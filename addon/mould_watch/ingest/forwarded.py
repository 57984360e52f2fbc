"""Readings that Home Assistant's integration forwards (docs/protocol.md): the same writing."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from mould_watch.clock import Clock
from mould_watch.ingest.fingerprint import fingerprint
from mould_watch.ingest.metrics import fault_of
from mould_watch.settings import Settings
from mould_watch.storage import devices as device_store
from mould_watch.storage import ingestion as store
from mould_watch.storage.connections import REFUSALS
from mould_watch.storage.database import Connection, Database
from mould_watch.storage.devices import DeviceReference
from mould_watch.storage.ingestion import METRIC_COLUMNS, NewReading
from mould_watch.storage.partitions import Partitions

_LOGGER = logging.getLogger(__name__)
_SOURCE_PREFIX: Final = "ha:"


@dataclass(frozen=True, slots=True)
class ForwardedReading:
    """One report of a Home Assistant entity, in the units its metrics name."""

    registry_id: str
    entity_id: str
    name: str
    # `last_reported`, aware
    ts: datetime
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class ForwardedEntity:
    """Whether a Home Assistant entity is there, and which metrics it can have."""

    registry_id: str
    entity_id: str
    name: str
    available: bool
    metrics: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ReadingResult:
    """What became of one forwarded reading. A rejected one is never sent again."""

    status: Literal["stored", "duplicate", "rejected"]
    # in_the_future, too_old, unknown_metric, out_of_range, no_metric, refused_by_database
    code: str | None = None
    message: str | None = None


class ForwardedIngest:
    """Stores what Home Assistant forwards. Any number of calls at a time."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self._settings = settings.ingest
        self._database = database
        self._clock = clock
        self._partitions = Partitions()

    async def store(
        self, instance_id: str, readings: Sequence[ForwardedReading]
    ) -> list[ReadingResult]:
        """Store readings and return one result each, in order, after the commit.

        Raises DatabaseUnavailableError; nothing is known of the readings then, and sending
        them again is right.
        """
        received_at = self._clock.now()
        results: list[ReadingResult | None] = [
            self._fault(reading, received_at) for reading in readings
        ]
        good = [place for place, result in enumerate(results) if result is None]
        new = [_new_reading(instance_id, readings[place], received_at) for place in good]
        for place, result in zip(good, await self._write(new), strict=True):
            results[place] = result
        return [result for result in results if result is not None]

    async def availability(self, instance_id: str, entities: Sequence[ForwardedEntity]) -> None:
        """Note which entities are there; first sight makes the device known.

        Raises DatabaseUnavailableError.
        """
        by_reference = {
            _reference(instance_id, entity.registry_id, entity.name): entity for entity in entities
        }
        async with self._database.transaction() as connection:
            found = await device_store.resolve(connection, list(by_reference))
            devices = {device.device_id: device for device in found.values()}
            news = {
                found[reference].device_id: device_store.DeviceNews(
                    set(entity.metrics).intersection(METRIC_COLUMNS), available=entity.available
                )
                for reference, entity in by_reference.items()
            }
            await device_store.update(connection, devices, news)
            await _rename(connection, found)

    def _fault(self, reading: ForwardedReading, received_at: datetime) -> ReadingResult | None:
        ahead_s = (reading.ts - received_at).total_seconds()
        if ahead_s > self._settings.future_maximum_s:
            return ReadingResult(
                "rejected", "in_the_future", f"its time is {ahead_s:.0f} s ahead of this clock"
            )
        if ahead_s < -self._settings.age_maximum_s:
            return ReadingResult("rejected", "too_old", f"it is {-ahead_s:.0f} s old")
        if not reading.metrics:
            return ReadingResult("rejected", "no_metric", "it has no metric")
        for metric, value in reading.metrics.items():
            code = fault_of(metric, value)
            if code is not None:
                return ReadingResult("rejected", code, f"{metric} = {value!r}")
        return None

    async def _write(self, readings: Sequence[NewReading]) -> list[ReadingResult]:
        """Write in one transaction; if the database refuses a row, find it by halving."""
        if not readings:
            return []
        try:
            async with self._database.connection() as connection:
                await self._partitions.ensure(connection, {one.ts.date() for one in readings})
                async with connection.transaction():
                    owners = await store.write_readings(connection, readings)
                    references = {one.device for one in readings}
                    await _rename(connection, await device_store.resolve(connection, references))
        except REFUSALS as error:
            self._partitions.forget()
            if len(readings) == 1:
                _LOGGER.warning(
                    "The database refuses a forwarded reading of %s: %s",
                    readings[0].device.name,
                    error,
                    extra={"action": "forwarded_refused", "error": error.sqlstate},
                )
                return [ReadingResult("rejected", "refused_by_database", str(error.sqlstate))]
            middle = len(readings) // 2
            return [*await self._write(readings[:middle]), *await self._write(readings[middle:])]
        names = sorted({owner.name for owner in owners if owner is not None})
        if names:
            count = sum(owner is not None for owner in owners)
            _LOGGER.info(
                "Stored %d forwarded reading(s) of %s.",
                count,
                ", ".join(names),
                extra={"action": "readings_stored", "devices": names, "count": count},
            )
        return [ReadingResult("duplicate" if owner is None else "stored") for owner in owners]


def _reference(instance_id: str, registry_id: str, name: str) -> DeviceReference:
    return DeviceReference(
        source_instance=f"{_SOURCE_PREFIX}{instance_id}", native_id=registry_id, name=name
    )


def _new_reading(instance_id: str, reading: ForwardedReading, received_at: datetime) -> NewReading:
    source = f"{_SOURCE_PREFIX}{instance_id}"
    metrics = {name: float(value) for name, value in reading.metrics.items()}
    canonical = json.dumps(metrics, sort_keys=True, separators=(",", ":")).encode()
    return NewReading(
        device=_reference(instance_id, reading.registry_id, reading.name),
        ts=reading.ts.astimezone(UTC),
        fingerprint=fingerprint(source, reading.registry_id, canonical),
        received_at=received_at,
        time_quality="payload",
        qos=None,
        metrics=metrics,
    )


async def _rename(
    connection: Connection, found: Mapping[DeviceReference, device_store.Device]
) -> None:
    """Follow Home Assistant's names: labels, which change no identity."""
    await device_store.rename(
        connection,
        {
            device.device_id: reference.name
            for reference, device in found.items()
            if device.name != reference.name
        },
    )
