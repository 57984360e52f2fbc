"""A database of an earlier version, with notifications in every state, goes on where it was."""

from collections.abc import AsyncGenerator
from uuid import UUID

import asyncpg
import pytest

from mould_watch.clock import SystemClock
from mould_watch.storage import outbox_care
from mould_watch.storage.connections import connect
from mould_watch.storage.migrations import load_migrations, migrate
from tests.support.notifications import (
    add_incident,
    add_notification,
    claim,
    count_by_state,
    expire_lease,
    finish,
    states_of,
)
from tests.support.postgres import PostgresForTests

CLOCK = SystemClock()
KNOWN = load_migrations()
WITH_NOTIFICATIONS = 2
"""The first schema that had them."""

WAYS = {
    "pending": (),
    "claimed": ("claimed",),
    "sent": ("claimed", "sent"),
    "failed": ("claimed", "failed"),
    "cancelled": ("cancelled",),
}
"""How a notification of each state came to it."""


@pytest.fixture
async def empty(postgres: PostgresForTests) -> AsyncGenerator[asyncpg.Connection]:
    """Yield a connection to a database without any schema."""
    async with postgres.fresh_database(migrated=False) as address:
        connection = await connect(address)
        yield connection
        await connection.close()


async def _take_steps(connection: asyncpg.Connection, notification_id: UUID, state: str) -> None:
    """Bring a notification to a state by the columns that there always were."""
    for step in WAYS[state]:
        is_claim = step == "claimed"
        await connection.execute(
            """
            UPDATE notification SET state = $2::text::notification_state,
                attempts = attempts + $3::integer,
                claim_token = CASE WHEN $3 = 1 THEN gen_random_uuid() END,
                claimed_by = CASE WHEN $3 = 1 THEN 'earlier' ELSE claimed_by END,
                lease_until = CASE WHEN $3 = 1 THEN clock_timestamp() + interval '1 hour' END,
                finished_at = CASE WHEN $3 = 0 THEN clock_timestamp() END
            WHERE id = $1
            """,
            notification_id,
            step,
            int(is_claim),
        )


@pytest.mark.parametrize("version", range(WITH_NOTIFICATIONS, len(KNOWN)))
async def test_what_was_written_by_an_earlier_version_is_still_lawful(
    empty: asyncpg.Connection, version: int
) -> None:
    await migrate(empty, CLOCK, KNOWN[:version])
    written: dict[str, UUID] = {}
    for state in WAYS:
        written[state] = await add_notification(empty, await add_incident(empty))
        await _take_steps(empty, written[state], state)
    assert await migrate(empty, CLOCK) == [one.version for one in KNOWN[version:]]

    assert await count_by_state(empty) == dict.fromkeys(WAYS, 1)
    for state, notification_id in written.items():
        assert await states_of(empty, notification_id) == ["pending", *WAYS[state]]
    # what nobody ended is sent, what failed is tried again, and all of it goes one day
    await expire_lease(empty, written["claimed"])
    claimed = await claim(empty)
    assert {one.notification_id: one.taken_over for one in claimed} == {
        written["pending"]: False,
        written["claimed"]: True,
    }
    for one in claimed:
        assert await finish(empty, one, "sent")
    retried = await outbox_care.retry(empty, written["failed"])
    assert retried is outbox_care.RetryOutcome.DONE
    (again,) = await claim(empty)
    assert await finish(empty, again, "sent")
    await empty.execute(
        "UPDATE incident SET state = 'dismissed', ended_at = clock_timestamp(), "
        "sequence = sequence + 1"
    )
    assert await outbox_care.remove_finished(empty, 0, 100) == len(WAYS)
    assert await empty.fetchval("SELECT count(*) FROM notification_step") == 0
