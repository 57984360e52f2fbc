from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mould_watch.domain.condition import Outlook
from mould_watch.domain.critical_humidity import MaterialClass
from mould_watch.domain.mould.band import INITIAL_BAND, BandState
from mould_watch.domain.mould.index import INITIAL, MouldState, SurfaceHour, fold
from mould_watch.domain.mould.model import Decline, MouldModel
from mould_watch.domain.mould.projection import (
    HORIZON_H,
    UNKNOWN,
    BandProjection,
    Never,
    Projection,
    if_it_repeats,
    if_it_stays,
    mean_surface,
    repeats,
)

MODEL = MouldModel()


def day(
    wet_hours: int, wet_pct: float, dry_pct: float, temperature_c: float = 12.5
) -> list[SurfaceHour]:
    return [SurfaceHour(temperature_c, wet_pct)] * wet_hours + [
        SurfaceHour(temperature_c, dry_pct)
    ] * (24 - wet_hours)


@pytest.mark.parametrize(
    ("pattern", "first_hour", "after_a_year"),
    [
        (day(10, 92, 75), 3944, 1.669),
        (day(10, 92, 75, 18), 2865, 2.176),
        (day(24, 86, 0), 3340, None),
    ],
)
def test_a_repeated_day_is_as_computed_independently(
    pattern: list[SurfaceHour], first_hour: int, after_a_year: float | None
) -> None:
    projection = repeats(INITIAL, pattern, MODEL, 1.0)
    assert projection.hours is not None
    assert ceil(projection.hours) == first_hour
    if after_a_year is not None:
        year = (pattern * 366)[:8760]
        assert fold(INITIAL, year, MODEL).index == pytest.approx(after_a_year, abs=5e-4)


def test_a_day_that_never_leads_to_growth() -> None:
    pattern = day(10, 88, 72)
    assert repeats(INITIAL, pattern, MODEL, 1.0).outlook is Outlook.NOT_EXPECTED
    assert fold(INITIAL, (pattern * 366)[:8760], MODEL).index == pytest.approx(0.840, abs=5e-4)


@pytest.mark.parametrize("wet_hours", [2, 6, 10, 14, 24])
@pytest.mark.parametrize("wet_pct", [82, 84, 86, 88, 90, 92, 94])
def test_what_is_given_up_early_would_not_have_come(wet_hours: int, wet_pct: float) -> None:
    pattern = day(wet_hours, wet_pct, 70, 15)
    projection = repeats(INITIAL, pattern, MODEL, 1.0)
    state, hours = INITIAL, 0
    while state.index < 1.0 and hours < HORIZON_H:
        state = fold(state, [pattern[hours % 24]], MODEL)
        hours += 1
    if state.index >= 1.0:
        assert projection.hours is not None
        assert ceil(projection.hours) == hours
    else:
        assert projection.outlook is Outlook.NOT_EXPECTED


def repeated(pattern: list[SurfaceHour], state: MouldState = INITIAL) -> Never | None:
    return repeats(state, pattern, MODEL, 1.0).reason


def test_each_never_has_its_reason() -> None:
    assert repeated(day(24, 70, 0)) is Never.TOO_DRY
    assert repeated(day(24, 100, 0, -3)) is Never.TOO_COLD
    assert repeated(day(24, 100, 0, 55)) is Never.TOO_HOT
    # 82 % sustain 0.86 at most on paper
    assert repeated(day(24, 82, 0, 20)) is Never.MATERIAL_LIMIT
    assert repeated(day(2, 92, 40), MouldState.starting_at(0.9)) is Never.DECLINING
    assert repeated(day(24, 83, 0, 20)) is Never.BEYOND_HORIZON


def test_dry_warm_hours_among_damp_frost_are_too_dry() -> None:
    assert repeated([SurfaceHour(-3, 95), SurfaceHour(10, 81)]) is Never.TOO_DRY


def test_what_is_there_is_there_now() -> None:
    band = BandState.starting_at(1)
    assert if_it_repeats(band, day(0, 0, 50) * 7, MODEL).mid == Projection.reached_in(0)
    assert if_it_stays(band, SurfaceHour(20, 50), MODEL).mid.hours == 0


