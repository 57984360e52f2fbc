"""The outbox: notifications written with their transition, claimed, and finished by token.

PENDING -> CLAIMED -> SENT | FAILED | PENDING later; CANCELLED from PENDING. Every function takes
an open connection; due times and leases are the database's own clock.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries

_QUERIES = load_queries("outbox")
_REASON_MAXIMUM_CHARACTERS = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimedNotification:
    """A notification that one worker may send: the holder of `claim_token`, until its lease ends.

    `attempt` counts claims from 1. `message` is what is sent: room_id, room, title, body, buttons.
    """

    notification_id: UUID
    incident_id: UUID
    channel: str
    route: str
    target: str
    kind: str
    severity: str
    message: Mapping[str, Any]
    attempt: int
    claim_token: UUID
    taken_over: bool
    # "push", or "entity": as plain text, by a way that tells its errors
    via: str = "push"
    # it says an earlier one of its lane again, for want of a sign that that arrived
    is_repetition: bool = False


@dataclass(frozen=True, slots=True)
class Superseded:
    """How many notifications a call of `supersede` gave back and how many it cancelled."""

    given_back: int
    cancelled: int


async def claim(
    connection: Connection,
    *,
    channel: str,
    routes: Collection[str],
    limit: int,
    worker: str,
    lease_s: float,
) -> list[ClaimedNotification]:
    """Claim up to `limit` due notifications for `routes`, each the first live one of its lane.

    A claim whose lease ran out is taken over like a due one. Rows that another transaction
    holds are passed by, so that workers never wait for each other.
    """
    rows = await connection.fetch(_QUERIES.claim, channel, list(routes), limit, worker, lease_s)
    return [
        ClaimedNotification(
            notification_id=row["id"],
            incident_id=row["incident_id"],
            channel=row["channel"],
            route=row["route"],
            target=row["target"],
            kind=row["kind"],
            severity=row["severity"],
            message=row["message"],
            attempt=row["attempts"],
            claim_token=row["claim_token"],
            taken_over=row["taken_over"],
            via=row["via"],
            is_repetition=row["is_repetition"],
        )
        for row in rows
    ]


async def supersede(connection: Connection) -> Superseded:
    """End the notifications that a newer one of their lane makes pointless.

    Call again while anything was given back: its cancelling is a step of its own.
    """
    row = await connection.fetchrow(_QUERIES.supersede)
    return Superseded(row["given_back"], row["cancelled"]) if row else Superseded(0, 0)


async def next_due_s(connection: Connection, channel: str, routes: Collection[str]) -> float | None:
    """Return the seconds until a notification for `routes` may be claimable (negative: now)."""
    seconds: float | None = await connection.fetchval(_QUERIES.next_due, channel, list(routes))
    return seconds


async def remaining_lease_s(connection: Connection, claimed: ClaimedNotification) -> float | None:
    """Return the seconds left of the claim's lease, or None when it is another's by now."""
    seconds: float | None = await connection.fetchval(
        _QUERIES.remaining_lease, claimed.notification_id, claimed.claim_token
    )
    return seconds


async def finish(
    connection: Connection,
    claimed: ClaimedNotification,
    state: Literal["sent", "failed"],
    reason: str | None = None,
    *,
    expects_receipt: bool | None = None,
) -> bool:
    """Write the claim's end; False when the claim is another's by now and nothing was written.

    `expects_receipt`: whether who accepted it, and may have lost it, will say that it arrived.
    """
    return (
        await connection.fetchval(
            _QUERIES.finish,
            claimed.notification_id,
            claimed.claim_token,
            state,
            _storable(reason),
            expects_receipt,
        )
        is not None
    )


async def give_back(
    connection: Connection, claimed: ClaimedNotification, delay_s: float, reason: str
) -> bool:
    """Make the notification pending again, due in `delay_s`; False when it is another's by now."""
    return (
        await connection.fetchval(
            _QUERIES.give_back,
            claimed.notification_id,
            claimed.claim_token,
            delay_s,
            _storable(reason),
        )
        is not None
    )


async def give_back_all(connection: Connection, worker: str) -> int:
    """Make everything `worker` still holds pending again, due at once; return how many."""
    return len(await connection.fetch(_QUERIES.give_back_all, worker))


def _storable(text: str | None) -> str | None:
    """Return text that PostgreSQL takes: no NUL, no lone surrogate, and not endless."""
    if text is None:
        return None
    valid = text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "?")
    return valid[:_REASON_MAXIMUM_CHARACTERS]
