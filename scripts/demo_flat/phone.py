"""A phone: the push service that Home Assistant's companion app would have it registered at.

Core posts every notification there and reads the answer as it does with the real one. What
the phone shows follows the companion app: a notification with the tag of one that is shown
replaces it, `clear_notification` takes it away.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from aiohttp import web

_DAILY_MAXIMUM = 500


class Answer(StrEnum):
    """How the push service answers."""

    ACCEPTED = "accepted"
    RATE_LIMITED = "rate_limited"
    BROKEN = "broken"
    SILENT = "silent"
    """The push reaches the phone, its answer never comes back."""


@dataclass(frozen=True)
class Push:
    """One push as it arrived."""

    received_at: datetime
    title: str | None
    message: str
    data: dict[str, Any]
    token: str
    answer: Answer

    @property
    def tag(self) -> str | None:
        """Return the tag by which it replaces and is replaced."""
        tag = self.data.get("tag")
        return str(tag) if tag else None

    @property
    def clears(self) -> bool:
        """Tell whether it only takes a notification away."""
        return self.message == "clear_notification"

    @property
    def reached(self) -> bool:
        """Tell whether the push service passed it on to the phone."""
        return self.answer in {Answer.ACCEPTED, Answer.SILENT}


@dataclass
class Screen:
    """What the phone shows, and how often it made itself heard."""

    shown: dict[str, Push] = field(default_factory=dict)
    alerts: int = 0

    def take(self, push: Push, number: int) -> None:
        """Show, replace or take away one notification."""
        if push.clears:
            if push.tag is not None:
                self.shown.pop(push.tag, None)
            return
        key = push.tag or f"untagged-{number}"
        silent = key in self.shown and bool(push.data.get("alert_once"))
        self.alerts += not silent
        self.shown[key] = push


class Phone:
    """The push endpoint; `pushes` holds every push in order of arrival."""

    def __init__(self, port: int = 0, on_push: Callable[[Push], None] | None = None) -> None:
        """Describe it; `start` opens the port (0: one the system chooses)."""
        self.port = port
        self.answer = Answer.ACCEPTED
        self.pushes: list[Push] = []
        self._on_push = on_push
        self._runner: web.AppRunner | None = None
        self._closing = asyncio.Event()

    @property
    def push_url(self) -> str:
        """Return the address to register the phone with."""
        return f"http://127.0.0.1:{self.port}/push"

    async def start(self) -> None:
        """Open the port."""
        application = web.Application()
        application.router.add_post("/push", self._receive)
        self._closing.clear()
        self._runner = web.AppRunner(application, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the port."""
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def screen(self) -> Screen:
        """Return what the phone shows after everything that reached it."""
        screen = Screen()
        for number, push in enumerate(self.pushes):
            if push.reached:
                screen.take(push, number)
        return screen

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        push = Push(
            received_at=datetime.now(UTC),
            title=body.get("title"),
            message=body["message"],
            data=body.get("data") or {},
            token=body["push_token"],
            answer=self.answer,
        )
        self.pushes.append(push)
        if self._on_push is not None:
            self._on_push(push)
        match push.answer:
            case Answer.RATE_LIMITED:
                answer = {
                    "errorType": "RateLimited",
                    "message": "The given target has reached the maximum number of notifications",
                    "rateLimits": self._rate_limits(remaining=0),
                }
                return web.json_response(answer, status=429)
            case Answer.BROKEN:
                answer = {"errorType": "InternalError", "errorMessage": "out of order"}
                return web.json_response(answer, status=500)
            case Answer.SILENT:
                await self._closing.wait()
                return web.Response(status=503)
            case Answer.ACCEPTED:
                return web.json_response(
                    {
                        "messageId": f"demo/{len(self.pushes)}",
                        "sentPayload": body,
                        "target": push.token,
                        "rateLimits": self._rate_limits(),
                    },
                    status=201,
                )

    def _rate_limits(self, remaining: int | None = None) -> dict[str, Any]:
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        successful = sum(push.answer is Answer.ACCEPTED for push in self.pushes)
        left = _DAILY_MAXIMUM - successful if remaining is None else remaining
        return {
            "attempts": len(self.pushes),
            "successful": successful,
            "errors": len(self.pushes) - successful,
            "total": len(self.pushes),
            "maximum": _DAILY_MAXIMUM,
            "remaining": left,
            "resetsAt": (midnight + timedelta(days=1)).isoformat(),
        }
