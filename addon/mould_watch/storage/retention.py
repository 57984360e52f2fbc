"""Raw readings are kept for some months, then go by the month; the hourly climate stays for ever.

A month goes when every watched room's hours are done beyond it. First its hours are frozen: what
they were made of can no longer be asked. Then its partition is detached (CONCURRENTLY: nobody who
reads or writes is held up) and dropped. A process that dies in between leaves a month that the next
run finishes. Any number of processes may do it: one at a time does.
"""

import logging
from datetime import UTC, date, datetime, timedelta
from typing import Final

import asyncpg

from mould_watch.clock import Clock
from mould_watch.errors import DatabaseUnavailableError
from mould_watch.settings import ReadingsSettings
from mould_watch.storage.database import Connection, Database
from mould_watch.storage.partitions import following_month, table_of
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("retention")
_LOGGER: Final = logging.getLogger(__name__)

EVERY_S: Final = 6 * 3600.0
RETRY_S: Final = 60.0

REACH: Final = timedelta(days=3)
"""So far beyond a month its readings still matter: to lines over gaps, and to fault patterns."""


async def frozen_until_of(connection: Connection) -> datetime | None:
    """Return before which time hours are as they are; None: none are frozen."""
    frozen: datetime | None = await connection.fetchval(_QUERIES.frozen_until)
    return frozen


class Retention:
    """Lets old months of raw readings go, now and then."""

    def __init__(self, settings: ReadingsSettings, database: Database, clock: Clock) -> None:
        """Keep what `settings` say, by the time that `clock` says."""
        self._keep_months = settings.keep_months
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Look every few hours, for ever; wait for the database whenever it is away."""
        while True:
            await self._database.wait_ready()
            try:
                is_done = await self.let_go()
            except DatabaseUnavailableError:
                is_done = False
            await self._clock.sleep(EVERY_S if is_done else RETRY_S)

    async def let_go(self) -> bool:
        """Let the months go that are old enough; return whether none is left to try again.

        Raises DatabaseUnavailableError.
        """
        if not self._keep_months:
            return True
        first_kept = _months_before(self._clock.now().astimezone(UTC).date(), self._keep_months)
        async with self._database.connection() as connection:
            if not await connection.fetchval(_QUERIES.try_lock):
                return True  # another process does it
            try:
                return await self._let_go(connection, first_kept)
            except asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError:
                return False  # somebody reads it for long; later
            finally:
                await connection.execute(_QUERIES.unlimit_locks)
                await connection.execute(_QUERIES.unlock)

    async def _let_go(self, connection: Connection, first_kept: date) -> bool:
        await connection.execute(_QUERIES.limit_locks)
        newest_kept = table_of(first_kept)
        for row in await connection.fetch(_QUERIES.left_over):
            if row["table"] < newest_kept:
                await self._drop(connection, row["table"])
        for row in await connection.fetch(_QUERIES.months):
            table: str = row["table"]
            if table >= newest_kept:
                break
            end = _end_of(table) + REACH
            if await connection.fetchval(_QUERIES.is_unfinished, end):
                return False
            await connection.execute(_QUERIES.freeze, end)
            detach = _QUERIES.finish_detach if row["is_pending"] else _QUERIES.detach
            await connection.execute(detach.format_map({"table": table}))
            await self._drop(connection, table)
        return True

    async def _drop(self, connection: Connection, table: str) -> None:
        await connection.execute(_QUERIES.drop.format_map({"table": table}))
        _LOGGER.info(
            "The raw readings of %s are gone; the hourly climate of its rooms stays.",
            table.removeprefix("readings_").replace("_", "-"),
            extra={"action": "month_dropped", "table": table},
        )


def _months_before(day: date, months: int) -> date:
    """Return the first day of the month so many months before that of `day`."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def _end_of(table: str) -> datetime:
    year, month = table.removeprefix("readings_").split("_")
    after = following_month(date(int(year), int(month), 1))
    return datetime(after.year, after.month, 1, tzinfo=UTC)
