"""Patterns of hours: each is found, nothing else is, and no window changes the answer."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mould_watch.domain.climate import Metric
from mould_watch.domain.fault_patterns import (
    LOOKBACK,
    Fall,
    FaultKind,
    HourBand,
    Place,
    Span,
    hour_faults,
    is_hit,
    kinds_of,
    needs_others,
)
from mould_watch.domain.hourly import HOUR, hour_start

START = datetime(2026, 11, 20, tzinfo=UTC)
MOVED = frozenset(START + timedelta(hours=12 * n) for n in range(-6, 20))


def bands(
    count: int,
    humidity: Callable[[int], float | None],
    temperature: Callable[[int], float | None] = lambda hour: 20.0 + hour % 5 / 10,
) -> list[HourBand]:
    made = []
    for hour in range(count):
        rh, t = humidity(hour), temperature(hour)
        if rh is None and t is None:
            continue
        made.append(
            HourBand(
                START + hour * HOUR,
                None if t is None else Span(t, t),
                None if rh is None else Span(rh, rh),
            )
        )
    return made


def hours_of(
    found: Sequence[HourBand],
    kind: FaultKind,
    place: Place = Place.INSIDE,
    moved: frozenset[datetime] = MOVED,
) -> list[int]:
    return [
        (hour - START) // HOUR
        for hour, faults in hour_faults(found, place, moved).items()
        if kind in {fault.kind for fault in faults}
    ]


def test_a_humidity_that_stands_still_at_full_resolution_is_stuck_after_a_day() -> None:
    assert hours_of(bands(30, lambda _: 55.3), FaultKind.STUCK) == [25, 26, 27, 28, 29]


def test_at_whole_percents_it_takes_two_days() -> None:
    assert hours_of(bands(52, lambda _: 55.0), FaultKind.STUCK) == [49, 50, 51]
    # a sensor that knows tenths stands still at a whole percent as at any other
    assert hours_of(bands(60, lambda hour: 54.3 if hour == 0 else 55.0), FaultKind.STUCK) == list(
        range(26, 60)
    )


def test_where_no_other_sensor_moved_nothing_is_stuck() -> None:
    still = bands(60, lambda _: 55.3)
    assert needs_others(still)
    assert hours_of(still, FaultKind.STUCK, moved=frozenset()) == []
    once = frozenset({START + timedelta(hours=12)})
    assert hours_of(still, FaultKind.STUCK, moved=once) == list(range(25, 37))


def test_a_moving_humidity_needs_no_others() -> None:
    assert not needs_others(bands(60, lambda hour: 55.3 + hour % 7 / 10))
    assert not needs_others(bands(20, lambda _: 55.3))


def test_a_gap_begins_anew() -> None:
    with_gap = bands(40, lambda hour: None if 10 <= hour < 17 else 55.3, lambda _: None)
    assert hours_of(with_gap, FaultKind.STUCK) == []
    short = bands(40, lambda hour: None if 10 <= hour < 15 else 55.3, lambda _: None)
    assert hours_of(short, FaultKind.STUCK)[0] == 25


def test_saturated_for_more_than_twelve_hours() -> None:
    wet = bands(16, lambda hour: 99.5 + hour % 2 / 2)
    assert hours_of(wet, FaultKind.SATURATED) == [13, 14, 15]
    assert hours_of(bands(40, lambda _: 99.4), FaultKind.SATURATED) == []


def test_outside_fog_is_no_fault() -> None:
    fog = bands(60, lambda _: 100.0)
    assert hours_of(fog, FaultKind.SATURATED, Place.OUTSIDE) == []
    assert hours_of(fog, FaultKind.STUCK, Place.OUTSIDE) == []
    assert hours_of(bands(60, lambda _: 61.7), FaultKind.STUCK, Place.OUTSIDE)


def test_a_temperature_that_stands_still_while_the_humidity_lives_is_frozen() -> None:
    def lively(hour: int) -> float:
        return 50.0 + hour % 12

    assert hours_of(bands(27, lively, lambda _: 20.5), FaultKind.FROZEN) == [25, 26]
    assert hours_of(bands(51, lively, lambda _: 20.0), FaultKind.FROZEN) == [49, 50]
    # a cellar: both hardly move
    assert hours_of(bands(60, lambda hour: 70.0 + hour % 3, lambda _: 12.5), FaultKind.FROZEN) == []
    assert hours_of(bands(60, lambda _: None, lambda _: 12.5), FaultKind.FROZEN) == []


@pytest.mark.parametrize(
    ("fall", "is_wrap"),
    [
        (Fall(65.4, 0.3, 0.1), True),
        (Fall(65.4, 0.3, None), True),
        (Fall(65.4, 0.3, -1.1), False),
        (Fall(54.0, 14.0, 0.0), False),
        (Fall(54.1, 14.0, 0.0), True),
        (Fall(90.0, 15.0, 0.0), False),
    ],
)
def test_what_falls_too_deep_at_a_steady_temperature_is_wrapped(
    fall: Fall, *, is_wrap: bool
) -> None:
    assert fall.is_wrap == is_wrap


def wrapped(after: Callable[[int], float | None], count: int = 60) -> list[HourBand]:
    found = bands(count, lambda hour: 60.0 + hour % 3 if hour < 3 else after(hour))
    fallen = found[3]
    found[3] = HourBand(fallen.start, fallen.temperature_c, Span(0.4, 65.4), Fall(65.4, 0.4, 0.0))
    return found


def test_a_wrap_lasts_until_the_humidity_comes_back() -> None:
    found = wrapped(lambda hour: 10.0 + hour if hour < 9 else 60.0 - hour % 3)
    assert hours_of(found, FaultKind.WRAPPED) == [3, 4, 5, 6, 7, 8]
    faults = hour_faults(found, Place.INSIDE, MOVED)
    assert {fault.since for hour in faults for fault in faults[hour]} == {START + 3 * HOUR}


def test_a_wrap_is_believed_after_two_days_and_ends_with_a_gap() -> None:
    assert hours_of(wrapped(lambda hour: 20.0 + hour % 3), FaultKind.WRAPPED) == list(range(3, 52))
    gap = wrapped(lambda hour: None if 6 <= hour < 14 else 20.0 + hour % 3)
    gap = [band if band.humidity_pct else HourBand(band.start, band.temperature_c) for band in gap]
    assert hours_of(gap, FaultKind.WRAPPED) == [3, 4, 5]


def test_of_a_wrapped_hour_the_low_values_are_faulty_of_a_stuck_one_all() -> None:
    assert is_hit({FaultKind.WRAPPED}, 34.4)
    assert not is_hit({FaultKind.WRAPPED}, 34.5)
    assert is_hit({FaultKind.STUCK}, 60.0)
    assert is_hit({FaultKind.WRAPPED, FaultKind.STUCK}, 60.0)
    assert not is_hit((), 60.0)


def test_hours_are_of_utc() -> None:
    local = datetime.fromisoformat("2026-11-20T12:34:56+05:45")
    assert hour_start(local) == datetime(2026, 11, 20, 6, tzinfo=UTC)


_SPANS = st.sampled_from(
    [Span(55.0, 55.0), Span(55.3, 55.3), Span(100.0, 100.0), Span(99.5, 100.0), Span(20.0, 22.0),
     Span(0.4, 65.4), Span(45.0, 60.0)]
)  # fmt: skip
_TEMPERATURES = (None, Span(20.0, 20.0), Span(20.5, 20.5), Span(19.0, 21.0))
_FALLS = st.none() | st.just(Fall(65.4, 0.4, 0.0)) | st.just(Fall(60.0, 45.0, 0.0))


@st.composite
def _histories(draw: st.DrawFn) -> list[HourBand]:
    """Return days of a few different stretches: long enough for every pattern."""
    found: list[HourBand] = []
    hour = 0
    for _ in range(draw(st.integers(1, 8))):
        humidity = draw(st.none() | _SPANS)
        temperature = draw(
            st.sampled_from([None, Span(20.0, 20.0), Span(20.5, 20.5), Span(19, 21)])
        )
        for place in range(draw(st.integers(1, 40))):
            if humidity is not None or temperature is not None:
                fall = draw(_FALLS) if place == 0 and humidity is not None else None
                found.append(HourBand(START + hour * HOUR, temperature, humidity, fall))
            hour += 1
    return found


@settings(max_examples=300)
@given(_histories(), st.sampled_from(Place), st.integers(0, 300))
def test_invariant_6_an_hour_is_judged_alike_wherever_the_window_begins(
    history: list[HourBand], place: Place, back: int
) -> None:
    start = START + back * HOUR
    window = [band for band in history if band.start >= start - LOOKBACK]

    def said(some: Sequence[HourBand]) -> dict[tuple[str, datetime], frozenset[FaultKind]]:
        faults = hour_faults(some, place, MOVED)
        metrics: tuple[Metric, ...] = ("humidity_pct", "temperature_c")
        return {
            (metric, hour): kinds
            for metric in metrics
            for hour, kinds in kinds_of(faults, metric).items()
            if hour >= start and kinds
        }

    assert said(window) == said(history)
