from math import inf, nan
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.domain.configuration import (
    U_VALUE_MOST_PANE,
    U_VALUE_MOST_WALL,
    DeviceSource,
    Protect,
    RoomConfiguration,
    RoomSources,
    SurfaceKind,
)
from mould_watch.domain.psychrometrics import dew_point_c
from mould_watch.domain.surface import (
    DEFAULT_CELLAR_C,
    DEFAULT_MEAN_DAYS,
    R_SI_WALL,
    SurfaceModel,
    factor_of_mold_indicator,
    factor_of_u_value,
    surface_humidity_pct,
    surface_of,
    surface_temperature_c,
    uses_calibration,
)


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
    assert SurfaceModel(f_rsi=1.0).surface_temperature_c(20, None) == 20
    assert SurfaceModel(temperature_c=12.0).surface_temperature_c(20, None) == 12
    assert SurfaceModel(f_rsi=0.7).surface_temperature_c(20, None) is None
    assert SurfaceModel(f_rsi=0.7).needs_outdoor


def test_a_surface_has_one_model() -> None:
    with pytest.raises(ValueError):
        SurfaceModel()
    with pytest.raises(ValueError):
        SurfaceModel(f_rsi=0.7, temperature_c=12)
    with pytest.raises(ValueError):
        SurfaceModel(f_rsi=0.7, is_measured=True)


@pytest.mark.parametrize("f_rsi", [0.19, 1.01, 0, -0.7, nan, inf])
def test_a_factor_that_no_wall_has_is_refused(f_rsi: float) -> None:
    with pytest.raises(ValueError, match="factor"):
        SurfaceModel(f_rsi=f_rsi)


@pytest.mark.parametrize("days", [0, -1, 366, nan])
def test_a_surface_follows_the_mean_of_some_days(days: float) -> None:
    with pytest.raises(ValueError, match="mean"):
        SurfaceModel(f_rsi=0.5, outdoor_mean_days=days)
    with pytest.raises(ValueError, match="mean"):
        SurfaceModel(temperature_c=12, outdoor_mean_days=30)


@pytest.mark.parametrize("temperature_c", [-81, 101, nan])
def test_a_fixed_temperature_that_cannot_be_is_refused(temperature_c: float) -> None:
    with pytest.raises(ValueError, match="temperature"):
        SurfaceModel(temperature_c=temperature_c)


def test_a_sensor_on_the_surface_needs_no_factor() -> None:
    model = SurfaceModel(is_measured=True)
    assert not model.needs_outdoor
    assert model.surface_temperature_c(20, 5, 13.2) == 13.2
    assert model.surface_temperature_c(20, 5, None) is None


@pytest.mark.parametrize(("u_value", "f_rsi"), [(1.1, 0.86), (2.7, 0.65)])
def test_a_window_s_factor_from_its_u_value(u_value: float, f_rsi: float) -> None:
    assert factor_of_u_value(u_value) == pytest.approx(f_rsi, abs=0.005)


def test_a_wall_behind_furniture_is_colder_than_a_free_one() -> None:
    assert factor_of_u_value(1.0, R_SI_WALL) < factor_of_u_value(1.0)


@pytest.mark.parametrize("u_value", [0, -1, 6.2, nan, inf])
def test_a_u_value_that_means_no_factor_is_refused(u_value: float) -> None:
    with pytest.raises(ValueError):
        factor_of_u_value(u_value)


def test_the_factor_of_mold_indicator_is_the_reciprocal() -> None:
    assert factor_of_mold_indicator(1.0) == 1.0
    assert factor_of_mold_indicator(2.0) == 0.5
    for factor in (0.0, 0.99, 5.01, -2.0, nan, inf):
        with pytest.raises(ValueError, match="calibration factor"):
            factor_of_mold_indicator(factor)


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


@pytest.mark.parametrize(
    ("protect", "f_rsi"),
    [
        # of the reference: DIN 4108-2 asks a wall for 0.70, plain double glazing has 0.65
        (Protect.COLD_WALL, 0.70),
        (Protect.WINDOW, 0.65),
        (Protect.INSULATED_WALL, 0.85),
        (Protect.THINGS, 1.0),
    ],
)
def test_a_surface_nobody_measured_has_a_usual_factor(protect: Protect, f_rsi: float) -> None:
    assert surface_of(room(protect)) == SurfaceModel(f_rsi=f_rsi)


def test_a_cellar_nobody_measured_is_as_cold_as_the_ground() -> None:
    assert surface_of(room(Protect.CELLAR)) == SurfaceModel(temperature_c=12.0)


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


def test_a_kind_that_was_named_counts_whatever_else_is_set() -> None:
    both = room(Protect.COLD_WALL, f_rsi=0.5, surface_c=9)
    of = {kind: surface_of(both.model_copy(update={"surface_kind": kind})) for kind in SurfaceKind}
    assert of[SurfaceKind.F_RSI] == SurfaceModel(f_rsi=0.5)
    assert of[SurfaceKind.FIXED] == SurfaceModel(temperature_c=9)
    assert of[SurfaceKind.SLOW] == SurfaceModel(f_rsi=0.5, outdoor_mean_days=DEFAULT_MEAN_DAYS)
    assert of[SurfaceKind.ROOM_AIR] == SurfaceModel(f_rsi=1)
    assert of[SurfaceKind.SENSOR] == SurfaceModel(is_measured=True)


@pytest.mark.parametrize(
    ("protect", "most"),
    [(Protect.WINDOW, U_VALUE_MOST_PANE), (Protect.COLD_WALL, U_VALUE_MOST_WALL)],
)
def test_every_u_value_that_is_taken_has_a_factor(protect: Protect, most: float) -> None:
    asked = {**room(protect).model_dump(), "surface_kind": "u_value", "u_value_w_m2_k": most}
    factor = surface_of(RoomConfiguration.model_validate(asked)).f_rsi
    assert factor is not None
    assert factor >= 0.2
    with pytest.raises(ValueError, match=r"U-value|less than"):
        RoomConfiguration.model_validate({**asked, "u_value_w_m2_k": most + 0.1})


def test_a_measured_surface_names_its_sensor() -> None:
    asked = {**room(Protect.COLD_WALL).model_dump(), "surface_kind": "sensor"}
    with pytest.raises(ValueError, match="surface_temperature"):
        RoomConfiguration.model_validate(asked)


def test_a_calibrated_factor_stands_in_for_one_that_is_not_set() -> None:
    assert surface_of(room(Protect.COLD_WALL), 0.6).f_rsi == 0.6
    assert surface_of(room(Protect.COLD_WALL, f_rsi=0.5), 0.6).f_rsi == 0.5
    assert surface_of(room(Protect.THINGS), 0.6).f_rsi == 1
    assert uses_calibration(room(Protect.WINDOW))
    assert not uses_calibration(room(Protect.WINDOW, f_rsi=0.5))
    assert not uses_calibration(room(Protect.CELLAR))
