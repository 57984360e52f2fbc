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


class Certainty(StrEnum):
    """How sure a level is, by the band."""

    # a sensor that reads too high would not change it
    CERTAIN = "certain"
    # as measured
    LIKELY = "likely"


class Reason(StrEnum):
    """Why the level is what it is."""

    DRY = "dry"
    DAMP_BUILDING_UP = "damp_building_up"
    SURFACE_DAMP = "surface_damp"
    # mould grows, or has grown: the surface may be dry by now
    MOULD = "mould"
    DRYING = "drying"
    # fewer than 24 h of readings yet: the surface is shown as it is now, nothing is forecast
    LEARNING = "learning"
    NO_DATA = "no_data"
    NO_OUTDOOR_DATA = "no_outdoor_data"


class Outlook(StrEnum):
    """Whether mould will come if it goes on like this."""

    GROWING = "growing"
    NOT_EXPECTED = "not_expected"
    # never a guess: there is too little data to say so
    UNKNOWN = "unknown"


class OutlookReason(StrEnum):
    """Why the outlook is not a number of days."""

    # not expected
    TOO_DRY = "too_dry"
    TOO_COLD = "too_cold"
    TOO_HOT = "too_hot"
    STAYS_BELOW_GROWTH = "stays_below_growth"
    BEYOND_HORIZON = "beyond_horizon"
    # growing already: the mould index is 1 or more
    ALREADY_GROWING = "already_growing"
    # unknown
    LEARNING = "learning"
    NO_DATA = "no_data"
    NO_OUTDOOR_DATA = "no_outdoor_data"


class AiringEffect(StrEnum):
    """What opening a window does to a room now."""

    HELPS = "helps"
    HARMS = "harms"
    NEUTRAL = "neutral"
    UNKNOWN = "unknown"


class DryingTrend(StrEnum):
    """How a room dries after a shower, compared with before."""

    FASTER = "faster"
    STEADY = "steady"
    # a fan or a window that stopped helping shows here
    SLOWER = "slower"
    UNKNOWN = "unknown"


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


class MouldIndex(_Part):
    """The mould index (VTT, 0..6) of the running episode, with its band.

    `low` and `high` are what it would be if the humidity sensor read too high or too low by the
    assumed error. 1 is seen by a microscope only, 3 by the eye.
    """

    value: float
    low: float
    high: float
    # the greatest value of the episode: a falling index does not mean clean
    peak: float
    # since when it is counted: the first reading, the last cleaning, or what the user told
    since: datetime
    # whether it began with what the user said was there, not with 0
    is_told: bool = False


class FirstGrowth(_Part):
    """When mould first grows (index 1) if the next weeks are like the last, in days from now.

    `days` only where the outlook is growing. `days_low` is the soonest by the band, also where
    none is expected; `days_high` the latest, None where it may never come.
    """

    outlook: Outlook
    reason: OutlookReason | None = None
    days: float | None = None
    days_low: float | None = None
    days_high: float | None = None
    # the same if the surface stays as it was on average over the last 24 hours
    days_as_now: float | None = None
    days_as_now_low: float | None = None
    days_as_now_high: float | None = None
    reason_as_now: OutlookReason | None = None


class MouldEvidence(_Part):
    """Why the mould level is what it is, and what would end it. 24 h unless it says otherwise."""

    damp_hours: float
    known_hours: float
    # the lowest and the mean temperature of the surface
    surface_temperature_lowest_c: float | None = None
    surface_temperature_mean_c: float | None = None
    # since when the incident's breach lasts; None: there is none
    since: datetime | None = None
    # days of the last seven with so many damp hours that they count
    damp_days: int = 0
    # either of these at the surface ends it: so many K warmer, or the room's air so much drier
    warmer_k: float | None = None
    drier_pct: float | None = None
    # whether it is so even if the humidity sensor reads too high; and what it is at most
    certainty: Certainty | None = None
    at_most: Level | None = None
    # all of it as a person reads it, in the language of the home
    words: str | None = None


class Airing(_Part):
    """What opening a window does now: `minutes` are how long to, where it helps."""

    effect: AiringEffect
    minutes: int | None = None
    # inside minus outside
    difference_g_m3: float | None = None


class Drying(_Part):
    """How fast the room dries after a shower: the median of the last events."""

    half_time_minutes: float | None = None
    trend: DryingTrend = DryingTrend.UNKNOWN
    events: int = 0


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


class DeviceCondition(SubjectCondition):
    """A device as its rules see it."""

    # the rules that cannot say anything now, because there is no data for it
    unknown_rules: tuple[str, ...] = ()


class RoomCondition(SubjectCondition):
    """A room as it is. `None` is "not known", never a guess."""

    room_id: UUID
    temperature: Observation | None = None
    humidity: Observation | None = None
    outdoor_temperature: Observation | None = None
    dew_point_c: float | None = None
    # g of water in a m³ of air
    absolute_humidity_g_m3: float | None = None
    outdoor_absolute_humidity_g_m3: float | None = None
    surface: Surface | None = None
    mould_index: MouldIndex | None = None
    first_growth: FirstGrowth | None = None
    level: Level | None = None
    reason: Reason
    # until when there are too few readings to judge by, if they go on; None: there are enough
    learning_until: datetime | None = None
    # share of the hours of the last seven days (fewer in a young room) with data, 0..1
    coverage: float | None = None
    mould_evidence: MouldEvidence | None = None
    airing: Airing | None = None
    # no colder may the room be at its present moisture, no damper at its present temperature
    lowest_safe_temperature_c: float | None = None
    highest_safe_humidity_pct: float | None = None
    drying: Drying | None = None
    # the mould risk: True while an incident is open (also without data), None when unknown
    at_risk: bool | None = None
    # the one about mould
    incident: IncidentSummary | None = None
