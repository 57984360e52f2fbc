"""What can never be delivered here is said by the other channel: once, and it stays failed."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from pydantic import SecretStr

from mould_watch.clock import SystemClock
from mould_watch.domain.condition import Level
from mould_watch.domain.incident import Incident, IncidentState
from mould_watch.domain.notification import Lane, NotificationKind, plan
from mould_watch.notify.channels.apprise import AppriseChannel
from mould_watch.notify.channels.home_assistant import HomeAssistantChannel
from mould_watch.notify.worker import NotificationWorker
from mould_watch.settings import NotifySettings
from mould_watch.storage import incidents, outbox_care
from mould_watch.storage.connections import connect
from mould_watch.storage.database import Connection, Database
from mould_watch.storage.outbox_care import HandedOver, RetryOutcome
from tests.support.notifications import (
    INSTANCE,
    RecordingHomeAssistant,
    add_incident,
    add_notification,
    claim,
    finish,
    give_back,
    row_of,
    states_of,
    tell,
)
from tests.support.running import running
from tests.support.services import Webhook, running_webhook
from tests.support.waiting import until

_MAIL = Lane("apprise", "mail", "mail")
_PHONE = Lane("home_assistant", INSTANCE, "phone-1")
_TOLD = ("phone-0", "phone-1", "phone-2", "apprise:chat", "apprise:mail")
_GONE = "unknown_phone: there is no such phone any more"


@pytest.fixture
async def hook() -> AsyncGenerator[Webhook]:
    async with running_webhook() as hook:
        yield hook


async def _hand_over(connection: Connection, within_s: float = 3600) -> list[HandedOver]:
    async with connection.transaction():
        return await outbox_care.hand_over_failed(connection, within_s, way=_MAIL, told=_TOLD)


async def _fail(connection: Connection, *ids: UUID, channel: str = "home_assistant") -> None:
    claimed = await claim(connection, channel=channel, routes=[INSTANCE, "mail", "chat"])
    for one in claimed:
        if one.notification_id in ids:
            assert await finish(connection, one, "failed", _GONE)
        else:
            assert await give_back(connection, one, 0, "another is meant")
    for id_ in ids:
        assert (await row_of(connection, id_))["state"] == "failed"


async def _failed(
    connection: Connection, incident: UUID | None = None, way: Lane = _PHONE, kind: str = "alarm"
) -> UUID:
    incident = incident or await add_incident(connection)
    id_ = await _add(connection, incident, way, kind)
    await _fail(connection, id_, channel=way.channel)
    return id_


async def _add(connection: Connection, incident: UUID, way: Lane, kind: str = "alarm") -> UUID:
    return await add_notification(
        connection, incident, kind=kind, channel=way.channel, route=way.route, target=way.target
    )


async def _row(connection: Connection, id_: UUID | None) -> Mapping[str, Any]:
    row = await connection.fetchrow(
        "SELECT *, state::text AS now FROM notification WHERE id=$1", id_
    )
    assert row is not None
    return dict(row)


def _as(incident_id: UUID, state: IncidentState) -> Incident:
    now = datetime.now(UTC)
    return Incident(incident_id, "surface_damp", state, Level.WARNING, now, now, 2)


async def test_it_is_said_once_by_the_other_channel_and_stays_failed(
    connection: Connection,
) -> None:
    failed = await _failed(connection)

    (handed,) = await _hand_over(connection)

    assert handed.notification_id == failed
    here, there = await _row(connection, failed), await _row(connection, handed.fallback_id)
    assert (here["now"], here["last_error"]) == ("failed", _GONE)
    assert await states_of(connection, failed) == ["pending", "claimed", "failed"]
    assert there["fallback_of"] == failed
    assert (there["channel"], there["route"], there["target"]) == ("apprise", "mail", "mail")
    assert (there["now"], there["sequence"]) == ("pending", 1)
    for name in ("incident_id", "transition_id", "kind", "severity", "message", "correlation_id"):
        assert there[name] == here[name], name
    assert handed.correlation_id == here["correlation_id"]
    assert await _hand_over(connection) == []


async def test_two_phones_that_are_gone_are_one_mail(connection: Connection) -> None:
    incident = await add_incident(connection)
    ids = [
        await add_notification(connection, incident, target=f"phone-{number}")
        for number in range(2)
    ]
    await _fail(connection, *ids)
    assert len(await _hand_over(connection)) == 1
    assert await _hand_over(connection) == []
    assert await connection.fetchval("SELECT count(*) FROM notification") == 3


async def test_one_that_the_mail_was_told_anyway_is_not_said_again(connection: Connection) -> None:
    """The service is one of the home's own targets as well as its fallback."""
    incident = await add_incident(connection)
    await _add(connection, incident, _MAIL)
    await _failed(connection, incident)
    assert await _hand_over(connection) == []


