"""A room as it is shown: the newest values, the surface now, level, reason and risk."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mould_watch.domain.climate import Climate, Point
from mould_watch.domain.condition import (
    Level,
    Observation,
    Reason,
    RoomCondition,
    Surface,
)
from mould_watch.domain.incident import Incident, IncidentState
from mould_watch.domain.psychrometrics import dew_point_c
from mould_watch.domain.surface_damp import Assessment

# Far below what a sensor resolves; keeps the unrecorded digits of floats out of the condition.
_DIGITS = 2


def room_condition(
    room_id: UUID,
    now: datetime,
    climate: Climate,
    assessment: Assessment,
    incident: Incident | None,
    *,
    incidents: Sequence[Incident] = (),
) -> RoomCondition:
    """Return the condition of a room at `now`; `incident` is its live one about mould, if any.

    `incidents` are the live ones of all its rules.

    Values are shown however old they are, with their time; what is derived from them only while
    they are held. Without data the level of an open incident stays, any other is unknown.
    """
    outdoor = climate.outdoor_temperature
    return RoomCondition(
        room_id=room_id,
        evaluated_at=now,
        temperature=_observation(climate.temperature.newest(now)),
        humidity=_observation(climate.humidity.newest(now)),
        outdoor_temperature=_observation(outdoor.newest(now)) if outdoor is not None else None,
        dew_point_c=_dew_point_c(climate, now),
        surface=_rounded(assessment.surface),
        level=_level(assessment, incident),
        reason=_reason(climate, now, assessment, incident),
        at_risk=_at_risk(assessment, incident),
        evidence=assessment.evidence,
        incident=None if incident is None else incident.summary,
        incidents=tuple(one.summary for one in incidents),
    )


def _observation(point: Point | None) -> Observation | None:
    return None if point is None else Observation(value=point.value, ts=point.ts)


def _dew_point_c(climate: Climate, now: datetime) -> float | None:
    temperature_c = climate.temperature.value_at(now)
    humidity_pct = climate.humidity.value_at(now)
    if temperature_c is None or humidity_pct is None:
        return None
    dew_c = dew_point_c(temperature_c, humidity_pct)
    return None if dew_c is None else round(dew_c, _DIGITS)


def _rounded(surface: Surface | None) -> Surface | None:
    if surface is None:
        return None
    return Surface(
        temperature_c=round(surface.temperature_c, _DIGITS),
        humidity_pct=round(surface.humidity_pct, _DIGITS),
        critical_humidity_pct=round(surface.critical_humidity_pct, _DIGITS),
    )


def _is_risk(incident: Incident | None) -> bool:
    return incident is not None and incident.state.is_risk


def _at_risk(assessment: Assessment, incident: Incident | None) -> bool | None:
    if _is_risk(incident):
        return True
    return False if assessment.is_known else None


def _level(assessment: Assessment, incident: Incident | None) -> Level | None:
    if incident is not None and (assessment.is_known or incident.state.is_risk):
        return incident.level
    return Level.NONE if assessment.is_known else None


def _reason(
    climate: Climate, now: datetime, assessment: Assessment, incident: Incident | None
) -> Reason:
    if not assessment.is_known:
        has_air = (
            climate.temperature.value_at(now) is not None
            and climate.humidity.value_at(now) is not None
        )
        return Reason.NO_OUTDOOR_DATA if has_air else Reason.NO_DATA
    if incident is None:
        return Reason.DAMP_BUILDING_UP if assessment.is_damp else Reason.DRY
    match incident.state:
        case IncidentState.OPEN:
            return Reason.SURFACE_DAMP
        case IncidentState.VERIFYING if assessment.is_damp:
            return Reason.DAMP_BUILDING_UP
        case _:
            return Reason.DRYING
