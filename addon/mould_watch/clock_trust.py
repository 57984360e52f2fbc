"""Whether the wall clock may be believed, and what the time was before it could be.

A Raspberry Pi has no battery clock: it starts with the time of its last end, or with 1970, and
jumps when the network tells it better. What was received before is given its time afterwards, by
the monotonic clock, which is right from the machine's start.
"""

import ctypes
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from mould_watch.clock import Clock
from mould_watch.errors import DatabaseUnavailableError

_LOGGER: Final = logging.getLogger(__name__)

SETTLES_S: Final = 600.0
"""So long after its start a machine has set its clock, if it ever does."""

_TIME_ERROR: Final = 5
"""adjtimex(2): the clock is not synchronised."""

_TIMEX_BYTES: Final = 512
"""More than the struct has anywhere. All zeros asks, and sets nothing."""

_BEHIND: Final = timedelta(seconds=60)
"""Two machines that store into one database may differ by as much."""

_LOOK_S: Final = 1.0


def kernel_is_synchronised() -> bool:
    """Return whether the kernel says that its clock is kept right (adjtimex)."""
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except AttributeError, OSError:
        return False
    state = int(adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))
    return 0 <= state < _TIME_ERROR


def machine_up_s() -> float:
    """Return for how long this machine has been up, in seconds."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class ClockTrust:
    """Once the clock is trusted it stays so in this process; a later jump is another matter.

    Trusted is what the kernel reports as synchronised. Where it reports nothing: a clock that is
    not behind the newest receipt stored, when the machine has been up for `settles_s` seconds.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        is_synchronised: Callable[[], bool] = kernel_is_synchronised,
        up_s: Callable[[], float] = machine_up_s,
        settles_s: float = SETTLES_S,
    ) -> None:
        """Judge `clock`."""
        self._clock = clock
        self._is_synchronised = is_synchronised
        self._up_s = up_s
        self._settles_s = settles_s
        # wall and monotonic time of the moment from which the clock is trusted
        self._base: tuple[datetime, float] | None = None
        # what came earlier in this process has a receipt of a clock that was not
        self._receipts_wrong_before_s: float | None = None
        self._doubted = False
        self._told = False

    @classmethod
    def given(cls, clock: Clock) -> ClockTrust:
        """Return the trust in a clock that is right from the start."""
        return cls(clock, is_synchronised=lambda: True)

    @property
    def is_trusted(self) -> bool:
        """Return whether the clock may be believed now."""
        if self._base is None and self._is_synchronised():
            self._trust("the kernel reports it as synchronised")
        self._doubted = self._doubted or self._base is None
        return self._base is not None

    def note_newest(self, newest: datetime | None) -> None:
        """Take the newest receipt that was ever stored; None: nothing was."""
        if self.is_trusted:
            return
        is_behind = newest is not None and self._clock.now() < newest - _BEHIND
        if not is_behind and self._up_s() >= self._settles_s:
            self._trust("it is not behind what was stored, and the machine has been up for a while")
        elif not self._told:
            self._told = True
            _LOGGER.warning(
                "The clock shows %s and cannot be trusted yet (%s): messages are spooled and get "
                "their times, and silences and durations are judged, when it can.",
                self._clock.now().isoformat(timespec="seconds"),
                f"readings were stored at {newest.isoformat(timespec='seconds')}"
                if is_behind and newest is not None
                else "the machine has just started and nobody has set it",
                extra={"action": "clock_not_trusted"},
            )

    async def wait(self) -> None:
        """Wait until the clock may be believed."""
        while not self.is_trusted:
            await self._clock.sleep(_LOOK_S)

    async def run(self, newest: Callable[[], Awaitable[datetime | None]]) -> None:
        """Find out, asking for the newest receipt stored while the kernel says nothing."""
        while not self.is_trusted:
            try:
                self.note_newest(await newest())
            except (DatabaseUnavailableError, asyncpg.PostgresError) as error:
                _LOGGER.debug("Asking for the newest receipt: %s", error)
            await self._clock.sleep(_LOOK_S)

    def receipt(self, received_at: datetime, monotonic_s: float) -> datetime:
        """Return when something was received in this process, whatever the clock said then."""
        wrong_before_s = self._receipts_wrong_before_s
        if wrong_before_s is None or monotonic_s >= wrong_before_s:
            return received_at
        return self.wall_time(monotonic_s)

    def wall_time(self, monotonic_s: float) -> datetime:
        """Return the wall time at a monotonic time since the machine's start.

        To be asked of a trusted clock only.
        """
        if self._base is None:
            raise RuntimeError("the clock is not trusted yet")
        wall, base_s = self._base
        return wall + timedelta(seconds=monotonic_s - base_s)

    def _trust(self, why: str) -> None:
        self._base = self._clock.now(), self._clock.monotonic_s()
        if self._doubted:
            self._receipts_wrong_before_s = self._base[1]
        if self._told:
            _LOGGER.warning(
                "The clock is trusted from now on: %s.", why, extra={"action": "clock_trusted"}
            )