async def test_another_service_that_refuses_for_good_is_helped_out_too(
    connection: Connection,
) -> None:
    chat = await _failed(connection, way=Lane("apprise", "chat", "chat"))
    assert [one.notification_id for one in await _hand_over(connection)] == [chat]


async def test_what_the_other_channel_cannot_deliver_either_goes_nowhere(
    connection: Connection,
) -> None:
    await _failed(connection)
    (handed,) = await _hand_over(connection)
    assert handed.fallback_id is not None
    await _fail(connection, handed.fallback_id, channel="apprise")
    await _failed(connection, way=_MAIL)
    assert await _hand_over(connection) == []


@pytest.mark.parametrize("kind", ["recovery", "clear"])
async def test_a_closing_message_is_not_handed_over(connection: Connection, kind: str) -> None:
    await _failed(connection, kind=kind)
    assert await _hand_over(connection) == []


@pytest.mark.parametrize("how", ["seen", "put off", "over"])
async def test_what_is_over_or_was_seen_is_news_to_nobody(connection: Connection, how: str) -> None:
    incident = await add_incident(connection)
    await _failed(connection, incident)
    await connection.execute(
        """
        UPDATE incident
        SET sequence = sequence + 1,
            acknowledged_at = CASE $2 WHEN 'seen' THEN clock_timestamp() END,
            snoozed_until = CASE $2 WHEN 'put off' THEN clock_timestamp() END,
            handled_level = CASE WHEN $2 <> 'over' THEN level END,
            state = CASE $2 WHEN 'over' THEN 'dismissed'::incident_state ELSE state END,
            ended_at = CASE $2 WHEN 'over' THEN clock_timestamp() END
        WHERE id = $1
        """,
        incident,
        how,
    )
    assert await _hand_over(connection) == []


async def test_what_fails_for_a_phone_that_was_replaced_is_missed_by_nobody(
    connection: Connection,
) -> None:
    """The one in its place has the alarm in a lane of its own."""
    await _failed(connection, way=replace(_PHONE, target="phone-old"))
    assert await _hand_over(connection) == []


async def test_old_words_are_not_sent(connection: Connection) -> None:
    """A fallback is set days later: what failed then is not news any more."""
    failed = await _failed(connection)
    await _disable_triggers(
        connection,
        "UPDATE notification SET finished_at = finished_at - interval '2 hours' WHERE id = $1",
        failed,
    )
    assert await _hand_over(connection, 3600) == []
    assert len(await _hand_over(connection, 3 * 3600)) == 1


async def test_only_the_last_word_of_a_lane_goes(connection: Connection) -> None:
    incident = await add_incident(connection)
    alarm = await _failed(connection, incident)
    reminder = await add_notification(connection, incident)
    assert await _hand_over(connection) == [], "the lane has gone on"
    await _fail(connection, reminder)
    assert [one.notification_id for one in await _hand_over(connection)] == [reminder]
    assert (await row_of(connection, alarm))["state"] == "failed"


async def test_every_reminder_is_one_of_its_own(connection: Connection) -> None:
    """All of them are of the transition that opened the incident."""
    incident = await add_incident(connection)
    await _open(connection, incident)
    texts = []
    for _ in range(3):
        ids = [
            await add_notification(connection, incident, kind="reminder", target=f"phone-{number}")
            for number in range(2)
        ]
        await _fail(connection, *ids)
        handed = await _hand_over(connection)
        assert len(handed) == 1
        texts.append(handed[0].fallback_id)
        assert await _hand_over(connection) == []
    assert len(set(texts)) == 3


