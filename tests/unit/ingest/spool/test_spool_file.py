"""The file: durable, in order, positions never used twice; damaged, it is salvaged row by row."""

import sqlite3
from collections.abc import Callable, Generator
from pathlib import Path
from uuid import UUID

import pytest

from mould_watch.errors import SpoolDamagedError, SpoolUnusableError
from mould_watch.ingest.spool.file import SpoolFile
from mould_watch.ingest.spool.rows import Row, SpooledMessage, encode
from mould_watch.ingest.spool.salvage import salvage
from tests.support.messages import NOW, message

BOOT = UUID(int=7)


@pytest.fixture(autouse=True)
def closed(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Close every file that a test opens."""
    opened: list[SpoolFile] = []
    original = SpoolFile.__init__

    def opening(file: SpoolFile, path: Path) -> None:
        original(file, path)
        opened.append(file)

    monkeypatch.setattr(SpoolFile, "__init__", opening)
    yield
    for file in opened:
        file.close()


def row(number: int, size: int = 10) -> Row:
    return encode(
        SpooledMessage(
            message=message("t", str(number).encode().ljust(size, b"."), generation=0),
            boot=BOOT,
            clock_trusted=True,
        )
    )


def numbers(file: SpoolFile, maximum: int = 10_000) -> list[int]:
    return [
        int(one.content.message.payload.rstrip(b"."))
        for one in file.head(maximum)
        if isinstance(one.content, SpooledMessage)
    ]


def filled(path: Path, count: int, size: int = 10) -> SpoolFile:
    file = SpoolFile(path)
    file.append([row(number, size) for number in range(count)])
    return file


def test_rows_come_out_in_the_order_they_came_in_after_a_reopening(tmp_path: Path) -> None:
    file = filled(tmp_path / "spool", 20)
    file.append([row(20), row(21)])
    spool_id = file.spool_id
    file.close()
    file = SpoolFile(tmp_path / "spool")
    assert file.spool_id == spool_id
    assert numbers(file) == list(range(22))
    assert numbers(file, 5) == list(range(5))


def test_it_is_written_before_append_returns_and_synchronously(tmp_path: Path) -> None:
    file = filled(tmp_path / "spool", 3)
    other = sqlite3.connect(tmp_path / "spool")
    assert other.execute("SELECT count(*) FROM spooled").fetchone() == (3,)
    assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert file._connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    other.close()


def test_a_batch_is_all_there_or_not_at_all(tmp_path: Path) -> None:
    file = filled(tmp_path / "spool", 1)
    bad: Row = (*row(2)[:3], None, *row(2)[4:])  # type: ignore[assignment]
    with pytest.raises(SpoolUnusableError):
        file.append([row(1), bad])
    assert numbers(file) == [0]
    file.append([row(1)])
    assert numbers(file) == [0, 1]


def test_positions_are_never_used_twice(tmp_path: Path) -> None:
    file = filled(tmp_path / "spool", 3)
    last = file.head(10)[-1].position
    file.remove(last)
    file.shrink()
    file.close()
    file = SpoolFile(tmp_path / "spool")
    file.append([row(9)])
    assert file.head(10)[0].position > last


def test_the_bytes_are_counted_the_same_however_they_come_and_go(tmp_path: Path) -> None:
    file = filled(tmp_path / "spool", 10, size=100)
    before = file.contents()
    assert before.count == 10
    removed = file.remove(file.head(4)[-1].position)
    after = file.contents()
    assert removed == (4, before.used_bytes - after.used_bytes)
    assert after.used_bytes * 10 == before.used_bytes * 6


def test_an_empty_file_gives_its_room_back(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    file = filled(path, 200, size=50_000)
    file.shrink()
    grown = path.stat().st_size
    assert grown > 9_000_000
    file.remove(file.head(200)[-1].position)
    file.shrink()
    assert path.stat().st_size < 100_000


def test_a_full_disk_is_said_so_and_nothing_is_half_there(tmp_path: Path) -> None:
    file = filled(tmp_path / "spool", 5)
    (pages,) = file._connection.execute("PRAGMA page_count").fetchone()
    file._connection.execute(f"PRAGMA max_page_count = {pages + 3}")
    with pytest.raises(SpoolUnusableError) as raised:
        file.append([row(number, 5000) for number in range(5, 50)])
    assert raised.value.data == {"full": True}
    assert numbers(file) == list(range(5))
    file._connection.execute("PRAGMA max_page_count = 100000")
    file.append([row(5)])
    assert numbers(file) == list(range(6))


def _overwrite_middle(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xff" * 8192)


def _overwrite_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"this is no database any more at all")


def _cut_the_end(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size * 2 // 3)


@pytest.mark.parametrize(
    ("damage", "least"), [(_overwrite_middle, 150), (_cut_the_end, 100), (_overwrite_header, 0)]
)
def test_a_damaged_file_is_set_aside_and_salvaged(
    tmp_path: Path, damage: Callable[[Path], None], least: int
) -> None:
    path = tmp_path / "spool.sqlite3"
    file = filled(path, 300, size=1000)
    spool_id, last = file.spool_id, file.head(300)[-1].position
    file.shrink()
    file.close()
    damage(path)
    with pytest.raises(SpoolDamagedError):
        SpoolFile(path).head(1000)
    file, done = salvage(path, NOW)
    found = numbers(file)
    assert len(found) == done.rows >= least
    assert found == sorted(set(found)), "each once, in order"
    assert set(found) <= set(range(300))
    assert done.set_aside.exists()
    assert done.set_aside.name == "spool-damaged-20261122T120000Z-1.sqlite3"
    if least:
        assert file.spool_id == spool_id, "else the database takes drained rows for new ones"
    else:
        assert file.spool_id != spool_id
    file.append([row(999)])
    assert numbers(file)[-1] == 999
    assert file.head(1000)[-1].position > last
    file.close()
    assert numbers(SpoolFile(path))[-1] == 999


def test_a_row_whose_bytes_were_altered_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    file = filled(path, 10)
    file._connection.execute("UPDATE spooled SET payload = x'00' WHERE position = 4")
    with pytest.raises(SpoolDamagedError):
        file.head(10)
    file.close()
    file, done = salvage(path, NOW)
    assert (done.rows, done.unreadable) == (9, 1)
    assert numbers(file) == [0, 1, 2, 4, 5, 6, 7, 8, 9]


def test_without_room_for_a_new_file_the_damaged_one_stays_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "spool"
    filled(path, 10).close()
    before = path.read_bytes()

    def full(*_: object) -> int:
        raise SpoolUnusableError("its disk is full", full=True)

    monkeypatch.setattr(SpoolFile, "adopt", full)
    with pytest.raises(SpoolUnusableError):
        salvage(path, NOW)
    assert path.read_bytes() == before
    assert len(list(tmp_path.glob("*damaged*"))) == 0
