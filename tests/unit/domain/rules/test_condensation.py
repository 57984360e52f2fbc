"""Water on the surface now: reached at the dew point, over at 95 %, held for a while."""

from datetime import timedelta

import pytest

from mould_watch.domain.condition import Level
from mould_watch.domain.rules.condensation import judge_condensation
from mould_watch.domain.surface import SurfaceModel
from mould_watch.domain.verdict import Verdict
from tests.support.climate import NOON, hourly, hours, room_air

COLD_PANE = SurfaceModel(f_rsi=0.5)
"""At 20 °C inside and 0 °C outside: 10 °C, wet from 52.6 %RH on."""

WET, BETWEEN, DRY = 60.0, 51.0, 40.0


def judged(*humidities: float | None, after_h: float = 0.0, minutes: float = 30.0) -> Verdict:
    start = NOON - hours(len(humidities) - 1)
    climate = room_air(hourly(start, humidities), outdoor_c=0.0)
    return judge_condensation(
        climate, COLD_PANE, NOON + hours(after_h), severity=Level.WARNING, minutes=minutes
    ).verdict


def test_it_condenses_when_the_surface_is_no_warmer_than_the_dew_point() -> None:
    verdict = judged(DRY, WET, after_h=0.5)
    assert verdict.is_verified
    assert verdict.breach_since == NOON
    assert verdict.evidence["surface_temperature_c"] == 10.0
    assert verdict.evidence["dew_point_c"] == pytest.approx(12.0, abs=0.1)


def test_a_moment_of_it_is_no_news() -> None:
    assert judged(DRY, WET).level is Level.NONE
    assert not judged(DRY, WET, after_h=0.4).is_verified


def test_it_is_over_when_it_has_dried_for_as_long() -> None:
    assert not judged(WET, BETWEEN, after_h=1).is_clear
    assert not judged(WET, DRY, after_h=0.4).is_recovered
    assert judged(WET, DRY, after_h=0.5).is_recovered


def test_without_the_outdoor_air_nothing_is_known() -> None:
    climate = room_air(hourly(NOON, [WET]))
    assert not judge_condensation(climate, COLD_PANE, NOON).verdict.is_known


def test_it_is_only_watched_by_default() -> None:
    climate = room_air(hourly(NOON - hours(1), [WET, WET]), outdoor_c=0.0)
    assert judge_condensation(climate, COLD_PANE, NOON).verdict.level is Level.WATCH


def test_a_gap_is_no_condensation() -> None:
    """Invariant 8."""
    assert not judged(WET, after_h=6.5).is_known


def test_it_is_judged_again_when_it_would_be_verified() -> None:
    climate = room_air(hourly(NOON, [WET]), outdoor_c=0.0)
    due = judge_condensation(climate, COLD_PANE, NOON).due
    assert NOON + timedelta(minutes=30) in due
