"""What is learned of each device from what it sends: how often it reports.

In memory for the devices heard last, bounded; rebuilt from the stored readings for one that is
heard again after a restart, or after others took its place. Nothing here is in a reading's way:
what was learned is written some time after the readings, and lost with the process at no cost.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import asyncpg

from mould_watch.clock import Clock
from mould_watch.domain.reporting import ReportingTimes
from mould_watch.errors import DatabaseUnavailableError
from mould_watch.storage import device_habits as store
from mould_watch.storage.database import Connection, Database
from mould_watch.storage.devices import Device
from mould_watch.storage.ingestion import NewReading

_LOGGER: Final = logging.getLogger(__name__)

_LOOK_BACK: Final = timedelta(days=90)
"""A device that reports each day needs 21 days to be known."""

_AT_ONCE: Final = 50
"""So many devices are looked up, or written, with one connection."""


class DeviceStates:
    """The states of the devices heard last, at most `maximum`."""

    def __init__(
        self, database: Database, clock: Clock, *, maximum: int, interval_s: float = 60.0
    ) -> None:
        """Write what was learned every `interval_s` seconds."""
        self._database = database
        self._clock = clock
        self._maximum = maximum
        self._interval_s = interval_s
        # by device id, the one heard last at the end; None: to be rebuilt from its readings
        self._states: OrderedDict[int, ReportingTimes | None] = OrderedDict()
        # heard since the last writing; always among the states
        self._heard: set[int] = set()
        self._something = asyncio.Event()

    def __len__(self) -> int:
        """Return how many devices are in memory."""
        return len(self._states)

    def stored(self, readings: Sequence[NewReading], owners: Sequence[Device | None]) -> None:
        """Take readings that are committed; those whose owner is None were there before."""
        for reading, owner in zip(readings, owners, strict=True):
            if owner is None or not reading.is_timed:
                continue
            device_id = owner.device_id
            state = self._states.setdefault(device_id)
            self._states.move_to_end(device_id)
            if state is not None:
                state.note(reading.ts)
            self._heard.add(device_id)
        while len(self._states) > self._maximum:
            forgotten, _ = self._states.popitem(last=False)
            self._heard.discard(forgotten)
        if self._heard:
            self._something.set()

    async def run(self) -> None:
        """Write what is learned, for ever."""
        while True:
            await self._something.wait()
            await self._clock.sleep(self._interval_s)
            await self._database.wait_ready()
            try:
                await self.write()
            except (DatabaseUnavailableError, asyncpg.PostgresError) as error:
                _LOGGER.debug("Writing how often devices report: %s", error)

    async def write(self) -> None:
        """Write how often the devices heard since the last call report.

        Raises DatabaseUnavailableError or asyncpg.PostgresError; the next call does the rest.
        """
        self._something.clear()
        while self._heard:
            part = sorted(self._heard)[:_AT_ONCE]
            self._heard.difference_update(part)
            try:
                async with self._database.connection() as connection:
                    states = {one: await self._state(connection, one) for one in part}
                    await store.write_intervals(
                        connection,
                        {
                            device_id: interval_s
                            for device_id, state in states.items()
                            if (interval_s := state.interval_s) is not None
                        },
                    )
            except BaseException:
                self._heard.update(one for one in part if one in self._states)
                self._something.set()
                raise

    async def _state(self, connection: Connection, device_id: int) -> ReportingTimes:
        """Return what is known of a device, looked up in its readings if need be."""
        state = self._states.get(device_id)
        if state is not None:
            return state
        # in its place before the readings are asked for: what is committed meanwhile is noted
        state = ReportingTimes()
        if device_id in self._states:
            self._states[device_id] = state
        try:
            since = self._clock.now() - _LOOK_BACK
            for at in await store.reporting_times(connection, device_id, since):
                state.note(at)
        except BaseException:
            if device_id in self._states:
                self._states[device_id] = None
            raise
        return state
