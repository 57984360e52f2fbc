"""The discovery messages that announce watched values. Every function takes a connection."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("discovery")


@dataclass(frozen=True, slots=True)
class Claim:
    """A metric of a device, which one of its components holds for ever."""

    native_id: str
    column: str


@dataclass(frozen=True, slots=True)
class Announcement:
    """A discovery message: new, changed, or (without a payload) taken back."""

    topic: str
    payload: bytes | None
    # (claim, key of the component that holds it)
    claims: Sequence[tuple[Claim, str]] = ()


@dataclass(frozen=True, slots=True)
class StoredDiscovery:
    """What is known of discovery."""

    configurations: Mapping[str, bytes]
    claims: Sequence[tuple[Claim, str]]


async def load(connection: Connection) -> StoredDiscovery:
    """Return all of it, the configurations in the order in which they were first seen."""
    configurations = await connection.fetch(_QUERIES.configurations)
    claims = await connection.fetch(_QUERIES.claims)
    return StoredDiscovery(
        {row["topic"]: row["payload"] for row in configurations},
        [(Claim(row["native_id"], row["metric"]), row["component"]) for row in claims],
    )


async def write(connection: Connection, announcements: Iterable[Announcement]) -> None:
    """Keep what announcements say, of each topic the last. Idempotent; writes differences only."""
    latest = {one.topic: one for one in announcements}
    if not latest:
        return
    kept = [(one.topic, one.payload) for one in latest.values() if one.payload is not None]
    claims = {claim: component for one in latest.values() for claim, component in one.claims}
    await connection.execute(
        _QUERIES.remove, [one.topic for one in latest.values() if one.payload is None]
    )
    await connection.execute(
        _QUERIES.keep, [topic for topic, _ in kept], [payload for _, payload in kept]
    )
    await connection.execute(
        _QUERIES.claim,
        [claim.native_id for claim in claims],
        [claim.column for claim in claims],
        list(claims.values()),
    )
