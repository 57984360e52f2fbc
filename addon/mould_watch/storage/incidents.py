"""Incidents as they stand, and the steps they take, each guarded by the step before."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from mould_watch.domain.condition import Level
from mould_watch.domain.holding import Hold
from mould_watch.domain.incident import Cause, Incident, IncidentState, Step, after
from mould_watch.domain.incident_action import Handling
from mould_watch.domain.notification import Lane, LaneRow, NewNotification, NotificationKind
from mould_watch.errors import IllegalTransitionError
from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("incidents")

UNRELEASED: Final = timedelta(minutes=5)
"""So long after its time does a held notification go out by itself, with nobody to release it."""


async def live_incidents(connection: Connection, subject_id: int) -> list[Incident]:
    """Return the incidents of a subject that have not ended, in the order of their rules."""
    rows = await connection.fetch(_QUERIES.live_incidents, subject_id)
    return [_incident(dict(row)) for row in rows]


async def incident(connection: Connection, incident_id: UUID) -> Incident | None:
    """Return an incident, live or over; None: there is no such one."""
    row = await connection.fetchrow(_QUERIES.incident, incident_id)
    return None if row is None else _incident(dict(row))


def _incident(row: Mapping[str, Any]) -> Incident:
    handled_level = row["handled_level"]
    return Incident(
        incident_id=row["incident_id"],
        rule_id=row["rule_id"],
        state=IncidentState(row["state"]),
        level=Level(row["level"]),
        breach_since=row["breach_since"],
        opened_at=row["opened_at"],
        sequence=row["sequence"],
        acknowledged_at=row["acknowledged_at"],
        snoozed_until=row["snoozed_until"],
        handled_level=None if handled_level is None else Level(handled_level),
    )


async def related_incidents(connection: Connection, subject_id: int) -> tuple[Incident, ...]:
    """Return the live incidents that may explain one of a subject's.

    Its own, those of the rooms that read a device, and the backend's.
    """
    rows = await connection.fetch(_QUERIES.related_incidents, subject_id)
    return tuple(_incident(dict(row)) for row in rows)


async def said_levels(
    connection: Connection, incident_ids: Sequence[UUID]
) -> dict[UUID, dict[Lane, Level]]:
    """Return the gravest that was ever written of each incident to each target.

    Also what was withdrawn since: it was for that target to hear of.
    """
    said: dict[UUID, dict[Lane, Level]] = {}
    for row in await connection.fetch(_QUERIES.said_levels, incident_ids):
        lane = Lane(row["channel"], row["route"], row["target"])
        said.setdefault(row["incident_id"], {})[lane] = Level(row["severity"])
    return said


async def last_resolved_at(
    connection: Connection, subject_id: int, rule_id: str
) -> datetime | None:
    """Return when the last incident of a subject and rule was resolved."""
    at: datetime | None = await connection.fetchval(_QUERIES.last_resolved_at, subject_id, rule_id)
    return at


async def begin_incident(
    connection: Connection,
    subject_id: int,
    rule_id: str,
    step: Step,
    *,
    breach_since: datetime,
    at: datetime,
    evidence: Mapping[str, Any],
) -> tuple[Incident, int]:
    """Write a new incident with its first transition; return it and the transition's id."""
    incident_id: UUID = await connection.fetchval(
        _QUERIES.insert_incident,
        subject_id,
        rule_id,
        step.to_state.value,
        step.level.value,
        breach_since,
        dict(evidence),
    )
    incident = Incident(incident_id, rule_id, step.to_state, step.level, breach_since, None, 1)
    return incident, await _insert_transition(connection, incident, step, at, evidence)


async def advance_incident(
    connection: Connection,
    incident: Incident,
    step: Step,
    *,
    at: datetime,
    evidence: Mapping[str, Any] | None,
) -> tuple[Incident, int]:
    """Write a step of an incident; return how it stands then, and the transition's id.

    `evidence` None: nothing was judged, the incident keeps what it had. Raises
    IllegalTransitionError when it is no longer in the state the step starts from.
    """
    moved = after(incident, step, at)
    return moved, await _write(connection, incident, moved, step, at=at, evidence=evidence)


