from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.domain.mould.band import INITIAL_BAND, BandState, fold_band, step_band
from mould_watch.domain.mould.index import INITIAL, SurfaceHour, step
from mould_watch.domain.mould.model import MouldModel

MODEL = MouldModel()


def test_the_band_is_the_model_with_less_and_with_more_humidity() -> None:
    band = step_band(INITIAL_BAND, 20, 90, 1000, MODEL)
    assert band == BandState(
        *(step(INITIAL, 20, humidity_pct, 1000, MODEL) for humidity_pct in (87, 90, 93))
    )
    low, high = band.bounds
    assert low < band.mid.index < high


def test_without_uncertainty_the_three_are_one() -> None:
    band = step_band(INITIAL_BAND, 20, 90, 1000, MODEL, uncertainty_pct=0)
    assert band.low == band.mid == band.high


def test_the_band_ends_at_saturation_and_at_dry_air() -> None:
    assert step_band(INITIAL_BAND, 20, 100, 100, MODEL).high == step(INITIAL, 20, 100, 100, MODEL)
    assert step_band(INITIAL_BAND, 20, 0, 100, MODEL).low.index == 0


def test_what_a_person_sees_is_where_all_three_start() -> None:
    assert BandState.starting_at(3).bounds == (3, 3)


@pytest.mark.parametrize("humidity_pct", [nan, -1, 106])
def test_what_cannot_be_is_refused(humidity_pct: float) -> None:
    with pytest.raises(ValueError):
        step_band(INITIAL_BAND, 20, humidity_pct, 1, MODEL)


@pytest.mark.parametrize("uncertainty_pct", [-1, 50, nan])
def test_a_sensor_is_not_as_uncertain_as_that(uncertainty_pct: float) -> None:
    with pytest.raises(ValueError):
        step_band(INITIAL_BAND, 20, 90, 1, MODEL, uncertainty_pct=uncertainty_pct)


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
    expected = INITIAL_BAND
    for hour in hours:
        if hour is not None:
            expected = step_band(
                expected, hour.temperature_c, hour.humidity_pct, 1, MODEL, uncertainty_pct=u_pct
            )
    actual = fold_band(INITIAL_BAND, iter(hours), MODEL, uncertainty_pct=u_pct)
    for one, other in zip(
        (actual.low, actual.mid, actual.high),
        (expected.low, expected.mid, expected.high),
        strict=True,
    ):
        assert one.index == pytest.approx(other.index, abs=1e-12)
