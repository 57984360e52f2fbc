"""A room as the backend judged it: the wire's RoomCondition as frozen dataclasses.

`None` is "not known" everywhere, never a guess. Units are in the names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Self

from homeassistant.util import dt as dt_util

# an incident in one of these is what its rule warns of
RISK_STATES: Final = frozenset({"open", "recovering"})
# the kinds of rules that "at risk" is about, that of earlier versions among them
MOULD_RULES: Final = frozenset({"mould_level", "surface_damp"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """A value and when it was measured."""

    value: float
    ts: datetime | None

    @classmethod
    def from_wire(cls, data: Mapping[str, Any] | None) -> Self | None:
        """Read an `Observation`; None stays None."""
        if data is None:
            return None
        return cls(value=float(data["value"]), ts=dt_util.parse_datetime(str(data["ts"])))


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """A room as it is; the last five are as the backend spells them."""

    temperature: Observation | None = None
    humidity: Observation | None = None
    dew_point_c: float | None = None
    absolute_humidity_g_m3: float | None = None
    outdoor_absolute_humidity_g_m3: float | None = None
    surface_temperature_c: float | None = None
    surface_humidity_pct: float | None = None
    critical_humidity_pct: float | None = None
    level: str | None = None
    reason: str | None = None
    at_risk: bool | None = None
    incident_since: str | None = None
    # all that are open, whatever they are about
    incident_ids: tuple[str, ...] = ()
    # the kinds of those of them that are about something else than mould
    other_troubles: tuple[str, ...] = ()
    learning_until: str | None = None
    # share of the hours with data, 0..1
    coverage: float | None = None
    lowest_safe_temperature_c: float | None = None
    highest_safe_humidity_pct: float | None = None
    mould_index: Mapping[str, Any] = field(default_factory=dict)
    first_growth: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    airing: Mapping[str, Any] = field(default_factory=dict)
    drying: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Self:
        """Read a `RoomCondition`."""
        surface = data.get("surface") or {}
        incident = data.get("incident") or {}
        return cls(
            temperature=Observation.from_wire(data.get("temperature")),
            humidity=Observation.from_wire(data.get("humidity")),
            dew_point_c=data.get("dew_point_c"),
            absolute_humidity_g_m3=data.get("absolute_humidity_g_m3"),
            outdoor_absolute_humidity_g_m3=data.get("outdoor_absolute_humidity_g_m3"),
            surface_temperature_c=surface.get("temperature_c"),
            surface_humidity_pct=surface.get("humidity_pct"),
            critical_humidity_pct=surface.get("critical_humidity_pct"),
            level=text_or_none(data.get("level")),
            reason=text_or_none(data.get("reason")),
            at_risk=data.get("at_risk"),
            incident_since=text_or_none(incident.get("since")),
            incident_ids=incident_ids(data),
            other_troubles=_other_troubles(data),
            learning_until=text_or_none(data.get("learning_until")),
            coverage=data.get("coverage"),
            lowest_safe_temperature_c=data.get("lowest_safe_temperature_c"),
            highest_safe_humidity_pct=data.get("highest_safe_humidity_pct"),
            mould_index=dict(data.get("mould_index") or {}),
            first_growth=dict(data.get("first_growth") or {}),
            evidence=dict(data.get("mould_evidence") or {}),
            airing=dict(data.get("airing") or {}),
            drying=dict(data.get("drying") or {}),
        )


def _other_troubles(condition: Mapping[str, Any]) -> tuple[str, ...]:
    # a threshold's id follows its kind
    kinds = {str(one["rule_id"]).partition(":")[0] for one in _open_incidents(condition)}
    return tuple(sorted(kinds - MOULD_RULES))


def incident_ids(condition: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the open incidents of a condition: a room's, a device's, the backend's."""
    return tuple(str(incident["incident_id"]) for incident in _open_incidents(condition))


def breached_rules(condition: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the rules that open incidents of a condition are about."""
    return tuple(str(incident["rule_id"]) for incident in _open_incidents(condition))


def _open_incidents(condition: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in condition.get("incidents") or () if one["state"] in RISK_STATES]


def text_or_none(value: object) -> str | None:
    """Return the value as text; None stays None."""
    return None if value is None else str(value)
