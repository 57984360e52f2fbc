"""The spool as the event loop sees it: one folder, locked, one thread that waits for the disk."""

import asyncio
import fcntl
import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from mould_watch.clock import Clock
from mould_watch.errors import SpoolDamagedError, SpoolUnusableError
from mould_watch.ingest.spool.file import Contents, SpoolFile
from mould_watch.ingest.spool.rows import Row, Spooled, SpooledRow, encode, size_bytes
from mould_watch.ingest.spool.salvage import Salvaged, salvage
from mould_watch.retry import Backoff
from mould_watch.settings import SpoolSettings

_LOGGER = logging.getLogger(__name__)

_FILE: Final = "spool.sqlite3"
_LOCK: Final = "lock"
_MIB: Final = 1024 * 1024
_ROOM_SHARE: Final = 0.5
"""Filled so far at most, one that was full is said to take messages again: while it is drained
and filled at once it is full again and again, which is one trouble, told of once."""


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


class Spool:
    """First in, first out, bounded in bytes. One user at a time, in one task or under one lock."""

    def __init__(
        self,
        folder: Path,
        settings: SpoolSettings,
        clock: Clock,
        *,
        free_bytes: Callable[[Path], int] = _free_bytes,
    ) -> None:
        """Use `folder`; nothing is touched before `run`."""
        self._folder = folder
        self._maximum_bytes = int(settings.maximum_mib * _MIB)
        self._free_minimum_bytes = int(settings.free_disk_minimum_mib * _MIB)
        self._clock = clock
        self._free_bytes = free_bytes
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool")
        self._lock_fd: int | None = None
        self._file: SpoolFile | None = None
        self._contents: Contents | None = None
        self._salvaged: Salvaged | None = None
        self._fault: str | None = "it is being opened"
        self._full_told = False
        self._tried = asyncio.Event()
        self._opened = asyncio.Event()

    @property
    def contents(self) -> Contents | None:
        """Return what is in it; None while it cannot be opened."""
        return self._contents

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is in it. Raises SpoolUnusableError when that is not known."""
        if self._contents is None:
            raise SpoolUnusableError(self._fault or "it is not open")
        return self._contents.count == 0

    @property
    def share(self) -> float:
        """Return how full it is, 0..1: of its bound, or of what its disk has left."""
        used = 0 if self._contents is None else self._contents.used_bytes
        if self._fault is not None and self._full_told:
            return 1.0
        return min(1.0, used / self._maximum_bytes)

    def health(self) -> Mapping[str, Any]:
        """Return how it is, for people and for the rule about it."""
        contents = self._contents
        said: dict[str, Any] = {
            "messages": 0 if contents is None else contents.count,
            "bytes": 0 if contents is None else contents.used_bytes,
            "share": round(self.share, 3),
            "fault": self._fault,
        }
        if self._salvaged is not None:
            said["damaged_file"] = self._salvaged.set_aside.name
            said["salvaged"] = self._salvaged.rows
            said["unreadable"] = self._salvaged.unreadable
        return said

    async def run(self) -> None:
        """Open the folder, as often as it takes, then keep it; for ever."""
        backoff = Backoff(initial_s=0.5, maximum_s=10.0)
        try:
            while True:
                if self._file is None:
                    await self._try_to_open(backoff)
                await self._clock.sleep(backoff.next_delay_s())
        finally:
            await asyncio.shield(self._in_thread(self._close))
            self._executor.shutdown(wait=False)

    async def tried(self) -> None:
        """Wait until it is known whether the spool can be used."""
        await self._tried.wait()

    async def opened(self) -> None:
        """Wait until it can be used."""
        while self._contents is None:
            await self._opened.wait()
            self._opened.clear()

    async def append(self, contents: Sequence[Spooled]) -> None:
        """Append; on the disk when this returns. Raises SpoolUnusableError: nothing is kept."""
        rows = [encode(one) for one in contents]
        try:
            await self._in_thread(self._append, rows)
        except SpoolUnusableError as error:
            self._told_full(error)
            raise
        self._fault = None
        if self.share <= _ROOM_SHARE:
            self._has_room()

    async def head(self, maximum: int) -> list[SpooledRow]:
        """Return the oldest rows. Raises SpoolUnusableError."""
        return await self._in_thread(self._guarded, lambda file: file.head(maximum))

    async def remove(self, position: int) -> None:
        """Remove everything up to a position, which the database has. Raises SpoolUnusableError."""
        await self._in_thread(self._guarded, lambda file: self._remove(file, position))

    def drained(self) -> None:
        """Note that the database has all of it, and takes by itself what comes from now on."""
        self._has_room()

    async def _try_to_open(self, backoff: Backoff) -> None:
        try:
            self._contents = await self._in_thread(self._open)
        except SpoolUnusableError as error:
            if self._fault != str(error):
                _LOGGER.warning(
                    "The spool in %s cannot be used: %s. Without it messages wait at the broker "
                    "while the database is away. Trying again.",
                    self._folder,
                    error,
                    extra={"action": "spool_unusable"},
                )
            self._fault = str(error)
        else:
            self._fault = None
            backoff.reset()
            self._tell_salvaged()
            self._opened.set()
        self._tried.set()

    def _open(self) -> Contents:
        """In the thread."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._take_lock()
        except OSError as error:
            raise SpoolUnusableError(
                f"its folder cannot be used ({error.strerror or error})"
            ) from error
        path = self._folder / _FILE
        try:
            self._file = SpoolFile(path)
            return self._file.contents()
        except SpoolDamagedError:
            return self._salvage()

    def _take_lock(self) -> None:
        if self._lock_fd is not None:
            return
        descriptor = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise SpoolUnusableError("another process uses its folder") from error
        except OSError:
            os.close(descriptor)
            raise
        self._lock_fd = descriptor

    def _salvage(self) -> Contents:
        self._forget_file()
        self._file, self._salvaged = salvage(self._folder / _FILE, self._clock.now())
        return self._file.contents()

    def _tell_salvaged(self) -> None:
        done = self._salvaged
        if done is not None:
            _LOGGER.error(
                "The spool was damaged: %d message(s) of it are saved, at least %d cannot be "
                "read. The damaged file is kept as %s.",
                done.rows,
                done.unreadable,
                done.set_aside,
                extra={
                    "action": "spool_salvaged",
                    "salvaged": done.rows,
                    "unreadable": done.unreadable,
                },
            )

    def _append(self, rows: Sequence[Row]) -> None:
        used = 0 if self._contents is None else self._contents.used_bytes
        if used >= self._maximum_bytes:
            raise SpoolUnusableError(f"it is full ({self._maximum_bytes / _MIB:g} MiB)", full=True)
        try:
            free = self._free_bytes(self._folder)
        except OSError as error:
            raise SpoolUnusableError(f"its folder is gone ({error.strerror})") from error
        if free < self._free_minimum_bytes:
            raise SpoolUnusableError("its disk is almost full", full=True)
        self._guarded(lambda file: file.append(rows))
        self._count(len(rows), sum(size_bytes(row[1], row[2]) for row in rows))

    def _remove(self, file: SpoolFile, position: int) -> None:
        count, used_bytes = file.remove(position)
        self._count(-count, -used_bytes)
        if self._contents is not None and self._contents.count == 0:
            file.shrink()

    def _guarded[Result](self, work: Callable[[SpoolFile], Result]) -> Result:
        """Work on the file, in the thread; a file found damaged is salvaged, and it goes on."""
        if self._file is None:
            raise SpoolUnusableError(self._fault or "it is not open")
        try:
            try:
                return work(self._file)
            except SpoolDamagedError:
                self._contents = self._salvage()
                self._tell_salvaged()
                return work(self._file)
        except SpoolUnusableError as error:
            if not error.data.get("full"):
                # opened anew by `run`: until then messages go past it
                self._forget_file()
            raise

    def _forget_file(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = self._contents = None

    def _close(self) -> None:
        self._forget_file()
        if self._lock_fd is not None:
            with suppress(OSError):
                os.close(self._lock_fd)
            self._lock_fd = None

    def _told_full(self, error: SpoolUnusableError) -> None:
        """Say once that nothing more is taken, until there has been room."""
        self._fault = str(error)
        if error.data.get("full") and not self._full_told:
            self._full_told = True
            _LOGGER.error(
                "The spool takes no more: %s. Nothing is acknowledged until there is room or the "
                "database is back; messages of QoS 0 are lost meanwhile.",
                error,
                extra={"action": "spool_full"},
            )

    def _has_room(self) -> None:
        self._fault = None
        if self._full_told:
            self._full_told = False
            _LOGGER.warning("The spool takes messages again.", extra={"action": "spool_has_room"})

    def _count(self, rows: int, used_bytes: int) -> None:
        """In the thread, which alone knows the order of what was done."""
        before = self._contents
        if before is not None:
            self._contents = Contents(
                before.spool_id, before.count + rows, before.used_bytes + used_bytes
            )

    async def _in_thread[**Arguments, Result](
        self,
        work: Callable[Arguments, Result],
        *arguments: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Result:
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, lambda: work(*arguments, **named)
        )
