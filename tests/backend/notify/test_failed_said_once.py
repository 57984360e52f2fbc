"""The other channel is handed what failed once, whoever looks, dies or ends it meanwhile."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest

from mould_watch.domain.incident import IncidentState
from mould_watch.domain.notification import plan
from mould_watch.storage import incidents, outbox_care
from mould_watch.storage.connections import connect
from mould_watch.storage.database import Connection, Database
from mould_watch.storage.outbox_care import HandedOver
from tests.support.failed_notifications import (
    MAIL,
    PHONE,
    TOLD,
    add_in_lane,
    fail,
    fail_one,
    hand_over,
    incident_as,
    row_now,
)
from tests.support.notifications import (
    INSTANCE,
    RecordingHomeAssistant,
    add_incident,
    add_notification,
    tell,
)
from tests.support.running import running
from tests.support.services import Webhook
from tests.support.waiting import until
from tests.support.worked_outbox import worker_with_fallback


async def test_two_at_once_hand_over_once(connection: Connection, database_url: str) -> None:
    failed = [await fail_one(connection) for _ in range(5)]
    others = [await connect(database_url) for _ in range(4)]

    async def look(other: asyncpg.Connection[asyncpg.Record]) -> list[HandedOver]:
        handed: list[HandedOver] = []
        for _ in range(10):
            handed += await hand_over(other)
        return handed

    try:
        results = await asyncio.gather(*(look(other) for other in others))
    finally:
        for other in others:
            await other.close()
    assert sorted(one.notification_id for handed in results for one in handed) == sorted(failed)
    assert await connection.fetchval("SELECT count(*) FROM notification") == 2 * len(failed)


async def test_what_other_phones_had_said_hides_nothing_newer(connection: Connection) -> None:
    """Of three phones that are gone one mail says it; the other two rows stay failed, and said."""
    phones = [replace(PHONE, target=target) for target in ("phone-0", "phone-1", "phone-2")]
    for _ in range(51):
        incident = await add_incident(connection)
        ids = [await add_in_lane(connection, incident, phone) for phone in phones]
        await fail(connection, *ids)
    handed: list[HandedOver] = []
    while more := await hand_over(connection):
        handed += more
    assert len(handed) == 51
    newer = await fail_one(connection)
    assert [one.notification_id for one in await hand_over(connection)] == [newer]


async def test_one_that_dies_before_its_commit_leaves_it_to_the_next(
    connection: Connection, database_url: str
) -> None:
    failed = await fail_one(connection)
    dying = await connect(database_url)
    await dying.execute("BEGIN")
    assert len(await outbox_care.hand_over_failed(dying, 3600, way=MAIL, told=TOLD)) == 1
    assert await hand_over(connection) == [], "it is the other's"
    pid = dying.get_server_pid()
    await connection.execute("SELECT pg_terminate_backend($1, 5000)", pid)
    dying.terminate()
    (handed,) = await hand_over(connection)
    assert handed.notification_id == failed
    assert await connection.fetchval("SELECT count(*) FROM notification") == 2


async def test_whoever_ends_the_incident_meanwhile_knows_of_the_mail(
    connection: Connection, database_url: str
) -> None:
    """The end waits until the mail is written, and takes it back: it was never tried."""
    incident = await add_incident(connection)
    await fail_one(connection, incident)
    ending = await connect(database_url)
    await ending.execute("SET application_name = 'ending'")

    async def end() -> tuple[UUID, ...]:
        async with ending.transaction():
            await ending.execute(
                "UPDATE incident SET state = 'dismissed', ended_at = clock_timestamp(), "
                "sequence = sequence + 1 WHERE id = $1",
                incident,
            )
            rows = await incidents.lane_rows(ending, incident, lock=True)
            planned = plan(
                incident_as(incident, IncidentState.RESOLVED), rows, (PHONE,), notify=True
            )
            await incidents.cancel_notifications(ending, planned.cancel, "its incident ended")
            return planned.cancel

    async def waits() -> bool:
        return bool(
            await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE application_name = 'ending' AND wait_event_type = 'Lock'"
            )
        )

    try:
        async with connection.transaction():
            (handed,) = await outbox_care.hand_over_failed(connection, 3600, way=MAIL, told=TOLD)
            task = asyncio.create_task(end(), name="end")
            await until(waits)
        assert await task == (handed.fallback_id,)
        assert (await row_now(connection, handed.fallback_id))["now"] == "cancelled"
    finally:
        await ending.close()


async def test_a_replaced_phone_s_alarm_comes_by_mail(
    database: Database, hook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    """The whole way with two workers: the phone is unknown, the webhook gets it once."""

    async def unknown(_: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"outcome": "failed", "code": "unknown_phone", "message": "no such phone"}

    home_assistant = RecordingHomeAssistant(INSTANCE)
    home_assistant.respond = unknown
    workers = [
        worker_with_fallback(
            database, home_assistant, hook, name=f"worker-{number}", fallback_after_s=600
        )
        for number in range(2)
    ]
    caplog.set_level(logging.INFO)
    async with database.connection() as connection:
        await tell(connection, "phone-1")
        alarm = await add_notification(connection, await add_incident(connection), severity="high")
    async with running(workers[0].run(), "one"), running(workers[1].run(), "two"):
        await until(lambda: bool(hook.got))

        async def done() -> bool:
            async with database.connection() as connection:
                states = await connection.fetch("SELECT state::text FROM notification")
            return {row["state"] for row in states} == {"failed", "sent"}

        await until(done)
    assert [got["title"] for got in hook.got] == ["Mould risk"]
    assert len(home_assistant.deliveries) == 1
    async with database.connection() as connection:
        here = await row_now(connection, alarm)
    said = [record for record in caplog.records if _action(record) == "notification_fell_back"]
    assert [vars(record)["notification_id"] for record in said] == [str(alarm)]
    correlation_id = str(here["correlation_id"])
    assert vars(said[0])["correlation_id"] == correlation_id
    sent = [record for record in caplog.records if _action(record) == "notification_sent"]
    assert [vars(record)["correlation_id"] for record in sent] == [correlation_id]


def _action(record: logging.LogRecord) -> object:
    return vars(record).get("action")


class _Interrupted:
    """A connection that lets something happen between a look and whatever follows it."""

    def __init__(self, connection: Connection, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._connection = connection
        self._meanwhile = meanwhile

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a connection has
        return getattr(self._connection, name)

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        found = await self._connection.fetch(query, *arguments)
        assert found
        await self._meanwhile()
        return found


@pytest.mark.parametrize("kind", ["alarm", "clear", "seen"])
async def test_a_lane_that_goes_on_between_a_look_and_its_lock_is_left_alone(
    connection: Connection, database_url: str, kind: str
) -> None:
    """What was found as its last word is old then: what follows speaks for itself."""
    incident = await add_incident(connection)
    failed = await fail_one(connection, incident)
    other = await connect(database_url)

    async def go_on() -> None:
        if kind == "seen":
            await other.execute(
                "UPDATE incident SET sequence = sequence + 1, handled_level = level, "
                "acknowledged_at = clock_timestamp() WHERE id = $1",
                incident,
            )
        else:
            await add_notification(other, incident, kind=kind)

    try:
        async with connection.transaction():
            interrupted = cast("Connection", _Interrupted(connection, go_on))
            handed = await outbox_care.hand_over_failed(interrupted, 3600, way=MAIL, told=TOLD)
    finally:
        await other.close()
    assert handed == []
    assert not await connection.fetchval(
        "SELECT EXISTS (SELECT FROM notification WHERE fallback_of IS NOT NULL)"
    )
    assert (await row_now(connection, failed))["now"] == "failed"
