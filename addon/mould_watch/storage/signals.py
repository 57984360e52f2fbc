"""Wake-ups from the database: LISTEN on a connection of its own, kept alive for ever.

A wake-up says only "look". Whoever waits for one also polls, so a lost listener costs time,
never a message.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final
from uuid import uuid4
from weakref import WeakSet

import asyncpg

from mould_watch.clock import Clock
from mould_watch.errors import DatabaseUnavailableError
from mould_watch.retry import Backoff
from mould_watch.storage.connections import CLIENT_ERRORS
from mould_watch.storage.sql import load_queries

_LOGGER = logging.getLogger(__name__)
_SQL = load_queries("signals")

CHANNELS: Final = frozenset(
    {
        "mould_watch_outbox",
        "mould_watch_evaluation",
        "mould_watch_condition",
        "mould_watch_device",
        "mould_watch_configuration",
    }
)
"""What the schema's triggers notify on."""

PROBE_CHANNEL: Final = "mould_watch_probe"
"""Where each listener hears itself; the payload says which one spoke."""


class Wakeup:
    """One waiter's view of a channel: remembers a signal until the next `wait`."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """End the present wait, or the next one at once."""
        self._event.set()

    async def wait(self, timeout_s: float) -> None:
        """Return on a signal since the last wait, or after `timeout_s` seconds."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            pass
        self._event.clear()


@dataclass(frozen=True)
class _Listener:
    """A connection that listens, and what it notices."""

    connection: asyncpg.Connection[asyncpg.Record]
    # what it says to itself, so that another listener's probe is not taken for its own
    token: str
    heard: asyncio.Event
    ended: asyncio.Event


class Signals:
    """Hears the database's notifications and wakes whoever waits for them."""

    def __init__(
        self, clock: Clock, *, probe_interval_s: float = 15.0, probe_timeout_s: float = 5.0
    ) -> None:
        """Take how often the listener is tried and how long it may take to hear itself."""
        self._clock = clock
        self._probe_interval_s = probe_interval_s
        self._probe_timeout_s = probe_timeout_s
        # Weak, so that a waiter that is no longer used needs no farewell.
        self._wakeups: dict[str, WeakSet[Wakeup]] = {name: WeakSet() for name in CHANNELS}
        self._listening = False

    @property
    def listening(self) -> bool:
        """Return whether the listener is believed to hear."""
        return self._listening

    def wakeup(self, channel: str) -> Wakeup:
        """Return a new waiter for `channel`; raise ValueError if nothing ever notifies there."""
        if channel not in CHANNELS:
            raise ValueError(f"{channel!r} is none of the channels {sorted(CHANNELS)}")
        wakeup = Wakeup()
        self._wakeups[channel].add(wakeup)
        return wakeup

    async def run(
        self,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        wait_ready: Callable[[], Awaitable[None]],
    ) -> None:
        """Listen for ever, over connections from `connect`, whenever the database is ready."""
        backoff = Backoff(initial_s=0.5, maximum_s=30.0)
        while True:
            await wait_ready()
            try:
                async with self._listener(await connect()) as listener:
                    backoff.reset()
                    await self._probe_while_alive(listener)
            except (DatabaseUnavailableError, *CLIENT_ERRORS) as error:
                if self._listening:
                    self._listening = False
                    _LOGGER.info(
                        "No longer listening for the database's wake-ups (%s); polling goes on.",
                        type(error).__name__,
                        extra={"action": "signals_lost", "error": type(error).__name__},
                    )
            await self._clock.sleep(backoff.next_delay_s())

    @asynccontextmanager
    async def _listener(
        self, connection: asyncpg.Connection[asyncpg.Record]
    ) -> AsyncGenerator[_Listener]:
        """Listen on every channel while the block runs."""
        listener = _Listener(connection, uuid4().hex, asyncio.Event(), asyncio.Event())

        def on_signal(_connection: object, _pid: int, channel: str, payload: object) -> None:
            if channel != PROBE_CHANNEL:
                self._wake(channel)
            elif payload == listener.token:
                listener.heard.set()

        try:
            connection.add_termination_listener(lambda _: listener.ended.set())
            for channel in (*sorted(CHANNELS), PROBE_CHANNEL):
                await connection.add_listener(channel, on_signal)
            yield listener
        finally:
            # Not a polite close: the connection may be half-open.
            connection.terminate()

    async def _probe_while_alive(self, listener: _Listener) -> None:
        """Send word to itself again and again; raise TimeoutError when it does not arrive."""
        while True:
            listener.heard.clear()
            async with asyncio.timeout(self._probe_timeout_s):
                await listener.connection.execute(_SQL.notify, PROBE_CHANNEL, listener.token)
                await listener.heard.wait()
            if not self._listening:
                self._listening = True
                _LOGGER.debug(
                    "Listening for the database's wake-ups.", extra={"action": "signals_listening"}
                )
                # Whatever was notified before this listener heard is looked for now.
                for channel in CHANNELS:
                    self._wake(channel)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._probe_interval_s):
                    await listener.ended.wait()

    def _wake(self, channel: str) -> None:
        for wakeup in tuple(self._wakeups.get(channel, ())):
            wakeup.set()