async def write_handling(
    connection: Connection, incident: Incident, handling: Handling, *, at: datetime
) -> int:
    """Write what a person, or the end of a snooze, made of an incident; return the transition's id.

    Raises IllegalTransitionError when the incident moved meanwhile.
    """
    return await _write(
        connection,
        incident,
        handling.incident,
        handling.step,
        at=at,
        evidence=handling.evidence,
    )


async def _write(
    connection: Connection,
    incident: Incident,
    moved: Incident,
    step: Step,
    *,
    at: datetime,
    evidence: Mapping[str, Any] | None,
) -> int:
    """Write what an incident has become, if it still stands where the step starts from."""
    written = await connection.fetchval(
        _QUERIES.advance_incident,
        incident.incident_id,
        incident.state.value,
        incident.sequence,
        moved.state.value,
        moved.level.value,
        dict(evidence) if evidence is not None and step.cause is Cause.JUDGED else None,
        moved.opened_at,
        None if moved.state.is_live else at,
        moved.acknowledged_at,
        moved.snoozed_until,
        moved.handled_level.value if moved.handled_level else None,
    )
    if written is None:
        raise IllegalTransitionError(
            f"incident {incident.incident_id} is no longer {incident.state} "
            f"with sequence {incident.sequence}",
            incident_id=str(incident.incident_id),
        )
    return await _insert_transition(connection, moved, step, at, evidence)


async def _insert_transition(
    connection: Connection,
    moved: Incident,
    step: Step,
    at: datetime,
    evidence: Mapping[str, Any] | None,
) -> int:
    transition_id: int = await connection.fetchval(
        _QUERIES.insert_transition,
        moved.incident_id,
        moved.sequence,
        step.from_state.value if step.from_state else None,
        step.to_state.value,
        step.level.value,
        step.cause.value,
        at,
        {} if evidence is None else dict(evidence),
    )
    return transition_id


async def opening_transition_id(connection: Connection, incident_id: UUID) -> int:
    """Return the id of the transition that opened an incident last."""
    transition_id: int = await connection.fetchval(_QUERIES.opening_transition, incident_id)
    return transition_id


async def lane_rows(connection: Connection, incident_id: UUID, *, lock: bool) -> list[LaneRow]:
    """Return an incident's notifications, with `lock` until the end of the transaction."""
    if lock:
        await connection.execute(_QUERIES.lock_lanes, incident_id)
    rows = await connection.fetch(_QUERIES.lane_rows, incident_id)
    return [
        LaneRow(
            notification_id=row["id"],
            lane=Lane(row["channel"], row["route"], row["target"]),
            sequence=row["sequence"],
            is_pending=row["is_pending"],
            attempts=row["attempts"],
            is_cancelled=row["is_cancelled"],
            is_fallback=row["is_fallback"],
            kind=NotificationKind(row["kind"]),
            severity=Level(row["severity"]),
            at=row["at"],
            is_told_elsewhere=row["is_told_elsewhere"],
            is_tried_elsewhere=row["is_tried_elsewhere"],
            tried_another_way=(
                Lane(row["another_channel"], row["another_route"], row["another_target"])
                if row["another_channel"] is not None
                else None
            ),
        )
        for row in rows
    ]


async def cancel_notifications(connection: Connection, ids: Sequence[UUID], reason: str) -> None:
    """Cancel notifications that are still waiting."""
    if ids:
        await connection.execute(_QUERIES.cancel_notifications, list(ids), reason)


async def insert_notification(
    connection: Connection,
    incident_id: UUID,
    transition_id: int,
    new: NewNotification,
    *,
    severity: Level,
    message: Mapping[str, Any],
    at: datetime,
    hold: Hold | None = None,
) -> UUID:
    """Write a notification of a transition and return its id.

    One that is held is released by whoever finds its time come; if nobody does, it becomes due
    `UNRELEASED` later by the database's clock.
    """
    due_in = timedelta(0) if hold is None else max(hold.until - at, timedelta(0)) + UNRELEASED
    notification_id: UUID = await connection.fetchval(
        _QUERIES.insert_notification,
        transition_id,
        incident_id,
        new.lane.channel,
        new.lane.route,
        new.lane.target,
        new.sequence,
        new.kind.value,
        severity.value,
        dict(message),
        due_in.total_seconds(),
        None if hold is None else hold.until,
        None if hold is None else hold.reason.value,
        at if hold is None else None,
    )
    return notification_id
