from datetime import timedelta
from math import inf, nan
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.domain.climate import GAP, Climate, MeasuredSeries, Sample
from tests.support.climate import NOON, hours, room_air

samples = st.builds(
    Sample,
    ts=st.integers(-48 * 60, 10).map(lambda minutes: NOON + timedelta(minutes=minutes)),
    fingerprint=st.integers(-(2**63), 2**63 - 1),
    temperature_c=st.none() | st.floats(-10, 40),
    humidity_pct=st.none() | st.floats(1, 105),
)


def humidity(*kept: Sample) -> MeasuredSeries:
    return MeasuredSeries(kept, "humidity_pct")


def test_a_value_is_held_until_the_next_one() -> None:
    series = humidity(Sample(NOON, 1, humidity_pct=50), Sample(NOON + hours(2), 2, humidity_pct=60))
    assert series.value_at(NOON - timedelta(microseconds=1)) is None
    assert series.value_at(NOON) == 50
    assert series.value_at(NOON + hours(1.99)) == 50
    assert series.value_at(NOON + hours(2)) == 60


def test_a_value_is_held_for_six_hours_and_then_there_is_a_gap() -> None:
    series = humidity(Sample(NOON, 1, humidity_pct=50))
    assert series.value_at(NOON + hours(5.999)) == 50
    assert series.value_at(NOON + hours(6)) is None
    newest = series.newest(NOON + hours(100))
    assert newest is not None
    assert (newest.ts, newest.value) == (NOON, 50)


def test_two_rows_at_one_time_are_combined_metric_by_metric() -> None:
    rows = [
        Sample(NOON, 7, temperature_c=20, humidity_pct=50),
        Sample(NOON, 9, humidity_pct=60),
        Sample(NOON, -3, temperature_c=10, humidity_pct=40),
    ]
    assert MeasuredSeries(rows, "humidity_pct").values == (60,)
    assert MeasuredSeries(rows, "temperature_c").values == (20,)


@pytest.mark.parametrize("value", [0.0, -1.0, 106.0, nan, inf])
def test_a_humidity_that_cannot_be_computed_with_is_no_value(value: float) -> None:
    series = humidity(
        Sample(NOON, 1, humidity_pct=50), Sample(NOON + hours(1), 2, humidity_pct=value)
    )
    assert series.times == (NOON,)


@given(st.lists(samples, max_size=30), st.randoms())
def test_the_order_of_arrival_does_not_matter(rows: list[Sample], random: Random) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    start = NOON - hours(24)
    assert list(room_air(rows, 5).pieces(start, NOON)) == list(
        room_air(shuffled, 5).pieces(start, NOON)
    )


@given(st.lists(samples, max_size=30))
def test_the_pieces_fill_the_window_exactly_and_end_now(rows: list[Sample]) -> None:
    start = NOON - hours(24)
    pieces = list(room_air(rows, 5).pieces(start, NOON, at=(NOON - hours(1),)))
    assert pieces[0].start == start
    assert [piece.end for piece in pieces[:-1]] == [piece.start for piece in pieces[1:]]
    assert pieces[-1].start == pieces[-1].end == NOON
    assert all(piece.start < piece.end for piece in pieces[:-1])
    assert any(piece.start == NOON - hours(1) for piece in pieces)


@given(st.lists(samples, max_size=30), st.floats(0, 24))
def test_a_piece_says_what_is_held_at_any_moment_of_it(rows: list[Sample], back_h: float) -> None:
    climate: Climate = room_air(rows, 5)
    moment = NOON - hours(back_h)
    piece = next(
        piece
        for piece in climate.pieces(NOON - hours(24), NOON)
        if piece.start <= moment < piece.end or piece.start == piece.end == moment
    )
    assert piece.humidity_pct == climate.humidity.value_at(moment)
    assert piece.temperature_c == climate.temperature.value_at(moment)


@given(st.lists(samples, max_size=30))
def test_a_value_in_the_climate_was_measured_less_than_six_hours_before(
    rows: list[Sample],
) -> None:
    measured = {(row.ts, row.humidity_pct) for row in rows if row.humidity_pct is not None}
    for piece in room_air(rows).pieces(NOON - hours(24), NOON):
        if piece.humidity_pct is not None:
            assert any(
                value == piece.humidity_pct and timedelta() <= piece.start - ts < GAP
                for ts, value in measured
            )
            assert any(
                value == piece.humidity_pct and piece.end - ts <= GAP for ts, value in measured
            )
