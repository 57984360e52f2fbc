"""The one connection that is kept to the backend, for ever.

A lost one is made anew after a jittered, growing wait.
"""

import asyncio
import logging
from random import Random
from typing import Final, Protocol

import aiohttp

from .asking import Message
from .errors import (
    BackendTooNewError,
    BackendTooOldError,
    CannotConnectError,
    InvalidAuthError,
    MouldWatchClientError,
    NotMouldWatchError,
    ReplacedError,
)
from .models import Welcome
from .stream import Stream, first_of_group, open_stream

_LOGGER = logging.getLogger(__name__)

BACKOFF_INITIAL_S: Final = 1.0
BACKOFF_MAXIMUM_S: Final = 60.0
REPLACED_BACKOFF_S: Final = 30.0


class StreamListener(Protocol):
    """Who is told what happens on the client's connection."""

    def on_snapshot(self, welcome: Welcome, snapshot: Message) -> None:
        """Take the state whole: the connection is complete."""
        ...

    def on_message(self, message: Message) -> None:
        """Take a change or a notification."""
        ...

    async def on_connected(self, stream: Stream, welcome: Welcome) -> None:
        """Use the connection; cancelled when it goes."""
        ...

    def on_lost(self, error: MouldWatchClientError) -> None:
        """Take that there is no connection, and why."""
        ...


class BackendClient:
    """Keeps one connection to the backend, for ever."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        token: str,
        instance_id: str,
        listener: StreamListener,
    ) -> None:
        """Keep where to connect to and whom to tell."""
        self._session = session
        self._url = url
        self._token = token
        self._instance_id = instance_id
        self._listener = listener
        self._random = Random()  # noqa: S311 - jitter, not a secret
        self._failures = 0
        self._stream: Stream | None = None
        self._ready = asyncio.Event()

    @property
    def stream(self) -> Stream:
        """Return the complete connection; raises CannotConnectError without one."""
        if self._stream is None:
            raise CannotConnectError("the backend is not connected")
        return self._stream

    async def wait_ready(self, timeout_s: float) -> bool:
        """Wait until the connection is complete; return whether it is."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Connect, and connect again, until cancelled."""
        while True:
            try:
                with first_of_group():
                    await self._connect_once()
            except MouldWatchClientError as err:
                self._stream = None
                self._ready.clear()
                self._listener.on_lost(err)
                delay_s = self._next_delay_s(err)
                _LOGGER.debug("Connecting again in %.1f s: %s", delay_s, err)
                await asyncio.sleep(delay_s)

    async def _connect_once(self) -> None:
        welcome: Welcome | None = None
        async with (
            open_stream(self._session, self._url, self._token, self._instance_id) as stream,
            asyncio.TaskGroup() as group,
        ):

            def handle(message: Message) -> None:
                nonlocal welcome
                if message["type"] == "welcome":
                    welcome = Welcome.from_wire(message)
                elif message["type"] == "snapshot" and welcome is not None:
                    self._listener.on_snapshot(welcome, message)
                    self._failures = 0
                    self._stream = stream
                    self._ready.set()
                    group.create_task(self._use(stream, welcome), name="mould_watch connected")
                else:
                    self._listener.on_message(message)

            def handle_known(message: Message) -> None:
                try:
                    handle(message)
                except (AttributeError, KeyError, TypeError, ValueError) as err:
                    raise NotMouldWatchError(
                        f"the backend's message {message['type']} is not understood: {err!r}"
                    ) from err

            group.create_task(stream.read(handle_known), name="mould_watch read")

    async def _use(self, stream: Stream, welcome: Welcome) -> None:
        """Let the listener use the connection; an answer nobody understands ends it."""
        try:
            await self._listener.on_connected(stream, welcome)
        except* (AttributeError, KeyError, TypeError, ValueError) as group:
            raise NotMouldWatchError(
                f"the backend's answer is not understood: {group.exceptions[0]!r}"
            ) from group

    def _next_delay_s(self, error: MouldWatchClientError) -> float:
        """Return the wait before the next try: half to all of a growing ceiling."""
        if isinstance(error, InvalidAuthError | BackendTooOldError | BackendTooNewError):
            ceiling_s = BACKOFF_MAXIMUM_S
        else:
            ceiling_s = min(BACKOFF_MAXIMUM_S, BACKOFF_INITIAL_S * 2.0 ** min(self._failures, 16))
        self._failures += 1
        delay_s = ceiling_s * self._random.uniform(0.5, 1.0)
        if isinstance(error, ReplacedError):
            return REPLACED_BACKOFF_S + delay_s
        return delay_s
