"""What is in the spool goes on into the database: the same way, in the same order, exactly once.

How far it went is written by the transactions themselves (storage/spool.py), so that a row whose
removal was cut short is not written again.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Final
from uuid import UUID

import asyncpg

from mould_watch.clock import Clock, boot_id
from mould_watch.clock_trust import ClockTrust
from mould_watch.errors import DatabaseUnavailableError, SpoolUnusableError
from mould_watch.ingest.interpret import Interpreter
from mould_watch.ingest.leadership import Leadership
from mould_watch.ingest.sessions import BrokerSession
from mould_watch.ingest.source import IncomingMessage
from mould_watch.ingest.spool.rows import SpooledConnection, SpooledMessage, SpooledRow
from mould_watch.ingest.spool.spool import Spool
from mould_watch.ingest.writer import Origin, RefusedAlikeError, Writer, brief
from mould_watch.observability import failpoints
from mould_watch.retry import Backoff
from mould_watch.storage import spool as store
from mould_watch.storage.database import Database
from mould_watch.storage.spool import SpoolPlace

_LOGGER = logging.getLogger(__name__)

TROUBLES: Final = (DatabaseUnavailableError, asyncpg.PostgresError, RefusedAlikeError)
"""What is the database's trouble and not a message's: it is tried again, for ever."""


class Drain:
    """Empties the spool whenever the database is there. For ever; one task."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        spool: Spool,
        session: BrokerSession,
        leadership: Leadership,
        trust: ClockTrust,
        interpreter: Interpreter,
        writer: Writer,
        batch_maximum: int,
    ) -> None:
        self._database = database
        self._clock = clock
        self._spool = spool
        self._session = session
        self._leadership = leadership
        self._trust = trust
        self._boot = boot_id()
        self._interpreter = interpreter
        self._writer = writer
        self._batch_maximum = batch_maximum
        # who holds it decides whether messages go into the spool or past it
        self.lock = asyncio.Lock()
        self._needed = asyncio.Event()
        self._needed.set()
        self._through = asyncio.Event()
        self._fault: str | None = None
        # a write that was given up and may still be under way
        self._abandoned: asyncio.Task[bool] | None = None

    @property
    def is_through(self) -> bool:
        """Return whether all of the spool is in the database: only then is it gone past."""
        return not self._needed.is_set()

    @property
    def fault(self) -> str | None:
        """Return why the database does not take what is in the spool."""
        return self._fault

    def need(self, abandoned: asyncio.Task[bool] | None = None) -> None:
        """Note that the spool is used again; `abandoned`: a write that must end before."""
        self._needed.set()
        self._through.clear()
        if abandoned is not None:
            self._abandoned = abandoned

    async def through(self) -> None:
        """Wait until all of the spool is in the database."""
        await self._through.wait()

    async def run(self) -> None:
        """Empty the spool, again and again."""
        backoff = Backoff(initial_s=0.2, maximum_s=5.0)
        while True:
            await self._needed.wait()
            await self._spool.tried()
            try:
                await self._drain(backoff)
            except (*TROUBLES, SpoolUnusableError) as error:
                self._session.forget()
                self._trouble(error)
                await self._clock.sleep(backoff.next_delay_s())

    async def _drain(self, backoff: Backoff) -> None:
        contents = self._spool.contents
        if contents is None:
            await self._past_unusable()
            return
        await self._abandoned_ended()
        await self._database.wait_ready()
        await self._leadership.decided()
        while not await self._is_ended(contents.spool_id):
            await self._begin(contents.spool_id)
            while rows := await self._spool.head(self._batch_maximum):
                await self._write(contents.spool_id, rows)
                self._fault = None
                backoff.reset()

    async def _begin(self, spool_id: UUID) -> None:
        """Note that the spool is drained, and remove what the database has of it already."""
        async with self._database.transaction() as connection:
            place = await store.begin_drain(connection, spool_id, self._clock.now())
        await self._spool.remove(place.position)
        if not self._spool.is_empty and self._spool.contents is not None:
            _LOGGER.info(
                "Storing %d message(s) that were kept while the database was away.",
                self._spool.contents.count,
                extra={"action": "drain_begins", "count": self._spool.contents.count},
            )

    async def _is_ended(self, spool_id: UUID) -> bool:
        """If nothing is left, let messages go straight to the database from now on."""
        async with self.lock:
            if not self._spool.is_empty:
                return False
            async with self._database.transaction() as connection:
                await store.end_drain(connection, spool_id)
            self._session.forget()
            self._spool.drained()
            self._fault = None
            self._needed.clear()
            self._through.set()
            return True

    async def _past_unusable(self) -> None:
        """Without a spool, what comes goes straight to the database, until there is one."""
        async with self.lock:
            self._needed.clear()
            self._through.set()
        await self._spool.opened()
        self.need()

    async def _write(self, spool_id: UUID, rows: Sequence[SpooledRow]) -> None:
        """Write the rows at the head that belong together, then remove them."""
        first = rows[0].content
        if isinstance(first, SpooledConnection):
            place = SpoolPlace(spool_id, rows[0].position)
            await self._connection(first, place)
        else:
            together = list(takewhile(lambda row: _belongs(row, first), rows))
            place = SpoolPlace(spool_id, together[-1].position)
            await self._messages(together, place, first)
        failpoints.reached("inside_drain_after_commit")
        await self._spool.remove(place.position)

    async def _connection(self, noted: SpooledConnection, place: SpoolPlace) -> None:
        async with self._database.transaction() as connection:
            await store.note_drained(connection, place)
            session = await self._session.begin(connection, resumed=noted.resumed)
        self._session.begun(session)

    async def _messages(
        self, rows: Sequence[SpooledRow], place: SpoolPlace, first: SpooledMessage
    ) -> None:
        if not first.clock_trusted:
            await self._trust.wait()
        messages = [
            self._timed(row.content) for row in rows if isinstance(row.content, SpooledMessage)
        ]
        session = await self._session.load(self._database)
        batch = [self._interpreter.interpret(message) for message in messages]
        if not await self._writer.store(session, batch, Origin(place=place, doubt=first.doubt)):
            self._session.forget()

    def _timed(self, spooled: SpooledMessage) -> IncomingMessage:
        """Return a message with its receipt, known or worked out now."""
        message = spooled.message
        if spooled.clock_trusted:
            return message
        if spooled.boot == self._boot:
            return replace(message, received_at=self._trust.wall_time(message.received_monotonic_s))
        # It came before the machine's present start, and how long before is not known: good
        # enough for its own time to be plausible, and not to judge by.
        return replace(message, received_at=self._trust.wall_time(0.0), backlog=True)

    async def _abandoned_ended(self) -> None:
        """What was given up may still be written: whether it was is asked afterwards."""
        if self._abandoned is not None:
            await asyncio.wait([self._abandoned])
            self._abandoned = None

    def _trouble(self, error: Exception) -> None:
        if self._fault is None:
            _LOGGER.warning(
                "What is in the spool cannot be stored now: %s. Trying again until it is.",
                brief(error),
                extra={"action": "drain_waits", "error": type(error).__name__},
            )
        self._fault = brief(error)


def _belongs(row: SpooledRow, first: SpooledMessage) -> bool:
    content = row.content
    return isinstance(content, SpooledMessage) and (content.doubt, content.clock_trusted) == (
        first.doubt,
        first.clock_trusted,
    )
