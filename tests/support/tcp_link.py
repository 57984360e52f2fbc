"""A TCP way to a server that can be closed, cut, slowed, or fall silent."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self
from urllib.parse import urlsplit

_PIECE_BYTES: Final = 65536


class Tap(Protocol):
    """Reads along on one connection."""

    def out(self, data: bytes) -> None:
        """Take what the client sent."""

    def back(self, data: bytes) -> None:
        """Take what the server sent."""


class TcpLink:
    """Forwards bytes between a local TCP port and a Unix socket or a port, as long as it likes to.

    What the fields say counts from the next piece of bytes on, for every connection.
    """

    def __init__(self, target: Path | tuple[str, int]) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        # while set, bytes are swallowed: nobody is told that nobody hears
        self.silent = False
        # each piece waits so long
        self.delay_s = 0.0
        # a piece has at most so many bytes
        self.piece_bytes = _PIECE_BYTES
        self._accepting = True
        self.refused = 0
        # makes what reads along on a new connection
        self.tap: Callable[[], Tap] | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.drop()
        await self._server.wait_closed()

    def address_of(self, address: str) -> str:
        """Return the address of the same database over this link."""
        parts = urlsplit(address)
        return f"postgresql://mould_watch@127.0.0.1:{self.port}{parts.path}"

    def close(self) -> None:
        """Refuse whoever comes, from now on."""
        self._accepting = False

    async def open(self) -> None:
        """Accept again."""
        self._accepting = True

    def drop(self) -> None:
        """Cut every connection there is."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    def dribble(self) -> None:
        """Let bytes through a few at a time, slowly."""
        self.piece_bytes, self.delay_s = 7, 0.002

    def flow(self) -> None:
        """Let everything through again, at once."""
        self.silent, self.piece_bytes, self.delay_s = False, _PIECE_BYTES, 0.0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not self._accepting:
                raise ConnectionRefusedError
            back_reader, back_writer = await self._reach()
        except OSError:
            self.refused += 1
            writer.transport.abort()
            return
        self._writers |= {writer, back_writer}
        tap = None if self.tap is None else self.tap()
        out, back = (None, None) if tap is None else (tap.out, tap.back)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pump(reader, back_writer, out), name="link.out")
                tasks.create_task(self._pump(back_reader, writer, back), name="link.back")
        finally:
            for each in (writer, back_writer):
                self._writers.discard(each)
                each.transport.abort()

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, Path):
            return await asyncio.open_unix_connection(str(self._target))
        return await asyncio.open_connection(*self._target)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        tell: Callable[[bytes], None] | None,
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(self.piece_bytes):
                if tell is not None:
                    tell(data)
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if not self.silent:
                    writer.write(data)
                    await writer.drain()
        writer.transport.abort()
