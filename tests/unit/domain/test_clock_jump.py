"""A wall clock that jumps is told from one that is set right a little."""

from datetime import timedelta

import pytest

from mould_watch.domain.clock_jump import ClockWatch
from tests.support.climate import NOON, hours


@pytest.mark.parametrize(
    ("wall_s", "monotonic_s", "expected_s"),
    [
        (10, 10, None),
        # set right now and then, forward and back
        (70, 10, None),
        (-50, 10, None),
        (71, 10, 61),
        (-51, 10, -61),
        # a machine that slept: the monotonic clock stood still
        (3600, 0, 3600),
        # days without a look are no jump
        (86_400 * 3, 86_400 * 3, None),
    ],
)
def test_a_jump_is_what_the_monotonic_clock_does_not_show(
    wall_s: float, monotonic_s: float, expected_s: float | None
) -> None:
    watch = ClockWatch(NOON, 1000.0)
    step = watch.step(NOON + timedelta(seconds=wall_s), 1000.0 + monotonic_s)
    assert step == (None if expected_s is None else timedelta(seconds=expected_s))


def test_a_jump_is_told_once() -> None:
    watch = ClockWatch(NOON, 0.0)
    assert watch.step(NOON - hours(5), 1.0) is not None
    assert watch.step(NOON - hours(5) + timedelta(seconds=1), 2.0) is None
