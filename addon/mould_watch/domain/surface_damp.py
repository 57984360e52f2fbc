"""The rule "surface_damp": the coldest surface has been damp enough for mould for too long.

Damp: the relative humidity at the surface is at or above the critical one. It counts by
duration and by number of readings within the last 24 h; neither need be consecutive. Dry: below
the critical humidity by a margin. Between the two nothing changes its mind (hysteresis).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mould_watch.domain.climate import Climate
from mould_watch.domain.condition import Evidence, Level, Surface
from mould_watch.domain.configuration import RoomConfiguration
from mould_watch.domain.surface import SurfaceModel
from mould_watch.domain.surface_state import is_damp, is_dry, surface_now
from mould_watch.domain.verdict import Verdict

RULE_ID: Final = "surface_damp"
WINDOW: Final = timedelta(hours=24)
BUILDING_UP_SHARE: Final = 0.5
"""Half of the required hours is worth watching: it has happened, it may yet go by itself."""

# Sums of durations are floats: six hours must be six hours.
_TOLERANCE_H: Final = 1e-9


@dataclass(frozen=True, slots=True)
class SurfaceDampRule:
    """The thresholds. Hours within 24 h, a count of readings, %RH below critical, hours."""

    damp_hours: float = 6.0
    damp_readings: int = 6
    recovery_margin_pct: float = 5.0
    recovery_hours: float = 6.0

    @classmethod
    def of(cls, room: RoomConfiguration) -> SurfaceDampRule:
        """Return the rule of a room: what the user set, else the defaults."""
        chosen = {
            "damp_hours": room.damp_hours,
            "damp_readings": room.damp_readings,
            "recovery_margin_pct": room.recovery_margin_pct,
            "recovery_hours": room.recovery_hours,
        }
        return cls(**{name: value for name, value in chosen.items() if value is not None})  # type: ignore[arg-type]

    @property
    def building_up_hours(self) -> float:
        """The damp hours from which it is worth watching."""
        return self.damp_hours * BUILDING_UP_SHARE

    @property
    def lookback(self) -> timedelta:
        """How far back air matters: the window, or twice the recovery, so that gaps fit in."""
        return max(WINDOW, 2 * timedelta(hours=self.recovery_hours))


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the rule makes of a climate at one moment.

    `is_known` says whether there is data for that very moment: without, nothing may begin
    or end. `dry_hours` are those with data since the surface was last not dry.
    """

    is_known: bool
    surface: Surface | None
    is_damp: bool
    is_dry: bool
    dry_hours: float
    evidence: Evidence
    # when the first damp stretch that counts began; None: there is none
    damp_since: datetime | None
    is_building_up: bool
    is_verified: bool
    is_recovered: bool


def assess(
    climate: Climate,
    model: SurfaceModel,
    rule: SurfaceDampRule,
    now: datetime,
    counted_from: datetime | None = None,
) -> Assessment:
    """Judge the climate of the window that ends `now`.

    Dampness before `counted_from` does not count: it belongs to an incident that has been
    resolved, and would otherwise open the next one with the first drop.
    """
    window_start = now - WINDOW
    count_start = max(window_start, counted_from) if counted_from else window_start
    damp_hours = covered_hours = dry_hours = 0.0
    damp_readings = 0
    damp_since: datetime | None = None
    surface: Surface | None = None
    damp = dry = False
    for air in climate.pieces(now - rule.lookback, now, at=(window_start, count_start)):
        surface = surface_now(air, model)
        damp = surface is not None and is_damp(surface)
        dry = surface is not None and is_dry(surface, rule.recovery_margin_pct)
        if surface is not None:
            # a gap neither proves dryness nor ends it
            dry_hours = dry_hours + air.duration_h if dry else 0.0
            if air.start >= window_start:
                covered_hours += air.duration_h
        if damp and count_start <= air.start:
            damp_hours += air.duration_h
            damp_readings += air.is_humidity_reading
            damp_since = damp_since or air.start
    is_known = surface is not None
    is_recovered = is_known and dry_hours >= rule.recovery_hours - _TOLERANCE_H
    has_readings = damp_readings > 0
    return Assessment(
        is_known=is_known,
        surface=surface,
        is_damp=damp,
        is_dry=dry,
        dry_hours=dry_hours,
        evidence=Evidence(
            damp_hours=round(damp_hours, 2),
            damp_readings=damp_readings,
            required_damp_hours=rule.damp_hours,
            required_damp_readings=rule.damp_readings,
            window_hours=WINDOW / timedelta(hours=1),
            coverage=round(covered_hours / (WINDOW / timedelta(hours=1)), 3),
        ),
        damp_since=damp_since,
        is_building_up=has_readings and damp_hours >= rule.building_up_hours - _TOLERANCE_H,
        is_verified=(
            damp_hours >= rule.damp_hours - _TOLERANCE_H and damp_readings >= rule.damp_readings
        ),
        is_recovered=is_recovered,
    )


def verdict(assessment: Assessment) -> Verdict:
    """Return what the rule says by an assessment.

    It knows how long it has been damp, not how far mould has grown: never above warning.
    """
    return Verdict(
        rule_id=RULE_ID,
        is_known=assessment.is_known,
        level=Level.WARNING if assessment.is_building_up else Level.NONE,
        is_breach=assessment.is_damp,
        is_verified=assessment.is_verified,
        is_clear=assessment.is_dry,
        is_recovered=assessment.is_recovered,
        breach_since=assessment.damp_since,
        evidence=assessment.evidence.model_dump(mode="json"),
    )
