"""Alarms of high severity that perhaps reached nobody are said again.

A push service takes notifications that never arrive, and Home Assistant's action for phones
does not tell. A phone that confirms what arrives is pushed to once more; one that still does
not, or never can, and whose people have not reacted, is told in plain text by its notify
entity: that way has no buttons, but it says why it fails.

What is said again is a row of the same lane, so that it keeps its place in the order and ends
with the incident like any other.
"""

import logging
from typing import Final

from mould_watch.clock import Clock
from mould_watch.errors import DatabaseUnavailableError
from mould_watch.retry import Backoff
from mould_watch.settings import NotifySettings
from mould_watch.storage import receipts
from mould_watch.storage.database import Database

_LOGGER: Final = logging.getLogger(__name__)
_LOOK_S: Final = 30.0
"""The longest wait: no alarm that is sent meanwhile waits a shorter time for its receipt."""

_LEAST_WAIT_S: Final = 0.2


class Repetitions:
    """Looks for ever; any number of processes may look at once."""

    def __init__(self, settings: NotifySettings, database: Database, clock: Clock) -> None:
        """Wait for receipts and people as `settings` says."""
        self._receipt_wait_s = settings.receipt_wait_s
        self._person_wait_s = settings.person_wait_s
        self._look_s = min(_LOOK_S, settings.receipt_wait_s, settings.person_wait_s)
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Say again what has waited too long, until cancelled."""
        backoff = Backoff(initial_s=0.2, maximum_s=10.0)
        while True:
            await self._database.wait_ready()
            try:
                wait_s = await self.look()
            except DatabaseUnavailableError:
                await self._clock.sleep(backoff.next_delay_s())
                continue
            backoff.reset()
            await self._clock.sleep(wait_s)

    async def look(self) -> float:
        """Write what is to be said again now; return the seconds until the next look.

        Raises DatabaseUnavailableError.
        """
        async with self._database.transaction() as connection:
            written, next_s = await receipts.repeat_unconfirmed(
                connection,
                receipt_wait_s=self._receipt_wait_s,
                person_wait_s=self._person_wait_s,
            )
        for one in written:
            _LOGGER.warning(
                "Nothing says that the alarm for %s arrived at %s: it is sent again.",
                one.room,
                one.target,
                extra={
                    "action": "notification_repeated",
                    "room": one.room,
                    "target": one.target,
                    "via": one.via,
                    "notification_id": str(one.notification_id),
                    "incident_id": str(one.incident_id),
                },
            )
        if next_s is None:
            return self._look_s
        return min(max(next_s, _LEAST_WAIT_S), self._look_s)
