"""Batches become rows: one transaction each, all of it or nothing.

What the database refuses because of one row is found by halving, inside the transaction, and
kept as a dead letter. Everything else that fails leaves the batch as it was, to be kept
elsewhere and written again: `Writer` gives up at once, its callers never do.
"""

import logging
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from mould_watch.clock import Clock
from mould_watch.errors import MouldWatchError
from mould_watch.ingest import redelivery
from mould_watch.ingest.device_states import DeviceStates
from mould_watch.ingest.interpret import UNKNOWN_SOURCE, Interpreted, refused
from mould_watch.ingest.sessions import SupersededError
from mould_watch.ingest.waiting import WaitingMessages
from mould_watch.observability import failpoints
from mould_watch.settings import IngestSettings
from mould_watch.storage import devices as device_store
from mould_watch.storage import discovery as discovery_store
from mould_watch.storage import ingestion as store
from mould_watch.storage import spool as spool_store
from mould_watch.storage.connections import REFUSALS, is_no_rows_fault
from mould_watch.storage.database import Connection, Database
from mould_watch.storage.dead_letters import write_dead_letters
from mould_watch.storage.devices import Device, DeviceLabel, DeviceReference, KnownDevice, Parts
from mould_watch.storage.ingestion import DeliverySession
from mould_watch.storage.partitions import Partitions
from mould_watch.storage.spool import SpoolPlace

_LOGGER = logging.getLogger(__name__)

_ALIKE_MINIMUM: Final = 10
"""So many messages, all refused alike: then it is not the messages' fault."""

_NAMES_SHOWN: Final = 12
_TOLD_MAXIMUM: Final = 1000


class RefusedAlikeError(MouldWatchError):
    """The database refuses every row of a batch for the same reason."""

    code = "refused_alike"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a batch comes from, noted with its rows so that it is never written twice."""

    # the batch's own number, when it comes straight from the broker
    batch: UUID | None = None
    # up to where the spool is drained with it, when it comes out of one
    place: SpoolPlace | None = None
    # the number under which it was tried before, without an answer to the COMMIT
    doubt: UUID | None = None


class Writer:
    """Writes batches. One at a time."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        settings: IngestSettings,
        waiting: WaitingMessages,
        states: DeviceStates,
    ) -> None:
        """Write to `database`; of `waiting` only the count of what was dropped."""
        self._states = states
        self._database = database
        self._clock = clock
        self._settings = settings
        self._waiting = waiting
        self._partitions = Partitions(clock)
        # the latest batch whose COMMIT may have gone unanswered, and what was dropped before it
        self._doubted: tuple[UUID | None, int] = None, 0
        # (topic, reason) of the dead letters told of, the oldest first
        self._told: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def store(
        self, session: DeliverySession, batch: Sequence[Interpreted], origin: Origin
    ) -> bool:
        """Write a batch in one transaction, then say what became of it.

        Returns False when it had been written before: `session` is not what that left, and
        must be loaded anew. Raises DatabaseUnavailableError, asyncpg.PostgresError or
        RefusedAlikeError; then either nothing of it is written, or all of it and the answer to
        the COMMIT was lost. Raises SupersededError, and has written nothing, when the batch
        comes straight from the broker and another process has the session by now.
        """
        dropped = self._waiting.take_dropped()
        try:
            async with self._database.connection() as connection:
                days = {reading.ts.date() for one in batch for reading in one.readings}
                await self._partitions.ensure(connection, days)
                async with connection.transaction():
                    done = await self._store(connection, session, batch, origin, dropped)
                    if origin.place is not None:
                        failpoints.reached("inside_drain_before_commit")
        except BaseException:
            self._waiting.give_back_dropped(dropped)
            self._doubted = origin.batch, dropped
            self._partitions.forget()
            raise
        if done is None:
            # what was counted with it is not counted again
            doubted, counted = self._doubted
            self._waiting.give_back_dropped(dropped - (counted if doubted == origin.doubt else 0))
            self._doubted = None, 0
            return False
        redelivery.committed(session, done.plan)
        readings = [reading for one in done.fresh for reading in one.readings]
        self._states.stored(readings, done.owners)
        self._tell_stored(done.owners, done.correlation_id)
        self._tell_dead(done.fresh)
        return True

    async def _store(
        self,
        connection: Connection,
        session: DeliverySession,
        batch: Sequence[Interpreted],
        origin: Origin,
        dropped: int,
    ) -> _Done | None:
        """Write all that a batch means; None: it was written before."""
        if origin.place is not None:
            await spool_store.note_drained(connection, origin.place)
        if origin.doubt is not None and await store.is_written(
            connection, session.client_id, origin.doubt
        ):
            return None
        newest = max(one.message.received_at for one in batch)
        correlation_id = origin.batch or uuid4()
        number = await store.note_batch(
            connection, session.client_id, origin.batch, newest, correlation_id
        )
        if origin.batch is not None and number != session.connection:
            raise SupersededError("another process has connected with our client id meanwhile")
        spool_id = None if origin.place is None else origin.place.spool_id
        plan = redelivery.plan(session, batch)
        fresh = _fresh(batch, plan)
        owners, culprits = await self._write_or_halve(connection, fresh, spool_id)
        if culprits:
            _check_not_alike(fresh, culprits)
            dead = {id(one): _refused(one, error) for one, error in culprits}
            batch = [dead.get(id(one), one) for one in batch]
            # as a dead letter it may have been kept before
            plan = redelivery.plan(session, batch)
            fresh = _fresh(batch, plan)
            kept = set(map(id, fresh))
            await self._write_dead(
                connection, [one for one in dead.values() if id(one) in kept], spool_id
            )
        await store.write_deliveries(
            connection, session, plan.recorded, plan.ended, phase_over=plan.phase_over
        )
        await store.add_counts(connection, self._counts(batch, plan, dropped))
        return _Done(plan, fresh, owners, correlation_id)

    async def _write_dead(
        self, connection: Connection, dead: Sequence[Interpreted], spool_id: UUID | None
    ) -> None:
        _, culprits = await self._write_or_halve(connection, dead, spool_id)
        if culprits:
            # Refused even as a dead letter: without texts of its own it is in nobody's way.
            bare = [_refused(one, error) for one, error in culprits]
            await self._write(connection, bare, spool_id)

    async def _write_or_halve(
        self, connection: Connection, part: Sequence[Interpreted], spool_id: UUID | None
    ) -> tuple[list[Device | None], list[_Culprit]]:
        """Write `part`; return the devices of its readings, and the messages that are refused."""
        if not part:
            return [], []
        try:
            async with connection.transaction():
                return await self._write(connection, part, spool_id), []
        except REFUSALS as error:
            if is_no_rows_fault(error):
                # a partition was there when last looked: it is ensured anew by the retry
                raise
            if len(part) == 1:
                return [], [(part[0], error)]
            middle = len(part) // 2
            first, bad = await self._write_or_halve(connection, part[:middle], spool_id)
            second, worse = await self._write_or_halve(connection, part[middle:], spool_id)
            return [*first, *second], [*bad, *worse]

    async def _write(
        self, connection: Connection, batch: Sequence[Interpreted], spool_id: UUID | None
    ) -> list[Device | None]:
        """Write what messages say; return for each reading its device, None: it was there."""
        for source, identities in _identities(batch).items():
            await device_store.identify(connection, source, identities)
        owners = await store.write_readings(
            connection,
            [reading for one in batch for reading in one.readings],
            [known for one in batch for known in one.known],
            {
                said.device: said.available
                for one in batch
                for said in one.availability
                if isinstance(said.device, DeviceReference)
            },
            spool_id=spool_id,
        )
        await _write_about_devices(connection, batch)
        await discovery_store.write(
            connection, [one.announcement for one in batch if one.announcement is not None]
        )
        await write_dead_letters(
            connection,
            [one.dead_letter for one in batch if one.dead_letter is not None],
            self._settings.dead_letters_maximum_bytes,
        )
        return owners

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

    def _tell_stored(self, owners: Sequence[Device | None], correlation_id: UUID) -> None:
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
                    "correlation_id": str(correlation_id),
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


