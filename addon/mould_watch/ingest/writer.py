"""Batches become rows: one transaction each, and only then are they acknowledged.

No timer decides a batch: it is what arrived while the transaction before ran. While the database
is away the batch in hand is tried for ever and the broker is left alone (service.py); a spool
takes its place where `Writer` waits for the database.
"""

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

import asyncpg

from mould_watch.clock import Clock
from mould_watch.errors import DatabaseUnavailableError
from mould_watch.ingest import redelivery
from mould_watch.ingest.interpret import UNKNOWN_SOURCE, Interpreted, Interpreter, refused
from mould_watch.ingest.source import IncomingMessage
from mould_watch.ingest.waiting import WaitingMessages
from mould_watch.observability import failpoints
from mould_watch.retry import Backoff
from mould_watch.settings import IngestSettings
from mould_watch.storage import devices as device_store
from mould_watch.storage import ingestion as store
from mould_watch.storage.connections import REFUSALS
from mould_watch.storage.database import Database
from mould_watch.storage.dead_letters import write_dead_letters
from mould_watch.storage.devices import Device, KnownDevice
from mould_watch.storage.ingestion import DeliverySession
from mould_watch.storage.partitions import Partitions

_LOGGER = logging.getLogger(__name__)

_ALIKE_MINIMUM: Final = 10
"""So many messages, all refused alike: then it is not the messages' fault."""

_NAMES_SHOWN: Final = 12
_TOLD_MAXIMUM: Final = 1000


class _RefusedAlikeError(Exception):
    """The database refuses every row of a batch for the same reason."""


