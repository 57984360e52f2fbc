"""The present condition of a room: what an evaluation leaves and Home Assistant shows."""

from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Level(StrEnum):
    """How serious it is, in rising order. Same words as the database's risk_level."""

    NONE = "none"
    WATCH = "watch"
    WARNING = "warning"
    HIGH = "high"
    DAMAGE = "damage"

    @property
    def rank(self) -> int:
        """Its place in the order, from 0: the words themselves do not sort."""
        return _RANKS[self]


_RANKS: Final = {level: rank for rank, level in enumerate(Level)}


class Reason(StrEnum):
    """Why the level is what it is."""

    DRY = "dry"
    DAMP_BUILDING_UP = "damp_building_up"
    SURFACE_DAMP = "surface_damp"
    DRYING = "drying"
    NO_DATA = "no_data"
    NO_OUTDOOR_DATA = "no_outdoor_data"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Observation(_Part):
    """The newest value of a metric that counts, and its time."""

    value: float
    ts: datetime


class Surface(_Part):
    """The surface now: what the air does to it."""

    temperature_c: float
    humidity_pct: float
    critical_humidity_pct: float


class Evidence(_Part):
    """The numbers behind level and reason, over the rule's window (24 h)."""

    damp_hours: float
    damp_readings: int
    required_damp_hours: float
    required_damp_readings: int
    window_hours: float
    # share of the window with data, 0..1
    coverage: float


class IncidentSummary(_Part):
    """A live incident."""

    incident_id: UUID
    rule_id: str
    state: str
    level: Level
    since: datetime
    acknowledged_at: datetime | None = None
    snoozed_until: datetime | None = None


class SubjectCondition(_Part):
    """What there is to say of any subject: a device and the backend have no more."""

    evaluated_at: datetime
    # the live ones of all its rules, in the order of the rules
    incidents: tuple[IncidentSummary, ...] = ()


class RoomCondition(SubjectCondition):
    """A room as it is. `None` is "not known", never a guess."""

    room_id: UUID
    temperature: Observation | None = None
    humidity: Observation | None = None
    outdoor_temperature: Observation | None = None
    dew_point_c: float | None = None
    surface: Surface | None = None
    level: Level | None = None
    reason: Reason
    # the mould risk: True while an incident is open (also without data), None when unknown
    at_risk: bool | None = None
    evidence: Evidence | None = None
    # the one about mould
    incident: IncidentSummary | None = None
