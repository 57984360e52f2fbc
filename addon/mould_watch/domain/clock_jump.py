"""A wall clock that jumps, told by the monotonic one beside it (design, section 10)."""

from datetime import datetime, timedelta
from typing import Final

JUMP: Final = timedelta(seconds=60)
"""A wall clock is set right by less now and then; by more, durations mean nothing."""


class ClockWatch:
    """Compares the two clocks from look to look."""

    def __init__(self, now: datetime, monotonic_s: float) -> None:
        """Begin with what both clocks show."""
        self._now = now
        self._monotonic_s = monotonic_s

    def step(self, now: datetime, monotonic_s: float) -> timedelta | None:
        """Return by how much the wall clock jumped since the last look; None: it did not.

        Positive is forward: a machine that slept looks like that as well.
        """
        passed = timedelta(seconds=monotonic_s - self._monotonic_s)
        step = now - self._now - passed
        self._now, self._monotonic_s = now, monotonic_s
        return step if abs(step) > JUMP else None
