"""The outbox: notifications written with their transition, claimed, and ended by token.

PENDING -> CLAIMED -> SENT | FAILED | PENDING later; CANCELLED from PENDING; PENDING again from
FAILED by hand (storage/outbox_care.py). Every function takes an open connection; due times and
leases are the database's own clock.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg

from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries

_QUERIES = load_queries("outbox")
_REASON_MAXIMUM_CHARACTERS = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimedNotification:
    """A notification that one worker may send: the holder of `claim_token`, until its lease ends.

    `attempt` counts claims from 1; of `unknown_outcomes` of the earlier ones nobody knows whether
    they arrived. `message` is what is sent: room_id, room, title, body, buttons.
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
    unknown_outcomes: int = 0
    # the one id of everything that came of one message; None: written before there was one
    correlation_id: UUID | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How a claim ends: sent, failed, or pending again in `delay_s` seconds.

    `is_unknown`: nobody knows whether this attempt arrived.
    """

    claimed: ClaimedNotification
    state: Literal["sent", "failed", "pending"]
    reason: str | None = None
    delay_s: float = 0.0
    is_unknown: bool = False
    # whether who accepted it, and may have lost it, will say that it arrived; None: neither
    expects_receipt: bool | None = None


@dataclass(frozen=True, slots=True)
class Superseded:
    """How many notifications a call of `supersede` gave back and how many it cancelled."""

    given_back: int
    cancelled: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Claims:
    """What a worker would claim: so many, for these routes of a channel, for so long.

    What was due before `since` is passed by.
    """

    channel: str
    routes: Collection[str]
    limit: int
    worker: str
    lease_s: float
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn did.

    `ended`, one for each ending: False, the claim was another's by then. `last_due_at` is when
    the last of those claimed was due: with `Claims.since` the next turn goes on from there.
    """

    ended: list[bool]
    claimed: list[ClaimedNotification]
    last_due_at: datetime | None


async def turn(
    connection: Connection,
    claims: Claims,
    endings: Sequence[Ending] = (),
    *,
    durably: bool = True,
) -> Turn:
    """End claims, and claim due notifications, each the first live one of its lane.

    A claim whose lease ran out is taken over like a due one. Rows that another transaction
    holds are passed by, so that workers never wait for each other; what an ending made room for
    in its lane comes with a later turn, from the beginning.

    Without `durably` the COMMIT waits for no disk: a power failure within the next moment takes
    it back, and what was sent is sent again. Where the receiver recognises that, it costs nothing.
    """
    rows = await connection.fetch(
        _QUERIES.turn,
        claims.channel,
        list(claims.routes),
        claims.limit,
        claims.worker,
        claims.lease_s,
        [ending.claimed.notification_id for ending in endings],
        [ending.claimed.claim_token for ending in endings],
        [ending.state for ending in endings],
        [_storable(ending.reason) for ending in endings],
        [ending.delay_s for ending in endings],
        [ending.is_unknown for ending in endings],
        [ending.expects_receipt for ending in endings],
        "on" if durably else "off",
        claims.since,
    )
    ended = {row["id"] for row in rows if not row["is_claim"]}
    claimed = [row for row in rows if row["is_claim"]]
    return Turn(
        [ending.claimed.notification_id in ended for ending in endings],
        [_claimed(row) for row in claimed],
        max((row["due_at"] for row in claimed), default=None),
    )


def _claimed(row: asyncpg.Record) -> ClaimedNotification:
    return ClaimedNotification(
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
        unknown_outcomes=row["unknown_outcomes"],
        correlation_id=row["correlation_id"],
    )


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


async def remaining_leases_s(
    connection: Connection, claims: Sequence[ClaimedNotification]
) -> list[float | None]:
    """Return the seconds left of each claim's lease; None when it is another's by now."""
    rows = await connection.fetch(
        _QUERIES.remaining_leases,
        [claimed.notification_id for claimed in claims],
        [claimed.claim_token for claimed in claims],
    )
    left_s: dict[UUID, float] = {row["claim_token"]: row["left_s"] for row in rows}
    return [left_s.get(claimed.claim_token) for claimed in claims]


async def give_back_all(connection: Connection, worker: str, unknown: Collection[UUID] = ()) -> int:
    """Make everything `worker` still holds pending again, due at once; return how many.

    Of those in `unknown` nobody knows whether they arrived.
    """
    return len(await connection.fetch(_QUERIES.give_back_all, worker, list(unknown)))


def _storable(text: str | None) -> str | None:
    """Return text that PostgreSQL takes: no NUL, no lone surrogate, and not endless."""
    if text is None:
        return None
    valid = text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "?")
    return valid[:_REASON_MAXIMUM_CHARACTERS]
