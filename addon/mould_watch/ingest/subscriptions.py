"""Which topics are listened to: those of the decoders, and no longer those of earlier settings."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import asyncpg

from mould_watch.clock import Clock
from mould_watch.errors import DatabaseUnavailableError
from mould_watch.ingest.registry import DecoderRegistry
from mould_watch.ingest.source import MessageSource
from mould_watch.storage.database import Database
from mould_watch.storage.ingestion import note_filters, subscribed_filters

_LOGGER = logging.getLogger(__name__)

SHOWN: Final = 5
"""So many of the topics that a broker refuses are named."""

_NOTE_S: Final = 60.0


class Subscriptions:
    """The topic filters of our session at the broker.

    A broker keeps them with the session, beyond the end of a process and a change of its settings;
    of two that overlap it may send every message twice. So they are noted in the database.
    """

    def __init__(
        self,
        *,
        source: MessageSource,
        registry: DecoderRegistry,
        database: Database,
        clock: Clock,
        client_id: str,
        leads: Callable[[], bool],
    ) -> None:
        """Listen to what `registry` decodes; the notes are kept by whoever `leads`."""
        self._source = source
        self._registry = registry
        self._database = database
        self._clock = clock
        self._client_id = client_id
        self._leads = leads
        self._filters: frozenset[str] = frozenset()
        # one change at a time
        self._changing = asyncio.Lock()

    @property
    def filters(self) -> frozenset[str]:
        """Return the filters subscribed to by now, those announced among them."""
        return self._filters

    async def begin(self) -> list[str]:
        """Subscribe over a new connection; return what the broker refuses."""
        self._filters = self._registry.filters
        return await self._source.subscribe(self._filters, kept=self._registry.kept)

    async def follow(self) -> None:
        """Listen to what is announced from now on, and no more to what is taken back. For ever."""
        while True:
            await self._registry.wait_change()
            async with self._changing:
                refused = await self._change(self._registry.filters)
            if refused:
                _LOGGER.warning(
                    "The broker refuses %d announced topic(s), such as %s.",
                    len(refused),
                    refused[0],
                    extra={"action": "topics_refused", "topics": refused[:SHOWN]},
                )

    async def take_back_earlier(self) -> None:
        """Leave what the session still listens to and nobody wants; note the rest. For ever."""
        while True:
            try:
                await self._note()
            except (DatabaseUnavailableError, asyncpg.PostgresError) as error:
                _LOGGER.debug("Noting the subscriptions: %s", error)
            await self._clock.sleep(_NOTE_S)

    async def _note(self) -> None:
        if not self._leads():
            return
        async with self._database.connection() as connection:
            earlier = await subscribed_filters(connection, self._client_id)
        async with self._changing:
            filters = self._filters
            if earlier - filters:
                await self._source.change((), earlier - filters)
        if earlier != filters:
            async with self._database.connection() as connection:
                await note_filters(connection, self._client_id, filters)

    async def _change(self, wanted: frozenset[str]) -> list[str]:
        added, removed = wanted - self._filters, self._filters - wanted
        if not added and not removed:
            return []
        refused = await self._source.change(added, removed, kept=self._registry.kept)
        self._filters = wanted
        return refused
