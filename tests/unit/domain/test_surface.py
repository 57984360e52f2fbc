from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.domain.configuration import (
    DeviceSource,
    Protect,
    RoomConfiguration,
    RoomSources,
    SurfaceKind,
)
from mould_watch.domain.psychrometrics import dew_point_c
from mould_watch.domain.surface import (
    DEFAULT_CELLAR_C,
    SurfaceModel,
    factor_of_u_value,
    surface_humidity_pct,
    surface_of,
    surface_temperature_c,
    uses_calibration,
)
from tests.support.climate import NOON


@pytest.mark.parametrize(
    ("indoor_c", "humidity_pct", "outdoor_c", "f_rsi", "surface_c", "surface_pct"),
    [
        (20, 50, -5, 0.70, 12.50, 80.62),
        (20, 50, -5, 0.65, 11.25, 87.54),
        (20, 50, 0, 0.70, 14.00, 73.11),
        (20, 65, 0, 0.75, 15.00, 89.10),
        (22, 45, -10, 0.70, 12.40, 82.58),
        (20, 60, 5, 0.50, 12.50, 96.74),
        (24, 60, 30, 0.70, 25.80, 53.89),
    ],
)
def test_the_surface_is_as_computed_independently(
    *,
    indoor_c: float,
    humidity_pct: float,
    outdoor_c: float,
    f_rsi: float,
    surface_c: float,
    surface_pct: float,
) -> None:
    actual_c = surface_temperature_c(indoor_c, outdoor_c, f_rsi)
    assert actual_c == pytest.approx(surface_c, abs=0.005)
    assert surface_humidity_pct(indoor_c, humidity_pct, actual_c) == pytest.approx(
        surface_pct, abs=0.005
    )


@pytest.mark.parametrize(
    ("indoor_c", "humidity_pct", "outdoor_c", "factor", "critical_c", "state_pct"),
    # Home Assistant core's tests of mold_indicator; its factor is 1 / f_Rsi
    [(20, 50, 10, 2.0, 15.0, 68), (30, 20, 25, 2.0, 27.5, 23), (30, 50, 10, 2.0, 20.0, 90)],
)
def test_the_surface_is_that_of_home_assistant_core(
    *,
    indoor_c: float,
    humidity_pct: float,
    outdoor_c: float,
    factor: float,
    critical_c: float,
    state_pct: int,
) -> None:
    surface_c = surface_temperature_c(indoor_c, outdoor_c, 1 / factor)
    assert surface_c == pytest.approx(critical_c)
    actual_pct = surface_humidity_pct(indoor_c, humidity_pct, surface_c)
    assert int(actual_pct) == pytest.approx(state_pct, abs=1)


def test_the_surface_humidity_ends_at_100_where_water_condenses() -> None:
    assert surface_humidity_pct(20, 80, 10) == 100.0
    assert surface_humidity_pct(20, 80, 17) < 100.0
    assert surface_humidity_pct(20, 0, -60) == 0.0


@given(st.floats(-20, 40), st.floats(1, 100), st.floats(-30, 40), st.floats(0.2, 1.0))
def test_condensation_and_100_percent_are_the_same(
    indoor_c: float, humidity_pct: float, outdoor_c: float, f_rsi: float
) -> None:
    surface_c = surface_temperature_c(indoor_c, outdoor_c, f_rsi)
    surface_pct = surface_humidity_pct(indoor_c, humidity_pct, surface_c)
    assert 0 < surface_pct <= 100
    dew_c = dew_point_c(indoor_c, humidity_pct)
    if dew_c is not None and surface_c <= dew_c:
        assert surface_pct == pytest.approx(100.0, abs=1e-6)
    else:
        assert surface_pct < 100 + 1e-6


@given(st.floats(1, 40), st.floats(1, 100), st.floats(-30, 0), st.floats(0.2, 1), st.floats(0.2, 1))
def test_a_better_insulated_surface_is_never_damper_in_winter(
    indoor_c: float, humidity_pct: float, outdoor_c: float, one: float, other: float
) -> None:
    worse, better = sorted((one, other))
    assert surface_humidity_pct(
        indoor_c, humidity_pct, surface_temperature_c(indoor_c, outdoor_c, better)
    ) <= (
        surface_humidity_pct(
            indoor_c, humidity_pct, surface_temperature_c(indoor_c, outdoor_c, worse)
        )
        + 1e-9
    )


