"""Notifications of incidents that are long over are removed; the rest stays."""

import asyncio
from uuid import UUID

from mould_watch.storage import outbox_care
from mould_watch.storage.database import Connection, Database
from tests.support.notifications import add_incident, add_notification


async def _over(connection: Connection, days: int, *, notifications: int = 2) -> UUID:
    """Leave an incident that ended so long ago, with what was sent of it."""
    incident = await add_incident(connection)
    await connection.execute("ALTER TABLE incident DISABLE TRIGGER USER")
    await connection.execute("ALTER TABLE notification DISABLE TRIGGER USER")
    for _ in range(notifications):
        notification_id = await add_notification(connection, incident)
        await connection.execute(
            "UPDATE notification SET state = 'sent', "
            "finished_at = clock_timestamp() - make_interval(days => $2) WHERE id = $1",
            notification_id,
            days,
        )
        await connection.execute(
            "INSERT INTO notification_step (notification_id, to_state, attempt) "
            "VALUES ($1, 'sent', 1)",
            notification_id,
        )
        await connection.execute(
            "INSERT INTO notification_receipt (notification_id) VALUES ($1)", notification_id
        )
    await connection.execute(
        "UPDATE incident SET state = 'resolved', "
        "ended_at = clock_timestamp() - make_interval(days => $2) WHERE id = $1",
        incident,
        days,
    )
    await connection.execute("ALTER TABLE incident ENABLE TRIGGER USER")
    await connection.execute("ALTER TABLE notification ENABLE TRIGGER USER")
    return incident


async def _left(connection: Connection) -> set[UUID]:
    return {
        row["incident_id"]
        for row in await connection.fetch("SELECT DISTINCT incident_id FROM notification")
    }


async def test_only_what_is_long_over_is_removed_with_its_steps(connection: Connection) -> None:
    old = await _over(connection, 400)
    recent = await _over(connection, 300)
    live = await add_incident(connection)
    await add_notification(connection, live)

    assert await outbox_care.remove_finished(connection, 365, 100) == 2

    assert await _left(connection) == {recent, live}
    assert await connection.fetchval("SELECT count(*) FROM notification_step") == 3
    assert await connection.fetchval("SELECT count(*) FROM incident WHERE id = $1", old) == 1
    assert await outbox_care.remove_finished(connection, 365, 100) == 0


async def test_an_incident_goes_whole_or_not_at_all(connection: Connection) -> None:
    late = await _over(connection, 400)
    await add_notification(connection, late, kind="recovery")  # not sent yet
    assert await outbox_care.remove_finished(connection, 365, 100) == 0
    assert await _left(connection) == {late}


async def test_what_was_only_lately_sent_of_an_old_incident_stays(connection: Connection) -> None:
    """Home Assistant was away for a year, and the closing message came when it was back."""
    old = await _over(connection, 400)
    await connection.execute("ALTER TABLE notification DISABLE TRIGGER USER")
    await connection.execute(
        "UPDATE notification SET finished_at = clock_timestamp() WHERE sequence = 2"
    )
    await connection.execute("ALTER TABLE notification ENABLE TRIGGER USER")
    assert await outbox_care.remove_finished(connection, 365, 100) == 0
    assert await _left(connection) == {old}


async def test_no_more_incidents_at_once_than_asked_for(connection: Connection) -> None:
    for _ in range(3):
        await _over(connection, 400, notifications=1)
    removed = [await outbox_care.remove_finished(connection, 365, 2) for _ in range(3)]
    assert removed == [2, 1, 0]


async def test_two_that_remove_at_once_do_not_wait_for_each_other(database: Database) -> None:
    """Replicas that were started together clean at the same moment."""
    async with database.connection() as connection:
        for _ in range(3):
            await _over(connection, 400, notifications=1)
    async with database.transaction() as first, database.transaction() as second:
        assert await outbox_care.remove_finished(first, 365, 2) == 2
        async with asyncio.timeout(10):
            assert await outbox_care.remove_finished(second, 365, 2) == 1
    async with database.connection() as connection:
        assert await _left(connection) == set()


async def test_what_one_that_stays_was_told_in_may_go(connection: Connection) -> None:
    """A row of another incident names it; so does one that repeats, or fell back."""
    old = await _over(connection, 400)
    first, second = [
        row["id"]
        for row in await connection.fetch(
            "SELECT id FROM notification WHERE incident_id = $1 ORDER BY sequence", old
        )
    ]
    await connection.execute("ALTER TABLE notification DISABLE TRIGGER USER")
    await connection.execute(
        "UPDATE notification SET repeats = $1, fallback_of = $1 WHERE id = $2", first, second
    )
    await connection.execute("ALTER TABLE notification ENABLE TRIGGER USER")
    bundled = await add_notification(connection, await add_incident(connection))
    await connection.execute(
        "UPDATE notification SET state = 'cancelled', finished_at = clock_timestamp(), "
        "bundled_in = $2 WHERE id = $1",
        bundled,
        first,
    )
    assert await outbox_care.remove_finished(connection, 365, 100) == 2
    row = await connection.fetchrow("SELECT state::text, bundled_in FROM notification")
    assert row is not None
    assert (row["state"], row["bundled_in"]) == ("cancelled", None)
