"""Run one part of the program beside a test, as the service would."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def running(
    part: Coroutine[Any, Any, object], name: str = "part"
) -> AsyncGenerator[asyncio.Task[object]]:
    """Run a part while the block runs; cancel it and wait for its end afterwards.

    A part that ended with an error fails the test.
    """
    task = asyncio.create_task(part, name=name)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
