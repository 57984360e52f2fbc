"""The life of an incident: a small machine, told a rule's verdict, answering with its steps.

    (none) -> verifying -> open <-> recovering -> resolved
                  |         |            |
              dismissed  retired      retired        (verifying may be retired as well)

While open its level rises and falls. Beside all this a person may have seen it, or have put it
off until a time; a rise in level ends both. Missing data never moves it; only taking away the
rule or the subject does without data.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from mould_watch.domain.condition import IncidentSummary, Level
from mould_watch.domain.verdict import Verdict


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
        """Whether what the rule warns of is there in this state."""
        return self in {IncidentState.OPEN, IncidentState.RECOVERING}


_LIVE: Final = frozenset({IncidentState.VERIFYING, IncidentState.OPEN, IncidentState.RECOVERING})

LAWFUL: Final = frozenset(
    {
        (None, IncidentState.VERIFYING),
        (IncidentState.VERIFYING, IncidentState.OPEN),
        (IncidentState.VERIFYING, IncidentState.DISMISSED),
        (IncidentState.VERIFYING, IncidentState.RETIRED),
        # with another level
        (IncidentState.OPEN, IncidentState.OPEN),
        (IncidentState.OPEN, IncidentState.RECOVERING),
        (IncidentState.OPEN, IncidentState.RETIRED),
        (IncidentState.RECOVERING, IncidentState.OPEN),
        (IncidentState.RECOVERING, IncidentState.RESOLVED),
        (IncidentState.RECOVERING, IncidentState.RETIRED),
    }
)
"""Every pair of states a verdict may step between; the database refuses all others."""


class Cause(StrEnum):
    """What made an incident take a step. Same words as the database's transition.cause."""

    # a verdict, or the end of its rule or subject
    JUDGED = "judged"
    # a person has seen it
    SEEN = "seen"
    # a person wants to hear of it later
    SNOOZED = "snoozed"
    UNSNOOZED = "unsnoozed"
    # the time it was put off until has come
    SNOOZE_ENDED = "snooze_ended"


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
    acknowledged_at: datetime | None = None
    snoozed_until: datetime | None = None
    # the level it had when a person last saw it or put it off
    handled_level: Level | None = None

    @property
    def summary(self) -> IncidentSummary:
        """What is shown of it."""
        return IncidentSummary(
            incident_id=self.incident_id,
            rule_id=self.rule_id,
            state=self.state.value,
            level=self.level,
            since=self.opened_at or self.breach_since,
            acknowledged_at=self.acknowledged_at,
            snoozed_until=self.snoozed_until,
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One transition to write, and the level the incident has from then on."""

    from_state: IncidentState | None
    to_state: IncidentState
    level: Level
    cause: Cause = Cause.JUDGED


def steps(incident: Incident | None, verdict: Verdict) -> tuple[Step, ...]:
    """Return the transitions that bring an incident to what its rule says now.

    `incident` None: there is no live one. Several at once happen when readings come late.
    """
    state = incident.state if incident else None
    level = incident.level if incident else Level.NONE
    taken: list[Step] = []
    while (step := _next(state, level, verdict)) is not None:
        taken.append(step)
        state, level = step.to_state, step.level
    return tuple(taken)


def retirement(incident: Incident) -> Step:
    """Return the transition of a live incident whose rule or subject was taken away."""
    return Step(incident.state, IncidentState.RETIRED, incident.level)


def after(incident: Incident, step: Step, at: datetime) -> Incident:
    """Return how the incident stands after `step` at the time `at`.

    A level above the one that a person saw or put off wants to be heard of anew.
    """
    handled = incident.handled_level
    if step.to_state is IncidentState.OPEN:
        incident = replace(incident, opened_at=incident.opened_at or at)
        if handled is not None and step.level.rank > handled.rank:
            incident = replace(
                incident, acknowledged_at=None, snoozed_until=None, handled_level=None
            )
    return replace(incident, state=step.to_state, level=step.level, sequence=incident.sequence + 1)


def _next(state: IncidentState | None, level: Level, verdict: Verdict) -> Step | None:
    if not verdict.is_known:
        return None
    # an incident that ends keeps the level it was about
    match state:
        case None if verdict.level is not Level.NONE and not verdict.is_recovered:
            return Step(None, IncidentState.VERIFYING, Level.WATCH)
        case IncidentState.VERIFYING if verdict.is_recovered or verdict.breach_since is None:
            return Step(state, IncidentState.DISMISSED, level)
        case IncidentState.VERIFYING if verdict.is_verified:
            return Step(state, IncidentState.OPEN, verdict.level)
        case IncidentState.OPEN if verdict.is_clear:
            return Step(state, IncidentState.RECOVERING, level)
        case IncidentState.OPEN if verdict.level not in {level, Level.NONE}:
            return Step(state, IncidentState.OPEN, verdict.level)
        case IncidentState.RECOVERING if verdict.is_breach:
            return Step(
                state, IncidentState.OPEN, level if verdict.level is Level.NONE else verdict.level
            )
        case IncidentState.RECOVERING if verdict.is_recovered:
            return Step(state, IncidentState.RESOLVED, level)
        case _:
            return None
