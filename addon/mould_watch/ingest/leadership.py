"""One process at a time uses the client id at the broker: the holder of a session lock.

Ingestion is active/standby. Two clients with one id would take the session from each other for
ever; the lock ends with its holder's database session, however that process died. Who led goes on
through an outage of the database, and so does who starts in one: there is nobody to ask. Should
two meet at the broker so, the one that is thrown out waits for the lock.
"""

import asyncio
import logging
from contextlib import suppress
from enum import StrEnum
from typing import Final

import asyncpg

from mould_watch.clock import Clock
from mould_watch.errors import DatabaseUnavailableError
from mould_watch.retry import Backoff
from mould_watch.storage.database import Connection, Database
from mould_watch.storage.ingestion import try_lead

_LOGGER = logging.getLogger(__name__)

_STANDBY_POLL_S: Final = 2.0
_LOOK_S: Final = 1.0
_LOOK_AGAIN_S: Final = 0.25

START_PATIENCE_S: Final = 5.0
"""So long a database that is only starting is waited for, before the broker is connected to."""

AFTER_OUTAGE_S: Final = 4.0
"""A standby's head start for whoever led before an outage of the database."""


class Role(StrEnum):
    """What this process is."""

    # there was no database to ask since it started
    UNDECIDED = "undecided"
    LEADING = "leading"
    # it held the lock until the database went
    LED = "led"
    STANDBY = "standby"


class Leadership:
    """The lock, and the database connection that it lives in."""

    def __init__(self, database: Database, clock: Clock, client_id: str) -> None:
        self._database = database
        self._clock = clock
        self._client_id = client_id
        self._role = Role.UNDECIDED
        self._started_s = clock.monotonic_s()
        self._changed = asyncio.Event()

    @property
    def role(self) -> Role:
        """Return the present role."""
        return self._role

    @property
    def leads(self) -> bool:
        """Return whether this process holds the lock."""
        return self._role is Role.LEADING

    @property
    def leads_for_certain(self) -> bool | None:
        """Return whether this process holds the lock; None: it may be another by now."""
        return None if self._role in {Role.UNDECIDED, Role.LED} else self.leads

    @property
    def may_connect(self) -> bool:
        """Return whether this process may use the client id at the broker."""
        match self._role:
            case Role.LEADING:
                return True
            case Role.STANDBY:
                return False
            case Role.LED:
                return True
            case Role.UNDECIDED:
                return self._is_alone()

    async def run(self) -> None:
        """Contend for the lock, for ever."""
        backoff = Backoff(initial_s=0.1, maximum_s=2.0)
        while True:
            await self._database.wait_ready()
            try:
                async with self._database.connection() as connection:
                    await self._contend(connection, backoff)
            except (DatabaseUnavailableError, asyncpg.PostgresError) as error:
                _LOGGER.debug("The session lock of the ingestion: %s", error)
            await self._clock.sleep(backoff.next_delay_s())

    async def look_again(self) -> None:
        """Wait until the role changed, or a moment: a database may be away by then."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_AGAIN_S):
                await self._changed.wait()

    async def until_standby(self) -> None:
        """Wait until this process may not use the client id any more."""
        while self.may_connect:
            await self.look_again()

    async def decided(self) -> None:
        """Wait until the database has said which of the two it is."""
        while self.leads_for_certain is None:
            await self.look_again()

    def taken_over(self) -> None:
        """Note that somebody else uses the client id: not again without the lock."""
        if self._role is not Role.LEADING:
            self._set(Role.STANDBY)

    async def _contend(self, connection: Connection, backoff: Backoff) -> None:
        if self._role is Role.STANDBY:
            await self._clock.sleep(AFTER_OUTAGE_S)
        while not await try_lead(connection, self._client_id):
            self._set(Role.STANDBY)
            await self._clock.sleep(_STANDBY_POLL_S)
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        try:
            self._set(Role.LEADING)
            backoff.reset()
            while not (lost.is_set() or _is_lost(connection)):
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_S):
                        await lost.wait()
        finally:
            # at once: what is drained by then is written past the spool with the lock alone
            if self._role is Role.LEADING:
                self._set(Role.LED)
            # the lock is the session's and ends with it
            with suppress(asyncpg.InterfaceError):
                connection.terminate()

    def _is_alone(self) -> bool:
        """Say whether there is no database that could know of another process."""
        health = self._database.health()
        waited_s = self._clock.monotonic_s() - self._started_s
        return not health["ready"] and (health["state"] == "away" or waited_s > START_PATIENCE_S)

    def _set(self, role: Role) -> None:
        if role is self._role:
            return
        if role is Role.STANDBY:
            _LOGGER.info(
                "Another process uses our client id at the broker; standing by.",
                extra={"action": "ingestion_standby"},
            )
        self._role = role
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def _is_lost(connection: Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        # the pool took the closed connection back already
        return True
