"""Subjects waiting to be judged, and the conditions that evaluation leaves."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from mould_watch.domain.condition import SubjectCondition
from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("evaluation")
_IDS_MAXIMUM: Final = 50

LONGEST_AHEAD: Final = timedelta(hours=2)
"""No subject is to be judged again so late: an hour after it was judged at the latest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredSubject:
    """A subject with what is stored about it; documents as they are, not yet read.

    `room_id` (with `name`), `device_id` and `is_backend` say which of the three kinds it is.
    `owner` None: Home Assistant has never configured anything.
    """

    room_id: UUID | None
    device_id: int | None
    is_backend: bool
    name: str | None
    is_archived: bool
    config: Mapping[str, Any] | None
    # since when the room is what its configuration says
    valid_from: datetime | None
    # since when there is the room
    created_at: datetime | None
    owner: str | None
    home: Mapping[str, Any] | None
    condition: Mapping[str, Any] | None
    next_evaluation_at: datetime | None


@dataclass(frozen=True, slots=True)
class Trace:
    """The one id of what is done now, and those of other requests that were answered with it."""

    correlation_id: UUID
    others: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class TakenRequests:
    """Requests that were taken away. `from_ts` None: there were none."""

    from_ts: datetime | None
    trace: Trace


@dataclass(frozen=True, slots=True)
class PlannedNotification:
    """A notification that was just written, to be told of."""

    notification_id: UUID
    incident_id: UUID
    kind: str
    channel: str
    target: str


async def waiting_subjects(
    connection: Connection, now: datetime, put_off: Collection[int]
) -> list[int]:
    """Return the subjects with a request or due at `now`, except those `put_off`."""
    rows = await connection.fetch(_QUERIES.waiting, now, list(put_off))
    return [row["subject_id"] for row in rows]


async def lock_subject(connection: Connection, subject_id: int) -> bool:
    """Take a subject for this transaction; False: another evaluator has it."""
    return bool(await connection.fetchval(_QUERIES.lock_subject, subject_id))


async def take_requests(connection: Connection, subject_id: int) -> TakenRequests:
    """Take a subject's requests away; all that this transaction writes carries their id."""
    row = await connection.fetchrow(_QUERIES.take_requests, subject_id, _IDS_MAXIMUM)
    assert row is not None  # noqa: S101 - a query without FROM rows to filter returns one
    return TakenRequests(row["from_ts"], Trace(row["correlation_id"], tuple(row["others"])))


async def planned_notifications(
    connection: Connection, incident_ids: Collection[UUID], trace: Trace
) -> tuple[PlannedNotification, ...]:
    """Return the notifications written for incidents with the id of `trace`."""
    rows = await connection.fetch(
        _QUERIES.planned_notifications, list(incident_ids), trace.correlation_id
    )
    return tuple(
        PlannedNotification(
            row["id"], row["incident_id"], row["kind"], row["channel"], row["target"]
        )
        for row in rows
    )


async def subject(connection: Connection, subject_id: int, now: datetime) -> StoredSubject | None:
    """Return a subject as it is stored, a room with the configuration of `now`."""
    row = await connection.fetchrow(_QUERIES.subject, subject_id, now)
    return None if row is None else StoredSubject(**dict(row))


async def store_condition(
    connection: Connection,
    subject_id: int,
    condition: SubjectCondition,
    next_evaluation_at: datetime,
) -> None:
    """Write the condition a subject is in, and when it must be judged again."""
    await connection.execute(
        _QUERIES.store_condition,
        subject_id,
        condition.model_dump(mode="json"),
        condition.evaluated_at,
        next_evaluation_at,
    )


async def move_next_evaluation(
    connection: Connection, subject_id: int, next_evaluation_at: datetime
) -> None:
    """Write only when a subject must be judged again."""
    await connection.execute(_QUERIES.move_next_evaluation, subject_id, next_evaluation_at)


async def remove_condition(connection: Connection, subject_id: int) -> None:
    """Leave a subject without a condition: it is not judged any more."""
    await connection.execute(_QUERIES.remove_condition, subject_id)


async def recall(connection: Connection, now: datetime) -> None:
    """Have judged now what is planned later than anything can be: a clock was wrong."""
    await connection.execute(_QUERIES.recall, now, now + LONGEST_AHEAD)


async def adopt(connection: Connection, now: datetime) -> None:
    """Make subjects of the devices that should be, and of the backend, and ask to judge them."""
    await connection.execute(_QUERIES.adopt, now)
