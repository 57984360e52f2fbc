"""How far each spool has been drained: kept in the transactions of the drain itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from mould_watch.storage.connections import Connection
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("spool")

STANDSTILL_S: Final = 600.0
"""A drain without a step for so long is over: its process, or its disk, is gone."""


@dataclass(frozen=True, slots=True)
class SpoolPlace:
    """A place in a spool: everything up to `position` is in the database."""

    spool_id: UUID
    position: int


async def begin_drain(connection: Connection, spool_id: UUID, now: datetime) -> SpoolPlace:
    """Note that a spool is being drained; return how far it was drained before."""
    position: int = await connection.fetchval(_QUERIES.begin_drain, spool_id, now)
    return SpoolPlace(spool_id, position)


async def note_drained(connection: Connection, place: SpoolPlace) -> None:
    """Note how far a spool is drained with this transaction."""
    await connection.execute(_QUERIES.note_position, place.spool_id, place.position)


async def defer_evaluations(
    connection: Connection, spool_id: UUID, earliest: Mapping[int, datetime]
) -> None:
    """Keep for the end of the drain that these devices have new readings since these times."""
    await connection.execute(
        _QUERIES.defer_evaluations, spool_id, list(earliest), list(earliest.values())
    )


async def end_drain(connection: Connection, spool_id: UUID) -> None:
    """Note that a spool is empty, and have everything that came out of it judged once."""
    await connection.execute(_QUERIES.request_evaluations, spool_id)
    await connection.execute(_QUERIES.end_drain, spool_id)


async def draining_since(connection: Connection) -> datetime | None:
    """Return since when readings of an outage are being caught up with; None: they are not.

    Until then silence may only mean that what was received is not stored yet: rules about
    missing data are not judged meanwhile.
    """
    since: datetime | None = await connection.fetchval(_QUERIES.draining_since, STANDSTILL_S)
    return since
