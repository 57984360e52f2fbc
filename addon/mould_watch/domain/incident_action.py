"""What people do with an incident: they have seen it, or want to hear of it again later.

Beside its state an incident is acknowledged, or put off until a time, or neither: the later of
the two counts. Neither moves its state or level.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, assert_never
from uuid import UUID

from mould_watch.domain.incident import Cause, Incident, Step

LONGEST_SNOOZE: Final = timedelta(days=31)
"""Who wants to hear nothing for longer switches the rule off."""


class Action(StrEnum):
    """What a person did. Same words as the database's incident_action.action."""

    SEEN = "seen"
    SNOOZE = "snooze"
    UNSNOOZE = "unsnooze"


class ActionOutcome(StrEnum):
    """What became of an action. Same words as the database's incident_action.outcome."""

    DONE = "done"
    # it was so already
    UNCHANGED = "unchanged"
    # the incident had ended
    OVER = "over"
    # there is no such incident
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What an action came to; `is_repeated`: this very press had been taken before."""

    outcome: ActionOutcome
    is_repeated: bool = False
    # how the incident stands now; None: there is no such incident
    incident: Incident | None = None
    subject_id: int | None = None
    # the transition it wrote, now or when it was taken first; None: it changed nothing
    transition_id: int | None = None


@dataclass(frozen=True, slots=True)
class Handling:
    """A step that a person, or the end of a snooze, makes an incident take."""

    step: Step
    # how it stands then
    incident: Incident
    # the numbers behind it, as JSON has them
    evidence: dict[str, str]


def handle(
    incident: Incident, action: Action, at: datetime, until: datetime | None, action_id: UUID
) -> Handling | None:
    """Return the step that `action` makes a live incident take; None: it is so already.

    `until` belongs to SNOOZE alone. Raises ValueError when it is missing, not in the future or
    more than 31 days away.
    """
    evidence = {"action_id": str(action_id)}
    match action:
        case Action.SEEN:
            if incident.acknowledged_at is not None:
                return None
            cause = Cause.SEEN
            changed = replace(
                incident, acknowledged_at=at, snoozed_until=None, handled_level=incident.level
            )
        case Action.SNOOZE:
            if until is None or not at < until <= at + LONGEST_SNOOZE:
                raise ValueError("an incident is put off until a time within the next 31 days")
            if incident.snoozed_until == until:
                return None
            cause = Cause.SNOOZED
            evidence["until"] = until.isoformat()
            changed = replace(
                incident, acknowledged_at=None, snoozed_until=until, handled_level=incident.level
            )
        case Action.UNSNOOZE:
            if incident.snoozed_until is None:
                return None
            cause = Cause.UNSNOOZED
            changed = replace(incident, snoozed_until=None, handled_level=None)
        case _:
            assert_never(action)
    return _handling(incident, changed, cause, evidence)


def end_of_snooze(incident: Incident, now: datetime) -> Handling | None:
    """Return the step of a live incident that was put off until a time that has come."""
    until = incident.snoozed_until
    if until is None or now < until or not incident.state.is_live:
        return None
    changed = replace(incident, snoozed_until=None, handled_level=None)
    return _handling(incident, changed, Cause.SNOOZE_ENDED, {"until": until.isoformat()})


def _handling(
    before: Incident, changed: Incident, cause: Cause, evidence: dict[str, str]
) -> Handling:
    step = Step(before.state, before.state, before.level, cause)
    return Handling(step, replace(changed, sequence=before.sequence + 1), evidence)
