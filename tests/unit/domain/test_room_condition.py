from datetime import timedelta
from uuid import UUID

import pytest

from mould_watch.domain.advice import AiringAdvice
from mould_watch.domain.climate import Climate
from mould_watch.domain.condition import (
    AiringEffect,
    FirstGrowth,
    Level,
    MouldEvidence,
    Outlook,
    OutlookReason,
    Reason,
    RoomCondition,
)
from mould_watch.domain.incident import Incident, IncidentState
from mould_watch.domain.mould.band import BandState
from mould_watch.domain.mould.index import MouldState
from mould_watch.domain.mould_outlook import MouldOutlook
from mould_watch.domain.room_condition import RoomView, room_condition
from mould_watch.domain.rules.mould_level import RULE_ID, MouldFacts
from mould_watch.domain.surface import SurfaceModel
from mould_watch.domain.surface_state import surface_now
from tests.support.climate import DAMP_PCT, DRY_PCT, NOON, hourly, hours, room_air

ROOM = UUID(int=7)
THINGS, WALL = SurfaceModel(f_rsi=1.0), SurfaceModel(f_rsi=0.7)
BAND = BandState(MouldState(0.1, 0.0, 0.1), MouldState(0.4, 0.0, 0.5), MouldState(0.9, 0.0, 0.9))
NONE, WATCH, WARNING, HIGH = Level.NONE, Level.WATCH, Level.WARNING, Level.HIGH


def incident(state: IncidentState, level: Level = WARNING) -> Incident:
    opened_at = NOON - hours(2) if state.is_risk else None
    return Incident(UUID(int=1), RULE_ID, state, level, NOON - hours(8), opened_at, sequence=3)


def outlook(level: Level | None) -> MouldOutlook:
    growth = (
        FirstGrowth(outlook=Outlook.UNKNOWN, reason=OutlookReason.LEARNING)
        if level is None
        else FirstGrowth(outlook=Outlook.GROWING, days=20.0, days_low=10.0)
    )
    return MouldOutlook(
        level=level,
        first_growth=growth,
        evidence=MouldEvidence(damp_hours=9, known_hours=24, damp_days=3),
        known_hours=10.0 if level is None else 24.0,
        dry_hours=0.0,
    )


def shown(
    climate: Climate,
    live: Incident | None = None,
    model: SurfaceModel = THINGS,
    *,
    level: Level | None = NONE,
    is_recovered: bool = False,
) -> RoomCondition:
    air = climate.air(NOON)
    view = RoomView(
        room_id=ROOM,
        now=NOON,
        climate=climate,
        felt=air,
        model=model,
        facts=MouldFacts(
            outlook=outlook(level),
            band=BAND,
            surface=surface_now(air, model),
            dry_hours=0.0,
            coverage=0.9,
        ),
        since=NOON - hours(30),
        is_told=False,
        airing=AiringAdvice(AiringEffect.HELPS, 2.3456, 10),
        is_recovered=is_recovered,
    )
    return room_condition(view, () if live is None else (live,), RULE_ID)


def air(humidity_pct: float) -> Climate:
    return room_air(hourly(NOON - hours(8), [humidity_pct] * 9))


SILENT = room_air(hourly(NOON - hours(30), [DAMP_PCT] * 12))
DAMP, DRY = air(DAMP_PCT), air(DRY_PCT)


@pytest.mark.parametrize(
    ("climate", "judged", "state", "level", "reason", "at_risk"),
    [
        (DRY, NONE, None, NONE, Reason.DRY, False),
        (DAMP, NONE, None, NONE, Reason.DAMP_BUILDING_UP, False),
        (DRY, WATCH, None, WATCH, Reason.DAMP_BUILDING_UP, False),
        (DAMP, WARNING, "open", WARNING, Reason.SURFACE_DAMP, True),
        (DRY, WARNING, "recovering", WARNING, Reason.DRYING, True),
        (DRY, HIGH, "open", WARNING, Reason.MOULD, True),
        (DAMP, None, None, None, Reason.LEARNING, None),
        (DAMP, None, "open", WARNING, Reason.LEARNING, True),
        (SILENT, NONE, None, None, Reason.NO_DATA, None),
        (SILENT, WARNING, "open", WARNING, Reason.NO_DATA, True),
        (SILENT, WARNING, "recovering", WARNING, Reason.NO_DATA, True),
    ],
)
def test_level_reason_and_risk(
    *,
    climate: Climate,
    judged: Level | None,
    state: str | None,
    level: Level | None,
    reason: Reason,
    at_risk: bool | None,
) -> None:
    live = incident(IncidentState(state)) if state else None
    condition = shown(climate, live, level=judged)
    assert (condition.level, condition.reason, condition.at_risk) == (level, reason, at_risk)
    assert (condition.incident is not None) == (state is not None)