def test_things_need_no_outdoor_and_a_wall_does() -> None:
    assert SurfaceModel(f_rsi=1.0).surface_temperature_c(20, None, at=NOON) == 20
    assert SurfaceModel(temperature_c=12.0).surface_temperature_c(20, None, at=NOON) == 12
    assert SurfaceModel(f_rsi=0.7).surface_temperature_c(20, None, at=NOON) is None
    assert SurfaceModel(f_rsi=0.7).needs_outdoor


def test_a_surface_has_one_model() -> None:
    with pytest.raises(ValueError):
        SurfaceModel()
    with pytest.raises(ValueError):
        SurfaceModel(f_rsi=0.7, temperature_c=12)


def room(
    protect: Protect, f_rsi: float | None = None, surface_c: float | None = None
) -> RoomConfiguration:
    source = DeviceSource(source_instance="mqtt:json", native_id="bath")
    return RoomConfiguration(
        room_id=UUID(int=1),
        name="Bathroom",
        sources=RoomSources(temperature=source, humidity=source),
        protect=protect,
        f_rsi=f_rsi,
        surface_temperature_c=surface_c,
    )


@pytest.mark.parametrize("protect", Protect)
def test_everything_worth_protecting_has_a_default_surface(protect: Protect) -> None:
    model = surface_of(room(protect))
    assert model.needs_outdoor == (protect not in {Protect.CELLAR, Protect.THINGS})


def test_what_the_user_set_counts_before_the_default() -> None:
    assert surface_of(room(Protect.COLD_WALL)).f_rsi == 0.70
    assert surface_of(room(Protect.COLD_WALL, f_rsi=0.5)).f_rsi == 0.5
    assert surface_of(room(Protect.CELLAR)).temperature_c == DEFAULT_CELLAR_C
    assert surface_of(room(Protect.CELLAR, f_rsi=0.5)).f_rsi == 0.5
    assert surface_of(room(Protect.COLD_WALL, surface_c=9)).temperature_c == 9


def test_where_both_are_set_the_room_s_own_kind_counts() -> None:
    assert surface_of(room(Protect.CELLAR, f_rsi=0.5, surface_c=9)).temperature_c == 9
    assert surface_of(room(Protect.WINDOW, f_rsi=0.5, surface_c=9)).f_rsi == 0.5


def test_a_measured_surface_is_what_its_sensor_says() -> None:
    model = SurfaceModel(is_measured=True)
    assert model.surface_temperature_c(20, 5, at=NOON, measured_c=13.5) == 13.5
    assert model.surface_temperature_c(20, 5, at=NOON) is None
    assert not model.needs_outdoor


def test_a_slow_surface_swings_with_the_year() -> None:
    model = SurfaceModel(temperature_c=12.0, swing_k=3.0)

    def on(month: int) -> float:
        found = model.surface_temperature_c(20, None, at=datetime(2026, month, 1, tzinfo=UTC))
        assert found is not None
        return found

    assert on(9) == pytest.approx(15.0, abs=0.01)
    assert on(3) == pytest.approx(9.0, abs=0.01)
    assert on(12) == pytest.approx(12.0, abs=0.2)


def test_the_factor_of_a_u_value() -> None:
    assert factor_of_u_value(1.1, is_pane=True) == pytest.approx(0.86, abs=0.005)
    assert factor_of_u_value(2.7, is_pane=True) == pytest.approx(0.65, abs=0.005)
    assert factor_of_u_value(1.2, is_pane=False) == pytest.approx(0.70)
    assert factor_of_u_value(6.0, is_pane=False) == 0.2


def test_a_kind_that_was_named_counts_whatever_else_is_set() -> None:
    both = room(Protect.COLD_WALL, f_rsi=0.5, surface_c=9)
    of = {kind: surface_of(both.model_copy(update={"surface_kind": kind})) for kind in SurfaceKind}
    assert of[SurfaceKind.F_RSI].f_rsi == 0.5
    assert of[SurfaceKind.FIXED].temperature_c == 9
    assert of[SurfaceKind.SLOW].swing_k == 3
    assert of[SurfaceKind.ROOM_AIR].f_rsi == 1
    assert of[SurfaceKind.SENSOR].is_measured


def test_a_calibrated_factor_stands_in_for_one_that_is_not_set() -> None:
    assert surface_of(room(Protect.COLD_WALL), 0.6).f_rsi == 0.6
    assert surface_of(room(Protect.COLD_WALL, f_rsi=0.5), 0.6).f_rsi == 0.5
    assert surface_of(room(Protect.THINGS), 0.6).f_rsi == 1
    assert uses_calibration(room(Protect.WINDOW))
    assert not uses_calibration(room(Protect.WINDOW, f_rsi=0.5))
    assert not uses_calibration(room(Protect.CELLAR))
