"""A notification that failed is itself told of: once, to everybody, and without a loop."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from mould_watch.storage import evaluation, outbox_care
from mould_watch.storage.database import Database
from mould_watch.watch.evaluator import Evaluator
from tests.support.notifications import add_incident, add_notification, claim, finish
from tests.support.rooms import HomeForTests, SettableClock

_RULE = "notifications_failed"


@pytest.fixture(autouse=True)
async def backend(home: HomeForTests, database: Database, clock: SettableClock) -> None:
    """The backend is judged, by a clock that shows the database's time."""
    await home.configure(phones=["phone-1", "phone-2"])
    clock.set(datetime.now(UTC))
    async with database.transaction() as connection:
        await evaluation.adopt(connection, clock.now())


async def _fail(home: HomeForTests, notification_id: UUID | None = None) -> UUID:
    """Let a notification fail: a new one, or the one named."""
    if notification_id is None:
        incident = await add_incident(home.connection)
        notification_id = await add_notification(home.connection, incident, route="elsewhere")
    await home.connection.execute(
        "UPDATE notification SET due_at = clock_timestamp() WHERE id = $1", notification_id
    )
    route = await home.connection.fetchval(
        "SELECT route FROM notification WHERE id = $1", notification_id
    )
    for claimed in await claim(home.connection, routes=[route]):
        if claimed.notification_id == notification_id:
            assert await finish(home.connection, claimed, "failed", "unknown_phone: gone")
    return notification_id


async def _judge(evaluator: Evaluator, clock: SettableClock, after: timedelta) -> None:
    clock.advance(after)
    await evaluator.evaluate_waiting()


async def _told(home: HomeForTests) -> dict[str, UUID]:
    """Return target -> notification of those that tell of failed ones."""
    rows = await home.connection.fetch(
        "SELECT notification.id, target FROM notification "
        "JOIN incident ON incident.id = incident_id WHERE rule_id = $1 "
        "ORDER BY notification.sequence DESC",
        _RULE,
    )
    return {row["target"]: row["id"] for row in rows}


async def _states(home: HomeForTests) -> list[str]:
    rows = await home.connection.fetch(
        "SELECT state::text FROM incident WHERE rule_id = $1 ORDER BY breach_since", _RULE
    )
    return [row["state"] for row in rows]


async def test_it_is_told_to_everybody_until_it_is_tried_again(
    home: HomeForTests, evaluator: Evaluator, clock: SettableClock, database: Database
) -> None:
    await _judge(evaluator, clock, timedelta(0))
    assert await _states(home) == []
    failed = await _fail(home)
    await _judge(evaluator, clock, timedelta(minutes=2))
    assert await _states(home) == ["open"]
    assert set(await _told(home)) == {"phone-1", "phone-2"}

    async with database.transaction() as connection:
        await outbox_care.retry(connection, failed)
    await _judge(evaluator, clock, timedelta(minutes=2))
    await _judge(evaluator, clock, timedelta(minutes=2))
    assert await _states(home) == ["resolved"]


async def test_a_phone_that_was_replaced_is_missed_by_nobody(
    home: HomeForTests, evaluator: Evaluator, clock: SettableClock
) -> None:
    """Its alarm, or the recovery that closes it there, fails for good: that is no trouble."""
    await _fail(home)
    await home.configure(phones=["phone-2"])
    await _judge(evaluator, clock, timedelta(minutes=2))
    assert await _states(home) == []
    # but where a room still has it, somebody counts on it
    await home.room("Attic", targets=["phone-1"])
    await _judge(evaluator, clock, timedelta(minutes=2))
    assert await _states(home) == ["open"]


async def test_one_that_tells_of_failures_and_fails_keeps_nothing_alive(
    home: HomeForTests, evaluator: Evaluator, clock: SettableClock, database: Database
) -> None:
    """No loop: it opens nothing, and when the first is tried again all is over."""
    first = await _fail(home)
    await _judge(evaluator, clock, timedelta(minutes=2))
    told = await _told(home)
    await _fail(home, told["phone-1"])
    await _judge(evaluator, clock, timedelta(minutes=2))
    assert await _states(home) == ["open"]
    assert await _told(home) == told
    async with database.transaction() as connection:
        await outbox_care.retry(connection, first)
    for _ in range(2):
        await _judge(evaluator, clock, timedelta(minutes=2))
    assert await _states(home) == ["resolved"]


async def test_a_failure_is_news_for_a_day(
    home: HomeForTests, evaluator: Evaluator, clock: SettableClock
) -> None:
    await _fail(home)
    await _judge(evaluator, clock, timedelta(minutes=2))
    await _judge(evaluator, clock, timedelta(hours=23))
    assert await _states(home) == ["open"]
    await _judge(evaluator, clock, timedelta(hours=1))
    await _judge(evaluator, clock, timedelta(minutes=2))
    assert await _states(home) == ["resolved"]
