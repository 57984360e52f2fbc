from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mould_watch.domain.climate import Sample
from mould_watch.domain.next_evaluation import REGULARLY, next_evaluation_at
from tests.support.climate import DAMP_PCT, DRY_PCT, NOON, hours, room_air


def next_after(
    samples: list[Sample], now: datetime = NOON, due: tuple[datetime, ...] = ()
) -> datetime:
    return next_evaluation_at(room_air(samples), now, due)


def readings(humidity_pct: float, *backs: float) -> list[Sample]:
    return [Sample(NOON - hours(back), 1, 20.0, humidity_pct) for back in backs]


def test_a_room_is_judged_again_within_five_minutes() -> None:
    assert next_after([]) == NOON + REGULARLY
    assert next_after(readings(DRY_PCT, 0.1)) == NOON + REGULARLY


def test_it_is_judged_when_a_held_value_becomes_a_gap() -> None:
    assert next_after(readings(DRY_PCT, 5.95)) == NOON + hours(0.05)


def test_it_is_judged_when_an_hour_is_over() -> None:
    assert next_after([], NOON - timedelta(minutes=2)) == NOON


def test_it_is_judged_when_a_rule_says_so() -> None:
    due = NOON + timedelta(minutes=2), NOON - timedelta(minutes=1)
    assert next_after([], due=due) == NOON + timedelta(minutes=2)


def test_it_is_judged_when_a_reading_ahead_of_the_clock_comes_of_age() -> None:
    assert next_after(readings(DAMP_PCT, -0.05)) == NOON + hours(0.05)


@given(st.lists(st.tuples(st.floats(-1, 30), st.sampled_from([DAMP_PCT, DRY_PCT])), max_size=20))
def test_it_is_always_later_and_never_long(backs: list[tuple[float, float]]) -> None:
    samples = [Sample(NOON - hours(back), 1, 20.0, humidity) for back, humidity in backs]
    at = next_after(samples)
    assert NOON + timedelta(seconds=1) <= at <= NOON + REGULARLY
