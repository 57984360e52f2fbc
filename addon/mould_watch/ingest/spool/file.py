"""The SQLite file of a spool. Every call blocks until the disk has answered: one thread's.

WAL with synchronous FULL: what `append` returned for survives a power cut. Positions grow for
ever and are never used twice, so that the database can say up to where it has them.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast
from uuid import UUID, uuid4

from mould_watch.errors import SpoolDamagedError, SpoolUnusableError
from mould_watch.ingest.spool.rows import COLUMNS, Row, SpooledRow, decode, size_bytes
from mould_watch.observability import failpoints

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS spooled (
    position     INTEGER PRIMARY KEY AUTOINCREMENT,
    kind         INTEGER NOT NULL,
    topic        BLOB NOT NULL,
    payload      BLOB NOT NULL,
    qos          INTEGER NOT NULL,
    flags        INTEGER NOT NULL,
    packet_id    INTEGER NOT NULL,
    received_us  INTEGER NOT NULL,
    monotonic_us INTEGER NOT NULL,
    boot         BLOB NOT NULL,
    doubt        BLOB NOT NULL,
    checksum     INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS identity (id BLOB NOT NULL);
"""
_INSERT: Final = (
    f"INSERT INTO spooled ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608
)
_INSERT_AT: Final = (
    f"INSERT OR IGNORE INTO spooled (position, {', '.join(COLUMNS)})"  # noqa: S608
    f" VALUES (?, {', '.join('?' * len(COLUMNS))})"
)
SELECT: Final = f"SELECT position, {', '.join(COLUMNS)} FROM spooled"  # noqa: S608
_DAMAGES: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_LAST_POSITION: Final = 2**63 - 1
_FILE_GROWN_BYTES: Final = 4 * 1024 * 1024
"""An empty spool larger than this gives its room back."""

_SAFETY_DISTANCE: Final = 1_000_000
"""So many positions a damaged file may have given out without knowing of them any more."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a spool."""

    spool_id: UUID
    count: int
    # of the rows, not of the file
    used_bytes: int


class SpoolFile:
    """One open file. After an error it may be used again, unless it is damaged."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; raises SpoolUnusableError or SpoolDamagedError."""
        self.path = path
        with _explained():
            self._connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=5.0
            )
        try:
            with _explained():
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = FULL")
                self._check()
                self._connection.executescript(_SCHEMA)
                self.spool_id = self._identity()
        except BaseException:
            self.close()
            raise

    def contents(self) -> Contents:
        """Return what is in it."""
        with _explained():
            return Contents(self.spool_id, *self._used(_LAST_POSITION))

    def append(self, rows: Sequence[Row]) -> None:
        """Append rows; all of them are on the disk when this returns, or none."""
        with _explained(), self._transaction():
            self._connection.executemany(_INSERT, rows)
            failpoints.reached("inside_spool_write")

    def head(self, maximum: int) -> list[SpooledRow]:
        """Return the oldest rows."""
        with _explained():
            rows = self._connection.execute(
                f"{SELECT} ORDER BY position LIMIT ?", (maximum,)
            ).fetchall()
        return [SpooledRow(row[0], decode(cast("Row", row[1:]))) for row in rows]

    def remove(self, position: int) -> tuple[int, int]:
        """Remove everything up to a position; return how many rows and bytes that was."""
        with _explained(), self._transaction():
            count, used_bytes = self._used(position)
            self._connection.execute("DELETE FROM spooled WHERE position <= ?", (position,))
        return count, used_bytes

    def shrink(self) -> None:
        """Give the room of an empty file back to the disk."""
        with _explained():
            if self.path.stat().st_size > _FILE_GROWN_BYTES:
                self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def adopt(self, spool_id: UUID, rows: Iterator[tuple[int, Row]], least_position: int) -> int:
        """Take over a damaged file's identity and rows; return how many rows.

        New positions begin far beyond its rows and `least_position`.
        """
        taken, highest = 0, least_position
        with _explained(), self._transaction():
            self._connection.execute("UPDATE identity SET id = ?", (spool_id.bytes,))
            for position, row in rows:
                # a broken tree may lead to a row by two ways
                taken += self._connection.execute(_INSERT_AT, (position, *row)).rowcount
                highest = max(highest, position)
            self._connection.execute("DELETE FROM sqlite_sequence WHERE name = 'spooled'")
            self._connection.execute(
                "INSERT INTO sqlite_sequence (name, seq) VALUES ('spooled', ?)",
                (highest + _SAFETY_DISTANCE,),
            )
        self.spool_id = spool_id
        return taken

    def close(self) -> None:
        """Close; the file stays."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def _used(self, position: int) -> tuple[int, int]:
        count, used = self._connection.execute(
            "SELECT count(*), coalesce(sum(length(topic) + length(payload)), 0) FROM spooled"
            " WHERE position <= ?",
            (position,),
        ).fetchone()
        return count, used + count * size_bytes(b"", b"")

    def _check(self) -> None:
        (verdict,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise SpoolDamagedError(f"{self.path}: {verdict}")

    def _identity(self) -> UUID:
        row = self._connection.execute("SELECT id FROM identity").fetchone()
        if row is None:
            made = uuid4()
            self._connection.execute("INSERT INTO identity (id) VALUES (?)", (made.bytes,))
            return made
        try:
            return UUID(bytes=row[0])
        except (TypeError, ValueError) as error:
            raise SpoolDamagedError(f"{self.path} does not know which spool it is") from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise


@contextmanager
def _explained() -> Iterator[None]:
    """Raise what SQLite says in this program's words."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _DAMAGES:
            raise SpoolDamagedError(str(error)) from error
        if code == sqlite3.SQLITE_FULL:
            raise SpoolUnusableError("its disk is full", full=True) from error
        raise SpoolUnusableError(f"its file cannot be used ({error})") from error
    except OSError as error:
        raise SpoolUnusableError(f"its file cannot be used ({error.strerror})") from error
