"""The exact step against values computed independently (docs/science.md), and its properties."""

from itertools import pairwise
from math import exp, inf, log, nan
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mould_watch.domain.critical_humidity import MaterialClass, critical_humidity_pct
from mould_watch.domain.mould.index import (
    INITIAL,
    MouldState,
    SurfaceHour,
    fold,
    hours_to_index,
    step,
)
from mould_watch.domain.mould.model import Decline, MouldModel, growth_conditions

VS, S, MR, R = MaterialClass
MODELS = {
    material: MouldModel(material, decline)
    for material, decline in zip(
        MaterialClass, (Decline.SIGNIFICANT, *[Decline.RELATIVELY_LOW] * 3), strict=True
    )
}

materials = st.sampled_from(MaterialClass)
models = st.builds(MouldModel, materials, st.sampled_from(Decline))
temperatures = st.floats(-20, 60)
humidities = st.floats(0, 100)
durations = st.floats(0, 5000)
states = st.builds(
    lambda index, dry_hours, more: MouldState(index, dry_hours, min(6.0, index + more)),
    st.floats(0, 6),
    st.floats(0, 100),
    st.floats(0, 1),
)


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


@given(
    state=states, t=temperatures, rh=humidities, one_h=durations, other_h=durations, model=models
)
def test_two_steps_are_one(
    *, state: MouldState, t: float, rh: float, one_h: float, other_h: float, model: MouldModel
) -> None:
    apart = step(step(state, t, rh, one_h, model), t, rh, other_h, model)
    together = step(state, t, rh, one_h + other_h, model)
    assert apart.index == pytest.approx(together.index, abs=1e-9)
    assert apart.peak == pytest.approx(together.peak, abs=1e-9)
    assert apart.dry_hours == pytest.approx(together.dry_hours)


@given(states, temperatures, humidities, durations, models)
def test_the_index_never_passes_what_conditions_allow(
    state: MouldState, t: float, rh: float, hours: float, model: MouldModel
) -> None:
    growth = growth_conditions(t, rh, model)
    reached = step(state, t, rh, hours, model)
    assert reached.index <= max(state.index, growth[0] if growth else 0.0)
    assert reached.peak >= state.peak
    if growth:
        assert reached.index >= state.index


@given(states, temperatures, st.floats(0.001, 60), durations, models)
def test_nothing_grows_below_the_critical_humidity(
    state: MouldState, t: float, below_pct: float, hours: float, model: MouldModel
) -> None:
    rh = critical_humidity_pct(t, model.material) - below_pct
    assert step(state, t, rh, hours, model).index <= state.index


@given(
    state=states, t=temperatures, one=humidities, other=humidities, hours=durations, model=models
)
def test_constant_conditions_are_monotone_in_humidity(
    *, state: MouldState, t: float, one: float, other: float, hours: float, model: MouldModel
) -> None:
    drier, damper = sorted((one, other))
    assert (
        step(state, t, drier, hours, model).index
        <= step(state, t, damper, hours, model).index + 1e-12
    )


@given(st.floats(0, 5), st.floats(0, 6), st.floats(0.1, 49), st.floats(79, 100), materials)
def test_the_time_to_an_index_is_the_inverse_of_the_step(
    index: float, target: float, t: float, rh: float, material: MaterialClass
) -> None:
    model = MODELS[material]
    hours = hours_to_index(index, target, t, rh, model)
    assume(hours < 1e7)
    reached = step(MouldState.starting_at(index), t, rh, hours, model).index
    assert reached == pytest.approx(max(index, target), abs=1e-6)


hours_of_surface = st.one_of(
    st.none(),
    st.builds(SurfaceHour, st.floats(-5, 40), st.floats(40, 100), st.sampled_from([0.25, 1.0])),
)


@given(states, st.lists(hours_of_surface, max_size=60), models)
def test_the_fold_is_its_steps(
    state: MouldState, hours: list[SurfaceHour | None], model: MouldModel
) -> None:
    expected = state
    for hour in hours:
        if hour is not None:
            expected = step(expected, hour.temperature_c, hour.humidity_pct, hour.duration_h, model)
    actual = fold(state, hours, model)
    assert actual.index == pytest.approx(expected.index, abs=1e-12)
    assert actual.dry_hours == pytest.approx(expected.dry_hours)
    assert actual.peak == pytest.approx(expected.peak, abs=1e-12)


