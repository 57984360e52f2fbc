"""The exact step against values computed independently (docs/science.md), and what it refuses."""

from itertools import pairwise
from math import inf, nan

import pytest

from mould_watch.domain.critical_humidity import MaterialClass
from mould_watch.domain.mould.index import (
    INITIAL,
    MouldState,
    SurfaceHour,
    fold,
    hours_to_index,
    step,
)
from mould_watch.domain.mould.model import Decline, MouldModel, growth_conditions
from tests.support.mould_models import MODELS, MR, VS, R, S


def after(
    material: MaterialClass, temperature_c: float, humidity_pct: float, hours: float
) -> float:
    return step(INITIAL, temperature_c, humidity_pct, hours, MODELS[material]).index


def test_a_room_is_sensitive_and_declines_slowly_unless_told_otherwise() -> None:
    assert MouldModel() == MouldModel(MaterialClass.SENSITIVE, Decline.RELATIVELY_LOW)
    assert MouldModel(VS, 0.5).decline is Decline.SIGNIFICANT  # type: ignore[arg-type]


@pytest.mark.parametrize("decline", [0.0, 0.3, 2.0, nan])
def test_a_decline_that_nobody_measured_is_refused(decline: float) -> None:
    with pytest.raises(ValueError):
        MouldModel(S, decline)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("material", "humidities_pct", "maxima"),
    [
        (VS, (80, 85, 90, 95, 100), (1.000, 2.625, 4.000, 5.125, 6.000)),
        (S, (80, 85, 90, 95, 100), (0.300, 1.738, 3.050, 4.238, 5.300)),
        (MR, (85, 90, 95, 100), (0.000, 1.500, 2.667, 3.500)),
        (R, (85, 90, 95, 100), (0.000, 0.889, 1.556, 2.000)),
    ],
)
def test_the_greatest_index_is_as_computed_independently(
    material: MaterialClass, humidities_pct: tuple[float, ...], maxima: tuple[float, ...]
) -> None:
    for humidity_pct, expected in zip(humidities_pct, maxima, strict=True):
        conditions = growth_conditions(22, humidity_pct, MODELS[material])
        assert conditions is not None
        assert conditions[0] == pytest.approx(expected, abs=0.0006)


@pytest.mark.parametrize(
    ("material", "target", "lowest_pct"),
    [(VS, 3, 86.28), (S, 1, 82.38), (S, 3, 89.80), (MR, 1, 88.21), (MR, 3, 96.77), (R, 1, 90.73)],
)
def test_the_lowest_humidity_that_ever_reaches_an_index(
    material: MaterialClass, target: float, lowest_pct: float
) -> None:
    model = MODELS[material]
    assert hours_to_index(0, target, 22, lowest_pct - 0.01, model) == inf
    assert hours_to_index(0, target, 22, lowest_pct + 0.01, model) < inf


def test_resistant_materials_are_never_covered() -> None:
    assert hours_to_index(0, 3, 22, 100, MODELS[R]) == inf


@pytest.mark.parametrize(
    ("temperature_c", "within_8_weeks_pct", "within_4_weeks_pct", "tolerance_pct"),
    # the Swedish onset chart, after Viitanen
    [
        (5, 92, 97, 1.0),
        (10, 88, 93, 1.0),
        (15, 87, 91, 1.0),
        (20, 85, 90, 1.0),
        (25, 84, 89, 1.0),
        (30, 83, 88, 1.7),
        (40, 82, 87, 1.7),
    ],
)
def test_onset_is_that_of_the_published_chart(
    temperature_c: float,
    within_8_weeks_pct: float,
    within_4_weeks_pct: float,
    tolerance_pct: float,
) -> None:
    for weeks, chart_pct in ((8, within_8_weeks_pct), (4, within_4_weeks_pct)):
        lower = growth_conditions(temperature_c, chart_pct - tolerance_pct, MODELS[VS])
        upper = growth_conditions(temperature_c, chart_pct + tolerance_pct, MODELS[VS])
        assert upper is not None
        assert upper[1] * 168 * weeks >= 1, "growth within the time, a little above the chart"
        assert lower is None or lower[1] * 168 * weeks <= 1, "and not yet, a little below"


@pytest.mark.parametrize(
    ("material", "temperature_c", "humidity_pct", "hours", "index"),
    [
        (VS, 22, 97, 168, 0.71920),
        (VS, 22, 97, 672, 4.68255),
        (VS, 20, 90, 672, 0.95159),
        (VS, 20, 85, 8760, 2.61598),
        (VS, 5, 97, 2016, 4.90258),
        (S, 22, 97, 672, 1.44241),
        (S, 20, 90, 672, 0.54922),
        (S, 15, 90, 2016, 1.23345),
        (S, 12.5, 90, 2016, 1.12845),
        (S, 20, 82, 8760, 0.84963),
        (MR, 22, 97, 672, 0.20689),
        (MR, 22, 97, 8760, 2.84575),
        (MR, 20, 90, 8760, 0.80841),
        (R, 22, 97, 2016, 0.27784),
        (VS, 20, 79, 1e6, 0),
        (S, 0, 100, 1e6, 0),
        (MR, 20, 84.9, 1e6, 0),
    ],
)
def test_growth_is_as_computed_independently(
    *,
    material: MaterialClass,
    temperature_c: float,
    humidity_pct: float,
    hours: float,
    index: float,
) -> None:
    assert after(material, temperature_c, humidity_pct, hours) == pytest.approx(index, abs=1e-4)


ONSET_CONDITIONS = ((22, 97), (20, 95), (20, 90), (20, 85), (15, 90), (10, 95), (5, 97))


