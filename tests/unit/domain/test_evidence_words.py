"""Why a level is what it is, in sentences."""

import re
from dataclasses import fields
from datetime import timedelta
from itertools import product

import pytest

from mould_watch.domain.condition import (
    Certainty,
    FirstGrowth,
    Level,
    MouldEvidence,
    Outlook,
    OutlookReason,
    Surface,
)
from mould_watch.domain.evidence_words import Reader, evidence_words
from mould_watch.domain.languages import LANGUAGES
from tests.support.climate import NOON

SURFACE = Surface(temperature_c=12.1, humidity_pct=84.2, critical_humidity_pct=81.0)
EVIDENCE = MouldEvidence(
    damp_hours=9.2,
    known_hours=24,
    since=NOON - timedelta(days=5, hours=3),
    damp_days=4,
    warmer_k=3.0,
    drier_pct=8.0,
    certainty=Certainty.LIKELY,
    at_most=Level.HIGH,
)
GROWTH = FirstGrowth(outlook=Outlook.GROWING, days=20.0, days_low=14.0, days_high=31.0)
DRY = FirstGrowth(outlook=Outlook.NOT_EXPECTED, reason=OutlookReason.TOO_DRY)


def words(
    level: Level | None = Level.WARNING,
    evidence: MouldEvidence = EVIDENCE,
    growth: FirstGrowth = GROWTH,
    surface: Surface | None = SURFACE,
    reader: Reader | None = None,
) -> str | None:
    return evidence_words(
        level, evidence, growth, surface, NOON, damp_pct=80.0, reader=reader or Reader()
    )


def test_it_says_what_since_when_how_sure_and_what_would_end_it() -> None:
    assert words() == (
        "The surface is at 12.1 °C and 84 % humidity."
        " It was damper than 80 % for 9 of the last 24 hours."
        " It has been so for 5 days."
        " Mould could start in 2–4 weeks if the next weeks are like the last."
        " If the humidity sensor reads too high, it is less serious."
        " It would end with 3 °C more at the surface or 8 % less humidity in the room."
    )


def test_it_is_said_in_the_home_s_language_and_unit() -> None:
    german = words(reader=Reader("de-AT", "°F"))
    assert german is not None
    assert german.startswith("Die Oberfläche hat 53,8 °F und 84 % Feuchte.")
    assert "in 9 der letzten 24 Stunden feuchter als 80 %" in german
    # a difference has no offset
    assert german.endswith("mit 5,4 °F mehr an der Oberfläche oder 8 % weniger Feuchte im Raum.")


def test_a_certain_level_says_so() -> None:
    said = words(evidence=EVIDENCE.model_copy(update={"certainty": Certainty.CERTAIN}))
    assert said is not None
    assert "This holds even if the humidity sensor reads too high." in said


@pytest.mark.parametrize("level", [Level.HIGH, Level.DAMAGE])
def test_what_has_grown_does_not_end_by_drying(level: Level) -> None:
    said = words(level, growth=FirstGrowth(outlook=Outlook.GROWING, days=0.0, days_low=0.0))
    assert said is not None
    grown = {Level.HIGH: "is probably growing", Level.DAMAGE: "can probably be seen by now"}
    assert f"Mould {grown[level]}." in said
    assert "It would grow no further with 3 °C more" in said
    assert "would end" not in said


def test_only_one_way_or_none_is_told_as_such() -> None:
    warmer = words(evidence=EVIDENCE.model_copy(update={"drier_pct": None}))
    assert warmer is not None
    assert warmer.endswith("It would end with 3 °C more at the surface.")
    neither = words(evidence=EVIDENCE.model_copy(update={"drier_pct": None, "warmer_k": None}))
    assert neither is not None
    assert neither.endswith("is not enough to end it.")


def test_a_dry_room_needs_no_end() -> None:
    dry = MouldEvidence(damp_hours=0.0, known_hours=24, certainty=Certainty.CERTAIN)
    assert words(Level.NONE, dry, DRY) == (
        "The surface is at 12.1 °C and 84 % humidity."
        " If the next weeks are like the last, no mould is expected."
    )


def test_before_a_day_of_readings_only_the_present_is_told() -> None:
    learning = FirstGrowth(outlook=Outlook.UNKNOWN, reason=OutlookReason.LEARNING)
    assert words(None, growth=learning) == "The surface is at 12.1 °C and 84 % humidity."
    assert words(None, growth=learning, surface=None) is None


@pytest.mark.parametrize("tag", sorted(LANGUAGES))
def test_every_language_says_all_of_it(tag: str) -> None:
    for level, growth, certainty in product(
        Level, (GROWTH, DRY, GROWTH.model_copy(update={"days_high": None})), Certainty
    ):
        evidence = EVIDENCE.model_copy(update={"certainty": certainty})
        said = words(level, evidence, growth, reader=Reader(tag))
        assert said is not None
        assert said.endswith(".")
        assert not re.search(r"[{}]|None|  ", said), said


@pytest.mark.parametrize("tag", sorted(set(LANGUAGES) - {"en"}))
def test_no_sentence_is_left_in_english(tag: str) -> None:
    names = {"surface_now", "damper_for", "as_last_week", "certain", "likely", "would_end"}
    assert names <= {field.name for field in fields(LANGUAGES[tag])}
    for name in names:
        assert getattr(LANGUAGES[tag], name) != getattr(LANGUAGES["en"], name), name
