from datetime import timedelta
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.domain.advice import (
    AiringAdvice,
    airing,
    airing_effect,
    airing_minutes,
    highest_safe_humidity_pct,
    lowest_safe_temperature_c,
)
from mould_watch.domain.climate import Climate, ConstantSeries, MeasuredSeries, Sample, Series
from mould_watch.domain.condition import AiringEffect
from mould_watch.domain.psychrometrics import saturation_pressure_pa, vapour_pressure_pa
from mould_watch.domain.surface import surface_humidity_pct, surface_temperature_c
from tests.support.climate import NOON, hours

HELPS, HARMS, NEUTRAL = AiringEffect.HELPS, AiringEffect.HARMS, AiringEffect.NEUTRAL


def climate(indoor: tuple[float, float], outdoor: tuple[float, float] | None) -> Climate:
    samples = [Sample(NOON, 1, *indoor)]
    return Climate(
        temperature=MeasuredSeries(samples, "temperature_c"),
        humidity=MeasuredSeries(samples, "humidity_pct"),
        outdoor_temperature=None if outdoor is None else ConstantSeries(outdoor[0]),
        outdoor_humidity=None if outdoor is None else ConstantSeries(outdoor[1]),
    )


@pytest.mark.parametrize(
    ("indoor", "outdoor", "effect", "difference_g_m3"),
    [
        ((20, 60), (5, 90), HELPS, 4.23),
        ((20, 60), (15, 90), HARMS, -1.17),
        ((22, 60), (25, 50), NEUTRAL, 0.13),
        # airing in the rain dries
        ((20, 65), (10, 100), HELPS, 1.82),
        # a cellar in summer
        ((12, 80), (24, 60), HARMS, -4.5),
    ],
)
def test_absolute_humidity_decides(
    indoor: tuple[float, float],
    outdoor: tuple[float, float],
    effect: AiringEffect,
    difference_g_m3: float,
) -> None:
    advice = airing(climate(indoor, outdoor), NOON)
    assert advice.effect is effect
    assert advice.difference_g_m3 == pytest.approx(difference_g_m3, abs=0.006 + (indoor[0] == 12))
    assert (advice.minutes is not None) == (effect is HELPS)


def test_without_the_outside_there_is_no_advice() -> None:
    assert airing(climate((20, 60), None), NOON) == AiringAdvice(AiringEffect.UNKNOWN)


@pytest.mark.parametrize(
    ("difference_g_m3", "previous", "expected"),
    [
        (1.5, NEUTRAL, HELPS),
        (1.4, NEUTRAL, NEUTRAL),
        (1.4, HELPS, HELPS),
        (0.8, HELPS, HELPS),
        (0.79, HELPS, NEUTRAL),
        (-0.79, NEUTRAL, NEUTRAL),
        (-0.8, NEUTRAL, HARMS),
        (-0.1, HARMS, HARMS),
        (0.0, HARMS, NEUTRAL),
        (1.5, HARMS, HELPS),
        (-0.8, HELPS, HARMS),
        (1.0, AiringEffect.UNKNOWN, NEUTRAL),
    ],
)
def test_advice_does_not_come_and_go_in_the_dead_band(
    difference_g_m3: float, previous: AiringEffect, expected: AiringEffect
) -> None:
    assert airing_effect(difference_g_m3, previous) is expected


def test_no_advice_on_stale_values() -> None:
    known = climate((20, 60), (5, 90))
    assert airing(known, NOON + hours(2)).effect is HELPS
    stale = airing(known, NOON + hours(2) + timedelta(seconds=1), HELPS)
    assert stale.effect is AiringEffect.UNKNOWN


def test_no_advice_on_stale_outdoor_values() -> None:
    outdoor: list[Series] = [
        MeasuredSeries([Sample(NOON - hours(3), 1, 5, 90)], "temperature_c"),
        MeasuredSeries([Sample(NOON - hours(3), 1, 5, 90)], "humidity_pct"),
    ]
    inside = climate((20, 60), None)
    known = Climate(inside.temperature, inside.humidity, *outdoor)
    assert airing(known, NOON).effect is AiringEffect.UNKNOWN


def test_the_colder_it_is_outside_the_shorter_the_window_is_open() -> None:
    minutes = [airing_minutes(warmer_k) for warmer_k in (0, 2.5, 10, 25, 40)]
    assert minutes == [30, 20, 10, 5, 5]


def test_a_room_must_be_this_warm() -> None:
    # the published case: 20 °C, 50 % and -5 °C outside are 80.7 % at a factor of 0.70
    lowest_c = lowest_safe_temperature_c(20, 50, -5, 0.70)
    assert lowest_c == pytest.approx(20.2, abs=0.05)
    assert highest_safe_humidity_pct(20, 12.5) == pytest.approx(49.6, abs=0.05)


def test_heating_is_no_way_out_of_everything() -> None:
    assert lowest_safe_temperature_c(24, 80, -15, 0.5) is None
    assert lowest_safe_temperature_c(20, 0, -5, 0.7) is None
    assert highest_safe_humidity_pct(12, 20) == 100


@pytest.mark.parametrize("f_rsi", [0, -0.5, nan])
def test_a_surface_that_does_not_follow_the_room_is_refused(f_rsi: float) -> None:
    with pytest.raises(ValueError, match="factor"):
        lowest_safe_temperature_c(20, 50, 0, f_rsi)


@given(st.floats(10, 26), st.floats(20, 70), st.floats(-15, 8), st.floats(0.5, 1.0))
def test_at_the_safe_values_the_surface_is_at_the_edge(
    indoor_c: float, humidity_pct: float, outdoor_c: float, f_rsi: float
) -> None:
    lowest_c = lowest_safe_temperature_c(indoor_c, humidity_pct, outdoor_c, f_rsi)
    if lowest_c is not None:
        water_pa = vapour_pressure_pa(indoor_c, humidity_pct)
        surface_c = surface_temperature_c(lowest_c, outdoor_c, f_rsi)
        assert 100 * water_pa / saturation_pressure_pa(surface_c) == pytest.approx(80)
    surface_c = surface_temperature_c(indoor_c, outdoor_c, f_rsi)
    highest_pct = highest_safe_humidity_pct(indoor_c, surface_c)
    if highest_pct < 100:
        assert surface_humidity_pct(indoor_c, highest_pct, surface_c) == pytest.approx(80)
