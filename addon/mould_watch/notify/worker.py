"""The claim loop: takes due notifications from the outbox and has them sent."""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from typing import Final

from mould_watch.clock import Clock
from mould_watch.errors import DatabaseUnavailableError
from mould_watch.notify.attempt import Sender, log_fields
from mould_watch.notify.channel import Channel, ClaimedNotification
from mould_watch.retry import Backoff
from mould_watch.settings import NotifySettings
from mould_watch.storage import outbox
from mould_watch.storage.database import Database
from mould_watch.storage.signals import Wakeup

_LOGGER = logging.getLogger(__name__)
_WAKEUP_CHANNEL: Final = "mould_watch_outbox"
_LEAST_WAIT_S: Final = 0.05
_FAREWELL_S: Final = 3.0


class NotificationWorker:
    """Sends for ever over its channels; any number of workers may share one database.

    Cancelling it hands its claims back, so that another process need not wait for the leases.
    """

    def __init__(
        self,
        settings: NotifySettings,
        database: Database,
        clock: Clock,
        channels: Sequence[Channel],
        name: str,
    ) -> None:
        """Serve `channels`; `name` is what people read in a notification's steps."""
        self._database = database
        # Unlike its name, a worker's identity is never shared, not even with its own past life.
        self._identity = f"{name}/{secrets.token_hex(4)}"
        self._loops = [
            _ChannelLoop(settings, database, clock, channel, self._identity) for channel in channels
        ]

    async def run(self) -> None:
        """Claim and send until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for loop in self._loops:
                    tasks.create_task(loop.run(), name=f"notify {loop.name}")
        finally:
            await self._hand_back()

    async def _hand_back(self) -> None:
        try:
            async with asyncio.timeout(_FAREWELL_S), self._database.connection() as connection:
                count = await outbox.give_back_all(connection, self._identity)
        except DatabaseUnavailableError, TimeoutError:
            kept = sum(loop.unfinished for loop in self._loops)
            if kept:
                _LOGGER.warning(
                    "%d claimed notifications could not be handed back; they are taken over when "
                    "their leases run out",
                    kept,
                    extra={"action": "notification_claims_kept", "count": kept},
                )
            return
        if count:
            _LOGGER.info(
                "Handed %d claimed notifications back",
                count,
                extra={"action": "notification_claims_handed_back", "count": count},
            )


class _ChannelLoop:
    """The loop of one channel: look, claim what can be sent now, wait to be woken."""

    def __init__(
        self,
        settings: NotifySettings,
        database: Database,
        clock: Clock,
        channel: Channel,
        identity: str,
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._channel = channel
        self._identity = identity
        self._sender = Sender(settings, database, clock, channel)
        self._in_flight = 0
        # claims begun and not ended, also those whose sending was interrupted
        self.unfinished = 0
        self._look = asyncio.Event()

    @property
    def name(self) -> str:
        return self._channel.name

    async def run(self) -> None:
        backoff = Backoff(initial_s=0.2, maximum_s=10.0)
        wakeup = self._database.signals.wakeup(_WAKEUP_CHANNEL)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(wakeup), name=f"notify {self.name} wake-up")
            tasks.create_task(self._watch_routes(), name=f"notify {self.name} routes")
            while True:
                self._look.clear()
                try:
                    wait_s = await self._round(tasks)
                except DatabaseUnavailableError:
                    await self._clock.sleep(backoff.next_delay_s())
                    await self._database.wait_ready()
                    continue
                backoff.reset()
                await self._wait(wait_s)

    async def _round(self, tasks: asyncio.TaskGroup) -> float:
        """Claim and start what there is room and a route for; return the longest wait from here."""
        room = self._settings.claim_batch - self._in_flight
        routes = self._channel.routes()
        if room <= 0 or not routes:
            return self._settings.poll_s
        async with self._database.transaction() as connection:
            superseded = await outbox.supersede(connection)
            claimed = await outbox.claim(
                connection,
                channel=self.name,
                routes=routes,
                limit=room,
                worker=self._identity,
                lease_s=self._settings.lease_s,
            )
            due_s = await outbox.next_due_s(connection, self.name, routes)
        for notification in claimed:
            self._start(tasks, notification)
        if superseded.given_back or superseded.cancelled:
            return 0.0
        if due_s is None:
            return self._settings.poll_s
        # A row may be due and yet held by another worker's transaction: no busy loop for it.
        return min(max(due_s, _LEAST_WAIT_S), self._settings.poll_s)

    def _start(self, tasks: asyncio.TaskGroup, claimed: ClaimedNotification) -> None:
        _LOGGER.info(
            "Claimed the %s for %s",
            claimed.kind,
            claimed.message.get("room"),
            extra=log_fields("notification_claimed", claimed, taken_over=claimed.taken_over),
        )
        self._in_flight += 1
        self.unfinished += 1
        tasks.create_task(self._attempt(claimed), name=f"notify {claimed.notification_id}")

    async def _attempt(self, claimed: ClaimedNotification) -> None:
        try:
            await self._sender.attempt(claimed)
            self.unfinished -= 1
        finally:
            self._in_flight -= 1
            self._look.set()

    async def _listen(self, wakeup: Wakeup) -> None:
        while True:
            await wakeup.wait(self._settings.poll_s)
            self._look.set()

    async def _watch_routes(self) -> None:
        while True:
            await self._channel.wait_for_change(self._settings.poll_s)
            self._look.set()

    async def _wait(self, wait_s: float) -> None:
        """Wait to be woken, at most `wait_s` seconds."""
        if wait_s <= 0:
            return
        try:
            async with asyncio.timeout(wait_s):
                await self._look.wait()
        except TimeoutError:
            return