async def test_a_summary_is_handed_over_though_what_it_tells_of_is_over(
    connection: Connection,
) -> None:
    incident = await add_incident(connection)
    told = await add_notification(connection, incident)
    async with connection.transaction():
        summary = await add_notification(connection, incident, kind="summary")
        await _bundle(connection, told, summary)
    await _fail(connection, summary)
    await connection.execute(
        "UPDATE incident SET state = 'dismissed', ended_at = clock_timestamp(), "
        "sequence = sequence + 1 WHERE id = $1",
        incident,
    )
    assert [one.notification_id for one in await _hand_over(connection)] == [summary]


async def test_one_that_tells_of_more_rooms_is_said_as_well(connection: Connection) -> None:
    """Two phones are told of the bathroom, one of them in the same breath of the cellar."""
    bathroom, cellar = await add_incident(connection), await add_incident(connection, "Cellar")
    short = await add_notification(connection, bathroom, target="phone-1")
    long = await add_notification(connection, bathroom, target="phone-2")
    told = await add_notification(connection, cellar, target="phone-2")
    await _bundle(connection, told, long)
    await _fail(connection, short)
    assert len(await _hand_over(connection)) == 1
    await _fail(connection, long)
    assert [one.notification_id for one in await _hand_over(connection)] == [long]


async def test_one_whose_own_matter_is_over_still_tells_of_the_other(
    connection: Connection,
) -> None:
    bathroom, cellar = await add_incident(connection), await add_incident(connection, "Cellar")
    alarm = await add_notification(connection, bathroom)
    await _bundle(connection, await add_notification(connection, cellar), alarm)
    await _fail(connection, alarm)
    await connection.execute(
        "UPDATE incident SET state = 'dismissed', ended_at = clock_timestamp(), "
        "sequence = sequence + 1 WHERE id = $1",
        bathroom,
    )
    assert [one.notification_id for one in await _hand_over(connection)] == [alarm]


async def test_one_that_the_mail_was_told_with_others_is_not_said_again(
    connection: Connection,
) -> None:
    """The phone hears of the cellar with the bathroom, the mail of the bathroom with the cellar."""
    bathroom, cellar = await add_incident(connection), await add_incident(connection, "Cellar")
    phone = await add_notification(connection, bathroom)
    await _bundle(connection, await add_notification(connection, cellar), phone)
    bundle = await _add(connection, cellar, _MAIL)
    await _bundle(connection, await _add(connection, bathroom, _MAIL), bundle)
    await _fail(connection, phone)
    assert await _hand_over(connection) == []


async def test_the_end_is_told_where_the_alarm_was(connection: Connection) -> None:
    """Also of an incident that the alarm of another told of."""
    bathroom, cellar = await add_incident(connection), await add_incident(connection, "Cellar")
    alarm = await add_notification(connection, bathroom)
    told = await add_notification(connection, cellar)
    await _bundle(connection, told, alarm)
    await _fail(connection, alarm)
    (handed,) = await _hand_over(connection)
    for incident in (bathroom, cellar):
        rows = await incidents.lane_rows(connection, incident, lock=False)
        closing = plan(_as(incident, IncidentState.RESOLVED), rows, (_PHONE,), notify=True)
        assert _MAIL not in {new.lane for new in closing.add}, "the mail has not been tried"
    (mail,) = await claim(connection, channel="apprise", routes=["mail"])
    assert mail.notification_id == handed.fallback_id
    assert await finish(connection, mail, "sent")
    for incident in (bathroom, cellar):
        rows = await incidents.lane_rows(connection, incident, lock=False)
        closing = plan(_as(incident, IncidentState.RESOLVED), rows, (_PHONE,), notify=True)
        said = [new for new in closing.add if new.lane == _MAIL]
        assert [new.kind for new in said] == [NotificationKind.RECOVERY], incident


async def test_a_retry_by_hand_does_not_tell_it_twice(connection: Connection) -> None:
    failed = await _failed(connection)
    (handed,) = await _hand_over(connection)
    assert handed.fallback_id is not None
    assert await outbox_care.retry(connection, failed) is RetryOutcome.SAID_ELSEWHERE
    assert (await row_of(connection, failed))["state"] == "failed"

    await _fail(connection, handed.fallback_id, channel="apprise")
    assert await outbox_care.retry(connection, failed) is RetryOutcome.DONE
    await _fail(connection, failed)
    assert await _hand_over(connection) == [], "nor does it go the other way a second time"


