"""Wait for a condition instead of sleeping."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

from mould_watch.clock import SystemClock


async def until(condition: Callable[[], bool | Awaitable[bool]], timeout_s: float = 30.0) -> None:
    """Return once `condition` holds; raise TimeoutError after `timeout_s` seconds."""
    async with asyncio.timeout(timeout_s):
        while True:
            result = condition()
            if await result if inspect.isawaitable(result) else result:
                return
            await asyncio.sleep(0.02)


class RecordingClock(SystemClock):
    """The machine's clock, and it remembers what was waited for."""

    def __init__(self) -> None:
        self.slept_s: list[float] = []

    async def sleep(self, delay_s: float) -> None:
        """Wait `delay_s` seconds, and note them."""
        self.slept_s.append(delay_s)
        await super().sleep(delay_s)
