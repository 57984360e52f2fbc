"""The rule of mould: what opens it, what ends it, and what does neither."""

from datetime import timedelta

import pytest

from mould_watch.domain.condition import FirstGrowth, Level, MouldEvidence, Outlook, Surface
from mould_watch.domain.configuration import RoomConfiguration
from mould_watch.domain.mould.band import BandState
from mould_watch.domain.mould_outlook import MouldOutlook
from mould_watch.domain.rules.mould_level import MouldFacts, Recovery, judge_mould_level
from mould_watch.domain.verdict import Judged
from tests.support.climate import NOON, hours

DAMP = Surface(temperature_c=12.0, humidity_pct=92.0, critical_humidity_pct=80.9)
BETWEEN = Surface(temperature_c=12.0, humidity_pct=78.0, critical_humidity_pct=80.9)
DRY = Surface(temperature_c=12.0, humidity_pct=60.0, critical_humidity_pct=80.9)
NONE, WATCH, WARNING, HIGH, DAMAGE = Level


def judged(
    level: Level | None, surface: Surface | None, *, dry_hours: float = 0.0, is_done: bool = True
) -> Judged:
    outlook = MouldOutlook(
        level=level,
        first_growth=FirstGrowth(outlook=Outlook.GROWING, days=20.5, days_low=14, days_high=31),
        evidence=MouldEvidence(damp_hours=9, known_hours=24, damp_days=4, warmer_k=3, drier_pct=8),
        known_hours=168,
        dry_hours=dry_hours,
        damp_since=NOON - hours(60),
    )
    facts = MouldFacts(
        outlook=outlook if is_done else None,
        band=BandState.starting_at(0.25),
        surface=surface,
        dry_hours=dry_hours,
        coverage=0.97,
    )
    return judge_mould_level(facts, Recovery(), NOON)


@pytest.mark.parametrize(
    ("level", "surface", "breach", "verified", "clear", "recovered"),
    [
        (NONE, DRY, False, False, True, True),
        (NONE, DAMP, False, False, True, True),
        # shown, and no incident
        (WATCH, DAMP, False, False, True, True),
        (WARNING, DAMP, True, True, False, False),
        (WARNING, BETWEEN, False, True, False, False),
        (WARNING, DRY, False, True, True, False),
        # what has grown is there however dry it is
        (HIGH, DRY, True, True, False, False),
        (DAMAGE, BETWEEN, True, True, False, False),
    ],
)
def test_what_it_says(
    *,
    level: Level,
    surface: Surface,
    breach: bool,
    verified: bool,
    clear: bool,
    recovered: bool,
) -> None:
    verdict = judged(level, surface).verdict
    assert verdict.is_known
    assert (verdict.is_breach, verdict.is_verified) == (breach, verified)
    assert (verdict.is_clear, verdict.is_recovered) == (clear, recovered)
    assert verdict.level is level


def test_a_dry_day_ends_a_warning_and_not_what_has_grown() -> None:
    assert not judged(WARNING, DRY, dry_hours=23.9).verdict.is_recovered
    assert judged(WARNING, DRY, dry_hours=24.0).verdict.is_recovered
    # dry for long, but not now
    assert not judged(WARNING, BETWEEN, dry_hours=48.0).verdict.is_recovered
    assert not judged(HIGH, DRY, dry_hours=500.0).verdict.is_recovered


def test_it_is_judged_again_when_it_will_have_been_dry_for_long_enough() -> None:
    assert judged(WARNING, DRY, dry_hours=23.5).due == (NOON + timedelta(minutes=30),)
    assert judged(WARNING, DAMP, dry_hours=23.5).due == ()


@pytest.mark.parametrize(
    ("level", "surface", "is_done"),
    [(None, DAMP, True), (WARNING, None, True), (HIGH, DAMP, False)],
)
def test_with_too_little_known_nothing_begins_or_ends(
    *, level: Level | None, surface: Surface | None, is_done: bool
) -> None:
    verdict = judged(level, surface, is_done=is_done).verdict
    assert not verdict.is_known
    assert not verdict.is_verified
    assert not verdict.is_recovered


def test_the_evidence_is_in_numbers() -> None:
    verdict = judged(WARNING, DAMP).verdict
    assert verdict.breach_since == NOON - hours(60)
    assert verdict.evidence == {
        "index": 0.25,
        "index_low": 0.25,
        "index_high": 0.25,
        "peak": 0.25,
        "coverage": 0.97,
        "days": 20.5,
        "days_low": 14,
        "days_high": 31,
        "damp_hours": 9,
        "known_hours": 24,
        "surface_temperature_lowest_c": None,
        "surface_temperature_mean_c": None,
        "damp_days": 4,
        "warmer_k": 3,
        "drier_pct": 8,
        "certainty": None,
        "at_most": None,
    }


def test_recovery_is_what_the_user_set() -> None:
    source = {"kind": "device", "source_instance": "mqtt:json", "native_id": "bath"}
    room = {
        "room_id": "00000000-0000-0000-0000-000000000001",
        "name": "Bath",
        "sources": {"temperature": source, "humidity": source},
    }
    assert Recovery.of(RoomConfiguration.model_validate(room)) == Recovery(5.0, 24.0)
    chosen = RoomConfiguration.model_validate(
        room | {"recovery_margin_pct": 3, "recovery_hours": 12}
    )
    assert Recovery.of(chosen) == Recovery(3.0, 12.0)
