"""Beyond a threshold, back behind another: counted by the times of the readings."""

from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.domain.climate import GAP, Point
from mould_watch.domain.condition import Level
from mould_watch.domain.rules.settings import Direction, ThresholdSettings
from mould_watch.domain.rules.threshold import judge_threshold, lookback, recovery_threshold
from mould_watch.domain.verdict import Verdict
from tests.support.climate import NOON, hours

MINUTE = timedelta(minutes=1)


def limit(**more: object) -> ThresholdSettings:
    return ThresholdSettings.model_validate(
        {
            "rule_id": UUID(int=1),
            "metric": "humidity_pct",
            "direction": "above",
            "threshold": 60.0,
            **more,
        }
    )


def points(*values: float, every: timedelta = 5 * MINUTE, last: datetime = NOON) -> list[Point]:
    first = last - (len(values) - 1) * every
    return [Point(first + number * every, value) for number, value in enumerate(values)]


def judged(
    settings: ThresholdSettings, readings: list[Point], now: datetime = NOON, **more: datetime
) -> Verdict:
    return judge_threshold(settings, readings, now, **more).verdict


def test_one_reading_beyond_is_enough_by_default() -> None:
    verdict = judged(limit(), points(50, 61))
    assert (verdict.is_breach, verdict.is_verified, verdict.level) == (True, True, Level.WARNING)
    assert verdict.breach_since == NOON
    assert not judged(limit(), points(50, 60)).is_breach


def test_below_is_the_other_side() -> None:
    low = limit(direction="below", threshold=10.0, metric="battery_pct")
    assert judged(low, points(11, 9)).is_verified
    assert not judged(low, points(10)).is_breach
    assert not judged(low, points(14)).is_clear
    assert judged(low, points(*[15] * 10)).is_recovered


def test_consecutive_means_without_one_back_between() -> None:
    three = limit(count=3)
    assert not judged(three, points(61, 61)).is_verified
    assert judged(three, points(61, 61, 61)).is_verified
    assert not judged(three, points(61, 61, 59, 61)).is_verified


def test_it_is_counted_by_time_whatever_the_order_of_arrival() -> None:
    readings = points(61, 61, 59, 61, 61, 61)
    shuffled = readings.copy()
    Random(4).shuffle(shuffled)  # noqa: S311 - the same every time
    assert judged(limit(count=3), shuffled) == judged(limit(count=3), readings)


def test_a_minimum_duration_is_reached_by_time_alone() -> None:
    slow = limit(minutes=30)
    readings = points(61)
    assert not judged(slow, readings, NOON + 29 * MINUTE).is_verified
    assert judged(slow, readings, NOON + 30 * MINUTE).is_verified
    due = judge_threshold(slow, readings, NOON).due
    assert due == (NOON + 15 * MINUTE, NOON + 30 * MINUTE)


def test_half_of_the_duration_is_worth_watching() -> None:
    slow = limit(minutes=30)
    assert judged(slow, points(61), NOON + 14 * MINUTE).level is Level.NONE
    assert judged(slow, points(61), NOON + 15 * MINUTE).level is Level.WARNING


def test_between_the_two_thresholds_nothing_changes_its_mind() -> None:
    between = judged(limit(), points(61, 58))
    assert not between.is_breach
    assert not between.is_clear


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"metric": "temperature_c", "threshold": 8.0}, 7.5),
        ({"metric": "humidity_pct", "threshold": 60.0}, 57.0),
        ({"metric": "co2_ppm", "threshold": 1400.0}, 1300.0),
        ({"metric": "moisture_pct", "threshold": 20.0, "direction": "below"}, 25.0),
        ({"metric": "linkquality", "threshold": 40.0, "direction": "below"}, 42.0),
        ({"recovery_threshold": 40.0}, 40.0),
    ],
)
def test_the_recovery_threshold_fits_the_metric(
    settings: dict[str, object], expected: float
) -> None:
    assert recovery_threshold(limit(**settings)) == expected


def test_it_is_over_after_half_an_hour_at_the_least() -> None:
    readings = [Point(NOON - hours(1), 65.0), Point(NOON, 50.0)]
    assert not judged(limit(), readings, NOON + 14 * MINUTE).is_clear
    begun = judged(limit(), readings, NOON + 15 * MINUTE)
    assert begun.is_clear
    assert not begun.is_recovered
    assert judged(limit(), readings, NOON + 30 * MINUTE).is_recovered


def test_a_gap_ends_what_lasted_and_says_nothing() -> None:
    """Invariant 8: neither a breach nor its end is assumed for time without data."""
    readings = points(61)
    late = NOON + GAP
    assert not judged(limit(), readings, late).is_known
    assert not judged(limit(), readings, late).is_breach
    slow = limit(minutes=60 * 7)
    again = [*readings, Point(NOON + hours(8), 61.0)]
    assert judged(slow, again, NOON + hours(8)).breach_since == NOON + hours(8)


def test_readings_of_the_future_do_not_count_yet() -> None:
    assert not judged(limit(), [Point(NOON + MINUTE, 99.0)]).is_known


def test_time_before_a_jump_of_the_clock_is_no_duration() -> None:
    slow = limit(minutes=30)
    readings = points(61)
    now = NOON + hours(2)
    assert judged(slow, readings, now).is_verified
    jumped = {"counted_from": now - 29 * MINUTE}
    assert not judged(slow, readings, now, **jumped).is_verified


def test_a_value_that_swings_is_unsteady() -> None:
    assert not judged(limit(), points(61, 50, 61, 50, 61)).is_unsteady
    assert judged(limit(), points(61, 50, 61, 50, 61, 50, 61)).is_unsteady
    long_ago = points(61, 50, 61, 50, 61, 50, last=NOON - hours(25))
    assert not judged(limit(), [*long_ago, Point(NOON, 61.0)]).is_unsteady
    # many readings beyond are one breach
    assert not judged(limit(), points(*[61] * 50)).is_unsteady


def test_it_looks_back_as_far_as_it_must() -> None:
    assert lookback(limit()) == hours(24)
    assert lookback(limit(minutes=7 * 24 * 60)) == timedelta(days=14)
    assert lookback(limit(count=100)) == hours(100)


@given(
    values=st.lists(st.floats(0, 100), min_size=1, max_size=40),
    count=st.integers(1, 5),
    minutes=st.sampled_from([0, 10, 120]),
    direction=st.sampled_from(Direction),
    after=st.integers(0, 600),
)
def test_no_verdict_contradicts_itself(
    *, values: list[float], count: int, minutes: int, direction: Direction, after: int
) -> None:
    settings = limit(count=count, minutes=minutes, direction=direction.value)
    now = NOON + after * MINUTE
    result = judge_threshold(settings, points(*values), now)
    verdict = result.verdict
    assert not (verdict.is_breach and verdict.is_clear)
    assert not verdict.is_verified or verdict.is_breach
    assert not verdict.is_recovered or verdict.is_clear
    assert all(at > now for at in result.due)
    assert verdict.is_known or not (verdict.is_breach or verdict.is_clear)
