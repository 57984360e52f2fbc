"""Readings that Home Assistant's integration forwards (docs/protocol.md): the same writing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mould_watch.ingest.submissions import ReadingResult, Submission, Submissions, rename
from mould_watch.storage import devices as device_store
from mould_watch.storage.database import Database
from mould_watch.storage.devices import DeviceReference
from mould_watch.storage.ingestion import METRIC_COLUMNS

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


class ForwardedIngest:
    """Stores what Home Assistant forwards. Any number of calls at a time."""

    def __init__(self, database: Database, submissions: Submissions) -> None:
        self._database = database
        self._submissions = submissions

    async def store(
        self, instance_id: str, readings: Sequence[ForwardedReading]
    ) -> list[ReadingResult]:
        """Store readings and return one result each, in order, after the commit.

        Raises DatabaseUnavailableError; nothing is known of the readings then, and sending
        them again is right.
        """
        return await self._submissions.store(
            [
                Submission(
                    _reference(instance_id, reading.registry_id, reading.name),
                    reading.ts,
                    reading.metrics,
                )
                for reading in readings
            ]
        )

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
            await rename(connection, found)


def _reference(instance_id: str, registry_id: str, name: str) -> DeviceReference:
    return DeviceReference(
        source_instance=f"{_SOURCE_PREFIX}{instance_id}", native_id=registry_id, name=name
    )
