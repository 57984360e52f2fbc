from uuid import UUID

import pytest

from mould_watch.domain.climate import Climate
from mould_watch.domain.condition import Level, Reason, RoomCondition
from mould_watch.domain.incident import Incident, IncidentState
from mould_watch.domain.room_condition import room_condition
from mould_watch.domain.surface import SurfaceModel
from mould_watch.domain.surface_damp import RULE_ID, SurfaceDampRule, assess
from tests.support.climate import BETWEEN_PCT, DAMP_PCT, DRY_PCT, NOON, hourly, hours, room_air

ROOM = UUID(int=7)
THINGS, WALL = SurfaceModel(f_rsi=1.0), SurfaceModel(f_rsi=0.7)


def incident(state: IncidentState) -> Incident:
    opened_at = NOON - hours(2) if state.is_risk else None
    level = Level.WATCH if state is IncidentState.VERIFYING else Level.WARNING
    return Incident(UUID(int=1), RULE_ID, state, level, NOON - hours(8), opened_at, sequence=3)


def shown(
    climate: Climate, live: Incident | None = None, model: SurfaceModel = THINGS
) -> RoomCondition:
    assessment = assess(climate, model, SurfaceDampRule(), NOON)
    return room_condition(ROOM, NOON, climate, assessment, live)


def air(humidity_pct: float) -> Climate:
    return room_air(hourly(NOON - hours(8), [humidity_pct] * 9))


SILENT = room_air(hourly(NOON - hours(30), [DAMP_PCT] * 12))


@pytest.mark.parametrize(
    ("climate", "state", "level", "reason", "at_risk"),
    [
        (air(DRY_PCT), None, Level.NONE, Reason.DRY, False),
        (air(BETWEEN_PCT), None, Level.NONE, Reason.DRY, False),
        (air(DAMP_PCT), None, Level.NONE, Reason.DAMP_BUILDING_UP, False),
        (air(DAMP_PCT), "verifying", Level.WATCH, Reason.DAMP_BUILDING_UP, False),
        (air(DRY_PCT), "verifying", Level.WATCH, Reason.DRYING, False),
        (air(DAMP_PCT), "open", Level.WARNING, Reason.SURFACE_DAMP, True),
        (air(BETWEEN_PCT), "open", Level.WARNING, Reason.SURFACE_DAMP, True),
        (air(DRY_PCT), "recovering", Level.WARNING, Reason.DRYING, True),
        (SILENT, None, None, Reason.NO_DATA, None),
        (SILENT, "verifying", None, Reason.NO_DATA, None),
        (SILENT, "open", Level.WARNING, Reason.NO_DATA, True),
        (SILENT, "recovering", Level.WARNING, Reason.NO_DATA, True),
    ],
)
def test_level_reason_and_risk(
    *,
    climate: Climate,
    state: str | None,
    level: Level | None,
    reason: Reason,
    at_risk: bool | None,
) -> None:
    condition = shown(climate, incident(IncidentState(state)) if state else None)
    assert (condition.level, condition.reason, condition.at_risk) == (level, reason, at_risk)
    assert (condition.incident is not None) == (state is not None)


def test_an_old_value_is_shown_with_its_time_and_nothing_is_derived_from_it() -> None:
    condition = shown(SILENT)
    assert condition.temperature is not None
    assert condition.temperature.ts == NOON - hours(19)
    assert condition.humidity is not None
    assert condition.humidity.value == DAMP_PCT
    assert condition.dew_point_c is None
    assert condition.surface is None


def test_without_outdoor_data_the_room_s_own_air_is_still_known() -> None:
    condition = shown(air(DAMP_PCT), model=WALL)
    assert condition.reason is Reason.NO_OUTDOOR_DATA
    assert condition.dew_point_c == pytest.approx(19.18, abs=0.01)
    assert (condition.level, condition.at_risk, condition.surface) == (None, None, None)


def test_nothing_was_ever_heard() -> None:
    condition = shown(room_air([]))
    assert condition.temperature is None
    assert condition.humidity is None
    assert condition.reason is Reason.NO_DATA
    assert condition.evidence is not None
    assert condition.evidence.coverage == 0


def test_the_surface_is_shown_with_what_it_is_judged_by() -> None:
    condition = shown(room_air(hourly(NOON - hours(2), [50.0] * 3), outdoor_c=-5.0), model=WALL)
    assert condition.surface is not None
    assert condition.surface.temperature_c == 12.5
    assert condition.surface.humidity_pct == 80.62
    assert condition.outdoor_temperature is not None
    assert condition.outdoor_temperature.value == -5


def test_an_incident_is_since_it_opened_or_since_the_breach() -> None:
    opened = shown(air(DAMP_PCT), incident(IncidentState.OPEN)).incident
    verifying = shown(air(DAMP_PCT), incident(IncidentState.VERIFYING)).incident
    assert opened is not None
    assert verifying is not None
    assert opened.since == NOON - hours(2)
    assert verifying.since == NOON - hours(8)
