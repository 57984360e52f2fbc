"""What Home Assistant is shown: one read of the tables for each kind of thing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("overview")

LIST_MAXIMUM: Final = 200
"""Incidents or notifications in one answer."""

STEPS_MAXIMUM: Final = 50
"""The last steps of a notification in an answer."""


class _Overview(BaseModel):
    """Frozen and comparable: the API tells what changed by comparing."""

    model_config = ConfigDict(frozen=True)


class BackendOverview(_Overview):
    """Who this backend is, whose document it follows, and what is the matter with itself."""

    backend_id: UUID
    owner: str | None
    revision: int | None
    rooms: int
    # the live ones that are about the backend itself
    incidents: tuple[dict[str, Any], ...] = ()


class DeviceOverview(_Overview):
    """A device as docs/protocol.md shows it."""

    source_instance: str
    native_id: str
    name: str
    manufacturer: str | None
    model: str | None
    metrics: tuple[str, ...]
    qos: int | None
    available: bool | None
    last_seen_at: datetime | None
    reporting_interval_s: float | None
    clock_wrong: bool
    last_reading: dict[str, Any] | None
    condition: dict[str, Any] | None

    @property
    def identity(self) -> tuple[str, str]:
        """Return what the device is known by; the name is a label."""
        return self.source_instance, self.native_id


class RoomOverview(_Overview):
    """A room with its configuration as stored and the condition its evaluation left."""

    room_id: UUID
    name: str
    config: dict[str, Any]
    archived: bool
    condition: dict[str, Any] | None


class IncidentOverview(_Overview):
    """An incident as it is now."""

    incident_id: UUID
    room_id: UUID | None
    room: str | None
    rule_id: str
    state: str
    level: str
    breach_since: datetime
    opened_at: datetime | None
    ended_at: datetime | None
    acknowledged_at: datetime | None
    snoozed_until: datetime | None
    evidence: dict[str, Any]


class NotificationStep(_Overview):
    """One step in the life of a notification."""

    at: datetime
    from_state: str | None
    to_state: str
    attempt: int
    claimed_by: str | None
    error: str | None


class NotificationOverview(_Overview):
    """A notification with every step it took."""

    notification_id: UUID
    incident_id: UUID
    channel: str
    route: str
    target: str
    sequence: int
    kind: str
    severity: str
    message: dict[str, Any]
    state: str
    attempts: int
    due_at: datetime
    claimed_by: str | None
    last_error: str | None
    created_at: datetime
    finished_at: datetime | None
    # how often a person had it tried again, and of how many tries nobody knows if they arrived
    retries: int
    unknown_outcomes: int
    # the one it went through another channel for, and the one that went for it
    fallback_of: UUID | None
    fallback: UUID | None
    # in every line of the log from the message it came of to the phone
    correlation_id: UUID | None
    via: str
    repeats: UUID | None
    expects_receipt: bool | None
    confirmed_at: datetime | None
    steps: tuple[NotificationStep, ...]


async def backend(connection: Connection) -> BackendOverview:
    """Return who this backend is."""
    row = await connection.fetchrow(_QUERIES.backend)
    return BackendOverview.model_validate(dict(row or {}))


async def devices(connection: Connection) -> list[DeviceOverview]:
    """Return every device, those merged into another left out."""
    rows = await connection.fetch(_QUERIES.devices)
    return [DeviceOverview.model_validate(dict(row)) for row in rows]


async def rooms(connection: Connection, *, archived: bool) -> list[RoomOverview]:
    """Return the rooms by name; with `archived` those no longer watched too."""
    rows = await connection.fetch(_QUERIES.rooms, archived)
    return [RoomOverview.model_validate(dict(row)) for row in rows]


async def incidents(connection: Connection, *, live: bool) -> list[IncidentOverview]:
    """Return the newest incidents; with `live` only those not over."""
    rows = await connection.fetch(_QUERIES.incidents, live, LIST_MAXIMUM)
    return [IncidentOverview.model_validate(dict(row)) for row in rows]


@dataclass(frozen=True, kw_only=True, slots=True)
class NotificationFilter:
    """Which notifications are meant: those that fit all that is not None."""

    state: str | None = None
    notification_id: UUID | None = None
    incident_id: UUID | None = None
    channel: str | None = None
    target: str | None = None
    kind: str | None = None
    correlation_id: UUID | None = None


async def notifications(
    connection: Connection, meant: NotificationFilter, *, limit: int = LIST_MAXIMUM
) -> list[NotificationOverview]:
    """Return the newest notifications that are meant."""
    rows = await connection.fetch(
        _QUERIES.notifications,
        meant.state,
        limit,
        STEPS_MAXIMUM,
        meant.notification_id,
        meant.incident_id,
        meant.channel,
        meant.target,
        meant.kind,
        meant.correlation_id,
    )
    return [NotificationOverview.model_validate(dict(row)) for row in rows]


async def dead_letters(connection: Connection) -> int:
    """Return how many messages could not be understood so far, kept or not."""
    return int(await connection.fetchval(_QUERIES.dead_letters))
