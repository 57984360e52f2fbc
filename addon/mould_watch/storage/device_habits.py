"""How often devices report: learned by ingestion, read by the rules."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from mould_watch.domain.reporting import MINUTES_KEPT
from mould_watch.storage.connections import Connection
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("device_habits")


async def reporting_times(
    connection: Connection, device_id: int, since: datetime
) -> list[datetime]:
    """Return the newest minutes in which a device reported, in order; none of before `since`."""
    rows = await connection.fetch(_QUERIES.reporting_minutes, device_id, MINUTES_KEPT, since)
    return [row["minute"] for row in reversed(rows)]


async def write_intervals(connection: Connection, intervals_s: Mapping[int, float]) -> None:
    """Write how often devices report; nothing where it is what is known."""
    if intervals_s:
        await connection.execute(_QUERIES.write, list(intervals_s), list(intervals_s.values()))