async def test_two_at_once_hand_over_once(connection: Connection, database_url: str) -> None:
    failed = [await _failed(connection) for _ in range(5)]
    others = [await connect(database_url) for _ in range(4)]

    async def look(other: asyncpg.Connection[asyncpg.Record]) -> list[HandedOver]:
        handed: list[HandedOver] = []
        for _ in range(10):
            handed += await _hand_over(other)
        return handed

    try:
        results = await asyncio.gather(*(look(other) for other in others))
    finally:
        for other in others:
            await other.close()
    assert sorted(one.notification_id for handed in results for one in handed) == sorted(failed)
    assert await connection.fetchval("SELECT count(*) FROM notification") == 2 * len(failed)


async def test_one_that_dies_before_its_commit_leaves_it_to_the_next(
    connection: Connection, database_url: str
) -> None:
    failed = await _failed(connection)
    dying = await connect(database_url)
    await dying.execute("BEGIN")
    assert len(await outbox_care.hand_over_failed(dying, 3600, way=_MAIL, told=_TOLD)) == 1
    assert await _hand_over(connection) == [], "it is the other's"
    pid = dying.get_server_pid()
    await connection.execute("SELECT pg_terminate_backend($1, 5000)", pid)
    dying.terminate()
    (handed,) = await _hand_over(connection)
    assert handed.notification_id == failed
    assert await connection.fetchval("SELECT count(*) FROM notification") == 2


async def test_whoever_ends_the_incident_meanwhile_knows_of_the_mail(
    connection: Connection, database_url: str
) -> None:
    """The end waits until the mail is written, and takes it back: it was never tried."""
    incident = await add_incident(connection)
    await _failed(connection, incident)
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
            planned = plan(_as(incident, IncidentState.RESOLVED), rows, (_PHONE,), notify=True)
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
            (handed,) = await outbox_care.hand_over_failed(connection, 3600, way=_MAIL, told=_TOLD)
            task = asyncio.create_task(end(), name="end")
            await until(waits)
        assert await task == (handed.fallback_id,)
        assert (await _row(connection, handed.fallback_id))["now"] == "cancelled"
    finally:
        await ending.close()


async def test_a_replaced_phone_s_alarm_comes_by_mail(
    database: Database, hook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    """The whole way with two workers: the phone is unknown, the webhook gets it once."""

    async def unknown(_: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"outcome": "failed", "code": "unknown_phone", "message": "no such phone"}

    settings = NotifySettings(
        poll_s=0.1,
        channel_timeout_s=5,
        lease_s=20,
        apprise={"mail": SecretStr(hook.address)},
        fallback="apprise:mail",
        fallback_after_s=600,
    )
    home_assistant = RecordingHomeAssistant(INSTANCE)
    home_assistant.respond = unknown
    workers = [
        NotificationWorker(
            settings,
            database,
            SystemClock(),
            [HomeAssistantChannel(home_assistant, 5), AppriseChannel(settings.apprise, 5)],
            f"worker-{number}",
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
        here = await _row(connection, alarm)
    said = [record for record in caplog.records if _action(record) == "notification_fell_back"]
    assert [vars(record)["notification_id"] for record in said] == [str(alarm)]
    correlation_id = str(here["correlation_id"])
    assert vars(said[0])["correlation_id"] == correlation_id
    sent = [record for record in caplog.records if _action(record) == "notification_sent"]
    assert [vars(record)["correlation_id"] for record in sent] == [correlation_id]


def _action(record: logging.LogRecord) -> object:
    return vars(record).get("action")


async def _open(connection: Connection, incident: UUID) -> None:
    await connection.execute(
        "UPDATE incident SET state = 'open', opened_at = clock_timestamp(), "
        "sequence = sequence + 1 WHERE id = $1",
        incident,
    )


async def _bundle(connection: Connection, told: UUID, bundle: UUID) -> None:
    await connection.execute(
        "UPDATE notification SET state = 'cancelled', finished_at = clock_timestamp(), "
        "bundled_in = $2 WHERE id = $1",
        told,
        bundle,
    )


async def _disable_triggers(connection: Connection, statement: str, *arguments: object) -> None:
    await connection.execute("ALTER TABLE notification DISABLE TRIGGER USER")
    await connection.execute(statement, *arguments)
    await connection.execute("ALTER TABLE notification ENABLE TRIGGER USER")
