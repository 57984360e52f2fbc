from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from mould_watch.domain.climate import Sample
from mould_watch.domain.surface import SurfaceModel
from mould_watch.domain.surface_damp import Assessment, SurfaceDampRule, assess
from tests.support.climate import (
    BETWEEN_PCT,
    DAMP_PCT,
    DRY_PCT,
    NOON,
    hourly,
    hours,
    room_air,
)

THINGS = SurfaceModel(f_rsi=1.0)
WALL = SurfaceModel(f_rsi=0.7)
RULE = SurfaceDampRule()
START = NOON - hours(24)


def judged(humidities: Sequence[float | None], rule: SurfaceDampRule = RULE) -> Assessment:
    """Hourly humidities that end now, the room's things being watched."""
    return assess(
        room_air(hourly(NOON - hours(len(humidities) - 1), humidities)), THINGS, rule, NOON
    )


def test_six_damp_hours_with_six_readings_are_a_breach() -> None:
    result = judged([DRY_PCT] * 5 + [DAMP_PCT] * 7)
    assert result.is_verified
    assert result.evidence.damp_hours == 6
    assert result.evidence.damp_readings == 7
    assert result.damp_since == NOON - hours(6)


def test_a_minute_less_is_none() -> None:
    samples = hourly(NOON - hours(6), [DAMP_PCT] * 7)
    late = replace(samples[0], ts=samples[0].ts + timedelta(minutes=1))
    assert not assess(room_air([late, *samples[1:]]), THINGS, RULE, NOON).is_verified


def test_many_hours_with_few_readings_are_none() -> None:
    samples = [Sample(NOON - hours(back), int(back), 20.0, DAMP_PCT) for back in (20, 15, 10, 5)]
    result = assess(room_air(samples), THINGS, RULE, NOON)
    assert result.evidence.damp_hours == 20
    assert result.evidence.damp_readings == 4
    assert not result.is_verified
    assert result.is_building_up


def test_many_readings_in_a_short_time_are_none() -> None:
    samples = [
        Sample(NOON - timedelta(seconds=number), number, 20.0, DAMP_PCT) for number in range(3600)
    ]
    result = assess(room_air(samples), THINGS, RULE, NOON)
    assert result.evidence.damp_readings == 3600
    assert not result.is_verified
    assert not result.is_building_up


def test_damp_hours_need_not_be_consecutive() -> None:
    result = judged([DAMP_PCT, DRY_PCT] * 7)
    assert result.evidence.damp_hours == 7
    assert result.is_verified


def test_only_the_last_24_hours_count() -> None:
    result = judged([DAMP_PCT] * 10 + [DRY_PCT] * 20)
    assert result.evidence.damp_hours == 5
    assert result.evidence.coverage == 1.0


def test_what_was_resolved_before_does_not_count_again() -> None:
    climate = room_air(hourly(NOON - hours(12), [DAMP_PCT] * 6 + [DRY_PCT] * 6 + [DAMP_PCT]))
    counted = assess(climate, THINGS, RULE, NOON)
    later = assess(climate, THINGS, RULE, NOON, counted_from=NOON - hours(1))
    assert counted.is_verified
    assert later.evidence.damp_hours == 0
    assert later.evidence.damp_readings == 1
    assert not later.is_building_up


def test_half_the_required_hours_are_building_up() -> None:
    assert not judged([DAMP_PCT] * 3).is_building_up
    assert judged([DAMP_PCT] * 4).is_building_up


def test_six_dry_hours_are_a_recovery_and_between_is_not() -> None:
    assert judged([DAMP_PCT] + [DRY_PCT] * 7).is_recovered
    assert not judged([DAMP_PCT] + [DRY_PCT] * 6).is_recovered
    between = judged([DAMP_PCT] + [DRY_PCT] * 5 + [BETWEEN_PCT] + [DRY_PCT] * 3)
    assert between.dry_hours == 2
    assert not between.is_recovered
    assert not judged([BETWEEN_PCT] * 10).is_dry
    assert not judged([BETWEEN_PCT] * 10).is_damp


def test_a_gap_proves_no_dryness() -> None:
    # three dry hours and the six it is held for, then nothing, then one dry hour
    result = judged([DAMP_PCT, DRY_PCT] + [None] * 12 + [DRY_PCT] * 2, RULE)
    assert result.dry_hours == 7
    rule = SurfaceDampRule(recovery_hours=8)
    assert not judged([DAMP_PCT, DRY_PCT] + [None] * 12 + [DRY_PCT] * 2, rule).is_recovered


