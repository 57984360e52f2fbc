"""Against printed tables, and against values computed independently (docs: mould science)."""

from math import inf, nan

import psychrolib  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.domain.psychrometrics import (
    STANDARD_PRESSURE_PA,
    absolute_humidity_g_m3,
    dew_point_c,
    enthalpy_kj_kg,
    mixing_ratio,
    saturation_pressure_pa,
    vapour_pressure_pa,
)

temperatures = st.floats(-60, 60)
humidities = st.floats(1, 100)


@pytest.mark.parametrize(
    ("temperature_c", "pressure_pa"),
    [
        # ASHRAE Fundamentals 2017
        (5, 872.6),
        (25, 3169.7),
        (50, 12351.3),
        # CRC Handbook, over water
        (0, 611.29),
        (10, 1228.1),
        (20, 2338.8),
        (30, 4245.5),
        (40, 7381.4),
    ],
)
def test_saturation_pressure_is_the_published_one_within_0_31_percent(
    temperature_c: float, pressure_pa: float
) -> None:
    assert saturation_pressure_pa(temperature_c) == pytest.approx(pressure_pa, rel=0.0031)


@pytest.mark.parametrize(
    ("temperature_c", "humidity_pct", "pressure_pa", "dew_c", "absolute_g_m3"),
    [
        (20, 50, 1169.40, 9.26, 8.621),
        (20, 80, 1871.04, 16.44, 13.793),
        (25, 50, 1584.61, 13.85, 11.483),
        (22, 45, 1190.14, 9.52, 8.713),
        (15, 70, 1193.81, 9.57, 8.957),
        (10, 90, 1105.20, 8.43, 8.444),
        (35, 40, 2251.13, 19.38, 15.787),
    ],
)
def test_moist_air_is_as_computed_independently(
    temperature_c: float,
    humidity_pct: float,
    pressure_pa: float,
    dew_c: float,
    absolute_g_m3: float,
) -> None:
    # the pressures are psychrolib's, which uses another formula
    assert vapour_pressure_pa(temperature_c, humidity_pct) == pytest.approx(pressure_pa, rel=0.0035)
    assert dew_point_c(temperature_c, humidity_pct) == pytest.approx(dew_c, abs=0.005)
    assert absolute_humidity_g_m3(temperature_c, humidity_pct) == pytest.approx(
        absolute_g_m3, abs=0.0005
    )


@pytest.mark.parametrize(
    ("temperature_c", "humidity_pct", "dew_c", "absolute_g_m3"),
    [(-5, 80, -7.92, 2.729), (-10, 85, -12.04, 2.009)],
)
def test_below_zero_it_is_over_water_not_ice(
    temperature_c: float, humidity_pct: float, dew_c: float, absolute_g_m3: float
) -> None:
    assert dew_point_c(temperature_c, humidity_pct) == pytest.approx(dew_c, abs=0.005)
    assert absolute_humidity_g_m3(temperature_c, humidity_pct) == pytest.approx(
        absolute_g_m3, abs=0.0005
    )


@pytest.mark.parametrize(
    ("temperature_c", "humidity_pct", "low_c", "high_c"),
    # Home Assistant core's tests of mold_indicator
    [(20, 50, 9.25, 9.26), (30, 20, 4.58, 4.59)],
)
def test_dew_point_is_that_of_home_assistant_core(
    temperature_c: float, humidity_pct: float, low_c: float, high_c: float
) -> None:
    dew_c = dew_point_c(temperature_c, humidity_pct)
    assert dew_c is not None
    assert low_c <= round(dew_c, 2) <= high_c


def test_perfectly_dry_air_has_no_dew_point() -> None:
    assert dew_point_c(20, 0) is None


@pytest.mark.parametrize("humidity_pct", [100.0, 101.0, 105.0])
def test_a_saturated_sensor_reading_above_100_means_100(humidity_pct: float) -> None:
    assert dew_point_c(20, humidity_pct) == pytest.approx(20.0)


@pytest.mark.parametrize("humidity_pct", [-0.1, 105.1, 130, nan, inf])
def test_an_impossible_humidity_is_refused(humidity_pct: float) -> None:
    with pytest.raises(ValueError, match="humidity"):
        vapour_pressure_pa(20, humidity_pct)


@pytest.mark.parametrize("temperature_c", [-81, 101, -243.12, nan, inf, -inf])
def test_an_impossible_temperature_is_refused(temperature_c: float) -> None:
    with pytest.raises(ValueError, match="temperature"):
        saturation_pressure_pa(temperature_c)


@given(temperatures, humidities)
def test_dew_point_is_never_above_the_air_and_inverts_the_pressure(
    temperature_c: float, humidity_pct: float
) -> None:
    dew_c = dew_point_c(temperature_c, humidity_pct)
    assert dew_c is not None
    assert dew_c <= temperature_c + 1e-9
    if dew_c >= -80:
        assert saturation_pressure_pa(dew_c) == pytest.approx(
            vapour_pressure_pa(temperature_c, humidity_pct), rel=1e-9
        )


@given(temperatures, humidities, humidities)
def test_more_humidity_is_more_water(temperature_c: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert absolute_humidity_g_m3(temperature_c, low) <= absolute_humidity_g_m3(temperature_c, high)


@given(temperatures, temperatures)
def test_warmer_air_holds_more(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert saturation_pressure_pa(low) <= saturation_pressure_pa(high)


psychrolib.SetUnitSystem(psychrolib.SI)


@given(st.floats(0.1, 50), st.floats(1, 100))
def test_above_zero_an_independent_library_agrees(t: float, rh: float) -> None:
    # psychrolib uses another formula for saturation, and rounder constants
    share = rh / 100
    assert vapour_pressure_pa(t, rh) == pytest.approx(
        psychrolib.GetVapPresFromRelHum(t, share), rel=0.0035
    )
    ratio = psychrolib.GetHumRatioFromRelHum(t, share, STANDARD_PRESSURE_PA)
    assert mixing_ratio(t, rh) == pytest.approx(ratio, rel=0.0045)
    assert enthalpy_kj_kg(t, rh) * 1000 == pytest.approx(
        psychrolib.GetMoistAirEnthalpy(t, ratio), rel=0.0045
    )
    dew_c = dew_point_c(t, rh)
    assert dew_c is not None
    if dew_c > 0:
        assert dew_c == pytest.approx(psychrolib.GetTDewPointFromRelHum(t, share), abs=0.06)


def test_dry_air_holds_its_own_heat_only() -> None:
    assert mixing_ratio(20, 0) == 0
    assert enthalpy_kj_kg(20, 0) == pytest.approx(20.12)
    assert enthalpy_kj_kg(0, 0) == 0


@pytest.mark.parametrize(
    ("temperature_c", "pressure_pa"), [(100, 100_000), (20, 0), (20, nan), (20, inf), (20, -1)]
)
def test_steam_without_air_is_refused(temperature_c: float, pressure_pa: float) -> None:
    with pytest.raises(ValueError, match="Pa"):
        mixing_ratio(temperature_c, 100, pressure_pa)
