"""What waits is kept, and only then acknowledged: in the order of its arrival.

No timer decides a batch: it is what arrived while the transaction before ran.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from uuid import UUID, uuid4

import asyncpg

from mould_watch.clock import Clock
from mould_watch.errors import DatabaseUnavailableError
from mould_watch.ingest.interpret import Interpreter
from mould_watch.ingest.source import IncomingMessage
from mould_watch.ingest.waiting import WaitingMessages
from mould_watch.ingest.writer import Origin, RefusedAlikeError, Writer, brief
from mould_watch.observability import failpoints
from mould_watch.retry import Backoff
from mould_watch.settings import IngestSettings
from mould_watch.storage import ingestion as store
from mould_watch.storage.database import Database
from mould_watch.storage.ingestion import DeliverySession

_LOGGER = logging.getLogger(__name__)


class Intake:
    """Takes what waits, has it written, then acknowledged. For ever; one task."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        settings: IngestSettings,
        client_id: str,
        interpreter: Interpreter,
        writer: Writer,
        waiting: WaitingMessages,
        acknowledge: Callable[[Sequence[IncomingMessage]], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._client_id = client_id
        self._interpreter = interpreter
        self._writer = writer
        self._waiting = waiting
        self._acknowledge = acknowledge
        self._session: DeliverySession | None = None
        self._generation = 0
        self._lock = asyncio.Lock()
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
        """Keep batch after batch."""
        last_commit_s = -self._settings.minimum_commit_interval_s
        while True:
            await self._waiting.ready()
            since_s = self._clock.monotonic_s() - last_commit_s
            if since_s < self._settings.minimum_commit_interval_s:
                await self._clock.sleep(self._settings.minimum_commit_interval_s - since_s)
            messages = self._waiting.take(self._settings.batch_maximum)
            await self._keep(messages)
            last_commit_s = self._clock.monotonic_s()
            failpoints.reached("after_commit_before_puback")
            self._acknowledge(messages)
            self._waiting.done(messages)

    async def begin_session(self, generation: int, *, resumed: bool) -> DeliverySession:
        """Note a connection to the broker, once; raises DatabaseUnavailableError.

        A new epoch is committed when this returns: only then may be subscribed.
        """
        async with self._lock:
            if self._session is None or self._generation != generation:
                async with self._database.transaction() as connection:
                    if self._generation == generation:
                        session = await store.load_session(connection, self._client_id)
                    else:
                        session = await store.begin_session(
                            connection, self._client_id, resumed=resumed
                        )
                self._session, self._generation = session, generation
            return self._session

    async def _keep(self, messages: Sequence[IncomingMessage]) -> None:
        batch = [self._interpreter.interpret(message) for message in messages]
        latest = messages[-1]
        backoff = Backoff(initial_s=0.2, maximum_s=5.0)
        number = uuid4()
        doubt: UUID | None = None
        while True:
            try:
                session = await self.begin_session(
                    latest.generation, resumed=latest.session_resumed
                )
                if not await self._writer.store(session, batch, Origin(batch=number, doubt=doubt)):
                    self._session = None
            except (DatabaseUnavailableError, asyncpg.PostgresError, RefusedAlikeError) as error:
                doubt, self._session = number, None
                self._trouble(error)
                await self._clock.sleep(backoff.next_delay_s())
            else:
                self._recovered()
                return

    def _trouble(self, error: Exception) -> None:
        if self._works:
            self._works = False
            _LOGGER.warning(
                "Messages cannot be stored now: %s. Trying again until they are.",
                brief(error),
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
