from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.domain.mould.band import INITIAL_BAND, BandState, fold_band
from mould_watch.domain.mould.index import INITIAL, MouldState, SurfaceHour, fold, step
from mould_watch.domain.mould.model import MouldModel

MODEL = MouldModel()


def steady(humidity_pct: float, hours: int = 1000) -> list[SurfaceHour]:
    return [SurfaceHour(20, humidity_pct)] * hours


def test_the_band_is_the_model_with_less_and_with_more_humidity() -> None:
    band = fold_band(INITIAL_BAND, steady(90), MODEL)
    assert band == BandState(
        *(fold(INITIAL, steady(humidity_pct), MODEL) for humidity_pct in (87, 90, 93))
    )
    low, high = band.bounds
    assert low < band.mid.index < high


def test_without_uncertainty_the_three_are_one() -> None:
    band = fold_band(INITIAL_BAND, steady(90), MODEL, uncertainty_pct=0)
    assert band.low == band.mid == band.high


def test_the_band_ends_at_saturation_and_at_dry_air() -> None:
    saturated = fold_band(INITIAL_BAND, steady(100), MODEL)
    assert saturated.high == saturated.mid == fold(INITIAL, steady(100), MODEL)
    assert fold_band(INITIAL_BAND, steady(0), MODEL).low.index == 0


def test_what_a_person_sees_is_where_all_three_start() -> None:
    assert BandState.starting_at(3).bounds == (3, 3)


@pytest.mark.parametrize("uncertainty_pct", [-1, 50, nan])
def test_a_sensor_is_not_as_uncertain_as_that(uncertainty_pct: float) -> None:
    with pytest.raises(ValueError):
        fold_band(INITIAL_BAND, steady(90, 1), MODEL, uncertainty_pct=uncertainty_pct)


def test_a_damper_series_may_end_with_less_mould_and_the_bounds_know() -> None:
    # With 1 % more the hour in the middle is damp: nothing more can grow at index 3, but the dry
    # clock starts again, and the six hours of fast decline come twice.
    dry = [SurfaceHour(20, 50)] * 10
    band = fold_band(
        BandState.starting_at(3), [*dry, SurfaceHour(20, 79.5), *dry], MODEL, uncertainty_pct=1
    )
    assert band.high.index < band.mid.index
    assert band.bounds == (band.high.index, band.mid.index)


@given(
    st.lists(
        st.one_of(st.none(), st.builds(SurfaceHour, st.floats(-5, 40), st.floats(0, 100))),
        max_size=60,
    ),
    st.floats(0, 10),
)
def test_the_folded_band_is_its_steps(hours: list[SurfaceHour | None], u_pct: float) -> None:
    def stepped(offset_pct: float) -> MouldState:
        state = INITIAL
        for hour in hours:
            if hour is not None:
                humidity_pct = min(max(hour.humidity_pct + offset_pct, 0.0), 100.0)
                state = step(state, hour.temperature_c, humidity_pct, 1, MODEL)
        return state

    expected = BandState(stepped(-u_pct), stepped(0.0), stepped(u_pct))
    actual = fold_band(INITIAL_BAND, iter(hours), MODEL, uncertainty_pct=u_pct)
    for one, other in zip(
        (actual.low, actual.mid, actual.high),
        (expected.low, expected.mid, expected.high),
        strict=True,
    ):
        assert one.index == pytest.approx(other.index, abs=1e-12)
