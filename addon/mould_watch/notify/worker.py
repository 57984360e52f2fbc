"""The claim loop: takes due notifications from the outbox and has them sent."""

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mould_watch.clock import Clock
from mould_watch.errors import DatabaseUnavailableError
from mould_watch.notify.attempt import Sender, tell
from mould_watch.notify.breaker import Breakers, BreakerSettings
from mould_watch.notify.care import Care
from mould_watch.notify.channel import Channel, ClaimedNotification
from mould_watch.retry import Backoff
from mould_watch.settings import NotifySettings
from mould_watch.storage import outbox
from mould_watch.storage.database import Connection, Database
from mould_watch.storage.outbox import Claims, Ending, Turn
from mould_watch.storage.signals import Wakeup

_LOGGER = logging.getLogger(__name__)
_WAKEUP_CHANNEL: Final = "mould_watch_outbox"
_LEAST_WAIT_S: Final = 0.05
_FAREWELL_S: Final = 3.0
_BATCHES_IN_HAND: Final = 2
"""One is sent while the database writes the end of the other and claims the next."""


class NotificationWorker:
    """Sends for ever over its channels; any number of workers may share one database.

    Cancelling it hands its claims back, so that another process need not wait for the leases.
    """

    name = "notifications"

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
        self._care = Care(settings, database, clock, channels, self._resting)

    async def run(self) -> None:
        """Claim and send until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for loop in self._loops:
                    tasks.create_task(loop.run(), name=f"notify {loop.name}")
                tasks.create_task(self._care.run(), name="notify care")
        finally:
            await self._hand_back()

    def health(self) -> Mapping[str, Any]:
        """Return {"ready", "state", "detail", "channels"}: a route that fails makes nobody wait."""
        channels = {loop.name: loop.health() for loop in self._loops}
        resting = sorted(
            f"{route} over {name}" for name, one in channels.items() for route in one["resting"]
        )
        return {
            "ready": True,
            "state": "resting" if resting else "ready",
            "detail": f"left alone for a while: {', '.join(resting)}" if resting else None,
            "channels": channels,
        }

    def _resting(self) -> frozenset[tuple[str, str]]:
        """Return the channels and routes for which nothing is claimed for a while."""
        return frozenset((loop.name, route) for loop in self._loops for route in loop.resting)

    async def _hand_back(self) -> None:
        """Write what is known of the claims, and give the others back."""
        try:
            async with asyncio.timeout(_FAREWELL_S), self._database.connection() as connection:
                for loop in self._loops:
                    await loop.write_endings(connection)
                under_way = frozenset[Any]().union(*(loop.under_way for loop in self._loops))
                count = await outbox.give_back_all(connection, self._identity, under_way)
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


@dataclass(frozen=True, slots=True)
class _Work:
    """What a turn could do: how many it may claim, for which routes, and try one of which."""

    has_endings: bool
    room: int
    routes: frozenset[str]
    probing: frozenset[str]


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
        breaker = BreakerSettings(
            settings.breaker_failures, settings.breaker_initial_s, settings.breaker_maximum_s
        )
        self._breakers = Breakers(breaker, clock.monotonic_s)
        # how attempts ended, until it is written: bounded by what is in hand
        self._endings: deque[Ending] = deque()
        self._sender = Sender(settings, database, clock, channel, breakers=self._breakers)
        self._in_flight = 0
        # claims begun and not ended, also those whose sending was interrupted
        self.unfinished = 0
        self._taken_over = 0
        self._look = asyncio.Event()
        # While there is more than a turn takes, the next goes on where it ended; whatever may
        # have made earlier ones claimable has it begin anew.
        self._since: datetime | None = None
        self._begin_anew = False
        self._tidied_s: float | None = None

    @property
    def name(self) -> str:
        return self._channel.name

    @property
    def under_way(self) -> frozenset[Any]:
        """Return the ids of those that may have arrived, though their end is not stored."""
        return frozenset(self._sender.under_way)

    @property
    def resting(self) -> frozenset[str]:
        """Return the routes that are left alone for a while, or probed."""
        return frozenset(self._breakers.health())

    def health(self) -> dict[str, Any]:
        """Return what this process did over the channel since it started, and what rests."""
        return {
            "routes": sorted(self._channel.routes()),
            "resting": self._breakers.health(),
            "in_flight": self._in_flight,
            "taken_over": self._taken_over,
            **{
                name: self._sender.counts[name]
                for name in (
                    "sent",
                    "failed",
                    "retried",
                    "unknown_outcomes",
                    "repeats",
                    "claims_lost",
                )
            },
        }

    async def run(self) -> None:
        backoff = Backoff(initial_s=0.2, maximum_s=10.0)
        wakeup = self._database.signals.wakeup(_WAKEUP_CHANNEL)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(wakeup), name=f"notify {self.name} wake-up")
            tasks.create_task(self._watch_routes(), name=f"notify {self.name} routes")
            tasks.create_task(self._sender.run(), name=f"notify {self.name} sender")
            while True:
                try:
                    wait_s = await self._round(tasks)
                except DatabaseUnavailableError:
                    await self._clock.sleep(backoff.next_delay_s())
                    await self._database.wait_ready()
                    continue
                backoff.reset()
                await self._wait(wait_s)

    async def write_endings(self, connection: Connection) -> None:
        """Write how attempts ended, claiming nothing: there will be no next turn."""
        while self._endings:
            await self._turn(connection, frozenset(), 0)

    async def _round(self, tasks: asyncio.TaskGroup) -> float:
        """Have turns while there is work for them; return the longest wait from here.

        While there is much to send a turn is one statement, on the connection of the one before;
        the rest is done when there is nothing, and at least once in a while.
        """
        if self._work() is None:
            return self._longest_wait_s()
        async with self._database.connection() as connection:
            while (work := self._work()) is not None:
                claimed = await self._claim(connection, tasks, work)
                if not (claimed or work.has_endings) or not self._is_tidy():
                    return await self._tidy(connection, work.routes)
                # there may be more; and an ending may have made room in its lane
                if len(claimed) < work.room and not work.has_endings:
                    break
        return self._longest_wait_s()

    def _work(self) -> _Work | None:
        """Return what a turn could do now; whatever changes it later wakes the loop."""
        self._look.clear()
        routes, probing = self._breakers.split(self._channel.routes())
        room = self._room() if routes or probing else 0
        if not (room or self._endings):
            return None
        return _Work(bool(self._endings), room, routes, probing)

    async def _claim(
        self, connection: Connection, tasks: asyncio.TaskGroup, work: _Work
    ) -> list[ClaimedNotification]:
        """Have a turn, and one for each route that is probed; start at once what each claimed."""
        asked_s = self._clock.monotonic_s()
        claimed = await self._go_on(connection, work.routes, work.room)
        self._start(tasks, claimed, asked_s)
        for route in sorted(work.probing)[: max(0, work.room - len(claimed))]:
            probe = (await self._turn(connection, frozenset({route}), 1)).claimed
            if probe:
                self._breakers.of(route).probe()
            self._start(tasks, probe, asked_s)
            claimed += probe
        return claimed

    def _is_tidy(self) -> bool:
        return (
            self._tidied_s is not None
            and self._clock.monotonic_s() - self._tidied_s < self._settings.poll_s
        )

    async def _tidy(self, connection: Connection, routes: frozenset[str]) -> float:
        """End what is superseded; return the longest wait from here."""
        superseded = await outbox.supersede(connection)
        self._tidied_s = self._clock.monotonic_s()
        self._begin_anew = True
        due_s = await outbox.next_due_s(connection, self.name, routes)
        if superseded.given_back or superseded.cancelled:
            return 0.0
        if due_s is None:
            return self._longest_wait_s()
        # A row may be due and yet held by another worker's transaction: no busy loop for it.
        return min(max(due_s, _LEAST_WAIT_S), self._longest_wait_s())

    def _room(self) -> int:
        """Return how many more may be claimed now, once what ended is written."""
        batch = self._settings.claim_batch
        return max(0, min(batch, _BATCHES_IN_HAND * batch - self._in_flight))

    async def _go_on(
        self, connection: Connection, routes: frozenset[str], limit: int
    ) -> list[ClaimedNotification]:
        """Have a turn that begins where the last one ended, if there was more."""
        if not limit:
            return (await self._turn(connection, routes, 0)).claimed
        since = None if self._begin_anew else self._since
        self._begin_anew, self._since = False, None
        done = await self._turn(connection, routes, limit, since)
        if len(done.claimed) == limit:
            self._since = done.last_due_at
        elif since is not None:
            self._look.set()  # at the end of the queue; its beginning may have changed
        return done.claimed

    async def _turn(
        self,
        connection: Connection,
        routes: frozenset[str],
        limit: int,
        since: datetime | None = None,
    ) -> Turn:
        claims = Claims(
            channel=self.name,
            routes=routes,
            limit=limit if routes else 0,
            worker=self._identity,
            lease_s=self._settings.lease_s,
            since=since,
        )
        taken = [self._endings.popleft() for _ in range(len(self._endings))]
        try:
            done = await outbox.turn(
                connection,
                claims,
                taken,
                # what is shown once, however often it comes, may come again
                durably=not self._channel.recognises_repeats,
            )
        except BaseException:
            # Whether it is written is not known. Written twice it is written once: by its token.
            self._endings.extendleft(reversed(taken))
            raise
        for ending, was_ours in zip(taken, done.ended, strict=True):
            self.unfinished -= 1
            self._sender.stored(ending, was_ours=was_ours)
        return done

    def _longest_wait_s(self) -> float:
        rest_s = self._breakers.shortest_rest_s()
        if rest_s is None:
            return self._settings.poll_s
        return min(max(rest_s, _LEAST_WAIT_S), self._settings.poll_s)

    def _start(
        self, tasks: asyncio.TaskGroup, claims: Sequence[ClaimedNotification], asked_s: float
    ) -> None:
        for claimed in claims:
            self._taken_over += claimed.taken_over
            tell(
                logging.INFO,
                "notification_claimed",
                claimed,
                "Claimed the %s for %s",
                taken_over=claimed.taken_over,
            )
            self._in_flight += 1
            self.unfinished += 1
            tasks.create_task(
                self._attempt(claimed, asked_s), name=f"notify {claimed.notification_id}"
            )

    async def _attempt(self, claimed: ClaimedNotification, asked_s: float) -> None:
        try:
            ending = await self._sender.attempt(claimed, asked_s)
            if ending is None:
                self.unfinished -= 1
            else:
                self._endings.append(ending)
        finally:
            self._in_flight -= 1
            self._look.set()

    async def _listen(self, wakeup: Wakeup) -> None:
        while True:
            await wakeup.wait(self._settings.poll_s)
            self._begin_anew = True
            self._look.set()

    async def _watch_routes(self) -> None:
        while True:
            await self._channel.wait_for_change(self._settings.poll_s)
            self._begin_anew = True
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
