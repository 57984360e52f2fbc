from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.domain.climate import Climate, MeasuredSeries, Sample
from mould_watch.domain.condition import DryingTrend
from mould_watch.domain.drying import (
    DryingSummary,
    Moisture,
    Shower,
    drying,
    moisture_of,
    showers,
)
from tests.support.climate import NOON


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def shower(
    rate_per_h: float,
    *,
    at: datetime = NOON,
    excess_g_m3: float = 6.0,
    every: int = 5,
    lasts: int = 120,
) -> list[Moisture]:
    """Half an hour of quiet at 8 g/m³, ten minutes of rise, then drying at a rate."""
    points = [Moisture(at - minutes(before), 8.0) for before in range(30, 0, -every)]
    points += [Moisture(at + minutes(m), 8 + excess_g_m3 * m / 10) for m in range(0, 10, every)]
    points += [
        Moisture(at + minutes(10 + m), 8 + excess_g_m3 * exp(-rate_per_h * m / 60))
        for m in range(0, lasts, every)
    ]
    return points


def event(half_time_minutes: float | None) -> Shower:
    rate = None if half_time_minutes is None else log(2) * 60 / half_time_minutes
    return Shower(NOON, NOON, 8, 14, rate)


@pytest.mark.parametrize("rate_per_h", [0.7, 1.5, 3.0])
def test_a_shower_is_found_and_how_fast_the_room_dries(rate_per_h: float) -> None:
    (found,) = showers(shower(rate_per_h))
    assert found.started_at == NOON + minutes(5)
    assert found.peak_at == NOON + minutes(10)
    assert (found.before_g_m3, found.peak_g_m3) == (8, 14)
    assert found.rate_per_h == pytest.approx(rate_per_h, rel=1e-6)
    assert found.half_time_minutes == pytest.approx(log(2) / rate_per_h * 60)


def test_a_small_or_a_slow_rise_is_no_shower() -> None:
    assert showers(shower(2, excess_g_m3=1.9)) == []
    slow = [Moisture(NOON + minutes(10 * number), 8 + 0.5 * number) for number in range(30)]
    assert showers(slow) == []


def test_a_sensor_that_sends_on_change_only_shows_it_as_well() -> None:
    seldom = [Moisture(NOON - minutes(55), 8.0), Moisture(NOON, 12.0)]
    (found,) = showers(seldom)
    assert found.before_g_m3 == 8.0
    assert showers([Moisture(NOON - timedelta(hours=6), 8.0), Moisture(NOON, 12.0)]) == []


def test_two_in_an_hour_are_one_and_two_in_two_hours_two() -> None:
    first = shower(3, lasts=30)
    soon = [Moisture(NOON + minutes(40 + m), 13.0) for m in range(0, 15, 5)]
    assert len(showers([*first, *soon])) == 1
    assert len(showers([*shower(3), *shower(3, at=NOON + minutes(180))])) == 2


def test_what_is_not_clear_has_no_rate() -> None:
    few = shower(2, every=5, lasts=25)
    assert showers(few)[0].rate_per_h is None, "fewer than four points"
    noisy = [
        Moisture(one.ts, one.g_m3 + (3 if number % 2 else 0) * (one.ts > NOON + minutes(10)))
        for number, one in enumerate(shower(1))
    ]
    assert showers(noisy)[0].rate_per_h is None, "no straight line"
    stays = shower(0)
    assert showers(stays)[0].rate_per_h is None, "it does not dry at all"
    gone = shower(30)
    assert showers(gone)[0].rate_per_h is None, "gone before it could be seen"


def test_the_newest_ten_decide_the_half_time() -> None:
    events = [event(100)] * 30 + [event(None)] + [event(20)] * 4 + [event(30)] * 6
    summary = drying(events)
    assert summary.half_time_minutes == pytest.approx(30)
    assert (summary.trend, summary.events) == (DryingTrend.STEADY, 40)
    assert drying([event(None)]) == DryingSummary(None, DryingTrend.UNKNOWN, 0)
    assert drying([]).half_time_minutes is None


@pytest.mark.parametrize(
    ("half_times", "trend"),
    [
        ([30] * 5 + [46] * 3, DryingTrend.SLOWER),
        ([30] * 5 + [40] * 3, DryingTrend.STEADY),
        ([30] * 5 + [19] * 3, DryingTrend.FASTER),
        ([30] * 5 + [90] * 1 + [30] * 2, DryingTrend.STEADY),
        ([30] * 4 + [90] * 3, DryingTrend.UNKNOWN),
    ],
)
def test_a_fan_that_stopped_helping_shows(half_times: Sequence[float], trend: DryingTrend) -> None:
    assert drying([event(one) for one in half_times]).trend is trend


def test_moisture_is_taken_where_humidity_was_read() -> None:
    samples = [
        Sample(NOON, 1, 20.0),
        Sample(NOON + minutes(5), 2, None, 50.0),
        Sample(NOON + minutes(10), 3, 25.0, 50.0),
    ]
    climate = Climate(
        MeasuredSeries(samples, "temperature_c"), MeasuredSeries(samples, "humidity_pct")
    )
    points = moisture_of(climate, NOON, NOON + minutes(20))
    assert [one.ts for one in points] == [NOON + minutes(5), NOON + minutes(10)]
    assert [one.g_m3 for one in points] == pytest.approx([8.621, 11.483], abs=5e-4)
    late = moisture_of(climate, NOON - timedelta(hours=1), NOON)
    assert late == []


def test_time_that_runs_backwards_is_refused() -> None:
    with pytest.raises(ValueError, match="backwards"):
        showers([Moisture(NOON, 8), Moisture(NOON - minutes(1), 8)])


@given(st.lists(st.floats(4, 20), max_size=60), st.integers(1, 30))
def test_whatever_the_air_does_showers_are_an_hour_apart(values: list[float], every: int) -> None:
    points = [Moisture(NOON + minutes(every * n), value) for n, value in enumerate(values)]
    found = showers(points)
    for one, next_one in pairwise(found):
        assert next_one.started_at - one.started_at >= timedelta(hours=1)
    for one in found:
        assert one.peak_g_m3 - one.before_g_m3 >= 2
        assert one.peak_at >= one.started_at
        assert one.rate_per_h is None or one.rate_per_h > 0
