"""The spool beside the event loop: bounded, locked, and mended while it runs."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from mould_watch.clock import SystemClock
from mould_watch.errors import SpoolUnusableError
from mould_watch.ingest.spool.rows import SpooledMessage
from mould_watch.ingest.spool.spool import Spool
from mould_watch.settings import SpoolSettings
from tests.support.messages import message
from tests.support.running import running
from tests.support.waiting import until


def spooled(payload: bytes = b"x") -> SpooledMessage:
    return SpooledMessage(
        message=message("t", payload, generation=0), boot=UUID(int=1), clock_trusted=True
    )


@asynccontextmanager
async def opened(
    folder: Path, maximum_bytes: int = 1024 * 1024, *, free_bytes: int = 10**12, minimum: int = 0
) -> AsyncGenerator[Spool]:
    settings = SpoolSettings(
        maximum_mib=maximum_bytes / 2**20, free_disk_minimum_mib=minimum / 2**20
    )
    spool = Spool(folder, settings, SystemClock(), free_bytes=lambda _: free_bytes)
    async with running(spool.run(), "spool"):
        await spool.tried()
        yield spool


async def test_what_was_appended_is_there_for_the_next_process(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        assert spool.is_empty
        await spool.append([spooled(b"1"), spooled(b"2")])
    async with opened(tmp_path) as spool:
        assert not spool.is_empty
        assert spool.health()["messages"] == 2
        rows = await spool.head(10)
        assert [row.content for row in rows] == [spooled(b"1"), spooled(b"2")]
        await spool.remove(rows[0].position)
        assert [row.content for row in await spool.head(10)] == [spooled(b"2")]


async def test_it_takes_no_more_than_its_bound_and_one_batch(tmp_path: Path) -> None:
    async with opened(tmp_path, 64 * 1024) as spool:
        kept = 0
        while spool.share < 1.0:
            await spool.append([spooled(b"x" * 1000)] * 5)
            kept += 5
        with pytest.raises(SpoolUnusableError, match="full"):
            await spool.append([spooled()])
        used = spool.health()["bytes"]
        assert 64 * 1024 <= used < 64 * 1024 + 5 * 1200
        assert spool.share == 1.0
        rows = await spool.head(kept)
        assert len(rows) == kept
        await spool.remove(rows[-10].position)
        await spool.append([spooled()])
        assert spool.health()["fault"] is None
        assert spool.share < 0.5


async def test_full_and_drained_at_once_it_is_told_to_be_full_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with opened(tmp_path, 64 * 1024) as spool:
        for _ in range(3):
            await spool.append([spooled(b"x" * 70_000)])
            with pytest.raises(SpoolUnusableError, match="full"):
                await spool.append([spooled()])
            assert spool.health()["share"] == 1.0
            await spool.remove((await spool.head(1))[0].position)
        assert [vars(record).get("action") for record in caplog.records] == ["spool_full"]
        spool.drained()
        assert spool.health()["fault"] is None
        assert spool.share == 0
        assert vars(caplog.records[-1])["action"] == "spool_has_room"


async def test_half_empty_it_is_said_to_take_messages_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with opened(tmp_path, 64 * 1024) as spool:
        await spool.append([spooled(b"x" * 10_000)] * 7)
        with pytest.raises(SpoolUnusableError, match="full"):
            await spool.append([spooled()])
        for _ in range(4):
            await spool.remove((await spool.head(1))[0].position)
            await spool.append([spooled()])
        assert vars(caplog.records[-1])["action"] == "spool_has_room"
        assert len(caplog.records) == 2


async def test_it_leaves_the_disk_to_others(tmp_path: Path) -> None:
    async with opened(tmp_path, free_bytes=1000, minimum=2000) as spool:
        with pytest.raises(SpoolUnusableError, match="almost full"):
            await spool.append([spooled()])
        assert spool.is_empty


async def test_a_folder_has_one_user_at_a_time(tmp_path: Path) -> None:
    async with opened(tmp_path) as first, opened(tmp_path) as second:
        await first.append([spooled()])
        assert second.contents is None
        with pytest.raises(SpoolUnusableError, match="another process"):
            await second.append([spooled()])
    async with opened(tmp_path) as third:
        assert not third.is_empty


async def test_a_waiting_process_has_the_folder_when_the_first_is_gone(tmp_path: Path) -> None:
    async with opened(tmp_path) as first:
        await first.append([spooled()])
        second = Spool(tmp_path, SpoolSettings(free_disk_minimum_mib=0), SystemClock())
        task = asyncio.create_task(second.run())
        await second.tried()
        assert second.contents is None
    await second.opened()
    assert not second.is_empty
    task.cancel()
    await asyncio.wait([task])


async def test_a_folder_that_cannot_be_made_is_said_and_tried_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    async with opened(tmp_path / "file" / "spool") as spool:
        assert "its folder cannot be used" in spool.health()["fault"]
        (tmp_path / "file").unlink()
        await until(lambda: spool.contents is not None)
        await spool.append([spooled()])


async def test_damage_at_the_start_is_salvaged_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "spool.sqlite3").write_bytes(b"garbage" * 1000)
    async with opened(tmp_path) as spool:
        assert spool.is_empty
        assert spool.health()["damaged_file"].startswith("spool-damaged-")
        await spool.append([spooled()])
    assert "spool_salvaged" in [vars(record).get("action") for record in caplog.records]


async def test_damage_while_it_runs_is_salvaged_and_it_goes_on(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        await spool.append([spooled(b"%d" % n) for n in range(5)])
        assert spool._file is not None
        spool._file._connection.execute("UPDATE spooled SET payload = x'00' WHERE position = 2")
        rows = await spool.head(10)
        assert [row.content for row in rows] == [spooled(b"%d" % n) for n in (0, 2, 3, 4)]
        health = spool.health()
        assert (health["salvaged"], health["unreadable"], health["messages"]) == (4, 1, 4)
        await spool.append([spooled(b"5")])
        assert len(await spool.head(10)) == 5
