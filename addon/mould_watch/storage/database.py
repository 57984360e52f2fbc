"""The database as the rest of the program sees it: there, starting, or away.

`run` keeps it there: the backend's own server if no address is given, the connection, the
schema, the wake-ups. It never gives up, and nothing else in the program reconnects.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from typing import Any, Final

import asyncpg

from mould_watch.clock import Clock
from mould_watch.errors import DatabaseUnavailableError, MigrationError, PostgresServerError
from mould_watch.retry import Backoff
from mould_watch.settings import Settings
from mould_watch.storage.connections import (
    CLIENT_ERRORS,
    CONNECT_TIMEOUT_S,
    Connection,
    connect,
    describe,
    is_unavailable,
    open_pool,
    unavailable,
)
from mould_watch.storage.migrations import migrate
from mould_watch.storage.postgres_server import PostgresServer
from mould_watch.storage.signals import Signals
from mould_watch.storage.sql import load_queries

__all__ = ["Connection", "Database", "DatabaseState"]

_LOGGER = logging.getLogger(__name__)
_SQL = load_queries("database")

_POOL_SIZE: Final = 10
_CLOSE_TIMEOUT_S: Final = 5.0


class DatabaseState(StrEnum):
    """How the database is."""

    STARTING = "starting"
    READY = "ready"
    AWAY = "away"


class Database:
    """The pool, and the task that keeps it alive. One for each process."""

    name = "database"

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        probe_interval_s: float = 5.0,
        probe_timeout_s: float = 5.0,
    ) -> None:
        """Take where the database is: `settings.database_url`, else the own server.

        It is probed every `probe_interval_s` seconds, and away when it does not answer for
        `probe_timeout_s`.
        """
        self._clock = clock
        self._probe_interval_s = probe_interval_s
        self._probe_timeout_s = probe_timeout_s
        self._address = settings.database_url.get_secret_value() if settings.database_url else ""
        self.server = None if self._address else PostgresServer(settings.data_dir, clock)
        self.signals = Signals(clock)
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._state = DatabaseState.STARTING
        self._detail: str | None = "it has not been reached yet"
        self._changed = asyncio.Event()
        self._doubted = asyncio.Event()
        # Kinds of failure already logged since the database was last there.
        self._logged: set[str] = set()

    @property
    def state(self) -> DatabaseState:
        """Return the present state."""
        return self._state

    def health(self) -> Mapping[str, Any]:
        """Return {"ready", "state", "detail"} for `/readyz`."""
        return {
            "ready": self._state is DatabaseState.READY,
            "state": self._state.value,
            "detail": self._detail,
            "own_server": self.server is not None,
        }

    async def wait_ready(self) -> None:
        """Return when the database can be used, at once if it can now."""
        while self._state is not DatabaseState.READY:
            await self.wait_change()

    async def wait_change(self) -> None:
        """Return when the state changed after this call."""
        await self._changed.wait()

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        """Borrow a connection from the pool.

        Raises DatabaseUnavailableError when the database is away, and in place of every error
        inside the block that means it went away; other errors pass as they are.
        """
        pool = self._pool
        if pool is None:
            raise DatabaseUnavailableError(f"the database is {self._state}: {self._detail}")
        try:
            connection = await pool.acquire(timeout=CONNECT_TIMEOUT_S)
        except CLIENT_ERRORS as error:
            self._doubted.set()
            raise unavailable(error) from error
        try:
            yield connection
        except (*CLIENT_ERRORS, AttributeError) as error:
            if not is_unavailable(error) and not _reached_into_ended(connection, error):
                raise
            # Whether or not it would work again: its state is not known. It is no longer ours
            # when the pool was ended meanwhile.
            with suppress(asyncpg.InterfaceError):
                connection.terminate()
            self._doubted.set()
            raise unavailable(error) from error
        finally:
            await self._give_back(pool, connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Connection]:
        """Borrow a connection with a transaction around the block.

        An error in the block rolls back. When the connection is lost while committing, whether
        it was committed is not known, and DatabaseUnavailableError is raised.
        """
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def run(self) -> None:
        """Keep the database there, for ever."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep(), name="database.keep")
                tasks.create_task(
                    self.signals.run(self._connect, self.wait_ready), name="database.signals"
                )
        finally:
            self._set(DatabaseState.AWAY, "this process is stopping")
            if self.server is not None:
                await self.server.stop_if_unused()

    def _target(self) -> str:
        """Return the address; the own server's is known once it was started."""
        return self._address if self.server is None else self.server.address

    async def _connect(self) -> asyncpg.Connection[asyncpg.Record]:
        return await connect(self._target())

    async def _keep(self) -> None:
        backoff = Backoff(initial_s=0.25, maximum_s=10.0)
        while True:
            try:
                await self._serve(backoff)
            except (
                DatabaseUnavailableError,
                MigrationError,
                PostgresServerError,
                *CLIENT_ERRORS,
            ) as error:
                self._away(error)
            await self._clock.sleep(backoff.next_delay_s())

    async def _serve(self, backoff: Backoff) -> None:
        """Connect, bring the schema up to date, be ready; raise when the database goes."""
        if self.server is not None:
            await self.server.ensure_running()
        probe = await self._connect()
        # A connection that ends by itself is noticed at once; the probe finds the silent ones.
        probe.add_termination_listener(lambda _: self._doubted.set())
        pool: asyncpg.Pool[asyncpg.Record] | None = None
        try:
            await migrate(probe, self._clock)
            pool = self._pool = await open_pool(self._target(), _POOL_SIZE)
            backoff.reset()
            self._ready()
            await self._probe_while_alive(probe)
        finally:
            self._pool = None
            probe.terminate()
            if pool is not None:
                await self._close(pool)

    async def _probe_while_alive(self, probe: asyncpg.Connection[asyncpg.Record]) -> None:
        while True:
            try:
                async with asyncio.timeout(self._probe_interval_s):
                    await self._doubted.wait()
            except TimeoutError:
                pass
            self._doubted.clear()
            async with asyncio.timeout(self._probe_timeout_s):
                await probe.fetchval(_SQL.probe)
            if self.server is not None:
                self.server.bound_log()

    async def _close(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        """End the pool: politely on a cancelled task, at once when the database is gone."""
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            try:
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await pool.close()
            except CLIENT_ERRORS:
                pool.terminate()
        else:
            pool.terminate()

    async def _give_back(
        self,
        pool: asyncpg.Pool[asyncpg.Record],
        connection: asyncpg.pool.PoolConnectionProxy[asyncpg.Record],
    ) -> None:
        """Return a connection. A failure here says nothing about the work that was done."""
        try:
            await pool.release(connection, timeout=_CLOSE_TIMEOUT_S)
        except CLIENT_ERRORS:
            self._doubted.set()

    def _ready(self) -> None:
        if self._logged:
            _LOGGER.info("The database is back.", extra={"action": "database_ready"})
        else:
            _LOGGER.info("The database is ready.", extra={"action": "database_ready"})
        self._logged.clear()
        self._set(DatabaseState.READY, None)

    def _away(self, error: Exception) -> None:
        """Say once for each kind of failure that, and why, the database is away."""
        cause = error.__cause__ if isinstance(error, DatabaseUnavailableError) else None
        kind = type(cause or error).__name__
        detail = describe(error)
        if kind not in self._logged:
            self._logged.add(kind)
            _LOGGER.warning(
                "The database is away: %s. Trying again until it is back.",
                detail,
                extra={"action": "database_away", "error": kind},
            )
        starting = isinstance(cause, asyncpg.CannotConnectNowError)
        self._set(DatabaseState.STARTING if starting else DatabaseState.AWAY, detail)

    def _set(self, state: DatabaseState, detail: str | None) -> None:
        self._detail = detail
        if state is not self._state:
            self._state = state
            # Those who wait now are woken; those who wait later wait for the next change.
            changed, self._changed = self._changed, asyncio.Event()
            changed.set()


def _reached_into_ended(
    connection: asyncpg.pool.PoolConnectionProxy[asyncpg.Record], error: BaseException
) -> bool:
    """Say whether asyncpg asked a connection for its protocol that was ended in between."""
    if not isinstance(error, AttributeError) or error.obj is not None:
        return False
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True  # the pool has taken it back already
