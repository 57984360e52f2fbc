"""Adapters between parts that know nothing of each other; only `service` uses them."""

from collections.abc import Awaitable, Callable, Sequence

from mould_watch.api.forwarded import ReadingOutcome
from mould_watch.api.messages import ForwardedEntity, ForwardedReading
from mould_watch.ingest import forwarded as ingest
from mould_watch.ingest.service import BrokerAddress
from mould_watch.settings import MqttSettings
from mould_watch.supervisor.client import BrokerService

_LOCAL_BROKER = "localhost"


class ForwardedToIngestion:
    """Hands what Home Assistant forwards over the API to ingestion."""

    def __init__(self, ingestion: ingest.ForwardedIngest) -> None:
        """Store with `ingestion`."""
        self._ingestion = ingestion

    async def store(
        self, instance_id: str, readings: Sequence[ForwardedReading]
    ) -> Sequence[ReadingOutcome]:
        """Store `readings`; one outcome each, in order, after the commit."""
        results = await self._ingestion.store(
            instance_id,
            [
                ingest.ForwardedReading(
                    registry_id=reading.registry_id,
                    entity_id=reading.entity_id,
                    name=reading.name,
                    ts=reading.ts,
                    metrics=reading.metrics,
                )
                for reading in readings
            ],
        )
        return [ReadingOutcome(result.status, result.code, result.message) for result in results]

    async def availability(self, instance_id: str, entities: Sequence[ForwardedEntity]) -> None:
        """Note which entities are there."""
        await self._ingestion.availability(
            instance_id,
            [
                ingest.ForwardedEntity(
                    registry_id=entity.registry_id,
                    entity_id=entity.entity_id,
                    name=entity.name,
                    available=entity.available,
                    metrics=entity.metrics,
                )
                for entity in entities
            ],
        )


class BrokerLookup:
    """Where the broker is, asked anew before each connection.

    The settings decide, else what the Supervisor offers, else it is on this machine.
    """

    def __init__(
        self, mqtt: MqttSettings, offered: Callable[[], Awaitable[BrokerService | None]] | None
    ) -> None:
        """Ask `offered` for the Supervisor's broker; None without a Supervisor."""
        self._mqtt = mqtt
        self._offered = offered

    async def __call__(self) -> BrokerAddress:
        """Return the address to connect to now."""
        mqtt = self._mqtt
        if not mqtt.host and self._offered is not None:
            service = await self._offered()
            if service is not None:
                return BrokerAddress(
                    host=service.host,
                    port=service.port,
                    username=service.username,
                    password=service.password,
                    tls=service.ssl,
                    ca_file=mqtt.ca_file,
                )
        return BrokerAddress(
            host=mqtt.host or _LOCAL_BROKER,
            port=mqtt.port,
            username=mqtt.username,
            password=mqtt.password,
            tls=mqtt.tls,
            ca_file=mqtt.ca_file,
        )
