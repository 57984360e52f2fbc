"""The showers of a room, and how fast it dried after each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from mould_watch.domain.drying import COMPARED_NEWEST, NEWEST, Shower
from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("showers")


async def replace_showers(
    connection: Connection,
    subject_id: int,
    found: Sequence[Shower],
    start: datetime,
    end: datetime,
) -> None:
    """Let the showers that began in [start, end) be these."""
    await connection.execute(_QUERIES.forget, subject_id, start, end)
    if found:
        await connection.execute(
            _QUERIES.write,
            subject_id,
            [one.started_at for one in found],
            [one.peak_at for one in found],
            [one.before_g_m3 for one in found],
            [one.peak_g_m3 for one in found],
            [one.rate_per_h for one in found],
        )


async def newest_showers(connection: Connection, subject_id: int) -> list[Shower]:
    """Return the newest showers of which the drying is clear, oldest first."""
    rows = await connection.fetch(_QUERIES.newest, subject_id, NEWEST + COMPARED_NEWEST)
    return [Shower(**dict(row)) for row in reversed(rows)]
