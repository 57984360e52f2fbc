"""Invariant 11, the clock may lie: when it is believed, and the times given afterwards."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import pytest

from mould_watch.clock import SystemClock
from mould_watch.clock_trust import ClockTrust, kernel_is_synchronised
from mould_watch.errors import DatabaseUnavailableError

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


class Machine(SystemClock):
    """A machine whose clock, kernel and start a test decides on."""

    def __init__(self) -> None:
        self.wall = NOW
        self.up = 0.0
        self.synchronised = False

    def now(self) -> datetime:
        return self.wall

    def monotonic_s(self) -> float:
        return 5000.0 + self.up

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(0)
        self.passes(delay_s)

    def passes(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.up += seconds

    def trust(self) -> ClockTrust:
        return ClockTrust(
            self, is_synchronised=lambda: self.synchronised, up_s=lambda: self.up, settles_s=600
        )


def test_a_synchronised_kernel_is_believed_at_once_and_receipts_stay_as_they_are() -> None:
    machine = Machine()
    machine.synchronised = True
    trust = machine.trust()
    assert trust.is_trusted
    assert trust.receipt(NOW, 1.0) == NOW


@pytest.mark.parametrize(
    ("up_s", "newest_ahead_s", "expected"),
    [
        (599, None, False),
        (600, None, True),
        (600, -10.0, True),
        (600, 59.0, True),
        (600, 61.0, False),
        (86_400, 3 * 86_400.0, False),
    ],
)
def test_without_a_word_of_the_kernel_it_must_have_settled_and_not_be_behind(
    up_s: float,
    newest_ahead_s: float | None,
    expected: bool,  # noqa: FBT001
) -> None:
    machine = Machine()
    machine.up = up_s
    trust = machine.trust()
    trust.note_newest(None if newest_ahead_s is None else NOW + timedelta(seconds=newest_ahead_s))
    assert trust.is_trusted is expected


def test_it_is_not_taken_back() -> None:
    machine = Machine()
    machine.synchronised = True
    trust = machine.trust()
    assert trust.is_trusted
    machine.synchronised = False
    trust.note_newest(NOW + timedelta(days=3))
    assert trust.is_trusted


def test_what_came_before_gets_its_time_by_the_monotonic_clock() -> None:
    machine = Machine()
    machine.wall = NOW - timedelta(days=3)
    trust = machine.trust()
    assert not trust.is_trusted
    received, at_s = machine.now(), machine.monotonic_s()
    machine.passes(100)
    machine.wall = NOW
    machine.synchronised = True
    trust.note_newest(None)
    assert trust.receipt(received, at_s) == NOW - timedelta(seconds=100)
    machine.passes(10)
    assert trust.receipt(received, at_s) == NOW - timedelta(seconds=100), "the same each time"
    assert trust.receipt(machine.now(), machine.monotonic_s()) == NOW + timedelta(seconds=10)


def test_there_is_no_time_before_it_is_trusted() -> None:
    with pytest.raises(RuntimeError):
        Machine().trust().wall_time(1.0)


async def test_it_asks_again_while_the_database_is_away_and_says_once_why_it_waits(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    machine = Machine()
    trust = machine.trust()
    asked = 0

    async def newest() -> datetime | None:
        nonlocal asked
        asked += 1
        if asked < 5:
            raise DatabaseUnavailableError("away")
        return NOW - timedelta(hours=1)

    await trust.run(newest)
    assert asked > 100
    assert trust.is_trusted
    assert machine.up >= 600
    actions = [vars(record).get("action") for record in caplog.records]
    assert actions == ["clock_not_trusted", "clock_trusted"]


async def test_whoever_waits_goes_on_when_it_is_trusted() -> None:
    machine = Machine()
    trust = machine.trust()
    waiting = asyncio.create_task(trust.wait())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not waiting.done()
    machine.synchronised = True
    await waiting


def test_the_kernel_can_be_asked() -> None:
    assert kernel_is_synchronised() in {True, False}