class Writer:
    """Takes what waits, writes it, has it acknowledged. For ever; one task."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        settings: IngestSettings,
        client_id: str,
        interpreter: Interpreter,
        waiting: WaitingMessages,
        acknowledge: Callable[[Sequence[IncomingMessage]], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._client_id = client_id
        self._interpreter = interpreter
        self._waiting = waiting
        self._acknowledge = acknowledge
        self._partitions = Partitions()
        self._session: DeliverySession | None = None
        self._session_generation = 0
        self._session_lock = asyncio.Lock()
        # (topic, reason) of the dead letters told of, the oldest first
        self._told: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._works = True
        self._changed = asyncio.Event()

    @property
    def works(self) -> bool:
        """Return whether the latest try to write succeeded."""
        return self._works

    async def wait_change(self) -> None:
        """Return when `works` changed after this call."""
        await self._changed.wait()

    async def run(self) -> None:
        """Write batch after batch."""
        last_commit_s = -self._settings.minimum_commit_interval_s
        while True:
            await self._waiting.ready()
            since_s = self._clock.monotonic_s() - last_commit_s
            if since_s < self._settings.minimum_commit_interval_s:
                await self._clock.sleep(self._settings.minimum_commit_interval_s - since_s)
            messages = self._waiting.take(self._settings.batch_maximum)
            await self._store_until_done(messages)
            last_commit_s = self._clock.monotonic_s()
            failpoints.reached("after_commit_before_puback")
            self._acknowledge(messages)
            self._waiting.done(messages)

    async def begin_session(self, generation: int, *, resumed: bool) -> DeliverySession:
        """Note a connection to the broker, once; raises DatabaseUnavailableError.

        A new epoch is committed when this returns: only then may be subscribed.
        """
        async with self._session_lock:
            if self._session is None or self._session_generation != generation:
                async with self._database.transaction() as connection:
                    session = await store.begin_session(
                        connection, self._client_id, resumed=resumed
                    )
                self._session, self._session_generation = session, generation
            return self._session

    async def _store_until_done(self, messages: Sequence[IncomingMessage]) -> None:
        remaining = [self._interpreter.interpret(message) for message in messages]
        total = sum(one.reading is not None for one in remaining)
        backoff = Backoff(initial_s=0.2, maximum_s=5.0)
        while remaining:
            try:
                await self._store(remaining, total)
            except (DatabaseUnavailableError, asyncpg.PostgresError, _RefusedAlikeError) as error:
                self._trouble(error)
                self._partitions.forget()
                await self._clock.sleep(backoff.next_delay_s())
        self._recovered()

    async def _store(self, remaining: list[Interpreted], total: int) -> None:
        """Write `remaining` of a batch of `total` readings; take out of it what is committed."""
        latest = remaining[-1].message
        session = await self.begin_session(latest.generation, resumed=latest.session_resumed)
        culprits = await self._write_or_halve(session, remaining, list(remaining))
        if not culprits:
            return
        at_fault = [error for one, error in culprits if one.reading is not None]
        if len(at_fault) == total >= _ALIKE_MINIMUM and _are_alike(at_fault):
            raise _RefusedAlikeError(_brief(at_fault[0])) from at_fault[0]
        dead = _refused(culprits)
        culprits = await self._write_or_halve(session, dead, list(dead))
        if culprits:
            # Refused even as a dead letter: without texts of its own it is in nobody's way.
            await self._write(session, _refused(culprits))
        remaining.clear()

    async def _write_or_halve(
        self, session: DeliverySession, remaining: list[Interpreted], part: list[Interpreted]
    ) -> list[tuple[Interpreted, asyncpg.PostgresError]]:
        """Write `part` and take it out of `remaining`; return the messages that are refused."""
        try:
            await self._write(session, part)
        except REFUSALS as error:
            if _lacks_partition(error):
                # it was there when last looked; ensured anew by the retry
                raise
            if len(part) == 1:
                return [(part[0], error)]
            middle = len(part) // 2
            return [
                *await self._write_or_halve(session, remaining, part[:middle]),
                *await self._write_or_halve(session, remaining, part[middle:]),
            ]
        written = set(map(id, part))
        remaining[:] = [one for one in remaining if id(one) not in written]
        return []

    async def _write(self, session: DeliverySession, batch: Sequence[Interpreted]) -> None:
        """Write one batch in one transaction, then say what became of it."""
        plan = redelivery.plan(session, batch)
        fresh = [one for place, one in enumerate(batch) if place not in plan.redelivered]
        readings = [one.reading for one in fresh if one.reading is not None]
        letters = [one.dead_letter for one in fresh if one.dead_letter is not None]
        dropped = self._waiting.take_dropped()
        try:
            async with self._database.connection() as connection:
                await self._partitions.ensure(connection, {one.ts.date() for one in readings})
                async with connection.transaction():
                    for source, identities in _identities(fresh).items():
                        await device_store.identify(connection, source, identities)
                    owners = await store.write_readings(
                        connection,
                        readings,
                        [one.known for one in fresh if one.known is not None],
                        dict(one.availability for one in fresh if one.availability is not None),
                    )
                    await write_dead_letters(
                        connection, letters, self._settings.dead_letters_maximum_bytes
                    )
                    await store.write_deliveries(
                        connection,
                        session,
                        plan.recorded,
                        plan.ended,
                        phase_over=plan.phase_over,
                    )
                    await store.add_counts(connection, self._counts(batch, plan, dropped))
        except BaseException:
            self._waiting.give_back_dropped(dropped)
            raise
        redelivery.committed(session, plan)
        self._tell_stored(owners)
        self._tell_dead(fresh)

    def _counts(
        self, batch: Sequence[Interpreted], plan: redelivery.DeliveryPlan, dropped: int
    ) -> Counter[tuple[date, str, str]]:
        counts: Counter[tuple[date, str, str]] = Counter()
        for place, one in enumerate(batch):
            ending = "redelivery" if place in plan.redelivered else one.ending
            if ending is not None:
                counts[one.message.received_at.date(), one.source, ending] += 1
        if dropped:
            counts[self._clock.now().date(), UNKNOWN_SOURCE, "qos0_dropped"] += dropped
        return counts

    def _tell_stored(self, owners: Sequence[Device | None]) -> None:
        names = sorted({owner.name for owner in owners if owner is not None})
        if names:
            count = sum(owner is not None for owner in owners)
            shown = ", ".join(names[:_NAMES_SHOWN])
            more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
            _LOGGER.info(
                "Stored %d reading(s) of %s%s.",
                count,
                shown,
                more,
                extra={
                    "action": "readings_stored",
                    "devices": names[:_NAMES_SHOWN],
                    "count": count,
                },
            )

    def _tell_dead(self, fresh: Sequence[Interpreted]) -> None:
        """Log a topic's dead letters of one reason once, not once for each message."""
        for one in fresh:
            letter = one.dead_letter
            if letter is None or (letter.topic, letter.reason) in self._told:
                continue
            self._told[letter.topic, letter.reason] = None
            if len(self._told) > _TOLD_MAXIMUM:
                self._told.popitem(last=False)
            _LOGGER.warning(
                "A message on %s could not be understood and is kept as a dead letter: %s. "
                "Further ones like it are kept without a word.",
                letter.topic,
                letter.detail,
                extra={"action": "dead_letter", "topic": letter.topic, "reason": letter.reason},
            )

    def _trouble(self, error: Exception) -> None:
        if self._works:
            self._works = False
            _LOGGER.warning(
                "Messages cannot be stored now: %s. Trying again until they are.",
                _brief(error),
                extra={"action": "storing_failed", "error": type(error).__name__},
            )
            self._announce()

    def _recovered(self) -> None:
        if not self._works:
            self._works = True
            _LOGGER.info("Messages are stored again.", extra={"action": "storing_recovered"})
            self._announce()

    def _announce(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def _are_alike(errors: Sequence[asyncpg.PostgresError]) -> bool:
    return len({error.sqlstate for error in errors}) == 1


def _refused(culprits: Sequence[tuple[Interpreted, asyncpg.PostgresError]]) -> list[Interpreted]:
    return [
        refused(interpreted, str(error.sqlstate), _brief(error)) for interpreted, error in culprits
    ]


def _brief(error: Exception) -> str:
    """Return the message without the DETAIL below it, which quotes the row."""
    return str(error).partition("\n")[0]


def _lacks_partition(error: asyncpg.PostgresError) -> bool:
    # A real CHECK has a name.
    return isinstance(error, asyncpg.CheckViolationError) and not error.constraint_name


def _identities(batch: Sequence[Interpreted]) -> dict[str, list[KnownDevice]]:
    by_source: dict[str, list[KnownDevice]] = {}
    for one in batch:
        if one.identities:
            by_source.setdefault(one.source, []).extend(one.identities)
    return by_source
