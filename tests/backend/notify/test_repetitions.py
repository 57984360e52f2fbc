"""Alarms of high severity that perhaps reached nobody are said again, in their lane, on a real
PostgreSQL and by its clock."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from mould_watch.clock import SystemClock
from mould_watch.domain.notification import Lane
from mould_watch.notify.repetition import Repetitions
from mould_watch.settings import NotifySettings
from mould_watch.storage import held, outbox
from mould_watch.storage.database import Connection, Database
from mould_watch.storage.receipts import record_receipt
from tests.support.notifications import (
    INSTANCE,
    add_incident,
    add_notification,
    claim,
    finish,
)
from tests.support.running import running
from tests.support.waiting import until

SETTINGS = NotifySettings(receipt_wait_s=300, person_wait_s=900)
MINUTE_S = 60.0


@pytest.fixture
def repetitions(database: Database) -> Repetitions:
    return Repetitions(SETTINGS, database, SystemClock())


@pytest.fixture
async def incident_id(connection: Connection) -> UUID:
    """Return an incident that is open at level high."""
    incident_id = await add_incident(connection)
    await connection.execute(
        "UPDATE incident SET state = 'open', level = 'high', opened_at = clock_timestamp(), "
        "sequence = sequence + 1 WHERE id = $1",
        incident_id,
    )
    return incident_id


async def send(
    database: Database,
    notification_id: UUID,
    *,
    ago_s: float,
    expects_receipt: bool | None = True,
) -> outbox.ClaimedNotification:
    """Have a notification accepted `ago_s` seconds ago; return how it was claimed."""
    async with database.transaction() as connection:
        (claimed,) = await claim(
            connection,
            channel="home_assistant",
            routes=[INSTANCE],
            limit=1,
            worker="w",
            lease_s=60,
        )
        assert claimed.notification_id == notification_id
        assert await finish(connection, claimed, "sent", expects_receipt=expects_receipt)
        await _age(connection, notification_id, ago_s)
    return claimed


async def _age(connection: Connection, notification_id: UUID, ago_s: float) -> None:
    """Let it have been sent earlier: the one thing here that no clock can be asked for."""
    await connection.execute("ALTER TABLE notification DISABLE TRIGGER notification_lawful")
    await connection.execute(
        "UPDATE notification SET finished_at = clock_timestamp() - make_interval(secs => $2) "
        "WHERE id = $1",
        notification_id,
        ago_s,
    )
    await connection.execute("ALTER TABLE notification ENABLE TRIGGER notification_lawful")


async def lane(connection: Connection) -> list[Mapping[str, Any]]:
    rows = await connection.fetch(
        "SELECT id, repeats, via, kind, severity::text, state::text, message, transition_id "
        "FROM notification ORDER BY sequence"
    )
    return [dict(row) for row in rows]


@pytest.mark.parametrize("kind", ["alarm", "step_up"])
async def test_without_a_receipt_it_is_pushed_once_more_and_then_said_in_plain_text(
    database: Database,
    connection: Connection,
    incident_id: UUID,
    repetitions: Repetitions,
    kind: str,
) -> None:
    alarm = await add_notification(connection, incident_id, severity="high", kind=kind)
    first = await send(database, alarm, ago_s=5 * MINUTE_S + 1)
    assert (first.via, first.is_repetition) == ("push", False)
    await repetitions.look()
    await repetitions.look()
    original, again = await lane(connection)
    assert again["repeats"] == alarm
    assert again["via"] == "push"
    same = ("kind", "severity", "message", "transition_id")
    assert [again[name] for name in same] == [original[name] for name in same]
    second = await send(database, again["id"], ago_s=5 * MINUTE_S + 1)
    assert (second.via, second.is_repetition) == ("push", True)
    await repetitions.look()
    last = (await lane(connection))[-1]
    assert (last["via"], last["repeats"]) == ("entity", again["id"])
    third = await send(database, last["id"], ago_s=60 * MINUTE_S, expects_receipt=None)
    assert (third.via, third.is_repetition) == ("entity", True)
    await repetitions.look()
    assert len(await lane(connection)) == 3
    # the phone's service counts them, whoever holds notifications back knows
    target = Lane("home_assistant", INSTANCE, "phone-1")
    counted = await held.released(connection, target, datetime.now(UTC))
    assert [one.is_repetition for one in counted] == [True, True]


async def test_where_no_receipt_can_come_a_person_has_longer(
    database: Database, connection: Connection, incident_id: UUID, repetitions: Repetitions
) -> None:
    alarm = await add_notification(connection, incident_id, severity="high")
    await send(database, alarm, ago_s=14 * MINUTE_S, expects_receipt=False)
    await repetitions.look()
    assert len(await lane(connection)) == 1
    async with database.transaction() as other:
        await _age(other, alarm, 15 * MINUTE_S + 1)
    await repetitions.look()
    assert [row["via"] for row in await lane(connection)] == ["push", "entity"]


@pytest.mark.parametrize(
    ("expects_receipt", "age_s", "next_s"),
    [(True, 290.0, 10.0), (False, 880.0, 20.0), (None, 290.0, 30.0)],
)
async def test_the_next_look_is_when_one_is_due(
    *,
    database: Database,
    connection: Connection,
    incident_id: UUID,
    repetitions: Repetitions,
    expects_receipt: bool | None,
    age_s: float,
    next_s: float,
) -> None:
    alarm = await add_notification(connection, incident_id, severity="high")
    await send(database, alarm, ago_s=age_s, expects_receipt=expects_receipt)
    assert await repetitions.look() == pytest.approx(next_s, abs=5)
    assert len(await lane(connection)) == 1


async def test_a_receipt_ends_it_also_one_that_came_before_the_answer(
    database: Database, connection: Connection, incident_id: UUID, repetitions: Repetitions
) -> None:
    alarm = await add_notification(connection, incident_id, severity="high")
    assert await record_receipt(connection, alarm, INSTANCE)
    assert await record_receipt(connection, alarm, INSTANCE)
    await send(database, alarm, ago_s=60 * MINUTE_S)
    await repetitions.look()
    assert len(await lane(connection)) == 1


@pytest.mark.parametrize(
    "change",
    [
        "state = 'recovering'",
        "acknowledged_at = clock_timestamp(), handled_level = 'high'",
        "snoozed_until = clock_timestamp() + interval '1 day', handled_level = 'high'",
        "level = 'warning'",
    ],
)
async def test_nothing_is_said_again_of_an_incident_that_needs_nobody(
    *,
    database: Database,
    connection: Connection,
    incident_id: UUID,
    repetitions: Repetitions,
    change: str,
) -> None:
    alarm = await add_notification(connection, incident_id, severity="high")
    await send(database, alarm, ago_s=60 * MINUTE_S)
    await connection.execute(
        f"UPDATE incident SET {change}, sequence = sequence + 1 WHERE id = $1",  # noqa: S608
        incident_id,
    )
    await repetitions.look()
    assert len(await lane(connection)) == 1


@pytest.mark.parametrize(
    ("severity", "expects_receipt"), [("warning", True), ("high", None)], ids=["mild", "sure"]
)
async def test_nothing_is_said_again_that_is_mild_or_came_by_a_way_that_tells_its_errors(
    *,
    database: Database,
    connection: Connection,
    incident_id: UUID,
    repetitions: Repetitions,
    severity: str,
    expects_receipt: bool | None,
) -> None:
    alarm = await add_notification(connection, incident_id, severity=severity)
    await send(database, alarm, ago_s=60 * MINUTE_S, expects_receipt=expects_receipt)
    await repetitions.look()
    assert len(await lane(connection)) == 1


async def test_only_the_newest_of_a_lane_is_said_again(
    database: Database, connection: Connection, incident_id: UUID, repetitions: Repetitions
) -> None:
    alarm = await add_notification(connection, incident_id, severity="high")
    await send(database, alarm, ago_s=60 * MINUTE_S)
    await add_notification(connection, incident_id, kind="clear")
    await repetitions.look()
    assert [row["kind"] for row in await lane(connection)] == ["alarm", "clear"]


async def test_replicas_write_it_once(
    database: Database, connection: Connection, incident_id: UUID
) -> None:
    alarm = await add_notification(connection, incident_id, severity="high")
    await send(database, alarm, ago_s=60 * MINUTE_S)
    replicas = [Repetitions(SETTINGS, database, SystemClock()) for _ in range(4)]
    await asyncio.gather(*(one.look() for one in replicas))
    assert len(await lane(connection)) == 2


async def test_an_incident_that_moves_at_this_moment_is_looked_at_the_next_time(
    database: Database, connection: Connection, incident_id: UUID, repetitions: Repetitions
) -> None:
    alarm = await add_notification(connection, incident_id, severity="high")
    await send(database, alarm, ago_s=60 * MINUTE_S)
    async with database.transaction() as other:
        await other.execute(
            "UPDATE incident SET state = 'recovering', sequence = sequence + 1 WHERE id = $1",
            incident_id,
        )
        await repetitions.look()
    await repetitions.look()
    assert len(await lane(connection)) == 1


async def test_it_looks_by_itself(
    database: Database, connection: Connection, incident_id: UUID
) -> None:
    alarm = await add_notification(connection, incident_id, severity="high")
    settings = NotifySettings(receipt_wait_s=0.5, person_wait_s=0.5)
    await send(database, alarm, ago_s=0)
    async with running(Repetitions(settings, database, SystemClock()).run(), "repetitions"):

        async def is_written() -> bool:
            return len(await lane(connection)) == 2

        await until(is_written)
