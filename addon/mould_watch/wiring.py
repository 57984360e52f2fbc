"""Adapters between parts that know nothing of each other; only `service` uses them."""

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final
from uuid import uuid4

from pydantic import SecretStr

from mould_watch.api.forwarded import ReadingOutcome
from mould_watch.api.messages import ForwardedEntity, ForwardedReading
from mould_watch.api.readings import SubmittedReading
from mould_watch.api.services import Trial
from mould_watch.domain.condition import Level
from mould_watch.ingest import forwarded as ingest
from mould_watch.ingest.service import BrokerAddress
from mould_watch.ingest.submissions import ReadingResult, Submission, Submissions
from mould_watch.ingest.tls import TlsFiles
from mould_watch.notify.channel import Channel, ClaimedNotification, Outcome
from mould_watch.settings import MqttSettings
from mould_watch.storage.devices import DeviceReference
from mould_watch.supervisor.client import BrokerService

_LOGGER: Final = logging.getLogger(__name__)
_LOCAL_BROKER: Final = "localhost"


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
        return [_outcome(result) for result in results]

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


class TestedServices:
    """Says something to a service past the outbox: it is about no incident, and somebody waits."""

    # no test of pytest's
    __test__ = False

    def __init__(self, names: Collection[str], channel: Channel) -> None:
        """Know the services by `names`, and reach them over `channel`."""
        self._names = sorted(names)
        self._channel = channel

    def names(self) -> Sequence[str]:
        """Return what the services are called."""
        return self._names

    async def test(self, name: str, title: str, body: str) -> Trial:
        """Say it once and return what became of it."""
        delivery = await self._channel.deliver(
            ClaimedNotification(
                notification_id=uuid4(),
                incident_id=uuid4(),
                channel=self._channel.name,
                route=name,
                target=name,
                kind="alarm",
                severity=Level.NONE.value,
                message={"title": title, "body": body},
                attempt=1,
                claim_token=uuid4(),
                taken_over=False,
            )
        )
        if delivery.outcome is Outcome.DELIVERED:
            return Trial(is_delivered=True)
        return Trial(
            is_delivered=False,
            code=delivery.code or delivery.outcome.value,
            message=delivery.message or delivery.reason,
        )


class SubmittedToIngestion:
    """Hands what is posted to the API to ingestion: each sender is a source of its own."""

    def __init__(self, submissions: Submissions) -> None:
        """Store with `submissions`."""
        self._submissions = submissions

    async def store(
        self, source: str, readings: Sequence[SubmittedReading], *, lifts_age_limit: bool
    ) -> Sequence[ReadingOutcome]:
        """Store `readings`; one outcome each, in order, after the commit."""
        results = await self._submissions.store(
            [
                Submission(
                    DeviceReference(
                        source_instance=f"http:{source}",
                        native_id=reading.device,
                        name=reading.name or reading.device,
                    ),
                    reading.ts,
                    reading.metrics,
                    reading.extra,
                    is_named=reading.name is not None,
                )
                for reading in readings
            ],
            lifts_age_limit=lifts_age_limit,
        )
        return [_outcome(result) for result in results]


def _outcome(result: ReadingResult) -> ReadingOutcome:
    return ReadingOutcome(result.status, result.code, result.message, result.suspect)


class BrokerLookup:
    """Where the broker is, asked anew before each connection.

    The settings decide, else what the Supervisor offers, else it is on this machine.
    """

    def __init__(
        self,
        mqtt: MqttSettings,
        offered: Callable[[], Awaitable[BrokerService | None]] | None,
        keep_secret: Callable[[SecretStr], None],
    ) -> None:
        """Ask `offered` for the Supervisor's broker; None without a Supervisor.

        `keep_secret` is told each password before it is used.
        """
        self._mqtt = mqtt
        self._offered = offered
        self._keep_secret = keep_secret
        self._told = ""

    async def __call__(self) -> BrokerAddress:
        """Return the address to connect to now."""
        mqtt = self._mqtt
        if not mqtt.host and self._offered is not None:
            service = await self._offered()
            if service is not None:
                self._tell(f"The MQTT broker is {service.host}:{service.port}, the Supervisor says")
                return self._address(
                    service.host, service.port, service.username, service.password, tls=service.ssl
                )
        if mqtt.host:
            self._tell(f"The MQTT broker is {mqtt.host}:{mqtt.port}, the settings say")
        else:
            self._tell(
                "No MQTT broker is set (MOULD_WATCH_MQTT__HOST, or the app's option mqtt.host); "
                f"trying {_LOCAL_BROKER}:{mqtt.port}"
            )
        return self._address(
            mqtt.host or _LOCAL_BROKER, mqtt.port, mqtt.username, mqtt.password, tls=mqtt.tls
        )

    def _address(
        self,
        host: str,
        port: int,
        username: str | None,
        password: SecretStr | None,
        *,
        tls: bool,
    ) -> BrokerAddress:
        if password is not None:
            self._keep_secret(password)
        return BrokerAddress(
            host=host,
            port=port,
            username=username,
            password=password,
            tls=self._tls_files() if tls else None,
        )

    def _tls_files(self) -> TlsFiles:
        mqtt = self._mqtt
        if mqtt.client_key_password is not None:
            self._keep_secret(mqtt.client_key_password)
        return TlsFiles(
            ca_file=mqtt.ca_file,
            certificate_file=mqtt.client_certificate_file,
            key_file=mqtt.client_key_file,
            key_password=mqtt.client_key_password,
        )

    def _tell(self, where: str) -> None:
        """Log where the broker is, once until it is somewhere else."""
        if where != self._told:
            self._told = where
            _LOGGER.info("%s.", where, extra={"action": "broker_looked_up"})
