"""The rule "mould_level": what the mould index and its forecast say of a room's surface.

It opens at level warning: first growth is forecast within weeks, or is there. It is over when the
forecast says so by a margin, or when the surface has been safely dry for a day; not while the
index itself is high: what has grown does not go by drying. Level watch is shown, and is no
incident.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mould_watch.domain.condition import Level, Surface
from mould_watch.domain.configuration import RoomConfiguration
from mould_watch.domain.mould.band import BandState
from mould_watch.domain.mould_outlook import DEFAULT_MARGIN_PCT, MouldOutlook
from mould_watch.domain.rules.kinds import RuleKind
from mould_watch.domain.surface_state import is_damp, is_dry
from mould_watch.domain.verdict import Judged, Verdict

RULE_ID: Final = RuleKind.MOULD_LEVEL.value
DEFAULT_RECOVERY_H: Final = 24.0
"""A day without a damp hour: with a shower a day it has not recovered."""

# Sums of durations are floats: six hours must be six hours.
_TOLERANCE_H: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Recovery:
    """When the surface is dry enough for an incident to end: %RH below critical, for hours."""

    margin_pct: float = DEFAULT_MARGIN_PCT
    hours: float = DEFAULT_RECOVERY_H

    @classmethod
    def of(cls, room: RoomConfiguration) -> Recovery:
        """Return that of a room: what the user set, else the defaults."""
        margin_pct, hours = room.recovery_margin_pct, room.recovery_hours
        return cls(
            DEFAULT_MARGIN_PCT if margin_pct is None else margin_pct,
            DEFAULT_RECOVERY_H if hours is None else hours,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class MouldFacts:
    """What a room's mould is judged by at one moment.

    `outlook` is that of the hours that are over; None: they are not done yet. `surface` is that
    of now; None: not known. `dry_hours` are those of the outlook and of the hour that lasts.
    """

    outlook: MouldOutlook | None
    band: BandState
    surface: Surface | None
    dry_hours: float
    coverage: float | None = None


def judge_mould_level(facts: MouldFacts, recovery: Recovery, now: datetime) -> Judged:
    """Judge the mould of a room at `now`."""
    outlook, surface = facts.outlook, facts.surface
    level = outlook.level if outlook else None
    if outlook is None or level is None or surface is None:
        # too little is known: nothing begins, moves or ends
        return Judged(Verdict(rule_id=RULE_ID, is_known=False, evidence=_evidence(facts)))
    is_risk = level.rank >= Level.WARNING.rank
    has_grown = level.rank >= Level.HIGH.rank
    dry = is_dry(surface, recovery.margin_pct)
    enough_h = recovery.hours - _TOLERANCE_H
    is_drying = dry and not has_grown
    verdict = Verdict(
        rule_id=RULE_ID,
        is_known=True,
        level=level,
        is_breach=has_grown or (is_risk and is_damp(surface)),
        is_verified=is_risk,
        is_clear=not is_risk or is_drying,
        is_recovered=not is_risk or (is_drying and facts.dry_hours >= enough_h),
        breach_since=(outlook.damp_since or now) if is_risk else outlook.damp_since,
        evidence=_evidence(facts),
    )
    recovered_at = now + timedelta(hours=recovery.hours - facts.dry_hours)
    return Judged(verdict, (recovered_at,) if is_drying and recovered_at > now else ())


def _evidence(facts: MouldFacts) -> dict[str, object]:
    """Return the numbers behind it; null where nothing is known."""
    outlook = facts.outlook
    lowest, highest = facts.band.bounds
    return {
        "index": round(facts.band.mid.index, 3),
        "index_low": round(lowest, 3),
        "index_high": round(highest, 3),
        "peak": round(facts.band.mid.peak, 3),
        "coverage": facts.coverage,
        "days": outlook and outlook.first_growth.days,
        "days_low": outlook and outlook.first_growth.days_low,
        "days_high": outlook and outlook.first_growth.days_high,
        **(outlook.evidence.model_dump(mode="json", exclude={"since", "words"}) if outlook else {}),
    }
