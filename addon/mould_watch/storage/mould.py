"""The mould index of a room as it is kept: daily checkpoints, and the episodes it is counted in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID, uuid4

from mould_watch.domain.mould.band import BandState
from mould_watch.domain.mould.index import MouldState
from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("mould")
_PARTS: Final = ("index", "dry_hours", "peak")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The index at the beginning (UTC) of a day."""

    day: date
    band: BandState


@dataclass(frozen=True, slots=True)
class Episode:
    """When the index of a room began anew, with what, and why: told, cleaned, renewed."""

    began_at: datetime
    reason: str
    start_index: float
    # the greatest index of the episode before
    peak_before: float | None = None


async def checkpoint(connection: Connection, subject_id: int, day: date) -> Checkpoint | None:
    """Return the newest checkpoint not after `day`."""
    row = await connection.fetchrow(_QUERIES.checkpoint, subject_id, day)
    if row is None:
        return None
    low, mid, high = (
        MouldState(*(row[f"{name}_{part}"] for part in _PARTS)) for name in ("low", "mid", "high")
    )
    return Checkpoint(row["day"], BandState(low, mid, high))


async def forget_checkpoints(connection: Connection, subject_id: int, after: date) -> None:
    """Remove the checkpoints after a day: they are to be reckoned anew."""
    await connection.execute(_QUERIES.delete_checkpoints, subject_id, after)


async def write_checkpoints(
    connection: Connection, subject_id: int, checkpoints: Sequence[Checkpoint]
) -> None:
    """Write checkpoints; one that is there is replaced."""
    if not checkpoints:
        return
    columns = [
        [getattr(getattr(one.band, name), part) for one in checkpoints]
        for name in ("low", "mid", "high")
        for part in _PARTS
    ]
    await connection.execute(
        _QUERIES.write_checkpoints, subject_id, [one.day for one in checkpoints], *columns
    )


async def episodes(connection: Connection, room_id: UUID) -> list[Episode]:
    """Return a room's episodes in order, without the first, which begins with its readings."""
    rows = await connection.fetch(_QUERIES.episodes, room_id)
    return [Episode(**dict(row)) for row in rows]


async def begin_episode(
    connection: Connection,
    room_id: UUID,
    reason: str,
    start_index: float,
    action_id: UUID | None = None,
) -> None:
    """Let the index of a room begin anew now; an action that was taken before begins nothing."""
    await connection.execute(
        _QUERIES.insert_episode, room_id, reason, start_index, action_id or uuid4()
    )


async def request_evaluation(connection: Connection, subject_id: int) -> None:
    """Ask for a subject to be judged anew."""
    await connection.execute(_QUERIES.request_evaluation, subject_id)


async def keep_peak(connection: Connection, room_id: UUID, began_at: datetime, peak: float) -> None:
    """Keep with an episode how far it had come before it began."""
    await connection.execute(_QUERIES.keep_peak, room_id, began_at, peak)


async def outlook(connection: Connection, subject_id: int) -> tuple[dict[str, Any], str] | None:
    """Return the outlook that is kept, and what it was reckoned from."""
    row = await connection.fetchrow(_QUERIES.outlook, subject_id)
    if row is None or row["outlook"] is None:
        return None
    return row["outlook"], row["outlook_key"]


async def store_outlook(
    connection: Connection, subject_id: int, reckoned: Mapping[str, Any], key: str
) -> None:
    """Keep an outlook with what it was reckoned from."""
    await connection.execute(_QUERIES.store_outlook, subject_id, dict(reckoned), key)
