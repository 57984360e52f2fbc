"""Summaries on phones: which may go, because all that they tell of is over, seen or put off."""

from typing import Final
from uuid import UUID

from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("summaries")


async def over(connection: Connection) -> list[UUID]:
    """Return the summaries that phones show and nobody needs any more."""
    return [row["id"] for row in await connection.fetch(_QUERIES.over, None)]


async def take_away(connection: Connection, summary_id: UUID) -> UUID | None:
    """Write that a summary goes from its phone, inside the transaction of `connection`.

    Return the id of what was written; None: somebody writes in its lane, or it is no longer to go.
    """
    if await connection.fetchval(_QUERIES.lock, summary_id) is None:
        return None
    # its lane may have gone on, or others told of it, before it was locked
    if not await connection.fetch(_QUERIES.over, [summary_id]):
        return None
    written: UUID = await connection.fetchval(_QUERIES.take_away, summary_id)
    return written
