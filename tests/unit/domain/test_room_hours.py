"""The hourly climate: time-weighted, lines over short gaps, nothing over long ones, any order."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.domain.hourly import HOUR, HourMean
from mould_watch.domain.room_hours import RoomHour, SourcePoints, next_hour, room_hours

START = datetime(2026, 11, 20, tzinfo=UTC)
LATER = START + timedelta(days=30)


def at(hour: float) -> datetime:
    return START + timedelta(hours=hour)


def hours_of(
    temperature: list[tuple[float, float]],
    humidity: list[tuple[float, float]],
    *,
    until: float = 48,
    now: datetime = LATER,
) -> dict[int, RoomHour]:
    points = SourcePoints(
        temperature=[(at(hour), value) for hour, value in temperature],
        humidity=[(at(hour), value) for hour, value in humidity],
    )
    return {
        int((hour.start - START) / HOUR): hour for hour in room_hours(points, START, at(until), now)
    }


def test_coverage_is_what_both_metrics_have() -> None:
    hours = hours_of([(0.0, 20.0), (0.5, 20.0)], [(0.25, 50.0)], until=1, now=at(0.75))
    temperature, humidity = hours[0].temperature, hours[0].humidity
    assert temperature is not None
    assert humidity is not None
    assert (temperature.coverage, humidity.coverage) == (0.75, 0.5)
    assert hours[0].coverage == 0.5


def test_a_long_gap_has_no_hours() -> None:
    points = [(0.0, 50.0), (6.0, 62.0), (13.0, 62.0)]
    assert sorted(hours_of(points, points, until=13)) == [0, 1, 2, 3, 4, 5, 6]


def test_nothing_is_known_beyond_now() -> None:
    hours = hours_of([(0.0, 20.0), (1.5, 20.0)], [(0.0, 50.0)], now=at(0.5))
    assert hours[0].coverage == pytest.approx(0.5)
    assert sorted(hours) == [0]


def test_outdoor_air_that_is_always_the_same() -> None:
    points = SourcePoints(
        temperature=[(START, 20.0)], humidity=[(START, 50.0)], fixed_outdoor=(5.0, 80.0)
    )
    (hour,) = room_hours(points, START, at(3), LATER)
    assert hour.outdoor_temperature == HourMean(5.0, 1.0)
    assert hour.outdoor_humidity == HourMean(80.0, 1.0)


def test_outdoor_air_alone_makes_no_hour() -> None:
    points = SourcePoints(outdoor_temperature=[(START, 5.0), (at(2), 5.0)])
    assert room_hours(points, START, at(3), LATER) == []


def test_the_next_hour_is_this_one_on_the_hour() -> None:
    assert next_hour(at(3)) == at(3)
    assert next_hour(at(3.01)) == at(4)


def test_an_hour_begins_on_the_hour() -> None:
    with pytest.raises(ValueError, match="not on the hour"):
        room_hours(SourcePoints(), at(0.5), at(2), LATER)


@given(
    st.lists(
        st.tuples(st.integers(0, 48 * 60 - 1), st.floats(1, 100)),
        unique_by=lambda one: one[0],
        max_size=60,
    ),
    st.integers(0, 40),
    st.randoms(use_true_random=False),
)
def test_neither_order_nor_window_changes_an_hour(
    minutes: list[tuple[int, float]], first: int, random: Random
) -> None:
    points = [(minute / 60, value) for minute, value in minutes]
    whole = hours_of(points, points)
    shuffled = points.copy()
    random.shuffle(shuffled)
    source = [(at(hour), value) for hour, value in shuffled]
    window = room_hours(
        SourcePoints(temperature=source, humidity=source), at(first), at(first + 3), LATER
    )
    expected = [hour for number, hour in whole.items() if first <= number < first + 3]
    assert window == expected