type _Culprit = tuple[Interpreted, asyncpg.PostgresError]


@dataclass(frozen=True, slots=True)
class _Done:
    """What a transaction did."""

    plan: redelivery.DeliveryPlan
    fresh: Sequence[Interpreted]
    owners: Sequence[Device | None]
    # the id of all that comes of it: in the log, the requests, the notifications
    correlation_id: UUID


def brief(error: Exception) -> str:
    """Return the message without the DETAIL below it, which quotes the row."""
    return str(error).partition("\n")[0]


def _fresh(batch: Sequence[Interpreted], plan: redelivery.DeliveryPlan) -> list[Interpreted]:
    return [one for place, one in enumerate(batch) if place not in plan.redelivered]


def _check_not_alike(fresh: Sequence[Interpreted], culprits: Sequence[_Culprit]) -> None:
    """Raise RefusedAlikeError when every reading, and not only a few, is refused alike."""
    total = sum(bool(one.readings) for one in fresh)
    at_fault = [error for one, error in culprits if one.readings]
    if len(at_fault) == total >= _ALIKE_MINIMUM and len({one.sqlstate for one in at_fault}) == 1:
        raise RefusedAlikeError(brief(at_fault[0])) from at_fault[0]


def _refused(interpreted: Interpreted, error: asyncpg.PostgresError) -> Interpreted:
    return refused(interpreted, str(error.sqlstate), brief(error))


def _identities(batch: Sequence[Interpreted]) -> dict[str, list[KnownDevice]]:
    by_source: dict[str, list[KnownDevice]] = {}
    for one in batch:
        if one.identities:
            by_source.setdefault(one.source, []).extend(one.identities)
    return by_source


async def _write_about_devices(connection: Connection, batch: Sequence[Interpreted]) -> None:
    """Write what is said of devices that are known by now: whichever the batch made known."""
    labels: dict[str, list[DeviceLabel]] = {}
    for one in batch:
        if one.labels:
            labels.setdefault(one.source, []).extend(one.labels)
        for said in one.availability:
            if isinstance(said.device, Parts):
                await device_store.tell_of_parts(
                    connection,
                    said.device,
                    available=said.available,
                    power_source=said.power_source,
                )
    for source, described in labels.items():
        await device_store.describe(connection, source, described)
