"""Services that notifications go to, as small real servers: a webhook and a mail server."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any

from aiohttp import web


@dataclass
class Webhook:
    """What a webhook got, and how it answers; `status` 0: not at all."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""
    # answered one after the other, then `status`
    statuses: list[int] = field(default_factory=list)
    got: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    # set: what it takes is answered
    answering: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Answer at once."""
        self.answering.set()

    @property
    def address(self) -> str:
        """Return it as Apprise writes it."""
        return f"json://user:hunter2-password@127.0.0.1:{self.port}/hook"

    async def receive(self, request: web.Request) -> web.Response:
        """Take one notification."""
        self.got.append(await request.json())
        self.arrived.set()
        await self.answering.wait()
        status = self.statuses.pop(0) if self.statuses else self.status
        if status == 0:
            await self.closing.wait()
            status = 503
        return web.Response(status=status, headers=self.headers, text=self.text)


@asynccontextmanager
async def running_webhook() -> AsyncGenerator[Webhook]:
    """Run a webhook beside the block."""
    hook = Webhook()
    application = web.Application()
    application.router.add_post("/{path:hooks?.*}", hook.receive)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook.port = int(runner.addresses[0][1])
    try:
        yield hook
    finally:
        hook.closing.set()
        hook.answering.set()
        await runner.cleanup()


@dataclass
class MailServer:
    """A mail server that speaks as much SMTP as a client needs, and keeps what it is sent."""

    # what RCPT is answered
    recipient_answer: str = "250 OK"
    # and what it is answered for some, one after the other, before that
    answers_to: dict[str, list[str]] = field(default_factory=dict)
    mails: list[EmailMessage] = field(default_factory=list)
    # the connection ends behind the mail, without an answer
    hangs_up: bool = False
    port: int = 0

    @property
    def address(self) -> str:
        """Return it as Apprise writes it."""
        return (
            f"mailto://127.0.0.1:{self.port}?smtp=127.0.0.1&mode=insecure"
            "&from=mould@example.org&to=home@example.org"
        )

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak with one client."""

        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        say("220 test")
        try:
            while line := await reader.readline():
                match line.decode().strip().upper().partition(" ")[0]:
                    case "EHLO" | "HELO":
                        say("250 test")
                    case "MAIL":
                        say("250 OK")
                    case "RCPT":
                        to = line.decode().partition("<")[2].partition(">")[0]
                        answers = self.answers_to.get(to)
                        say(answers.pop(0) if answers else self.recipient_answer)
                    case "DATA":
                        say("354 go on")
                        text = await reader.readuntil(b"\r\n.\r\n")
                        mail = BytesParser(EmailMessage, policy=default).parsebytes(text[:-5])
                        assert isinstance(mail, EmailMessage)
                        self.mails.append(mail)
                        if self.hangs_up:
                            return
                        say("250 kept")
                    case "QUIT":
                        say("221 bye")
                        return
                    case _:
                        say("250 OK")
        finally:
            writer.close()


@asynccontextmanager
async def running_mail_server() -> AsyncGenerator[MailServer]:
    """Run a mail server beside the block."""
    mail = MailServer()
    server = await asyncio.start_server(mail.serve, "127.0.0.1", 0)
    mail.port = server.sockets[0].getsockname()[1]
    async with server:
        yield mail
