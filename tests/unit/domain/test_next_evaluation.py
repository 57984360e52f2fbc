from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mould_watch.domain.climate import Sample
from mould_watch.domain.next_evaluation import REGULARLY, next_evaluation_at
from mould_watch.domain.surface import SurfaceModel
from mould_watch.domain.surface_damp import SurfaceDampRule, assess
from tests.support.climate import DAMP_PCT, DRY_PCT, NOON, hours, room_air

THINGS, RULE = SurfaceModel(f_rsi=1.0), SurfaceDampRule()


def next_after(samples: list[Sample], now: datetime = NOON) -> datetime:
    climate = room_air(samples)
    return next_evaluation_at(climate, assess(climate, THINGS, RULE, now), RULE, now)


def readings(humidity_pct: float, *backs: float) -> list[Sample]:
    return [Sample(NOON - hours(back), 1, 20.0, humidity_pct) for back in backs]


def test_a_room_is_judged_again_within_five_minutes() -> None:
    assert next_after([]) == NOON + REGULARLY
    assert next_after(readings(DRY_PCT, 0.1)) == NOON + REGULARLY


def test_it_is_judged_when_a_held_value_becomes_a_gap() -> None:
    assert next_after(readings(DRY_PCT, 5.95)) == NOON + hours(0.05)


def test_it_is_judged_when_enough_hours_are_damp() -> None:
    assert next_after(readings(DAMP_PCT, 5.95, 3, 0.5)) == NOON + hours(0.05)
    assert next_after(readings(DAMP_PCT, 2.96)) == NOON + hours(0.04)


def test_it_is_judged_when_enough_hours_are_dry() -> None:
    samples = readings(DAMP_PCT, 7) + readings(DRY_PCT, 5.98, 1)
    assert abs(next_after(samples) - (NOON + hours(0.02))) < timedelta(milliseconds=1)


def test_it_is_judged_when_a_reading_ahead_of_the_clock_comes_of_age() -> None:
    assert next_after(readings(DAMP_PCT, -0.05)) == NOON + hours(0.05)


@given(st.lists(st.tuples(st.floats(-1, 30), st.sampled_from([DAMP_PCT, DRY_PCT])), max_size=20))
def test_it_is_always_later_and_never_long(backs: list[tuple[float, float]]) -> None:
    samples = [Sample(NOON - hours(back), 1, 20.0, humidity) for back, humidity in backs]
    at = next_after(samples)
    assert NOON + timedelta(seconds=1) <= at <= NOON + REGULARLY
