"""What is done for notifications beside sending them: retried by hand, another way, removed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

import asyncpg

from mould_watch.domain.notification import Lane
from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("outbox_care")
_RETRIED: Final = "tried again by hand"


class RetryOutcome(StrEnum):
    """What became of the wish to have a failed notification tried again."""

    DONE = "done"
    UNKNOWN = "unknown_notification"
    NOT_FAILED = "not_failed"
    """It has not failed: it is on its way, sent or cancelled."""
    OVERTAKEN = "overtaken"
    """A newer one of its lane was written: it would arrive behind that."""
    SAID_ELSEWHERE = "said_elsewhere"
    """Another channel said it, or is about to: it would be told twice."""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A notification that another channel says in its place; None: it says so already."""

    notification_id: UUID
    fallback_id: UUID | None
    correlation_id: UUID | None


async def retry(connection: Connection, notification_id: UUID) -> RetryOutcome:
    """Make a failed notification pending again, inside the transaction of `connection`.

    A step of its life that only a person takes: the database refuses it to anybody who does not
    count it in `retries`.
    """
    lane = await connection.fetch(_QUERIES.lock_lane, notification_id)
    states = {row["id"]: row["state"] for row in lane}
    if notification_id not in states:
        return RetryOutcome.UNKNOWN
    if states[notification_id] != "failed":
        return RetryOutcome.NOT_FAILED
    if await connection.fetchval(_QUERIES.is_followed, notification_id):
        return RetryOutcome.OVERTAKEN
    if await connection.fetchval(_QUERIES.is_said_in_its_place, notification_id):
        return RetryOutcome.SAID_ELSEWHERE
    await connection.execute(_QUERIES.retry, notification_id, _RETRIED)
    return RetryOutcome.DONE


async def fall_back(
    connection: Connection,
    channel: str,
    served: Collection[str],
    after_s: float,
    *,
    way: Lane,
    reason: str,
) -> list[HandedOver]:
    """Send over `way` what waited `after_s` for a route of `channel` that nobody serves.

    Inside the transaction of `connection`. What goes to several targets of one home is said
    once there; each of the rows ends as cancelled, with `reason`, and never comes back.
    """
    if not await connection.fetchval(_QUERIES.lock_fallback):
        return []
    waiting = await connection.fetch(_QUERIES.waiting_for_fallback, channel, list(served), after_s)
    return await _hand_over(connection, waiting, way, reason)


async def fall_back_undelivered(
    connection: Connection,
    after_s: float,
    *,
    way: Lane,
    reason: str,
    told: Collection[str],
    resting: Collection[tuple[str, str]] = (),
) -> list[HandedOver]:
    """Send over `way` what was tried elsewhere for `after_s` seconds, and never arrived.

    Inside the transaction of `connection`, and otherwise as `fall_back`: it is served and does
    not deliver, which is no better. Nor is a way that rests: nothing is tried on those of
    `resting`, channels and routes. Only what goes to those who are `told` of anything
    (storage/told.py): a phone that was replaced is missed by nobody.
    """
    if not await connection.fetchval(_QUERIES.lock_fallback):
        return []
    place = (way.channel, way.route, way.target)
    waiting = await connection.fetch(
        _QUERIES.undelivered_for_fallback,
        after_s,
        *place,
        list(told),
        [channel for channel, _ in resting],
        [route for _, route in resting],
    )
    return await _hand_over(connection, waiting, way, reason)


async def hand_over_failed(
    connection: Connection, within_s: float, *, way: Lane, told: Collection[str]
) -> list[HandedOver]:
    """Send over `way` what failed within the last `within_s` seconds for somebody who is `told`.

    Inside the transaction of `connection`. Each stays failed, to be seen and mended, and its
    words go to `way` once; what is over, seen or put off, or was followed in its lane, does not.
    """
    if not await connection.fetchval(_QUERIES.lock_fallback):
        return []
    place = (way.channel, way.route, way.target)
    wanted = (within_s, *place, list(told))
    handed: list[HandedOver] = []
    for row in await connection.fetch(_QUERIES.failed_for_fallback, *wanted, None):
        if await connection.fetchval(_QUERIES.is_said, row["id"], *place):
            continue
        held = await connection.fetchrow(_QUERIES.lock_failed, row["id"])
        # its lane may have gone on between the two
        if held is not None and await connection.fetchval(
            _QUERIES.failed_for_fallback, *wanted, row["id"]
        ):
            fallback_id = await _say(connection, row["id"], way)
            handed.append(HandedOver(row["id"], fallback_id, held["correlation_id"]))
    return handed


async def _hand_over(
    connection: Connection, waiting: Sequence[asyncpg.Record], way: Lane, reason: str
) -> list[HandedOver]:
    """Say over `way` what waits, and end it."""
    handed = [
        HandedOver(row["id"], await _say(connection, row["id"], way), row["correlation_id"])
        for row in waiting
    ]
    if handed:
        await connection.execute(
            _QUERIES.hand_over, [one.notification_id for one in handed], reason
        )
    return handed


async def _say(connection: Connection, notification_id: UUID, way: Lane) -> UUID | None:
    """Write the same at the end of its lane over `way`; None: it is said there already."""
    place = (way.channel, way.route, way.target)
    if await connection.fetchval(_QUERIES.is_said, notification_id, *place):
        return None
    fallback_id: UUID = await connection.fetchval(_QUERIES.insert_fallback, notification_id, *place)
    return fallback_id


async def unserved_routes(
    connection: Connection, channel: str, known: Collection[str]
) -> frozenset[str]:
    """Return the routes of live notifications that are none of those `known`."""
    rows = await connection.fetch(_QUERIES.unserved_routes, channel, list(known))
    return frozenset(row["route"] for row in rows)


async def remove_finished(connection: Connection, days: int, most_incidents: int) -> int:
    """Remove the notifications, with their steps, of incidents that ended `days` ago.

    Of at most `most_incidents`; return how many notifications. Incidents and their transitions
    stay.
    """
    return len(await connection.fetch(_QUERIES.remove_finished, days, most_incidents))
