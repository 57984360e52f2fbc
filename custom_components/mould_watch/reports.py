"""What people pressed and phones confirmed: kept until the backend has answered.

A press is never lost to a restart of Home Assistant or an absent backend, and taken once: it
carries an id of its own, however often it is sent.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, TypedDict

from homeassistant.core import HomeAssistant

from .const import DOMAIN
from .errors import RefusedError
from .stored import OrderedStore

if TYPE_CHECKING:
    from .stream import Stream

_LOGGER = logging.getLogger(__name__)

STORAGE_VERSION: Final = 1
REPORTS_MAXIMUM: Final = 500
RETRY_S: Final = 5.0
# The backend is there and asks for patience; any other refusal is an answer.
_NOT_NOW: Final = frozenset({"database_unavailable", "too_many_requests"})


class _Report(TypedDict):
    """A request of docs/protocol.md that waits for its answer."""

    type: str
    content: dict[str, Any]


class _Stored(TypedDict):
    """What the Store keeps."""

    waiting: list[_Report]


def reports_store(hass: HomeAssistant, entry_id: str) -> OrderedStore[_Stored]:
    """Return the Store of an entry's reports."""
    return OrderedStore(hass, STORAGE_VERSION, f"{DOMAIN}.reports.{entry_id}")


class Reports:
    """Requests in the order in which they were made, each sent until it is answered."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Belong to an entry."""
        self._store = reports_store(hass, entry_id)
        self._waiting: list[_Report] = []
        self._added = asyncio.Event()

    async def load(self) -> None:
        """Read what still waits."""
        if (stored := await self._store.async_load()) is not None:
            self._waiting = stored["waiting"]

    @property
    def waiting(self) -> int:
        """Return how many wait for the backend."""
        return len(self._waiting)

    async def add(self, request_type: str, **content: object) -> None:
        """Keep a request, at once, and send it as soon as the backend is there."""
        waiting = [*self._waiting, _Report(type=request_type, content=content)]
        if len(waiting) > REPORTS_MAXIMUM:
            _LOGGER.warning(
                "More than %d presses and receipts wait for the Mould Watch backend; the oldest "
                "is given up",
                REPORTS_MAXIMUM,
            )
        self._waiting = waiting[-REPORTS_MAXIMUM:]
        self._added.set()
        await self._store.async_save({"waiting": self._waiting})

    async def run(self, stream: Stream) -> None:
        """Send over this connection, until it goes."""
        while True:
            self._added.clear()
            if not self._waiting:
                await self._added.wait()
                continue
            report = self._waiting[0]
            try:
                result = await stream.request(report["type"], **report["content"])
            except RefusedError as err:
                if err.code in _NOT_NOW:
                    await asyncio.sleep(RETRY_S)
                    continue
                _LOGGER.warning("The backend did not take %s: %s", report["type"], err)
            else:
                _LOGGER.debug("The backend answered %s: %s", report["type"], result)
            # not the first any more, if too many came meanwhile
            self._waiting = [one for one in self._waiting if one is not report]
            await self._store.async_save({"waiting": self._waiting})
