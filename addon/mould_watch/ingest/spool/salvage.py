"""What can still be read of a damaged spool, row by row."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Final, cast
from uuid import UUID, uuid4

from mould_watch.errors import SpoolDamagedError
from mould_watch.ingest.spool.file import SELECT, SpoolFile
from mould_watch.ingest.spool.rows import Row, decode

_SUFFIXES: Final = ("", "-wal", "-shm")
_HEADER_BYTES: Final = 100
_LENGTHENED_MAXIMUM_BYTES: Final = 2**36
"""Zeros that are not there take no room on the disk; a length beyond this is damage itself."""

_GAP_MAXIMUM: Final = 1_000_000
"""So many positions between two readable ends are tried one by one."""


@dataclass(slots=True)
class Salvaged:
    """What became of a damaged file."""

    set_aside: Path
    rows: int = 0
    # rows that are there and cannot be read, as far as it can be told
    unreadable: int = 0


def salvage(path: Path, at: datetime) -> tuple[SpoolFile, Salvaged]:
    """Set a damaged file aside and return a new one with whatever of it can be read.

    Raises SpoolUnusableError when the disk takes nothing; the damaged file is where it was then.
    """
    done = Salvaged(_free_name(path, at))
    _move(path, done.set_aside)
    try:
        fresh = SpoolFile(path)
        try:
            _take_over(fresh, done)
        except BaseException:
            fresh.close()
            raise
    except BaseException:
        for suffix in _SUFFIXES:
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        _move(done.set_aside, path)
        raise
    return fresh, done


def _take_over(fresh: SpoolFile, done: Salvaged) -> None:
    _lengthen(done.set_aside)
    with closing(sqlite3.connect(done.set_aside, isolation_level=None)) as damaged:
        # An unknown spool may not pass for a known one: the database would think that it has
        # its rows already.
        identity = _identity(damaged) or uuid4()
        done.rows = fresh.adopt(identity, _readable(damaged, done), _sequence(damaged))


def _free_name(path: Path, at: datetime) -> Path:
    stem = f"{path.stem}-damaged-{at:%Y%m%dT%H%M%SZ}"
    for number in count(1):
        target = path.with_name(f"{stem}-{number}{path.suffix}")
        if not target.exists():
            return target
    raise AssertionError("numbers do not end")


def _move(source: Path, target: Path) -> None:
    for suffix in _SUFFIXES:
        with suppress(FileNotFoundError):
            source.with_name(source.name + suffix).rename(target.with_name(target.name + suffix))


def _lengthen(path: Path) -> None:
    """Give a file that was cut short the length it says it has: SQLite reads no page of it else."""
    with path.open("r+b") as file:
        header = file.read(_HEADER_BYTES)
        if not header.startswith(b"SQLite format 3\0") or len(header) < _HEADER_BYTES:
            return
        page_bytes = int.from_bytes(header[16:18])
        length = (65536 if page_bytes == 1 else page_bytes) * int.from_bytes(header[28:32])
        if 0 <= length - path.stat().st_size <= _LENGTHENED_MAXIMUM_BYTES:
            file.truncate(length)


def _identity(damaged: sqlite3.Connection) -> UUID | None:
    with suppress(sqlite3.Error, TypeError, ValueError):
        row = damaged.execute("SELECT id FROM identity").fetchone()
        return None if row is None else UUID(bytes=row[0])
    return None


def _sequence(damaged: sqlite3.Connection) -> int:
    """Return the highest position it knows that it has given out."""
    with suppress(sqlite3.Error, TypeError, ValueError):
        row = damaged.execute("SELECT seq FROM sqlite_sequence WHERE name = 'spooled'").fetchone()
        return int(row[0])
    return 0


def _readable(damaged: sqlite3.Connection, done: Salvaged) -> Iterator[tuple[int, Row]]:
    """Yield the rows that are what was written: from the front, between, and from the back."""
    last = 0
    for position, row in _until_broken(damaged, f"{SELECT} ORDER BY position"):
        last = position
        if _is_intact(row, done):
            yield position, row
    back = list(_until_broken(damaged, f"{SELECT} WHERE position > {last} ORDER BY position DESC"))
    end = back[-1][0] if back else max(last, _sequence(damaged)) + 1
    for position in range(last + 1, min(end, last + _GAP_MAXIMUM)):
        row_or_none = _at(damaged, position, done)
        if row_or_none is not None and _is_intact(row_or_none, done):
            yield position, row_or_none
    for position, row in reversed(back):
        if _is_intact(row, done):
            yield position, row


def _at(damaged: sqlite3.Connection, position: int, done: Salvaged) -> Row | None:
    try:
        found = damaged.execute(f"{SELECT} WHERE position = ?", (position,)).fetchone()
    except sqlite3.Error:
        done.unreadable += 1
        return None
    return None if found is None else cast("Row", found[1:])


def _until_broken(damaged: sqlite3.Connection, query: str) -> Iterator[tuple[int, Row]]:
    with suppress(sqlite3.Error):
        for row in damaged.execute(query):
            yield row[0], cast("Row", row[1:])


def _is_intact(row: Row, done: Salvaged) -> bool:
    try:
        decode(row)
    except SpoolDamagedError:
        done.unreadable += 1
        return False
    return True