@given(states, st.lists(hours_of_surface, max_size=40), st.integers(0, 40), models)
def test_a_fold_can_be_continued_from_anywhere(
    state: MouldState, hours: list[SurfaceHour | None], cut: int, model: MouldModel
) -> None:
    whole = fold(state, hours, model)
    continued = fold(fold(state, hours[:cut], model), hours[cut:], model)
    assert continued.index == pytest.approx(whole.index, abs=1e-12)
    assert continued.dry_hours == pytest.approx(whole.dry_hours)


@given(states, st.integers(1, 1000), models)
def test_a_gap_changes_nothing(state: MouldState, hours: int, model: MouldModel) -> None:
    assert fold(state, [None] * hours, model) == state


@given(st.lists(st.tuples(st.floats(1, 30), st.floats(60, 100)), min_size=1, max_size=30), models)
def test_a_minute_s_replay_is_an_hour_s(air: list[tuple[float, float]], model: MouldModel) -> None:
    by_minute = by_hour = INITIAL
    for t, rh in air * 5:
        by_hour = step(by_hour, t, rh, 1.0, model)
        for _ in range(60):
            by_minute = step(by_minute, t, rh, 1 / 60, model)
    assert by_minute.index == pytest.approx(by_hour.index, abs=2e-3)


def test_a_damp_hour_a_day_halves_the_decline_as_the_model_has_it() -> None:
    dry = fold(MouldState.starting_at(3), [SurfaceHour(5, 50)] * 240, MouldModel())
    shower = [SurfaceHour(5, 89)] + [SurfaceHour(5, 50)] * 23
    with_showers = fold(MouldState.starting_at(3), shower * 10, MouldModel())
    assert with_showers.index > dry.index


def test_more_time_is_never_less_growth() -> None:
    series = [step(INITIAL, 15, 92, hours, MouldModel()).index for hours in range(0, 6000, 50)]
    assert all(earlier <= later for earlier, later in pairwise(series))


def euler(hours: list[SurfaceHour], material: MaterialClass, decline: float) -> float:
    """The model as one writes it down from its equations: small steps, nothing shared."""
    k_before, k_after, a, b, c, floor_pct = {
        VS: (1.0, 2.0, 1.0, 7.0, 2.0, 80.0),
        S: (0.578, 0.386, 0.3, 6.0, 1.0, 80.0),
        MR: (0.072, 0.097, 0.0, 5.0, 1.5, 85.0),
        R: (0.033, 0.014, 0.0, 3.0, 1.0, 85.0),
    }[material]
    index, dry_h, step_h = 0.0, 0.0, 0.25
    for hour in (one for one in hours for _ in range(4)):
        t, rh = hour.temperature_c, min(hour.humidity_pct, 100.0)
        polynomial = ((-0.00267 * t + 0.160) * t - 3.13) * t + 100.0
        critical_pct = max(floor_pct, polynomial) if t <= 20 else floor_pct
        if 0 < t < 50 and rh >= critical_pct:
            dry_h = 0.0
            x = (critical_pct - rh) / (critical_pct - 100.0)
            weeks = exp(-0.68 * log(t) - 13.9 * log(rh) + 66.02)
            k1 = k_before if index < 1 else k_after
            k2 = max(1 - exp(2.3 * (index - (a + b * x - c * x * x))), 0.0)
            index += step_h * k1 * k2 / (168 * weeks)
        else:
            dry_h += step_h
            per_h = 0.032 / 24 if dry_h <= 6 else 0.016 / 24 if dry_h > 24 else 0.0
            index = max(0.0, index - step_h * decline * per_h)
    return index


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), materials, st.sampled_from(Decline), st.floats(70, 95))
def test_small_steps_written_by_another_hand_agree(
    seed: int, material: MaterialClass, decline: Decline, mean_pct: float
) -> None:
    random = Random(seed)  # noqa: S311 - made-up air
    hours = [
        SurfaceHour(random.uniform(3, 28), min(100.0, random.gauss(mean_pct, 10)))
        for _ in range(800)
    ]
    exact = fold(INITIAL, hours, MouldModel(material, decline)).index
    assert exact == pytest.approx(euler(hours, material, decline), abs=2e-3)
