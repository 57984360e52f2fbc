"""A TCP way to a server's Unix socket that can be closed, cut, or fall silent."""

import asyncio
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class TcpLink:
    """Forwards bytes between a local TCP port and a Unix socket, as long as it likes to."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        # while set, bytes are swallowed: nobody is told that nobody hears
        self.silent = False
        self._accepting = True
        self.refused = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]
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
        return f"postgresql://mould_watch@127.0.0.1:{self._port}{parts.path}"

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

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._accepting:
            self.refused += 1
            writer.transport.abort()
            return
        back_reader, back_writer = await asyncio.open_unix_connection(str(self._target))
        self._writers |= {writer, back_writer}
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pump(reader, back_writer), name="link.out")
                tasks.create_task(self._pump(back_reader, writer), name="link.back")
        finally:
            for each in (writer, back_writer):
                self._writers.discard(each)
                each.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                if not self.silent:
                    writer.write(data)
                    await writer.drain()
        writer.transport.abort()
