"""What is kept in Home Assistant's storage, in the order in which it was saved."""

import asyncio
from collections.abc import Mapping
from typing import Any

from homeassistant.helpers.storage import Store


class OrderedStore[T: Mapping[str, Any]](Store[T]):
    """A Store whose file is never older than what was saved last.

    A save that is cancelled, with the connection it belongs to, gives up Home Assistant's lock
    while its thread still writes: what is saved next may be on the disk before it, and is then
    replaced by what is older.

    And a save in the first step of an eager task, as a listener's is, hands its writing to a
    thread before Home Assistant knows the task as one it waits for: a stop at that moment takes
    the writing back, if no thread was free yet, and what was to be written is forgotten.
    """

    async def async_save(self, data: T) -> None:
        """Save; the writing goes on to its end, whatever becomes of who waits for it."""
        writing = self.hass.async_create_task(
            super().async_save(data), f"{self.key} written", eager_start=False
        )
        await asyncio.shield(writing)
