"""The rows of a spool: messages, and between them the connections they came over. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum, IntFlag
from hashlib import blake2b
from typing import Final
from uuid import UUID

from mould_watch.errors import SpoolDamagedError
from mould_watch.ingest.source import IncomingMessage

COLUMNS: Final = (
    "kind",
    "topic",
    "payload",
    "qos",
    "flags",
    "packet_id",
    "received_us",
    "monotonic_us",
    "boot",
    "doubt",
    "checksum",
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_ROW_BYTES: Final = 120
"""What a row takes beside its topic and payload, about."""

type _Fields = tuple[int, bytes, bytes, int, int, int, int, int, bytes, bytes]
type Row = tuple[int, bytes, bytes, int, int, int, int, int, bytes, bytes, int]


class _Kind(IntEnum):
    MESSAGE = 0
    CONNECTION = 1


class _Flag(IntFlag):
    RETAIN = 1
    DUP = 2
    # of a message: received in a resumed session; of a connection: the session was resumed
    RESUMED = 4
    REDELIVERY_PHASE = 8
    BACKLOG = 16
    MARKER = 32
    # the clock that `received_us` was read from could be trusted
    CLOCK_TRUSTED = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SpooledMessage:
    """A message, as it was received."""

    message: IncomingMessage
    # boot of the machine that its monotonic time counts in
    boot: UUID
    clock_trusted: bool
    # the batch it was in when a COMMIT was not answered: it may be in the database already
    doubt: UUID | None = None


@dataclass(frozen=True, slots=True)
class SpooledConnection:
    """The messages after it came over a new connection to the broker."""

    resumed: bool


type Spooled = SpooledMessage | SpooledConnection


@dataclass(frozen=True, slots=True)
class SpooledRow:
    """A row and where it stands."""

    position: int
    content: Spooled


def size_bytes(topic: bytes, payload: bytes) -> int:
    """Return how much of the spool's room a row takes."""
    return _ROW_BYTES + len(topic) + len(payload)


def encode(content: Spooled) -> Row:
    """Return the columns of a row."""
    if isinstance(content, SpooledConnection):
        flags = _Flag.RESUMED if content.resumed else _Flag(0)
        fields: _Fields = (int(_Kind.CONNECTION), b"", b"", 0, int(flags), 0, 0, 0, b"", b"")
    else:
        message = content.message
        fields = (
            int(_Kind.MESSAGE),
            message.topic.encode(errors="surrogatepass"),
            message.payload,
            message.qos,
            int(_flags(content)),
            message.packet_id,
            (message.received_at - _EPOCH) // _MICROSECOND,
            round(message.received_monotonic_s * 1e6),
            content.boot.bytes,
            b"" if content.doubt is None else content.doubt.bytes,
        )
    return (*fields, _checksum(fields))


def decode(row: Row) -> Spooled:
    """Return what a row holds; raises SpoolDamagedError when it is not what was written."""
    kind, topic, payload, qos, bits, packet_id, received_us, monotonic_us, boot, doubt, seal = row
    try:
        intact = seal == _checksum(row[:-1])
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        raise SpoolDamagedError(f"a row holds other types than were written ({error})") from error
    if not intact:
        raise SpoolDamagedError("a row is not what was written")
    flags = _Flag(bits)
    if kind == _Kind.CONNECTION:
        return SpooledConnection(resumed=_Flag.RESUMED in flags)
    return SpooledMessage(
        message=IncomingMessage(
            topic=topic.decode(errors="surrogatepass"),
            payload=payload,
            qos=qos,
            retain=_Flag.RETAIN in flags,
            dup=_Flag.DUP in flags,
            packet_id=packet_id,
            received_at=_EPOCH + received_us * _MICROSECOND,
            received_monotonic_s=monotonic_us / 1e6,
            generation=0,
            session_resumed=_Flag.RESUMED in flags,
            redelivery_phase=_Flag.REDELIVERY_PHASE in flags,
            backlog=_Flag.BACKLOG in flags,
            marker=_Flag.MARKER in flags,
        ),
        boot=UUID(bytes=boot),
        clock_trusted=_Flag.CLOCK_TRUSTED in flags,
        doubt=UUID(bytes=doubt) if doubt else None,
    )


def _flags(content: SpooledMessage) -> _Flag:
    message = content.message
    said = {
        _Flag.RETAIN: message.retain,
        _Flag.DUP: message.dup,
        _Flag.RESUMED: message.session_resumed,
        _Flag.REDELIVERY_PHASE: message.redelivery_phase,
        _Flag.BACKLOG: message.backlog,
        _Flag.MARKER: message.marker,
        _Flag.CLOCK_TRUSTED: content.clock_trusted,
    }
    flags = _Flag(0)
    for flag, is_set in said.items():
        if is_set:
            flags |= flag
    return flags


def _checksum(fields: _Fields) -> int:
    digest = blake2b(digest_size=8)
    for field in fields:
        # each with its length before it: no two rows share their input
        part = field if isinstance(field, bytes) else field.to_bytes(9, signed=True)
        digest.update(len(part).to_bytes(4))
        digest.update(part)
    return int.from_bytes(digest.digest(), signed=True)
