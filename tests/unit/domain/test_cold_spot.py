from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.domain.cold_spot import Calibration, ColdSpotReading, calibrate
from mould_watch.domain.surface import surface_temperature_c
from mould_watch.errors import ColdSpotRefusedError


def test_the_median_of_several_readings_counts_and_their_spread_is_told() -> None:
    readings = [ColdSpotReading(20, 0, surface_c) for surface_c in (13, 14, 18)]
    calibration = calibrate(readings)
    assert calibration == Calibration(f_rsi=0.7, lowest=0.65, highest=0.9, readings=3)
    assert calibration.spread == pytest.approx(0.25)


def test_from_ten_kelvin_on_a_reading_counts() -> None:
    assert ColdSpotReading(20.1, 10.1, 15.1).f_rsi == pytest.approx(0.5)
    with pytest.raises(ColdSpotRefusedError, match="colder day") as caught:
        _ = ColdSpotReading(20, 10.1, 15).f_rsi
    assert caught.value.reason == "difference_too_small"
    with pytest.raises(ColdSpotRefusedError, match="colder day"):
        _ = ColdSpotReading(20, 35, 25).f_rsi


@pytest.mark.parametrize("surface_c", [20.1, 1.9, -5])
def test_a_factor_that_no_wall_has_is_refused(surface_c: float) -> None:
    with pytest.raises(ColdSpotRefusedError) as caught:
        _ = ColdSpotReading(20, -2.5 if surface_c < 0 else 0, surface_c).f_rsi
    assert caught.value.reason == "factor_out_of_range"


@pytest.mark.parametrize("value", [nan, inf, -300])
def test_what_is_no_temperature_is_refused(value: float) -> None:
    for reading in (
        ColdSpotReading(value, 0, 12),
        ColdSpotReading(20, value, 12),
        ColdSpotReading(20, 0, value),
    ):
        with pytest.raises(ColdSpotRefusedError) as caught:
            _ = reading.f_rsi
        assert caught.value.reason == "temperature_out_of_range"


def test_one_bad_reading_is_not_averaged_away() -> None:
    with pytest.raises(ColdSpotRefusedError):
        calibrate([ColdSpotReading(20, 0, 14), ColdSpotReading(20, 15, 17)])


def test_without_a_reading_there_is_no_factor() -> None:
    with pytest.raises(ColdSpotRefusedError) as caught:
        calibrate([])
    assert caught.value.reason == "no_readings"


@given(st.floats(15, 25), st.floats(-20, 4), st.floats(0.2, 1.0))
def test_a_reading_gives_back_the_factor_of_the_wall(
    indoor_c: float, outdoor_c: float, f_rsi: float
) -> None:
    surface_c = surface_temperature_c(indoor_c, outdoor_c, f_rsi)
    assert ColdSpotReading(indoor_c, outdoor_c, surface_c).f_rsi == pytest.approx(f_rsi, abs=1e-6)
