"""What a payload alone says, and jumps: the same answer in any order and from any window."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.domain.climate import Sample
from mould_watch.domain.fault_patterns import FaultKind, Place
from mould_watch.domain.hourly import hour_start
from mould_watch.domain.plausibility import (
    JUMP_BEFORE,
    plausible_samples,
    suspicion,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIVE_MINUTES = timedelta(minutes=5)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ({"temperature_c": 21.0, "humidity_pct": 60.0}, None),
        ({"temperature_c": -60.0}, None),
        ({"temperature_c": 60.0}, None),
        ({"temperature_c": -60.1}, "temperature_out_of_range"),
        ({"temperature_c": 60.1}, "temperature_out_of_range"),
        ({"humidity_pct": 1.0}, None),
        ({"humidity_pct": 105.0}, None),
        ({"humidity_pct": 0.0}, "humidity_zero"),
        ({"humidity_pct": -0.0}, "humidity_zero"),
        ({"humidity_pct": 0.9}, "humidity_out_of_range"),
        ({"humidity_pct": -1.0}, "humidity_out_of_range"),
        ({"humidity_pct": 105.1}, "humidity_out_of_range"),
        ({"humidity_pct": 6553.5, "temperature_c": -127.0},
         "temperature_out_of_range,humidity_out_of_range"),
        ({"pressure_hpa": 5.0, "battery_pct": 0.0}, None),
    ],
)  # fmt: skip
def test_what_a_payload_says_against_itself(metrics: dict[str, float], words: str | None) -> None:
    assert suspicion(metrics) == words


def humidity(*values: float, step: timedelta = FIVE_MINUTES) -> list[Sample]:
    return [Sample(NOON + step * n, n, humidity_pct=value) for n, value in enumerate(values)]


def kept(samples: list[Sample]) -> list[float]:
    judged = plausible_samples(samples, "humidity_pct", Place.INSIDE, {})
    return [sample.humidity_pct for sample in judged if sample.humidity_pct is not None]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # a change that the next sample confirms costs one sample of delay
        ((50, 51, 90), [50, 51]),
        ((50, 51, 90, 92), [50, 51, 90, 92]),
        # one wild sample is left out, what follows is not
        ((50, 90, 50), [50, 50]),
        ((50, 90, 50, 51), [50, 50, 51]),
        ((50, 90, 51, 95, 96), [50, 95, 96]),
        # exactly 30 is no jump
        ((50, 80), [50, 80]),
        # nothing confirms anything
        ((50, 95, 10, 60), [50]),
        # slow changes are none
        ((40, 65, 90, 65, 40), [40, 65, 90, 65, 40]),
    ],
)
def test_a_jump_is_held_until_the_next_sample_confirms_it(
    values: tuple[float, ...], expected: list[float]
) -> None:
    assert kept(humidity(*values)) == expected


def test_a_change_over_more_than_ten_minutes_is_no_jump() -> None:
    assert kept(humidity(50, 90, step=minutes(10))) == [50]
    assert kept(humidity(50, 90, step=minutes(10.1))) == [50, 90]


def test_a_confirmation_may_come_late_but_not_after_six_hours() -> None:
    start = humidity(50, 90)
    for later, expected in ((hours(6), [50, 90, 91]), (hours(6.1), [50, 91])):
        assert kept([*start, Sample(start[1].ts + later, 9, humidity_pct=91)]) == expected


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def test_a_temperature_jumps_by_more_than_five_kelvin() -> None:
    samples = [
        Sample(NOON + minutes(n), n, temperature_c=value)
        for n, value in enumerate((20.0, 25.0, 0.0, 24.0))
    ]
    judged = plausible_samples(samples, "temperature_c", Place.INSIDE, {})
    assert [sample.temperature_c for sample in judged] == [20.0, 25.0, 24.0]


def test_the_places_differ_in_what_is_too_cold() -> None:
    samples = [Sample(NOON, 1, temperature_c=-31.0)]
    assert not plausible_samples(samples, "temperature_c", Place.INSIDE, {})
    assert plausible_samples(samples, "temperature_c", Place.OUTSIDE, {})


def test_an_overshoot_counts_as_saturated_and_what_is_out_of_range_not_at_all() -> None:
    assert kept(humidity(99, 103, 105.1, 0, 0.5)) == [99, 100]


def test_faulty_hours_are_left_out_and_wrapped_ones_only_where_they_are_low() -> None:
    samples = [Sample(NOON + hours(n), n, humidity_pct=20 + 20 * n) for n in range(4)]
    judged = plausible_samples(
        samples,
        "humidity_pct",
        Place.INSIDE,
        {
            hour_start(NOON): {FaultKind.WRAPPED},
            hour_start(NOON + hours(1)): {FaultKind.WRAPPED},
            hour_start(NOON + hours(2)): {FaultKind.STUCK},
        },
    )
    assert [sample.humidity_pct for sample in judged] == [40, 80]


_SAMPLES = st.lists(
    st.builds(
        lambda at, mark, value: Sample(NOON + minutes(at), mark, humidity_pct=value),
        st.integers(0, 400),
        st.integers(0, 3),
        st.sampled_from([0.0, 5.0, 20.0, 40.0, 60.0, 80.0, 100.0, 103.0, 130.0]),
    ),
    max_size=40,
)


@given(_SAMPLES, st.randoms(use_true_random=False))
def test_invariant_6_the_order_of_arrival_changes_nothing(
    samples: list[Sample], random: Random
) -> None:
    shuffled = [*samples, *samples[:3]]
    random.shuffle(shuffled)
    assert kept(shuffled) == kept(samples)


@given(_SAMPLES, st.integers(0, 400), st.integers(0, 120))
def test_invariant_6_where_a_window_begins_and_ends_changes_nothing_inside_it(
    samples: list[Sample], begin: int, length: int
) -> None:
    start, end = NOON + minutes(begin), NOON + minutes(begin + length)
    window = [sample for sample in samples if start - JUMP_BEFORE <= sample.ts <= end + hours(6)]

    def inside(some: list[Sample]) -> list[Sample]:
        judged = plausible_samples(some, "humidity_pct", Place.INSIDE, {})
        return [sample for sample in judged if start <= sample.ts <= end]

    assert inside(window) == inside(samples)


@given(_SAMPLES)
def test_nothing_is_invented_and_nothing_altered_but_the_overshoot(samples: list[Sample]) -> None:
    sent = {(sample.ts, min(sample.humidity_pct or 0, 100.0)) for sample in samples}
    judged = plausible_samples(samples, "humidity_pct", Place.INSIDE, {})
    assert {(sample.ts, sample.humidity_pct) for sample in judged} <= sent
    assert [sample.ts for sample in judged] == sorted({sample.ts for sample in judged})