def test_what_is_over_is_no_warning_though_its_hours_are_of_this_week() -> None:
    condition = shown(DRY, level=WARNING, is_recovered=True)
    assert (condition.level, condition.reason, condition.at_risk) == (NONE, Reason.DRY, False)
    # what has grown is not over
    assert shown(DRY, level=HIGH, is_recovered=True).level is HIGH


def test_while_it_learns_it_says_until_when_and_shows_the_surface() -> None:
    condition = shown(DAMP, level=None)
    assert condition.learning_until == NOON + hours(15)
    assert condition.surface is not None
    assert condition.first_growth is not None
    assert condition.first_growth.reason is OutlookReason.LEARNING
    assert shown(DAMP).learning_until is None
    assert shown(SILENT, level=None).learning_until is None


def test_the_index_is_shown_with_its_band() -> None:
    index = shown(DAMP).mould_index
    assert index is not None
    assert (index.low, index.value, index.high, index.peak) == (0.1, 0.4, 0.9, 0.5)
    assert index.since == NOON - hours(30)


def test_the_evidence_says_since_when() -> None:
    evidence = shown(DAMP, incident(IncidentState.OPEN), level=WARNING).mould_evidence
    assert evidence is not None
    assert (evidence.damp_hours, evidence.since) == (9, NOON - hours(8))
    assert evidence.words is not None
    assert "damper than 80 % for 9 of the last 24 hours" in evidence.words


def test_what_would_be_safe_is_told_by_the_air_of_now() -> None:
    condition = shown(room_air(hourly(NOON, [50.0]), outdoor_c=-5.0), model=WALL)
    assert condition.lowest_safe_temperature_c is not None
    assert condition.lowest_safe_temperature_c > 20
    assert condition.highest_safe_humidity_pct == pytest.approx(49.6, abs=0.2)
    assert condition.airing is not None
    assert (condition.airing.minutes, condition.airing.difference_g_m3) == (10, 2.35)
    assert condition.absolute_humidity_g_m3 == pytest.approx(8.62, abs=0.01)


def test_an_old_value_is_shown_with_its_time_and_nothing_is_derived_from_it() -> None:
    condition = shown(SILENT)
    assert condition.temperature is not None
    assert condition.temperature.ts == NOON - hours(19)
    assert condition.humidity is not None
    assert condition.humidity.value == DAMP_PCT
    assert condition.dew_point_c is None
    assert condition.surface is None
    assert condition.highest_safe_humidity_pct is None


def test_without_outdoor_data_the_room_s_own_air_is_still_known() -> None:
    condition = shown(DAMP, model=WALL)
    assert condition.reason is Reason.NO_OUTDOOR_DATA
    assert condition.dew_point_c == pytest.approx(19.18, abs=0.01)
    assert (condition.level, condition.at_risk, condition.surface) == (None, None, None)


def test_nothing_was_ever_heard() -> None:
    condition = shown(room_air([]), level=None)
    assert condition.temperature is None
    assert condition.humidity is None
    assert condition.reason is Reason.NO_DATA
    assert condition.first_growth is not None
    assert condition.first_growth.reason is OutlookReason.NO_DATA


def test_the_surface_is_shown_with_what_it_is_judged_by() -> None:
    condition = shown(room_air(hourly(NOON - hours(2), [50.0] * 3), outdoor_c=-5.0), model=WALL)
    assert condition.surface is not None
    assert condition.surface.temperature_c == 12.5
    assert condition.surface.humidity_pct == 80.62
    assert condition.outdoor_temperature is not None
    assert condition.outdoor_temperature.value == -5


def test_an_incident_is_since_it_opened() -> None:
    opened = shown(DAMP, incident(IncidentState.OPEN)).incident
    assert opened is not None
    assert opened.since == NOON - timedelta(hours=2)
