"""Opens a file of rows: its encoding, its separator, and where its header stands."""

import codecs
import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, TextIOWrapper
from itertools import chain, islice
from pathlib import Path
from typing import Final

from mould_watch.backtest.columns import Columns, Wanted, find_columns
from mould_watch.errors import RecordingError

_HEAD_BYTES: Final = 65_536
_HEADER_WITHIN_LINES: Final = 50
_SEPARATORS: Final = (",", ";", "\t", "|")
_LONGEST_LINE: Final = 100_000
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HISTORY: Final = frozenset(("entity_id", "state"))
_HISTORY_TIMES: Final = ("last_changed", "last_updated", "last_reported")


@dataclass(frozen=True, slots=True)
class History:
    """The columns of Home Assistant's history: one entity's state a row."""

    entity: int
    state: int
    time: int
    name: str


type Shape = Columns | History


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file that is open: how it is laid out, and its rows with the number of their line."""

    shape: Shape
    separator: str
    encoding: str
    rows: Iterator[tuple[int, list[str]]]
    # how many of its bytes were read
    position: Callable[[], int]


@contextmanager
def open_table(path: Path, wanted: Wanted) -> Iterator[TableFile]:
    """Open a file and give its layout and its rows.

    Raises RecordingError where it cannot be read, or is no table.
    """
    try:
        with path.open("rb") as raw:
            encoding = _encoding(raw.peek(_HEAD_BYTES)[:_HEAD_BYTES])
            with TextIOWrapper(raw, encoding=encoding, errors="replace", newline="") as text:
                yield _table(text, raw, path, wanted)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RecordingError(f"{path} cannot be read: {reason}", file=str(path)) from error


def _table(text: TextIOWrapper, raw: BufferedReader, path: Path, wanted: Wanted) -> TableFile:
    lines = _lines(text, path)
    head = list(islice(lines, _HEADER_WITHIN_LINES))
    if not any(line.strip() for line in head):
        raise RecordingError(f"{path.name} is empty", file=str(path))
    number, separator, shape = _header(head, path, wanted)
    first = number + 1
    rows = _rows(chain(head[first:], lines), separator, first, path)
    return TableFile(shape, separator, text.encoding, rows, raw.tell)


def _rows(
    lines: Iterable[str], separator: str, first: int, path: Path
) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=separator)
    try:
        for row in reader:
            yield first + reader.line_num, row
    except csv.Error as error:
        # as after a quotation mark that nothing closes
        raise RecordingError(
            f"{path.name} cannot be read from line {first + reader.line_num} on: {error}",
            file=str(path),
        ) from error


def _lines(text: TextIOWrapper, path: Path) -> Iterator[str]:
    """Yield the lines of a file in bounded memory, without NUL bytes."""
    while line := text.readline(_LONGEST_LINE):
        if len(line) >= _LONGEST_LINE:
            raise RecordingError(
                f"{path.name} has a line of more than {_LONGEST_LINE} characters: it is no table",
                file=str(path),
            )
        yield line.replace("\0", "")


def _encoding(head: bytes) -> str:
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    try:
        # the last characters may be cut
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _header(head: Sequence[str], path: Path, wanted: Wanted) -> tuple[int, str, Shape]:
    """Return the line, the separator and the columns of the first line that is a header."""
    refusals: list[tuple[int, RecordingError]] = []
    for number, line in enumerate(head):
        for separator in _SEPARATORS:
            names = _names(line, separator)
            if len(names) < 2:  # noqa: PLR2004 - one column is no table
                continue
            if (history := _history(names)) is not None:
                return number, separator, history
            try:
                return number, separator, find_columns(names, wanted)
            except RecordingError as error:
                refusals.append((len(names), error))
    if refusals:
        # what the most columns were missing something of says most; of equals the first
        raise max(refusals, key=lambda one: one[0])[1]
    raise RecordingError(
        f"{path.name} is no table: in its first {len(head)} lines nothing is separated by comma,"
        " semicolon, tab or bar",
        file=str(path),
    )


def _names(line: str, separator: str) -> list[str]:
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=separator), [])]
    except csv.Error:
        return []


def _history(names: Sequence[str]) -> History | None:
    lowered = [name.lower() for name in names]
    times = [name for name in _HISTORY_TIMES if name in lowered]
    if not times or not _HISTORY.issubset(lowered):
        return None
    return History(
        lowered.index("entity_id"), lowered.index("state"), lowered.index(times[0]), times[0]
    )
