"""What people do with incidents, taken once and written beside the incident's own steps."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from mould_watch.domain.condition import Level
from mould_watch.domain.incident import Incident
from mould_watch.domain.incident_action import (
    Action,
    ActionOutcome,
    ActionResult,
    Handling,
    handle,
)
from mould_watch.domain.notification import Cleared, is_handled, plan
from mould_watch.storage import incidents
from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("incident_actions")


@dataclass(frozen=True, slots=True)
class About:
    """What an incident is about, and the correlation id of one of its transitions."""

    # None: it is about a device, or about the backend itself
    room_id: UUID | None
    name: str
    # None: nothing was written, or before there was one
    correlation_id: UUID | None


async def is_told(
    connection: Connection, notification_id: UUID, incident_id: UUID, instance_id: str
) -> bool:
    """Say whether a notification tells a phone of a Home Assistant instance of an incident."""
    return bool(
        await connection.fetchval(_QUERIES.is_told, notification_id, incident_id, instance_id)
    )


async def forgotten(connection: Connection, incident_ids: Collection[UUID]) -> list[UUID]:
    """Return those of `incident_ids` that there are not."""
    rows = await connection.fetch(_QUERIES.forgotten, list(incident_ids))
    return [row["id"] for row in rows]


async def told_with(connection: Connection, notification_id: UUID, incident_id: UUID) -> list[UUID]:
    """Return the live incidents that a notification told of beside its own."""
    rows = await connection.fetch(_QUERIES.told_with, notification_id, incident_id)
    return [row["incident_id"] for row in rows]


async def about(
    connection: Connection, incident_id: UUID, transition_id: int | None
) -> About | None:
    """Return what an incident is about; None: there is no such incident."""
    row = await connection.fetchrow(_QUERIES.about, incident_id, transition_id)
    return None if row is None else About(row["room_id"], row["name"], row["correlation_id"])


async def apply_action(
    connection: Connection,
    incident_id: UUID,
    action: Action,
    until: datetime | None,
    action_id: UUID,
    *,
    at: datetime,
) -> ActionResult:
    """Let a person's action be taken, inside the transaction of `connection`.

    An `action_id` taken before changes nothing and is answered as it was then. The subject is
    asked to be judged anew, so that what is shown of it follows. Waits for whoever judges the
    subject at this moment. Raises ValueError when `until` does not fit the action.
    """
    subject_id: int | None = await connection.fetchval(_QUERIES.lock_subject_of, incident_id)
    if subject_id is None:
        return ActionResult(ActionOutcome.UNKNOWN)
    incident = await incidents.incident(connection, incident_id)
    if incident is None:
        return ActionResult(ActionOutcome.UNKNOWN)
    taken = await connection.fetchrow(_QUERIES.taken, action_id)
    if taken is not None:
        return ActionResult(
            ActionOutcome(taken["outcome"]),
            is_repeated=True,
            incident=incident,
            subject_id=subject_id,
            transition_id=taken["transition_id"],
        )
    handling: Handling | None = None
    outcome = ActionOutcome.OVER
    if incident.state.is_live:
        handling = handle(incident, action, at, until, action_id)
        outcome = ActionOutcome.UNCHANGED if handling is None else ActionOutcome.DONE
    transition_id: int | None = None
    if handling is not None:
        transition_id = await incidents.write_handling(connection, incident, handling, at=at)
        incident = handling.incident
        await _hush(connection, incident, transition_id, at)
        await connection.execute(_QUERIES.request_evaluation, subject_id, at)
    await connection.execute(
        _QUERIES.record,
        action_id,
        incident_id,
        action.value,
        until if action is Action.SNOOZE else None,
        at,
        outcome.value,
        transition_id,
    )
    return ActionResult(
        outcome, incident=incident, subject_id=subject_id, transition_id=transition_id
    )


async def _hush(
    connection: Connection, incident: Incident, transition_id: int, at: datetime
) -> None:
    """Take back what still waits of an incident that was handled, and clear all that show it.

    One that is to speak again does so when it is judged, which is soon.
    """
    if not is_handled(incident):
        return
    rows = await incidents.lane_rows(connection, incident.incident_id, lock=True)
    planned = plan(incident, rows, (), notify=False)
    await incidents.cancel_notifications(connection, planned.cancel, "seen, or put off")
    place = await about(connection, incident.incident_id, transition_id)
    for new in planned.add:
        await incidents.insert_notification(
            connection,
            incident.incident_id,
            transition_id,
            new,
            severity=Level.NONE,
            message={
                "room_id": place and place.room_id and str(place.room_id),
                "room": place and place.name,
                "title": "",
                "body": "",
                "buttons": [],
                "clears": Cleared.INCIDENT.value,
            },
            at=at,
        )
