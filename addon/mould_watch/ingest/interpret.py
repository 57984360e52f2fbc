"""From a message to what is written of it: decoded, timed, and with its ending known. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, Literal

from mould_watch.errors import UndecodableMessageError
from mould_watch.ingest.decoded import (
    Counted,
    Decoded,
    DecodedAnnouncement,
    DecodedAvailability,
    DecodedIdentities,
    DecodedReading,
    DecodedSeveral,
)
from mould_watch.ingest.decoder import Decoder
from mould_watch.ingest.fingerprint import fingerprint
from mould_watch.ingest.registry import DecoderRegistry
from mould_watch.ingest.source import IncomingMessage
from mould_watch.ingest.times import settle
from mould_watch.settings import IngestSettings
from mould_watch.storage.dead_letters import DeadLetter, storable
from mould_watch.storage.devices import DeviceLabel, DeviceReference, KnownDevice
from mould_watch.storage.discovery import Announcement
from mould_watch.storage.ingestion import NewReading

CONTROL_PAYLOAD_MAXIMUM_BYTES: Final = 16 * 1024 * 1024
"""`bridge/devices` of a large Zigbee network has megabytes."""

DEAD_LETTER_PAYLOAD_MAXIMUM_BYTES: Final = 64 * 1024
_DETAIL_MAXIMUM_CHARACTERS: Final = 500
_BARE_TOPIC_MAXIMUM_CHARACTERS: Final = 200

REFUSED: Final = "refused_by_database"
"""The reason of a dead letter whose message could be understood."""

UNKNOWN_SOURCE: Final = "mqtt"
"""The source of what no decoder claims."""

type Ending = Literal["unwatched", "control", "retained"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreted:
    """A message and what is to be written of it."""

    message: IncomingMessage
    source: str
    fingerprint: int
    # one for each device that the message has values of
    readings: tuple[NewReading, ...] = ()
    dead_letter: DeadLetter | None = None
    # devices the message makes known, whether or not it leaves a reading
    known: tuple[DeviceReference, ...] = ()
    identities: tuple[KnownDevice, ...] = ()
    labels: tuple[DeviceLabel, ...] = ()
    availability: tuple[DecodedAvailability, ...] = ()
    announcement: Announcement | None = None
    # how it is counted when it leaves neither reading nor dead letter; None: our own marker
    ending: Ending | None = None
    # a redelivery, received later, would be given another time
    from_receipt: bool = False

    @property
    def needs_delivery(self) -> bool:
        """Return whether only its MQTT delivery tells a redelivery from a new message.

        A reading that brings its time is recognised by that. What leaves nothing but its count
        would be counted twice.
        """
        return self.from_receipt or self.ending is not None


class Interpreter:
    """Decides what becomes of each message."""

    def __init__(self, registry: DecoderRegistry, settings: IngestSettings) -> None:
        self._registry = registry
        self._settings = settings

    def interpret(self, message: IncomingMessage) -> Interpreted:
        """Return what is to be written; never raises for anything a message can hold."""
        if message.marker:
            return Interpreted(message=message, source=UNKNOWN_SOURCE, fingerprint=0)
        decoders = self._registry.decoders_for(message.topic)
        source = decoders[0].source_instance if len(decoders) == 1 else UNKNOWN_SOURCE
        mark = fingerprint(source, message.topic, message.payload)
        if not decoders:
            return Interpreted(message=message, source=source, fingerprint=mark, ending="unwatched")
        if len(decoders) > 1:
            names = " and ".join(sorted({one.source_instance for one in decoders}))
            return _dead(
                message,
                source,
                mark,
                "ambiguous_topic",
                f"{names} both listen to this topic; rename the device or its topic",
            )
        decoder = decoders[0]
        try:
            decoded = self._decode(decoder, message)
        except UndecodableMessageError as error:
            return _dead(message, source, mark, error.reason, str(error))
        return self._settled(decoded, message, source, mark)

    def learn(self, messages: Iterable[IncomingMessage]) -> None:
        """Learn what messages announce that are understood only later, out of the spool.

        Else nobody would listen to a device that announces itself while the database is away.
        """
        for message in messages:
            if not message.marker:
                self._registry.learn(message.topic, message.payload)

    def _decode(self, decoder: Decoder, message: IncomingMessage) -> Decoded:
        maximum = (
            CONTROL_PAYLOAD_MAXIMUM_BYTES
            if decoder.is_control(message.topic)
            else self._settings.payload_maximum_bytes
        )
        if len(message.payload) > maximum:
            raise UndecodableMessageError(
                "payload_too_large",
                f"{len(message.payload)} bytes are more than the {maximum} a message may have",
            )
        return decoder.decode(message.topic, message.payload)

    def _settled(
        self, decoded: Decoded, message: IncomingMessage, source: str, mark: int
    ) -> Interpreted:
        match decoded:
            case DecodedReading():
                return self._readings(DecodedSeveral((decoded,)), message, source, mark)
            case DecodedSeveral():
                return self._readings(decoded, message, source, mark)
            case DecodedIdentities():
                return Interpreted(
                    message=message,
                    source=source,
                    fingerprint=mark,
                    identities=decoded.identities,
                    ending="control",
                )
            case DecodedAvailability():
                return Interpreted(
                    message=message,
                    source=source,
                    fingerprint=mark,
                    availability=(decoded,),
                    ending="control",
                )
            case DecodedAnnouncement():
                return Interpreted(
                    message=message,
                    source=source,
                    fingerprint=mark,
                    known=decoded.known,
                    labels=decoded.labels,
                    announcement=Announcement(decoded.topic, decoded.payload, decoded.claims),
                    ending="control",
                )
            case Counted():
                return Interpreted(
                    message=message, source=source, fingerprint=mark, ending=decoded.ending
                )

    def _readings(
        self, decoded: DecodedSeveral, message: IncomingMessage, source: str, mark: int
    ) -> Interpreted:
        readings, known = [], []
        from_receipt = False
        for one in decoded.readings:
            settled = settle(
                one.at,
                message.received_at,
                backlog=message.backlog,
                retained=message.retain,
                future_maximum_s=self._settings.future_maximum_s,
                age_maximum_s=self._settings.age_maximum_s,
            )
            if settled is None:
                known.append(one.device)
                continue
            from_receipt = from_receipt or settled.from_receipt
            readings.append(
                NewReading(
                    device=one.device,
                    ts=settled.ts,
                    fingerprint=mark,
                    received_at=message.received_at,
                    time_quality=settled.quality,
                    qos=message.qos,
                    metrics=one.metrics,
                    extra=one.extra,
                    retained=message.retain,
                )
            )
        ending: Ending | None = None
        if not readings:
            ending = "retained" if known else "control"
        return Interpreted(
            message=message,
            source=source,
            fingerprint=mark,
            readings=tuple(readings),
            known=tuple(known),
            identities=tuple(one.identity for one in decoded.readings if one.identity is not None),
            labels=tuple(one.label for one in decoded.readings if one.label is not None),
            availability=decoded.availability,
            ending=ending,
            from_receipt=from_receipt,
        )


def refused(interpreted: Interpreted, sqlstate: str, detail: str) -> Interpreted:
    """Return the message as a dead letter that the database refused with this SQLSTATE.

    A dead letter that is refused itself keeps of its texts only what nothing can object to, so
    that it stands in nobody's way: a topic in ASCII and short, no word of its own, no payload.
    """
    dead = _dead(
        interpreted.message,
        interpreted.source,
        interpreted.fingerprint,
        REFUSED,
        f"{sqlstate}: {detail}",
    )
    letter = dead.dead_letter
    if interpreted.dead_letter is None or letter is None:
        return dead
    topic = letter.topic.encode("ascii", errors="backslashreplace").decode()
    was = interpreted.dead_letter.reason
    return replace(
        dead,
        dead_letter=replace(
            letter,
            topic=topic[:_BARE_TOPIC_MAXIMUM_CHARACTERS],
            detail=f"{sqlstate}: the database refuses to keep it as {was}",
            payload=b"",
        ),
    )


def _dead(
    message: IncomingMessage, source: str, mark: int, reason: str, detail: str
) -> Interpreted:
    return Interpreted(
        message=message,
        source=source,
        fingerprint=mark,
        dead_letter=DeadLetter(
            received_at=message.received_at,
            source=source,
            topic=storable(message.topic),
            qos=message.qos,
            reason=reason,
            detail=storable(detail)[:_DETAIL_MAXIMUM_CHARACTERS],
            payload=message.payload[:DEAD_LETTER_PAYLOAD_MAXIMUM_BYTES],
            payload_size=len(message.payload),
            payload_sha256=sha256(message.payload).digest(),
            fingerprint=mark,
            retained=message.retain,
            backlog=message.backlog,
        ),
        from_receipt=True,
    )
