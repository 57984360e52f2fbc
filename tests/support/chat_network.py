"""The way to the chat services: their own names, TLS, and a proxy.

They are reached under their own names, as a household's backend reaches them: a proxy leads every
`CONNECT` to one TLS server here, whose certificates are of an authority that the test trusts
(`HTTPS_PROXY` and `REQUESTS_CA_BUNDLE`, which requests heeds). Nothing in the product knows of it.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme
from aiohttp import web

from tests.support.chat_server import ChatService


@dataclass(frozen=True, slots=True)
class Reached:
    """Where the services are reached."""

    proxy: str
    authority: Path


@asynccontextmanager
async def running_services(
    services: Iterable[ChatService], folder: Path
) -> AsyncGenerator[Reached]:
    """Run services beside the block, behind a proxy; `folder` gets the authority's certificate."""
    by_host = {host: service for service in services for host in service.hosts}
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", *by_host).configure_cert(tls)

    async def serve(request: web.Request) -> web.StreamResponse:
        return await by_host[request.host].serve(request)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", serve)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    port = int(runner.addresses[0][1])

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _tunnel(reader, writer, port, by_host)

    proxy = await asyncio.start_server(connect, "127.0.0.1", 0)
    proxy_port = proxy.sockets[0].getsockname()[1]
    try:
        async with proxy:
            yield Reached(f"http://127.0.0.1:{proxy_port}", folder / "authority.pem")
    finally:
        await runner.cleanup()


async def _tunnel(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    port: int,
    known: Iterable[str],
) -> None:
    """Answer one CONNECT, and hand on what comes until either side ends."""
    asked = (await reader.readuntil(b"\r\n\r\n")).decode().split()
    if asked[0] != "CONNECT" or asked[1].removesuffix(":443") not in known:
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
        writer.close()
        return
    there, back = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

    async def hand_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                target.write(data)
                await target.drain()
        except ConnectionError:
            pass
        finally:
            target.close()

    await asyncio.gather(hand_on(reader, back), hand_on(there, writer))
