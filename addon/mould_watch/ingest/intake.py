"""What waits is kept, and only then acknowledged: in the order of its arrival.

No timer decides a batch: it is what arrived while the batch before was written. It goes into the
database, or, while that is away or has not caught up, into the spool.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID, uuid4

from mould_watch.clock import Clock, boot_id
from mould_watch.clock_trust import ClockTrust
from mould_watch.errors import DatabaseUnavailableError, SpoolUnusableError
from mould_watch.ingest.drain import TROUBLES, Drain
from mould_watch.ingest.interpret import Interpreter
from mould_watch.ingest.sessions import BrokerSession, SupersededError
from mould_watch.ingest.source import IncomingMessage
from mould_watch.ingest.spool.rows import SpooledConnection, SpooledMessage
from mould_watch.ingest.spool.spool import Spool
from mould_watch.ingest.waiting import WaitingMessages
from mould_watch.ingest.writer import Origin, Writer, brief
from mould_watch.observability import failpoints
from mould_watch.retry import Backoff
from mould_watch.settings import IngestSettings
from mould_watch.storage.database import Database

_LOGGER = logging.getLogger(__name__)

_HURRIED_S: Final = 1.0
"""How long the database is waited for when the process is to end."""


class Intake:
    """Takes what waits, has it kept, then acknowledged. For ever; one task."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        settings: IngestSettings,
        interpreter: Interpreter,
        writer: Writer,
        waiting: WaitingMessages,
        spool: Spool,
        drain: Drain,
        session: BrokerSession,
        trust: ClockTrust,
        acknowledge: Callable[[Sequence[IncomingMessage]], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._interpreter = interpreter
        self._writer = writer
        self._waiting = waiting
        self._spool = spool
        self._drain = drain
        self._session = session
        self._trust = trust
        self._boot = boot_id()
        self._acknowledge = acknowledge
        self._hurried = asyncio.Event()
        # number of the newest connection to the broker that is noted in the database or spool
        self._noted = 0
        # a write that was given up, and may still be under way
        self._abandoned: asyncio.Task[bool] | None = None
        self._fault: str | None = None
        self._is_told = False
        # why the database does not take what comes
        self._reason = "the database is away"

    @property
    def fault(self) -> str | None:
        """Return why messages can be kept nowhere; None: they are."""
        return self._fault

    async def run(self) -> None:
        """Keep batch after batch."""
        last_commit_s = -self._settings.minimum_commit_interval_s
        while True:
            await self._waiting.ready()
            since_s = self._clock.monotonic_s() - last_commit_s
            # a full batch has nothing to wait for: the pause is there to fill small ones
            await self._filled(self._settings.minimum_commit_interval_s - since_s)
            await self._filled(self._settings.batch_wait_s)
            messages = self._waiting.take(self._settings.batch_maximum)
            await self._keep(messages)
            last_commit_s = self._clock.monotonic_s()
            self._waiting.done(messages)

    def hurry(self) -> None:
        """Keep what waits as soon as possible: the process is to end."""
        self._hurried.set()

    async def _filled(self, wait_s: float) -> None:
        """Wait until a batch is full, or for so long at most."""
        maximum = self._settings.batch_maximum
        if wait_s <= 0 or self._waiting.holds(maximum):
            return
        full = asyncio.create_task(self._waiting.has(maximum), name="ingest.batch_full")
        try:
            await self._first_of(full, wait_s)
        finally:
            full.cancel()

    async def _first_of(self, task: asyncio.Task[Any], timeout_s: float) -> None:
        """Wait for the end of a task, for so long at most, and not when the process is to end."""
        hurried = asyncio.create_task(self._hurried.wait(), name="ingest.hurried")
        try:
            await asyncio.wait(
                [task, hurried], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            hurried.cancel()

    async def begin_session(self, generation: int, *, resumed: bool) -> None:
        """Note a connection to the broker, once.

        It is committed, or in the spool, when this returns: only then may be subscribed. Raises
        DatabaseUnavailableError or SpoolUnusableError.
        """
        async with self._drain.lock:
            await self._note_connection(generation, resumed=resumed)

    async def _note_connection(self, generation: int, *, resumed: bool) -> None:
        if self._noted == generation:
            return
        if self._drain.is_through:
            try:
                async with self._database.transaction() as connection:
                    session = await self._session.begin(connection, resumed=resumed)
            except TROUBLES as error:
                # noting it a second time changes nothing
                self._reason = brief(error)
            else:
                self._session.begun(session)
                self._noted = generation
                return
        await self._spool.append([SpooledConnection(resumed)])
        self._spooled()
        self._noted = generation

    async def _keep(self, messages: Sequence[IncomingMessage]) -> None:
        """Keep messages in the database or in the spool, as long as it takes; acknowledge them."""
        latest = messages[-1]
        backoff = Backoff(initial_s=0.1, maximum_s=5.0)
        number = uuid4()
        doubt: UUID | None = None
        is_timed = False
        while True:
            async with self._drain.lock:
                if not is_timed and self._trust.is_trusted:
                    # once: whatever is tried again is tried with the same receipt
                    messages, is_timed = [self._timed(one) for one in messages], True
                try:
                    await self._note_connection(latest.generation, resumed=latest.session_resumed)
                    if self._drain.is_through and is_timed:
                        origin = Origin(batch=number, doubt=doubt)
                        doubt = number
                        kept = await self._write_directly(messages, origin)
                    else:
                        kept = False
                    if not kept:
                        await self._append(messages, doubt, clock_trusted=is_timed)
                except SupersededError as error:
                    messages = self._left_to_another(messages, error)
                    if not messages:
                        return
                    continue
                except SpoolUnusableError as error:
                    self._trouble(error)
                else:
                    self._recovered()
                    self._acknowledge(messages)
                    return
            await self._clock.sleep(backoff.next_delay_s())

    async def _write_directly(self, messages: Sequence[IncomingMessage], origin: Origin) -> bool:
        """Write to the database; False when it does not take them now, or not soon enough."""
        if self._abandoned is not None and not self._abandoned.done():
            return False
        writing = asyncio.create_task(self._write(messages, origin), name="ingest.write")
        try:
            await self._first_of(writing, self._settings.write_patience_s)
            if not writing.done() and self._hurried.is_set():
                await asyncio.wait([writing], timeout=_HURRIED_S)
        finally:
            if not writing.done():
                # It may succeed yet: whoever writes these messages again asks (`Origin.doubt`).
                writing.cancel()
                writing.add_done_callback(_seen)
                self._abandoned = writing
        try:
            if not writing.done():
                raise DatabaseUnavailableError("the database does not answer")
            written = writing.result()
        except TROUBLES as error:
            self._reason = brief(error)
            self._session.forget()
            return False
        if not written:
            self._session.forget()
        failpoints.reached("after_commit_before_puback")
        return True

    async def _write(self, messages: Sequence[IncomingMessage], origin: Origin) -> bool:
        if any(message.qos for message in messages):
            session = await self._session.load_own(self._database)
        else:
            session = await self._session.load(self._database)
        batch = [self._interpreter.interpret(message) for message in messages]
        return await self._writer.store(session, batch, origin)

    def _timed(self, message: IncomingMessage) -> IncomingMessage:
        received_at = self._trust.receipt(message.received_at, message.received_monotonic_s)
        # nearly always what the message says itself
        if received_at == message.received_at:
            return message
        return replace(message, received_at=received_at)

    async def _append(
        self, messages: Sequence[IncomingMessage], doubt: UUID | None, *, clock_trusted: bool
    ) -> None:
        await self._spool.append(
            [
                SpooledMessage(
                    message=one, boot=self._boot, clock_trusted=clock_trusted, doubt=doubt
                )
                for one in messages
            ]
        )
        self._interpreter.learn(messages)
        self._spooled()
        failpoints.reached("after_spool_commit_before_puback")

    def _spooled(self) -> None:
        if self._drain.is_through:
            _LOGGER.warning(
                "Messages go into the spool: %s.",
                self._reason if self._trust.is_trusted else "the clock is not trusted yet",
                extra={"action": "spooling"},
            )
        self._drain.need(self._abandoned)
        self._abandoned = None

    def _left_to_another(
        self, messages: Sequence[IncomingMessage], error: SupersededError
    ) -> list[IncomingMessage]:
        """Return what nobody else will be sent: the broker has the rest for the other process."""
        _LOGGER.info("%s.", error, extra={"action": "superseded"})
        self._session.forget()
        return [one for one in messages if one.qos == 0]

    def _trouble(self, error: SpoolUnusableError) -> None:
        # of a full spool all is said already, by the spool
        if not self._is_told and not error.data.get("full"):
            self._is_told = True
            _LOGGER.error(
                "Messages can be kept neither in the database nor in the spool (%s): they are "
                "not acknowledged. Trying again until they can.",
                error,
                extra={"action": "nothing_keeps"},
            )
        self._fault = str(error)

    def _recovered(self) -> None:
        self._fault = None
        if self._is_told:
            self._is_told = False
            _LOGGER.info("Messages are kept again.", extra={"action": "keeping_recovered"})


def _seen(task: asyncio.Task[bool]) -> None:
    """Look at how a task ended, or asyncio complains that nobody ever did."""
    if not task.cancelled():
        task.exception()