@pytest.mark.parametrize(
    ("material", "target", "hours"),
    [
        (VS, 1, (233.6, 333.0, 706.2, 1577.5, 858.8, 533.4, 639.8)),
        (MR, 1, (3256.0, 4663.8, 11290.0, inf, 13729.4, 7472.1, 8929.0)),
        (S, 3, (1620.0, 2323.6, 6720.6, inf, 8169.5, 3735.3, 4464.6)),
    ],
)
def test_the_time_to_an_index_is_as_computed_independently(
    material: MaterialClass, target: float, hours: tuple[float, ...]
) -> None:
    for (temperature_c, humidity_pct), expected in zip(ONSET_CONDITIONS, hours, strict=True):
        actual = hours_to_index(0, target, temperature_c, humidity_pct, MODELS[material])
        assert actual == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize(
    ("decline", "indices"),
    [
        (
            Decline.STRONG,
            (1.99867, 1.99200, 1.99200, 1.99133, 1.97600, 1.89600, 1.52800, 0),
        ),
        (
            Decline.RELATIVELY_LOW,
            (1.99967, 1.99800, 1.99800, 1.99783, 1.99400, 1.97400, 1.88200, 0.54200),
        ),
    ],
)
def test_decline_is_as_computed_independently(decline: Decline, indices: tuple[float, ...]) -> None:
    model = MouldModel(S, decline)
    start = MouldState.starting_at(2.0)
    for hours, expected in zip((1, 6, 24, 25, 48, 168, 720, 8760), indices, strict=True):
        assert step(start, 20, 50, hours, model).index == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("model", "wet_hours", "dry_hours", "index"),
    [
        (MouldModel(VS, Decline.STRONG), 2, 22, 0.0000),
        (MouldModel(VS, Decline.STRONG), 6, 18, 0.8417),
        (MouldModel(VS, Decline.STRONG), 24, 24, 4.4782),
        (MouldModel(S), 2, 22, 0.1236),
        (MouldModel(S), 8, 16, 0.9982),
        (MouldModel(S), 12, 12, 1.3674),
        (MouldModel(MR), 12, 12, 0.0495),
    ],
)
def test_daily_cycles_are_as_computed_independently(
    model: MouldModel, wet_hours: int, dry_hours: int, index: float
) -> None:
    cycle = [SurfaceHour(20, 95)] * wet_hours + [SurfaceHour(20, 60)] * dry_hours
    hours = (cycle * (2016 // len(cycle) + 1))[:2016]
    assert fold(INITIAL, hours, model).index == pytest.approx(index, abs=1e-4)


def test_where_more_cannot_grow_it_stays_and_the_dry_clock_starts_again() -> None:
    covered = MouldState(5.0, 40.0, 5.5)
    assert step(covered, 22, 85, 100, MouldModel(VS)) == MouldState(5.0, 0.0, 5.5)


def test_the_peak_stays_when_the_index_falls() -> None:
    grown = step(INITIAL, 22, 97, 672, MouldModel())
    later = step(grown, 20, 40, 8760, MouldModel())
    assert later.index < 0.1
    assert later.peak == grown.peak == grown.index


@pytest.mark.parametrize("temperature_c", [1e-18, 1e-300, 49.999999])
def test_the_edges_of_growth_are_numbers(temperature_c: float) -> None:
    state = step(INITIAL, temperature_c, 100, 8760, MouldModel(VS))
    assert 0 <= state.index <= 6


@pytest.mark.parametrize("temperature_c", [-5, 0, 50, 60])
def test_frost_and_heat_are_dry_whatever_the_humidity(temperature_c: float) -> None:
    assert step(MouldState.starting_at(1), temperature_c, 100, 6, MouldModel()).dry_hours == 6


@pytest.mark.parametrize(
    ("temperature_c", "humidity_pct", "hours"),
    [
        (nan, 90, 1),
        (inf, 90, 1),
        (-81, 90, 1),
        (101, 90, 1),
        (20, nan, 1),
        (20, -0.1, 1),
        (20, 105.1, 1),
        (20, inf, 1),
        (20, 90, -1),
        (20, 90, nan),
        (20, 90, inf),
    ],
)
def test_what_cannot_be_is_refused(temperature_c: float, humidity_pct: float, hours: float) -> None:
    with pytest.raises(ValueError):
        step(INITIAL, temperature_c, humidity_pct, hours, MouldModel())


@pytest.mark.parametrize(
    ("index", "dry_hours", "peak"),
    [(-0.1, 0, 0), (nan, 0, 6), (7, 0, 7), (2, 0, 1), (1, -1, 1), (1, nan, 1), (1, inf, 1)],
)
def test_a_state_that_cannot_be_is_refused(index: float, dry_hours: float, peak: float) -> None:
    with pytest.raises(ValueError):
        MouldState(index, dry_hours, peak)


def test_an_hour_lasts_an_hour_at_most() -> None:
    for duration_h in (0.0, 1.1, nan, -1):
        with pytest.raises(ValueError):
            SurfaceHour(20, 50, duration_h)


def test_a_damp_hour_a_day_halves_the_decline_as_the_model_has_it() -> None:
    dry = fold(MouldState.starting_at(3), [SurfaceHour(5, 50)] * 240, MouldModel())
    shower = [SurfaceHour(5, 89)] + [SurfaceHour(5, 50)] * 23
    with_showers = fold(MouldState.starting_at(3), shower * 10, MouldModel())
    assert with_showers.index > dry.index


def test_more_time_is_never_less_growth() -> None:
    series = [step(INITIAL, 15, 92, hours, MouldModel()).index for hours in range(0, 6000, 50)]
    assert all(earlier <= later for earlier, later in pairwise(series))
