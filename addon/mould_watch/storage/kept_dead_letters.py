"""Dead letters as people see them: listed, shown, removed, and put aside when tried again.

What is removed or became a reading stays counted: `dead_letter_count` says what came, not what
is left. Functions that change anything take an open transaction.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import asyncpg

from mould_watch.storage.connections import Connection
from mould_watch.storage.dead_letters import lock_total
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("kept_dead_letters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which dead letters are meant: those that are all of what is not None."""

    topic: str | None = None
    reason: str | None = None
    before: datetime | None = None


EVERYTHING: Final = Selection()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDeadLetter:
    """A dead letter without its payload."""

    letter_id: int
    received_at: datetime
    source: str
    topic: str
    qos: int | None
    retained: bool
    backlog: bool
    reason: str
    detail: str
    # of the whole payload; of it the first `kept_size` bytes are kept
    payload_size: int
    payload_sha256: bytes
    kept_size: int
    # the last time it was tried again, in vain
    replayed_at: datetime | None

    @property
    def can_be_replayed(self) -> bool:
        """Return whether the whole payload was kept."""
        return self.kept_size == self.payload_size


@dataclass(frozen=True, slots=True)
class Kind:
    """How many came of a topic and reason; both empty: of all that had no count of their own."""

    topic: str
    reason: str
    count: int
    last_day: date


@dataclass(frozen=True, slots=True)
class Total:
    """The sums."""

    # all that ever came
    count: int
    kept: int
    kept_bytes: int
    # bodies that went because all together were too large
    bodies_removed: int


async def newest(
    connection: Connection, selection: Selection, maximum: int, before_id: int | None = None
) -> list[KeptDeadLetter]:
    """Return the newest that are meant, at most `maximum`, with ids below `before_id`."""
    rows = await connection.fetch(
        _QUERIES.newest, selection.topic, selection.reason, selection.before, before_id, maximum
    )
    return [_kept(row) for row in rows]


async def following(
    connection: Connection, selection: Selection, maximum: int, after_id: int
) -> list[int]:
    """Return the ids of the first that are meant after an id, in the order they came."""
    rows = await connection.fetch(
        _QUERIES.following, selection.topic, selection.reason, selection.before, after_id, maximum
    )
    return [row["id"] for row in rows]


async def kinds(connection: Connection, maximum: int) -> list[Kind]:
    """Return what came of each topic and reason, most first."""
    rows = await connection.fetch(_QUERIES.kinds, maximum)
    return [Kind(row["topic"], row["reason"], row["count"], row["last_day"]) for row in rows]


async def total(connection: Connection) -> Total:
    """Return the sums."""
    row = await connection.fetchrow(_QUERIES.total)
    assert row is not None  # noqa: S101 - a table of one row
    return Total(row["count"], row["kept"], row["bytes"], row["bodies_removed"])


async def find(connection: Connection, letter_id: int) -> tuple[KeptDeadLetter, bytes] | None:
    """Return a dead letter and what is kept of its payload; None when it is not there."""
    row = await connection.fetchrow(_QUERIES.one, letter_id)
    return None if row is None else (_kept(row), row["payload"])


async def lock(connection: Connection, letter_id: int) -> bool:
    """Let nobody else change it until the transaction ends; False when it is gone."""
    await lock_total(connection)
    return await connection.fetchval(_QUERIES.lock, letter_id) is not None


async def note_failed(
    connection: Connection, letter_id: int, reason: str, detail: str, at: datetime
) -> None:
    """Note that a dead letter was tried again and is still one; it must be locked.

    It stays among those of the kind it came as: that bounds it.
    """
    await connection.execute(_QUERIES.note_failed, letter_id, reason, detail, at)


async def remove(connection: Connection, letter_id: int) -> bool:
    """Remove one; False when it is not there."""
    return await _remove(connection, letter_id, EVERYTHING) == 1


async def purge(connection: Connection, selection: Selection) -> int:
    """Remove all that are meant; return how many."""
    return await _remove(connection, None, selection)


async def _remove(connection: Connection, letter_id: int | None, selection: Selection) -> int:
    await lock_total(connection)
    count: int = await connection.fetchval(
        _QUERIES.remove, letter_id, selection.topic, selection.reason, selection.before
    )
    return count


def _kept(row: asyncpg.Record) -> KeptDeadLetter:
    values: dict[str, Any] = {
        name: row[name] for name in KeptDeadLetter.__slots__ if name != "letter_id"
    }
    return KeptDeadLetter(letter_id=row["id"], **values)
