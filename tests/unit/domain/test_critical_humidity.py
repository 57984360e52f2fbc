import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.domain.critical_humidity import (
    MaterialClass,
    critical_humidity_pct,
    grows_at,
)


@pytest.mark.parametrize(
    ("surface_c", "sensitive_pct", "resistant_pct"),
    [
        (1, 97.03, 97.03),
        (5, 88.02, 88.02),
        (7.5, 84.40, 85),
        (10, 82.03, 85),
        (15, 80.04, 85),
        (20, 80.04, 85),
        (25, 80, 85),
    ],
)
def test_critical_humidity_is_as_computed_independently(
    surface_c: float, sensitive_pct: float, resistant_pct: float
) -> None:
    for material in (MaterialClass.VERY_SENSITIVE, MaterialClass.SENSITIVE):
        assert critical_humidity_pct(surface_c, material) == pytest.approx(sensitive_pct, abs=0.005)
    for material in (MaterialClass.MEDIUM_RESISTANT, MaterialClass.RESISTANT):
        assert critical_humidity_pct(surface_c, material) == pytest.approx(resistant_pct, abs=0.005)
    assert critical_humidity_pct(surface_c) == pytest.approx(sensitive_pct, abs=0.005)


def test_the_floor_decides_where_the_polynomial_dips_below_it() -> None:
    assert critical_humidity_pct(17.1) == 80.0


@pytest.mark.parametrize("surface_c", [-20, 0, 50, 60])
def test_nothing_grows_in_frost_or_heat(surface_c: float) -> None:
    assert not grows_at(surface_c)
    assert critical_humidity_pct(surface_c) == 100.0


@given(st.floats(-40, 80), st.sampled_from(MaterialClass))
def test_critical_humidity_stays_between_floor_and_100(
    surface_c: float, material: MaterialClass
) -> None:
    assert 80 <= critical_humidity_pct(surface_c, material) <= 100


@given(st.floats(0.01, 15), st.floats(0.01, 15))
def test_colder_surfaces_need_more_humidity(one: float, other: float) -> None:
    cold, warm = sorted((one, other))
    assert critical_humidity_pct(cold) >= critical_humidity_pct(warm)
