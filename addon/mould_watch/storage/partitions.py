"""The monthly partitions of `readings`: made by the writer, before it writes.

There is no DEFAULT partition: rows in it would block attaching the right one.
"""

import logging
from collections.abc import Iterable
from datetime import date
from typing import Final

import asyncpg

from mould_watch.clock import Clock
from mould_watch.retry import Backoff
from mould_watch.storage.connections import Connection
from mould_watch.storage.sql import load_queries

_LOGGER = logging.getLogger(__name__)
_SQL = load_queries("partitions")

FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2100


class Partitions:
    """Makes months, and remembers which are there so that a batch costs no question.

    When an insert fails for a missing partition after all (SQLSTATE 23514, or the table was
    replaced), call `forget` and ensure the months again.
    """

    def __init__(self, clock: Clock) -> None:
        """Wait for locks by `clock`."""
        self._clock = clock
        self._known: set[date] = set()

    def forget(self) -> None:
        """Trust nothing remembered: the next `ensure` asks the database."""
        self._known.clear()

    async def ensure(self, connection: Connection, days: Iterable[date]) -> None:
        """Make sure the months of `days` have a partition; see `ensure_months`."""
        missing = _months(days) - self._known
        if missing:
            await ensure_months(connection, missing, self._clock)
            # Made in a transaction that is still open, a month may yet be rolled back.
            if not connection.is_in_transaction():
                self._known |= missing


async def ensure_months(connection: Connection, months: Iterable[date], clock: Clock) -> None:
    """Make sure each month that a date of `months` (UTC) lies in has its partition.

    Any number of writers may do this at once. Best called outside of a transaction: inside
    one, the partitions appear to others when it commits. Waits for locks in short tries, so
    that it never stands in the way of a reader's queue. Raises ValueError outside of the years
    2000 to 2100.
    """
    for month in sorted(_months(months)):
        if not await connection.fetchval(_SQL.is_attached, table_of(month)):
            await _make(connection, month, clock)


async def _make(connection: Connection, month: date, clock: Clock) -> None:
    table = table_of(month)
    first, after = month, following_month(month)
    names = {"table": table, "first": first.isoformat(), "after": after.isoformat()}
    backoff = Backoff(initial_s=0.05, maximum_s=2.0)
    while True:
        try:
            async with connection.transaction():
                await connection.execute(_SQL.lock)
                # Another writer may have made it while this one waited for the lock.
                if await connection.fetchval(_SQL.is_attached, table):
                    return
                if not await connection.fetchval(_SQL.exists, table):
                    await connection.execute(_SQL.create.format_map(names))
                await connection.execute(_SQL.attach.format_map(names))
        except asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError:
            await clock.sleep(backoff.next_delay_s())
        else:
            _LOGGER.info(
                "Made the partition %s.", table, extra={"action": "partition_made", "table": table}
            )
            return


def _months(days: Iterable[date]) -> set[date]:
    months = set()
    for day in days:
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise ValueError(f"{day} is outside of the years {FIRST_YEAR} to {LAST_YEAR}")
        months.add(date(day.year, day.month, 1))
    return months


def following_month(month: date) -> date:
    """Return the first day of the month after."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def table_of(month: date) -> str:
    """Return the name of a month's partition."""
    return f"readings_{month:%Y_%m}"
