from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.domain.climate import Climate, ConstantSeries, MeasuredSeries, Sample
from mould_watch.domain.hourly import AirHour, HourlyMeans, HourMean, air_hours, hours_between
from tests.support.climate import NOON, hours

LATER = NOON + hours(1000)


def climate(*samples: tuple[float, float, float], outdoor_c: float | None = None) -> Climate:
    """Samples as (hours after noon, °C, %)."""
    kept = [Sample(NOON + hours(at_h), 1, t, rh) for at_h, t, rh in samples]
    return Climate(
        temperature=MeasuredSeries(kept, "temperature_c"),
        humidity=MeasuredSeries(kept, "humidity_pct"),
        outdoor_temperature=None if outdoor_c is None else ConstantSeries(outdoor_c),
    )


def temperatures(air: list[AirHour]) -> list[float | None]:
    return [None if one.temperature_c is None else round(one.temperature_c, 3) for one in air]


def test_within_an_hour_the_earlier_reading_holds() -> None:
    # 15 min at 10 °C, 45 min at 20 °C; then 20 °C for the hour that a reading holds
    air = air_hours(climate((0, 10, 50), (0.25, 20, 70)), NOON, NOON + hours(2), LATER)
    assert temperatures(air) == [17.5, 20]
    assert [one.humidity_pct for one in air] == [65, 70]
    assert [one.coverage for one in air] == [1, 0.25]


def test_readings_on_the_hour_are_their_hours() -> None:
    air = air_hours(climate((0, 10, 50), (1, 12, 60), (2, 14, 70)), NOON, NOON + hours(3), LATER)
    assert temperatures(air) == [10, 12, 14]


@pytest.mark.parametrize(("apart_h", "mean_c"), [(1.0, 10.0), (1.01, 14.95), (1.5, 13.333)])
def test_an_hour_is_how_long_a_reading_holds(apart_h: float, mean_c: float) -> None:
    air = air_hours(climate((0, 10, 50), (apart_h, 20, 50)), NOON, NOON + hours(1), LATER)
    assert temperatures(air) == [pytest.approx(mean_c, abs=0.001)]


def test_up_to_six_hours_a_straight_line_joins_the_readings() -> None:
    air = air_hours(climate((0, 10, 50), (6, 22, 80)), NOON, NOON + hours(6), LATER)
    assert temperatures(air) == [11, 13, 15, 17, 19, 21]
    assert [one.coverage for one in air] == [1] * 6


def test_a_longer_time_without_readings_is_a_gap() -> None:
    air = air_hours(climate((0, 10, 50), (6.01, 22, 80)), NOON, NOON + hours(7), LATER)
    assert temperatures(air) == [10, None, None, None, None, None, 22]
    assert [one.coverage for one in air][1:6] == [0] * 5
    assert air[6].coverage == pytest.approx(0.99)


def test_nothing_is_assumed_after_the_present() -> None:
    now = NOON + timedelta(minutes=15)
    air = air_hours(climate((0, 10, 50)), NOON, NOON + hours(2), now)
    assert [one.coverage for one in air] == [0.25, 0]
    air = air_hours(climate((0, 10, 50), (0.5, 30, 50)), NOON, NOON + hours(1), now)
    assert temperatures(air) == [10]


def test_one_single_reading_is_an_hour_at_most() -> None:
    air = air_hours(climate((0.5, 20, 50)), NOON, NOON + hours(3), LATER)
    assert [one.coverage for one in air] == [0.5, 0.5, 0]


def test_both_metrics_must_be_known() -> None:
    kept = [Sample(NOON, 1, 20.0), Sample(NOON + timedelta(minutes=30), 2, None, 50.0)]
    both = Climate(MeasuredSeries(kept, "temperature_c"), MeasuredSeries(kept, "humidity_pct"))
    first, second = air_hours(both, NOON, NOON + hours(2), LATER)
    assert (first.temperature_c, first.humidity_pct, first.coverage) == (20, 50, 0.5)
    assert second == AirHour(NOON + hours(1))


def test_the_outside_has_a_coverage_of_its_own() -> None:
    (air,) = air_hours(climate(outdoor_c=-5), NOON, NOON + hours(1), LATER)
    assert (air.coverage, air.outdoor_temperature_c, air.outdoor_coverage) == (0, -5, 1)
    (air,) = air_hours(climate((0, 20, 50)), NOON, NOON + hours(1), LATER)
    assert (air.coverage, air.outdoor_temperature_c, air.outdoor_coverage) == (1, None, 0)


def test_the_night_the_clocks_change_has_as_many_hours_as_pass() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for month, day, number in ((10, 25, 25), (3, 29, 23)):
        start = datetime(2026, month, day, tzinfo=berlin)
        end = datetime(2026, month, day + 1, tzinfo=berlin)
        assert len(list(hours_between(start, end))) == number


def test_time_that_runs_backwards_is_refused() -> None:
    with pytest.raises(ValueError, match="backwards"):
        HourlyMeans().between(7200, 20, 3600, 20)


def test_an_hour_of_which_nothing_is_known_has_no_mean() -> None:
    means = HourlyMeans()
    assert means.of(0) is None
    means.last(1800, 20)
    assert (means.of(0), means.of(1)) == (HourMean(20, 0.5), HourMean(20, 0.5))


samples = st.lists(
    st.tuples(st.integers(0, 40 * 60), st.floats(-20, 40), st.floats(1, 100)),
    min_size=1,
    max_size=40,
    unique_by=lambda sample: sample[0],
)


@given(samples, st.integers(0, 2**32))
def test_the_order_of_arrival_does_not_matter(
    minutes: list[tuple[int, float, float]], seed: int
) -> None:
    shuffled = list(minutes)
    Random(seed).shuffle(shuffled)  # noqa: S311 - an order, no secret
    one, other = (
        air_hours(
            climate(*((minute / 60, t, rh) for minute, t, rh in some)),
            NOON,
            NOON + hours(48),
            LATER,
        )
        for some in (sorted(minutes), shuffled)
    )
    assert one == other


@given(samples)
def test_means_lie_between_the_readings_and_hours_are_never_fuller_than_full(
    minutes: list[tuple[int, float, float]],
) -> None:
    air = air_hours(
        climate(*((minute / 60, t, rh) for minute, t, rh in minutes)),
        NOON,
        NOON + hours(48),
        LATER,
    )
    low, high = min(t for _, t, _ in minutes), max(t for _, t, _ in minutes)
    for hour in air:
        assert 0 <= hour.coverage <= 1
        if hour.temperature_c is not None:
            assert low - 1e-9 <= hour.temperature_c <= high + 1e-9
    assert any(hour.coverage for hour in air)


@given(samples, st.integers(0, 40))
def test_a_later_reading_changes_no_hour_before_the_reading_it_follows(
    minutes: list[tuple[int, float, float]], more_h: int
) -> None:
    minutes.sort()
    readings = [(minute / 60, t, rh) for minute, t, rh in minutes]
    newest_h = readings[-1][0]
    before = air_hours(climate(*readings), NOON, NOON + hours(90), LATER)
    after = air_hours(
        climate(*readings, (newest_h + 0.5 + more_h, 21, 55)), NOON, NOON + hours(90), LATER
    )
    unchanged = [one for one in before if one.start + hours(1) <= NOON + hours(newest_h)]
    assert after[: len(unchanged)] == unchanged
