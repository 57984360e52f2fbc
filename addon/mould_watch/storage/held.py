"""Notifications that wait: who has some whose time has come, and what was decided about them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from mould_watch.domain.clock_jump import JUMP
from mould_watch.domain.condition import Level
from mould_watch.domain.holding import Hold, Reason, Released, Waiting
from mould_watch.domain.notification import Cleared, Lane, NewNotification, NotificationKind
from mould_watch.domain.notification_policy import DAY
from mould_watch.domain.quiet_hours import LONGEST_QUIET
from mould_watch.settings import LONGEST_LEASE_S
from mould_watch.storage import incidents
from mould_watch.storage.database import Connection
from mould_watch.storage.incidents import UNRELEASED
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("held")


def source(subject_id: int, rule_id: str) -> str:
    """Return the name of what a subject and a rule are together: what may swing."""
    return f"{subject_id}/{rule_id}"


async def due_targets(connection: Connection, now: datetime) -> list[Lane]:
    """Return the targets for which something has waited long enough."""
    rows = await connection.fetch(_QUERIES.due_targets, now)
    return sorted(Lane(row["channel"], row["route"], row["target"]) for row in rows)


async def lock_target(connection: Connection, target: Lane) -> bool:
    """Take a target for this transaction; False: another decides about it."""
    return bool(await connection.fetchval(_QUERIES.lock_target, *_lane(target)))


async def due(connection: Connection, target: Lane, now: datetime) -> list[Waiting]:
    """Return what has waited long enough for a target, locked until the transaction ends."""
    rows = await connection.fetch(_QUERIES.due, *_lane(target), now)
    return [
        Waiting(
            notification_id=row["notification_id"],
            incident_id=row["incident_id"],
            transition_id=row["transition_id"],
            lane=target,
            place=str(row["place"]),
            kind=NotificationKind(row["kind"]),
            severity=Level(row["severity"]),
            reason=Reason(row["held_for"]),
            title=row["title"] or "",
            is_pending=row["is_pending"],
            is_over=row["is_over"],
            is_shown=row["is_shown"],
        )
        for row in rows
    ]


async def released(connection: Connection, target: Lane, now: datetime) -> list[Released]:
    """Return what a target got within the last day, the oldest first."""
    rows = await connection.fetch(_QUERIES.released, *_lane(target), now - DAY)
    return [
        Released(
            row["released_at"],
            source(row["subject_id"], row["rule_id"]),
            NotificationKind(row["kind"]),
            is_repetition=row["is_repetition"],
        )
        for row in rows
    ]


async def release(connection: Connection, waiting: Iterable[Waiting], now: datetime) -> None:
    """Let notifications go: they are due now."""
    ids = [one.notification_id for one in waiting]
    if ids:
        await connection.execute(_QUERIES.release, ids, now)


async def hold(
    connection: Connection, waiting: Iterable[Waiting], hold: Hold, now: datetime
) -> None:
    """Let notifications wait on."""
    await connection.execute(
        _QUERIES.hold,
        [one.notification_id for one in waiting],
        hold.until,
        hold.reason.value,
        (hold.until - now + UNRELEASED).total_seconds(),
    )


async def keep_for_the_morning(
    connection: Connection, now: datetime, morning: datetime, urgent_from: Level
) -> int:
    """Let wait until `morning` what was let go by day, is not urgent and has not gone.

    Return how many that were.
    """
    kept = await connection.fetch(
        _QUERIES.keep_for_the_morning,
        morning,
        (morning - now).total_seconds(),
        UNRELEASED.total_seconds(),
        urgent_from.value,
    )
    return len(kept)


async def recall(connection: Connection, now: datetime, group_wait: timedelta) -> None:
    """Let what waits longer than anything can be decided about now: a clock was wrong."""
    await connection.execute(
        _QUERIES.recall,
        now,
        (group_wait + JUMP).total_seconds(),
        LONGEST_QUIET.total_seconds(),
        UNRELEASED.total_seconds(),
    )
    await connection.execute(_QUERIES.recall_tries, LONGEST_QUIET.total_seconds())
    await connection.execute(_QUERIES.recall_claims, LONGEST_LEASE_S)


async def bundle(
    connection: Connection,
    told: Sequence[Waiting],
    kind: NotificationKind,
    *,
    severity: Level,
    message: Mapping[str, Any],
    now: datetime,
) -> UUID:
    """Write one notification in the lane of the first of `told`, and end them all in it."""
    bundle_id = await _append(
        connection, told[0], kind, severity=severity, message=message, now=now
    )
    await connection.execute(_QUERIES.bundle, [one.notification_id for one in told], bundle_id)
    return bundle_id


async def clear(
    connection: Connection, recovery: Waiting, message: Mapping[str, Any], now: datetime
) -> None:
    """Take away what a target shows of an incident whose recovery is told elsewhere."""
    await _append(
        connection,
        recovery,
        NotificationKind.CLEAR,
        severity=Level.NONE,
        message=dict(message) | {"clears": Cleared.INCIDENT.value},
        now=now,
    )


async def message_of(connection: Connection, notification_id: UUID) -> Mapping[str, Any]:
    """Return what a notification says."""
    message: Mapping[str, Any] = await connection.fetchval(_QUERIES.message, notification_id)
    return message


async def home(connection: Connection) -> Mapping[str, Any]:
    """Return the home's part of the document as it is stored, empty before there is one."""
    found: Mapping[str, Any] | None = await connection.fetchval(_QUERIES.home)
    return found or {}


async def _append(
    connection: Connection,
    about: Waiting,
    kind: NotificationKind,
    *,
    severity: Level,
    message: Mapping[str, Any],
    now: datetime,
) -> UUID:
    sequence: int = await connection.fetchval(
        _QUERIES.next_sequence, about.incident_id, *_lane(about.lane)
    )
    return await incidents.insert_notification(
        connection,
        about.incident_id,
        about.transition_id,
        NewNotification(about.lane, sequence, kind),
        severity=severity,
        message=message,
        at=now,
    )


def _lane(lane: Lane) -> tuple[str, str, str]:
    return lane.channel, lane.route, lane.target
