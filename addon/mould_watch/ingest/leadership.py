"""One process at a time uses the client id at the broker: the holder of a session lock.

Ingestion is active/standby. Two clients with one id would take the session from each other for
ever; the lock ends with its holder's database session, however that process died.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from mould_watch.clock import Clock
from mould_watch.errors import DatabaseUnavailableError
from mould_watch.storage.database import Connection, Database
from mould_watch.storage.ingestion import try_lead

_STANDBY_POLL_S: Final = 2.0
_LOOK_S: Final = 1.0


class Leadership:
    """The lock, and the database connection that it lives in."""

    def __init__(self, database: Database, clock: Clock, client_id: str) -> None:
        self._database = database
        self._clock = clock
        self._client_id = client_id
        self._connection: Connection | None = None

    @asynccontextmanager
    async def held(self, on_standby: Callable[[], None]) -> AsyncGenerator[None]:
        """Wait for the lock and hold it; `on_standby` is called once when another holds it.

        Raises DatabaseUnavailableError when the database goes while waiting.
        """
        async with self._database.connection() as connection:
            told = False
            while not await try_lead(connection, self._client_id):
                if not told:
                    told = True
                    on_standby()
                await self._clock.sleep(_STANDBY_POLL_S)
            self._connection = connection
            try:
                yield
            finally:
                # The pool resets what it gets back, session locks first of all.
                self._connection = None

    async def until_lost(self) -> None:
        """Wait until the lock is no longer ours, then raise DatabaseUnavailableError."""
        while self._connection is not None and not _is_lost(self._connection):
            await self._clock.sleep(_LOOK_S)
        raise DatabaseUnavailableError("the session lock of the ingestion is lost")


def _is_lost(connection: Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        # the pool took the closed connection back already
        return True
