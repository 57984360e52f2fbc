"""What the last week of hours says: level, forecast, evidence, and what would end it."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from mould_watch.domain.condition import Certainty, Level, Outlook, OutlookReason
from mould_watch.domain.configuration import RoomConfiguration
from mould_watch.domain.mould.band import INITIAL_BAND, BandState, fold_band
from mould_watch.domain.mould.index import SurfaceHour
from mould_watch.domain.mould.level import LevelThresholds
from mould_watch.domain.mould.model import MouldModel
from mould_watch.domain.mould_outlook import (
    LastWeek,
    MouldOutlook,
    dry_hours,
    mould_outlook,
    thresholds_of,
)
from mould_watch.domain.room_model import RoomModel
from mould_watch.domain.surface import SurfaceModel
from tests.support.climate import NOON, hours

MODEL = RoomModel(SurfaceModel(f_rsi=0.7), MouldModel())
DAMP, DRY = SurfaceHour(12.5, 92.0), SurfaceHour(15.0, 60.0)
DAY = [DAMP] * 10 + [DRY] * 14
SOURCE = {"kind": "device", "source_instance": "mqtt:json", "native_id": "bath"}
ROOM: dict[str, object] = {
    "room_id": "00000000-0000-0000-0000-000000000001",
    "name": "Bath",
    "sources": {"temperature": SOURCE, "humidity": SOURCE},
}


def outlook(
    week: list[SurfaceHour | None],
    band: BandState = INITIAL_BAND,
    *,
    counted_back_h: float | None = None,
    held: Level | None = None,
) -> MouldOutlook:
    counted_from = None if counted_back_h is None else NOON - hours(counted_back_h)
    return mould_outlook(
        LastWeek(
            hours=week,
            end=NOON,
            counted_from=counted_from,
            room_humidity_pct=65.0,
            held=held,
        ),
        band,
        MODEL,
        LevelThresholds(),
    )


def test_a_week_that_lets_mould_grow_says_when_and_what_ends_it() -> None:
    """Ten hours of 92 % a day: of the reference, index 1 after 3944 h; warning only if nearer."""
    week: list[SurfaceHour | None] = [*DAY * 7]
    far = outlook(week)
    assert far.level is Level.WATCH
    assert far.first_growth.outlook is Outlook.GROWING
    assert far.first_growth.days == pytest.approx(3944 / 24, abs=2)
    near = outlook(week, BandState.starting_at(0.8))
    assert near.level is Level.WARNING
    assert near.first_growth.days is not None
    assert near.first_growth.days < 56
    assert near.evidence.damp_hours == 10
    assert near.evidence.damp_days == 7
    assert near.evidence.surface_temperature_lowest_c == 12.5
    assert near.evidence.warmer_k is not None
    assert near.evidence.drier_pct is not None
    assert near.damp_since == NOON - hours(168)
    assert near.known_hours == 168


def test_the_band_says_how_sure_it_is() -> None:
    growth = outlook([*DAY * 7], BandState.starting_at(0.8)).first_growth
    assert growth.days_low is not None
    assert growth.days is not None
    assert growth.days_low < growth.days
    assert growth.days_high is None or growth.days_high > growth.days


def test_if_it_stays_as_now_has_its_band_and_its_reason() -> None:
    steady = outlook([SurfaceHour(15.0, 92.0)] * 168).first_growth
    assert steady.days_as_now_low is not None
    assert steady.days_as_now is not None
    assert steady.days_as_now_high is not None
    assert steady.days_as_now_low < steady.days_as_now < steady.days_as_now_high
    assert steady.reason_as_now is None
    # damp hours before, but the last day alone is dry
    dried = outlook([*DAY * 6, *[DRY] * 24], BandState.starting_at(0.8)).first_growth
    assert (dried.days_as_now, dried.reason_as_now) == (None, OutlookReason.TOO_DRY)
    assert dried.reason is not OutlookReason.TOO_DRY


def test_how_sure_a_level_is_stands_beside_it() -> None:
    far_above = outlook([SurfaceHour(15.0, 98.0)] * 168)
    assert far_above.evidence.certainty is Certainty.CERTAIN
    # with a sensor that reads 3 % too high nothing was damp at all
    just_above = outlook([SurfaceHour(15.0, 82.0)] * 168)
    assert just_above.level is Level.WATCH
    assert just_above.evidence.certainty is Certainty.LIKELY
    # and one that reads too low hides a warning
    steady = outlook([SurfaceHour(15.0, 90.0)] * 168)
    assert (steady.level, steady.evidence.at_most) == (Level.WATCH, Level.WARNING)


def test_with_less_than_a_day_it_learns() -> None:
    found = outlook([None] * 145 + [DAMP] * 23)
    assert found.level is None
    assert (found.first_growth.outlook, found.first_growth.reason) == (
        Outlook.UNKNOWN,
        OutlookReason.LEARNING,
    )
    assert outlook([None] * 144 + [DAMP] * 24).level is not None


def test_only_gaps_are_no_number() -> None:
    found = outlook([None] * 168)
    assert (found.level, found.known_hours, found.dry_hours) == (None, 0, 0)
    assert found.evidence.surface_temperature_lowest_c is None


def test_a_dry_week_says_why_nothing_grows() -> None:
    found = outlook([DRY] * 168)
    assert found.level is Level.NONE
    assert found.first_growth.reason is OutlookReason.TOO_DRY
    assert found.damp_since is None
    assert found.dry_hours == 168


def test_what_was_resolved_is_not_judged_again() -> None:
    wet = SurfaceHour(15.0, 96.0)
    week: list[SurfaceHour | None] = [*[wet] * 150, *[DRY] * 18]
    assert outlook(week).level is Level.WARNING
    # it ended ten hours ago: there is no new day to judge by yet
    assert outlook(week, counted_back_h=10).level is Level.NONE
    # and two dry days after it there is
    later: list[SurfaceHour | None] = [*[wet] * 120, *[DRY] * 48]
    assert outlook(later, counted_back_h=40).first_growth.reason is OutlookReason.TOO_DRY
    # what has grown stays, whatever was resolved
    assert outlook(week, BandState.starting_at(1.5), counted_back_h=10).level is Level.HIGH


def test_a_level_is_left_by_a_margin_only() -> None:
    week: list[SurfaceHour | None] = [DRY] * 168
    band = BandState.starting_at(0.95)
    assert outlook(week, band).level is not Level.HIGH
    assert outlook(week, band, held=Level.HIGH).level is Level.HIGH


def test_an_index_that_is_there_grows_already() -> None:
    found = outlook([*DAY * 7], BandState.starting_at(2.0))
    assert found.level is Level.HIGH
    assert (found.first_growth.days, found.first_growth.reason) == (
        0,
        OutlookReason.ALREADY_GROWING,
    )


def test_a_gap_neither_proves_dryness_nor_ends_it() -> None:
    half = SurfaceHour(15.0, 60.0, 0.5)
    assert dry_hours([DAMP, DRY, None, None, half, DRY], MODEL, 5.0) == 2.5
    assert dry_hours([DRY, DRY, DAMP], MODEL, 5.0) == 0
    # between dry and damp by the margin
    assert dry_hours([DRY, SurfaceHour(20.0, 77.0), DRY], MODEL, 5.0) == 1


def test_it_can_be_kept_and_read_again() -> None:
    band = fold_band(INITIAL_BAND, DAY * 7, MODEL.mould)
    found = outlook([*DAY * 7], band)
    assert MouldOutlook.model_validate(found.model_dump(mode="json")) == found


def test_thresholds_are_what_the_user_set() -> None:
    assert thresholds_of(RoomConfiguration.model_validate(ROOM)) == LevelThresholds()
    chosen = RoomConfiguration.model_validate(
        ROOM | {"levels": {"warning_weeks": 4, "damp_pct": 75}}
    )
    assert thresholds_of(chosen) == LevelThresholds(warning_weeks=4, damp_pct=75)


@pytest.mark.parametrize("high_index", [None, 0.2, 1.0, 2.9, 3.0, 5.9])
@pytest.mark.parametrize("damage_index", [None, 0.3, 1.0, 1.1, 6.0])
def test_levels_that_are_taken_can_be_judged_by(
    high_index: float | None, damage_index: float | None
) -> None:
    """One of the two alone is held against the default of the other when it is set."""
    document = ROOM | {"levels": {"high_index": high_index, "damage_index": damage_index}}
    high = 1.0 if high_index is None else high_index
    damage = 3.0 if damage_index is None else damage_index
    if damage > high:
        found = thresholds_of(RoomConfiguration.model_validate(document))
        assert (found.high_index, found.damage_index) == (high, damage)
    else:
        with pytest.raises(ValidationError, match="damage begins above"):
            RoomConfiguration.model_validate(document)


def test_a_week_ends_now() -> None:
    week = LastWeek(hours=[DAMP, DRY], end=NOON, counted_from=NOON - timedelta(hours=1))
    assert week.counted == [None, DRY]