def test_without_data_now_nothing_is_known_and_nothing_recovered() -> None:
    result = judged([DAMP_PCT] * 3 + [DRY_PCT] * 9 + [None] * 6)
    assert not result.is_known
    assert result.surface is None
    assert not result.is_recovered


def test_a_long_recovery_looks_back_beyond_the_window() -> None:
    rule = SurfaceDampRule(recovery_hours=48)
    assert judged([DAMP_PCT] + [DRY_PCT] * 49, rule).is_recovered
    assert not judged([DAMP_PCT] + [DRY_PCT] * 48, rule).is_recovered


def test_without_outdoor_data_a_wall_is_not_judged() -> None:
    climate = room_air(hourly(START, [DAMP_PCT] * 25))
    result = assess(climate, WALL, RULE, NOON)
    assert not result.is_known
    assert result.evidence.damp_hours == 0
    assert result.evidence.coverage == 0


def test_a_cold_wall_is_damp_where_the_air_is_not() -> None:
    climate = room_air(hourly(START, [60.0] * 25), outdoor_c=-5.0)
    assert assess(climate, WALL, RULE, NOON).is_verified
    assert not assess(climate, THINGS, RULE, NOON).is_damp


def test_nothing_grows_on_a_frozen_surface() -> None:
    climate = room_air(hourly(START, [90.0] * 25, temperature_c=1.0), outdoor_c=-15.0)
    result = assess(climate, WALL, RULE, NOON)
    assert result.is_known
    assert result.evidence.damp_hours == 0


def test_two_sensors_of_one_room_need_not_speak_together() -> None:
    warm = [Sample(NOON - hours(5), 1, temperature_c=20.0)]
    moist = [
        Sample(NOON - timedelta(minutes=30 * number), number, humidity_pct=DAMP_PCT)
        for number in range(20)
    ]
    result = assess(room_air(warm + moist), THINGS, RULE, NOON)
    assert result.evidence.damp_hours == 5
    assert result.evidence.damp_readings == 11


minutes = st.integers(0, 30 * 60)
rows = st.lists(
    st.builds(
        lambda minute, fingerprint, humidity: Sample(
            NOON - timedelta(minutes=minute), fingerprint, 20.0, humidity
        ),
        minutes,
        st.integers(0, 10**6),
        st.sampled_from([DAMP_PCT, BETWEEN_PCT, DRY_PCT]),
    ),
    max_size=40,
)


@given(rows, st.randoms())
def test_the_judgement_does_not_depend_on_the_order(samples: list[Sample], random: Random) -> None:
    shuffled = list(samples)
    random.shuffle(shuffled)
    assert assess(room_air(samples), THINGS, RULE, NOON) == assess(
        room_air(shuffled), THINGS, RULE, NOON
    )


@given(rows)
def test_damp_hours_never_exceed_the_hours_with_data(samples: list[Sample]) -> None:
    evidence = assess(room_air(samples), THINGS, RULE, NOON).evidence
    assert 0 <= evidence.damp_hours <= evidence.coverage * 24 + 0.02
    assert evidence.coverage <= 1


@given(rows, st.floats(0, 24))
def test_a_gap_never_adds_damp_hours(samples: list[Sample], silent_h: float) -> None:
    # the sensor falls silent: what was damp in the window grows by the held time at most
    silent_from = NOON - hours(silent_h)
    spoken = [sample for sample in samples if sample.ts <= silent_from]
    before = assess(room_air(spoken), THINGS, RULE, silent_from).evidence.damp_hours
    after = assess(room_air(spoken), THINGS, RULE, NOON).evidence.damp_hours
    assert after <= before + min(silent_h, 6) + 0.02
    if silent_h >= 6:
        assert not assess(room_air(spoken), THINGS, RULE, NOON).is_known


@given(rows, minutes)
def test_more_humidity_is_never_less_damp(samples: list[Sample], minute: int) -> None:
    moister = [
        replace(sample, humidity_pct=DAMP_PCT)
        if sample.ts <= NOON - timedelta(minutes=minute)
        else sample
        for sample in samples
    ]
    one = assess(room_air(samples), THINGS, RULE, NOON).evidence
    other = assess(room_air(moister), THINGS, RULE, NOON).evidence
    assert other.damp_hours >= one.damp_hours
    assert other.damp_readings >= one.damp_readings
