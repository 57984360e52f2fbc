"""What holds of the mould index in all conditions, and small steps written by another hand."""

from math import exp, log
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
from tests.support.mould_models import (
    MODELS,
    MR,
    VS,
    R,
    S,
    durations,
    humidities,
    materials,
    models,
    states,
    temperatures,
)


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


def euler(hours: list[SurfaceHour], material: MaterialClass, decline: float) -> float:
    """The model as one writes it down from its equations: small steps, nothing shared."""
    k_before, k_after, a, b, c, floor_pct = {
        VS: (1.0, 2.0, 1.0, 7.0, 2.0, 80.0),
        S: (0.578, 0.386, 0.3, 6.0, 1.0, 80.0),
        MR: (0.072, 0.097, 0.0, 5.0, 1.5, 85.0),
        R: (0.033, 0.014, 0.0, 3.0, 1.0, 85.0),
    }[material]
    index, dry_h, step_h = 0.0, 0.0, 1 / 16
    for hour in (one for one in hours for _ in range(16)):
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
