"""The one clock: wall time for what is stored, monotonic time for what is waited for."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID, uuid4

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """What the program asks of time. Tests bring one of their own."""

    def now(self) -> datetime:
        """Return the present wall time, aware, in UTC."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds that never go back, for intervals inside this process."""
        ...

    async def sleep(self, delay_s: float) -> None:
        """Wait `delay_s` seconds of monotonic time."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present wall time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    async def sleep(self, delay_s: float) -> None:
        """Wait `delay_s` seconds."""
        await asyncio.sleep(delay_s)


def boot_id() -> UUID:
    """Return which start of this machine monotonic time counts from; a new one if unknown."""
    try:
        return UUID(_BOOT_ID.read_text(encoding="ascii").strip())
    except OSError, ValueError:
        return uuid4()
