"""A room as it is shown: the newest values, the surface now, mould, level, reason and risk."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from mould_watch.domain.advice import (
    AiringAdvice,
    highest_safe_humidity_pct,
    lowest_safe_temperature_c,
)
from mould_watch.domain.climate import Air, Climate, Point
from mould_watch.domain.condition import (
    Airing,
    Drying,
    FirstGrowth,
    Level,
    MouldEvidence,
    MouldIndex,
    Observation,
    Outlook,
    OutlookReason,
    Reason,
    RoomCondition,
    Surface,
)
from mould_watch.domain.drying import DryingSummary
from mould_watch.domain.evidence_words import Reader, evidence_words
from mould_watch.domain.incident import Incident, IncidentState
from mould_watch.domain.mould.level import DEFAULT_DAMP_PCT, ENOUGH_H
from mould_watch.domain.psychrometrics import absolute_humidity_g_m3, dew_point_c
from mould_watch.domain.rules.mould_level import MouldFacts
from mould_watch.domain.surface import SurfaceModel
from mould_watch.domain.surface_state import is_damp

# Far below what a sensor resolves; keeps the unrecorded digits of floats out of the condition.
_DIGITS: Final = 2
_INDEX_DIGITS: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class RoomView:
    """All that is known of a room at `now`. `felt` is the air as its surface feels it."""

    room_id: UUID
    now: datetime
    climate: Climate
    felt: Air
    model: SurfaceModel
    facts: MouldFacts
    # since when the index is counted, None: nothing is known yet; and whether somebody told it
    since: datetime | None
    is_told: bool
    airing: AiringAdvice
    # the rule says that what was forecast is over, though the damp hours are of this week
    is_recovered: bool = False
    drying: DryingSummary | None = None
    # from where its surface counts as damp, and who reads about it
    damp_pct: float = DEFAULT_DAMP_PCT
    reader: Reader = field(default_factory=Reader)


def room_condition(view: RoomView, live: Sequence[Incident], rule_id: str) -> RoomCondition:
    """Return the condition of a room with its live incidents; `rule_id` is the rule of mould.

    Values are shown however old they are, with their time; what is derived from them only while
    they are held. Without data the level of an open incident stays, any other is unknown.
    """
    climate, now, facts = view.climate, view.now, view.facts
    outdoor = climate.outdoor_temperature
    incident = next((one for one in live if one.rule_id == rule_id), None)
    return RoomCondition(
        room_id=view.room_id,
        evaluated_at=now,
        temperature=_observation(climate.temperature.newest(now)),
        humidity=_observation(climate.humidity.newest(now)),
        outdoor_temperature=_observation(outdoor.newest(now)) if outdoor is not None else None,
        dew_point_c=_dew_point_c(climate, now),
        absolute_humidity_g_m3=_g_m3(
            climate.temperature.value_at(now), climate.humidity.value_at(now)
        ),
        outdoor_absolute_humidity_g_m3=_g_m3(
            *(
                None if series is None else series.value_at(now)
                for series in (outdoor, climate.outdoor_humidity)
            )
        ),
        surface=_rounded(facts.surface),
        mould_index=_index(view),
        first_growth=_first_growth(view),
        level=_level(view, incident),
        reason=_reason(view, incident),
        learning_until=_learning_until(facts, now),
        coverage=facts.coverage,
        mould_evidence=_evidence(view, incident),
        at_risk=_at_risk(view, incident),
        airing=_airing(view.airing),
        lowest_safe_temperature_c=_lowest_safe_c(view),
        highest_safe_humidity_pct=_highest_safe_pct(view),
        drying=_drying(view.drying),
        incident=None if incident is None else incident.summary,
        incidents=tuple(one.summary for one in live),
    )


def _evidence(view: RoomView, incident: Incident | None) -> MouldEvidence | None:
    outlook = view.facts.outlook
    if outlook is None:
        return None
    since = None if incident is None else incident.breach_since
    evidence = outlook.evidence.model_copy(update={"since": since})
    words = evidence_words(
        _level(view, incident),
        evidence,
        outlook.first_growth,
        view.facts.surface,
        view.now,
        damp_pct=view.damp_pct,
        reader=view.reader,
    )
    return evidence.model_copy(update={"words": words})


def _observation(point: Point | None) -> Observation | None:
    return None if point is None else Observation(value=point.value, ts=point.ts)


def _dew_point_c(climate: Climate, now: datetime) -> float | None:
    temperature_c = climate.temperature.value_at(now)
    humidity_pct = climate.humidity.value_at(now)
    if temperature_c is None or humidity_pct is None:
        return None
    return _round(dew_point_c(temperature_c, humidity_pct))


def _g_m3(temperature_c: float | None, humidity_pct: float | None) -> float | None:
    if temperature_c is None or humidity_pct is None:
        return None
    return _round(absolute_humidity_g_m3(temperature_c, humidity_pct))


def _rounded(surface: Surface | None) -> Surface | None:
    if surface is None:
        return None
    return Surface(
        temperature_c=round(surface.temperature_c, _DIGITS),
        humidity_pct=round(surface.humidity_pct, _DIGITS),
        critical_humidity_pct=round(surface.critical_humidity_pct, _DIGITS),
    )


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _index(view: RoomView) -> MouldIndex | None:
    if view.since is None:
        return None
    band = view.facts.band
    lowest, highest = band.bounds
    return MouldIndex(
        value=round(band.mid.index, _INDEX_DIGITS),
        low=round(lowest, _INDEX_DIGITS),
        high=round(highest, _INDEX_DIGITS),
        peak=round(band.mid.peak, _INDEX_DIGITS),
        since=view.since,
        is_told=view.is_told,
    )


def _first_growth(view: RoomView) -> FirstGrowth:
    outlook = view.facts.outlook
    if outlook is not None and outlook.first_growth.outlook is not Outlook.UNKNOWN:
        return outlook.first_growth
    missing = _missing(view)
    reason = {
        Reason.NO_DATA: OutlookReason.NO_DATA,
        Reason.NO_OUTDOOR_DATA: OutlookReason.NO_OUTDOOR_DATA,
    }.get(missing or Reason.LEARNING, OutlookReason.LEARNING)
    return FirstGrowth(outlook=Outlook.UNKNOWN, reason=reason)


def _learning_until(facts: MouldFacts, now: datetime) -> datetime | None:
    """Return when a day of readings will be there if they go on; None: it is."""
    outlook = facts.outlook
    if outlook is None or outlook.level is not None or facts.surface is None:
        return None
    missing = timedelta(hours=max(0.0, ENOUGH_H - outlook.known_hours))
    return (now + missing).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def _is_risk(incident: Incident | None) -> bool:
    return incident is not None and incident.state.is_risk


def _at_risk(view: RoomView, incident: Incident | None) -> bool | None:
    """Return whether mould is at hand; a rule that is switched off makes no room safe."""
    level = _level(view, incident)
    return None if level is None else level.rank >= Level.WARNING.rank


def _level(view: RoomView, incident: Incident | None) -> Level | None:
    if incident is not None and incident.state.is_risk:
        return incident.level
    outlook = view.facts.outlook
    if outlook is None or outlook.level is None or view.facts.surface is None:
        return None
    is_over = view.is_recovered and outlook.level is Level.WARNING
    return Level.NONE if is_over else outlook.level


def _missing(view: RoomView) -> Reason | None:
    """Return what is missing for the surface to be known now; None: nothing is."""
    if view.facts.surface is not None:
        return None
    has_air = (
        view.climate.temperature.value_at(view.now) is not None
        and view.climate.humidity.value_at(view.now) is not None
    )
    return Reason.NO_OUTDOOR_DATA if has_air and view.model.needs_outdoor else Reason.NO_DATA


def _reason(view: RoomView, incident: Incident | None) -> Reason:
    facts = view.facts
    missing = _missing(view)
    if missing is not None:
        return missing
    if facts.outlook is None or facts.outlook.level is None:
        return Reason.LEARNING
    if incident is not None and incident.state is IncidentState.RECOVERING:
        return Reason.DRYING
    if facts.outlook.level.rank >= Level.HIGH.rank:
        return Reason.MOULD
    if _is_risk(incident):
        return Reason.SURFACE_DAMP
    is_damp_now = facts.surface is not None and is_damp(facts.surface)
    return (
        Reason.DAMP_BUILDING_UP
        if is_damp_now or _level(view, incident) is not Level.NONE
        else Reason.DRY
    )


def _airing(advice: AiringAdvice) -> Airing:
    return Airing(
        effect=advice.effect,
        minutes=advice.minutes,
        difference_g_m3=_round(advice.difference_g_m3),
    )


def _drying(summary: DryingSummary | None) -> Drying | None:
    if summary is None or not summary.events:
        return None
    return Drying(
        half_time_minutes=_round(summary.half_time_minutes),
        trend=summary.trend,
        events=summary.events,
    )


def _lowest_safe_c(view: RoomView) -> float | None:
    """Return the lowest safe room temperature; None where heating is no way, or nobody knows."""
    air, f_rsi = view.felt, view.model.f_rsi
    outdoor_c = air.outdoor_temperature_c if view.model.needs_outdoor else air.temperature_c
    if air.temperature_c is None or air.humidity_pct is None or f_rsi is None or outdoor_c is None:
        return None
    return _round(lowest_safe_temperature_c(air.temperature_c, air.humidity_pct, outdoor_c, f_rsi))


def _highest_safe_pct(view: RoomView) -> float | None:
    indoor_c, surface = view.felt.temperature_c, view.facts.surface
    if indoor_c is None or surface is None:
        return None
    return _round(highest_safe_humidity_pct(indoor_c, surface.temperature_c))
