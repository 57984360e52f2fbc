"""The life of an incident: a small machine, told what the rule says, answering with its steps.

    (none) -> verifying -> open <-> recovering -> resolved
                  |         |            |
              dismissed  retired      retired        (verifying may be retired as well)

Missing data never moves it; only taking away the rule or the room does without data.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from mould_watch.domain.condition import Level
from mould_watch.domain.surface_damp import Assessment


class IncidentState(StrEnum):
    """Where an incident stands. Same words as the database's incident_state."""

    VERIFYING = "verifying"
    OPEN = "open"
    RECOVERING = "recovering"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"
    RETIRED = "retired"

    @property
    def is_live(self) -> bool:
        """Whether it has not ended."""
        return self in _LIVE

    @property
    def is_risk(self) -> bool:
        """Whether there is a mould risk in this state."""
        return self in {IncidentState.OPEN, IncidentState.RECOVERING}


_LIVE: Final = frozenset({IncidentState.VERIFYING, IncidentState.OPEN, IncidentState.RECOVERING})

LAWFUL: Final = frozenset(
    {
        (None, IncidentState.VERIFYING),
        (IncidentState.VERIFYING, IncidentState.OPEN),
        (IncidentState.VERIFYING, IncidentState.DISMISSED),
        (IncidentState.VERIFYING, IncidentState.RETIRED),
        (IncidentState.OPEN, IncidentState.RECOVERING),
        (IncidentState.OPEN, IncidentState.RETIRED),
        (IncidentState.RECOVERING, IncidentState.OPEN),
        (IncidentState.RECOVERING, IncidentState.RESOLVED),
        (IncidentState.RECOVERING, IncidentState.RETIRED),
    }
)
"""Every pair of states an incident may step between; the database refuses all others."""


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as it stands; `sequence` is the number of its latest transition."""

    incident_id: UUID
    rule_id: str
    state: IncidentState
    level: Level
    breach_since: datetime
    opened_at: datetime | None
    sequence: int


@dataclass(frozen=True, slots=True)
class Step:
    """One transition to write, and the level the incident has from then on."""

    from_state: IncidentState | None
    to_state: IncidentState
    level: Level


# surface_damp knows how long it has been damp, not how far mould has grown: never above warning.
_LEVEL: Final = {IncidentState.VERIFYING: Level.WATCH}


def level_in(state: IncidentState) -> Level:
    """Return the level of an incident in a live state: watch while verifying, then warning."""
    return _LEVEL.get(state, Level.WARNING)


def steps(state: IncidentState | None, assessment: Assessment) -> tuple[Step, ...]:
    """Return the transitions that bring an incident from `state` to what the rule says now.

    `state` None: there is no live incident. Several at once happen when readings come late.
    """
    taken: list[Step] = []
    while (to_state := _next(state, assessment)) is not None:
        # an incident that ends keeps the level it was about
        level = level_in(to_state if to_state.is_live or state is None else state)
        taken.append(Step(state, to_state, level))
        state = to_state
    return tuple(taken)


def retirement(state: IncidentState) -> Step:
    """Return the transition of a live incident whose rule or room was taken away."""
    return Step(state, IncidentState.RETIRED, level_in(state))


def _next(state: IncidentState | None, assessment: Assessment) -> IncidentState | None:
    if not assessment.is_known:
        return None
    match state:
        case None if assessment.is_building_up and not assessment.is_recovered:
            return IncidentState.VERIFYING
        case IncidentState.VERIFYING if assessment.is_recovered or not _has_damp(assessment):
            return IncidentState.DISMISSED
        case IncidentState.VERIFYING if assessment.is_verified:
            return IncidentState.OPEN
        case IncidentState.OPEN if assessment.is_dry:
            return IncidentState.RECOVERING
        case IncidentState.RECOVERING if assessment.is_damp:
            return IncidentState.OPEN
        case IncidentState.RECOVERING if assessment.is_recovered:
            return IncidentState.RESOLVED
        case _:
            return None


def _has_damp(assessment: Assessment) -> bool:
    return assessment.damp_since is not None