def test_if_it_stays_is_the_closed_form_with_its_band() -> None:
    projection = if_it_stays(
        INITIAL_BAND, SurfaceHour(20, 90), MouldModel(MaterialClass.VERY_SENSITIVE)
    )
    assert projection.mid.hours == pytest.approx(706.2, abs=0.06)
    assert projection.earliest_h == projection.high.hours
    assert projection.latest_h == projection.low.hours
    assert projection.high.hours is not None
    assert projection.low.hours is not None
    assert projection.high.hours < projection.mid.hours < projection.low.hours  # type: ignore[operator]


def test_if_it_stays_has_the_same_reasons() -> None:
    def mid(temperature_c: float, humidity_pct: float) -> Never | None:
        mean = SurfaceHour(temperature_c, humidity_pct)
        return if_it_stays(INITIAL_BAND, mean, MODEL, uncertainty_pct=0).mid.reason

    assert mid(20, 70) is Never.TOO_DRY
    assert mid(-1, 100) is Never.TOO_COLD
    assert mid(55, 100) is Never.TOO_HOT
    assert mid(20, 82) is Never.MATERIAL_LIMIT
    assert mid(20, 83) is Never.BEYOND_HORIZON


def test_one_that_does_not_get_there_leaves_the_end_of_the_band_open() -> None:
    projection = BandProjection(
        Projection.never(Never.TOO_DRY), Projection.reached_in(300), Projection.reached_in(100)
    )
    assert (projection.earliest_h, projection.latest_h) == (100, None)
    assert BandProjection().earliest_h is None


def test_without_a_day_of_data_nothing_is_projected() -> None:
    known: list[SurfaceHour | None] = [SurfaceHour(12, 95)] * 23
    assert if_it_repeats(INITIAL_BAND, known, MODEL).mid is UNKNOWN
    assert if_it_repeats(INITIAL_BAND, [*known, None, *known], MODEL).mid.hours is not None
    assert if_it_repeats(INITIAL_BAND, [], MODEL).mid is UNKNOWN
    assert if_it_stays(INITIAL_BAND, None, MODEL).mid is UNKNOWN


def test_only_the_last_week_repeats() -> None:
    wet_before = day(24, 99, 0) * 7
    assert if_it_repeats(INITIAL_BAND, wet_before + day(0, 0, 50) * 7, MODEL).mid.reason is (
        Never.TOO_DRY
    )


def test_the_mean_of_a_day_counts_each_hour_for_what_is_known_of_it() -> None:
    hours = [SurfaceHour(10, 80)] * 12 + [SurfaceHour(20, 50, 0.5)] * 8 + [None] * 4
    mean = mean_surface(hours)
    assert mean is not None
    assert mean.temperature_c == pytest.approx(12.5)
    assert mean.humidity_pct == pytest.approx(72.5)
    assert mean_surface([SurfaceHour(10, 80)] * 11 + [None] * 13) is None


def test_a_mean_would_hide_the_damp_hours() -> None:
    pattern = day(12, 97, 55, 20)
    mean = mean_surface(pattern)
    assert mean is not None
    assert if_it_stays(INITIAL_BAND, mean, MODEL).mid.reason is Never.TOO_DRY
    assert repeats(INITIAL, pattern, MODEL, 1.0).outlook is Outlook.GROWING


surfaces = st.builds(
    SurfaceHour, st.floats(-3, 30), st.floats(50, 100), st.sampled_from([0.5, 1.0])
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(surfaces, min_size=1, max_size=30),
    st.floats(0, 0.99),
    st.floats(0, 50),
    st.sampled_from(Decline),
)
def test_the_projection_is_what_the_fold_then_does(
    pattern: list[SurfaceHour], index: float, dry_hours: float, decline: Decline
) -> None:
    model = MouldModel(MaterialClass.VERY_SENSITIVE, decline)
    state = MouldState(index, dry_hours, index)
    projection = repeats(state, pattern, model, 1.0)
    elapsed_h, folded = 0.0, state
    while elapsed_h < HORIZON_H:
        for hour in pattern:
            folded = fold(folded, [hour], model)
            elapsed_h += hour.duration_h
            if folded.index >= 1.0:
                break
        else:
            continue
        break
    if folded.index >= 1.0 and elapsed_h <= HORIZON_H:
        assert projection.hours is not None
        assert elapsed_h - 1 - 1e-6 <= projection.hours <= elapsed_h + 1e-6
    else:
        assert projection.outlook is Outlook.NOT_EXPECTED or projection.hours == pytest.approx(
            HORIZON_H, abs=24
        )
