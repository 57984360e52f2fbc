"""What can never be delivered here is said by the other channel: once, and it stays failed."""

from dataclasses import replace
from uuid import UUID

import pytest

from mould_watch.domain.notification import Lane
from mould_watch.storage import outbox_care
from mould_watch.storage.database import Connection
from mould_watch.storage.outbox_care import RetryOutcome
from tests.support.failed_notifications import (
    GONE,
    MAIL,
    PHONE,
    add_in_lane,
    fail,
    fail_one,
    hand_over,
    row_now,
)
from tests.support.notifications import add_incident, add_notification, row_of, states_of


async def test_it_is_said_once_by_the_other_channel_and_stays_failed(
    connection: Connection,
) -> None:
    failed = await fail_one(connection)

    (handed,) = await hand_over(connection)

    assert handed.notification_id == failed
    here, there = await row_now(connection, failed), await row_now(connection, handed.fallback_id)
    assert (here["now"], here["last_error"]) == ("failed", GONE)
    assert await states_of(connection, failed) == ["pending", "claimed", "failed"]
    assert there["fallback_of"] == failed
    assert (there["channel"], there["route"], there["target"]) == ("apprise", "mail", "mail")
    assert (there["now"], there["sequence"]) == ("pending", 1)
    for name in ("incident_id", "transition_id", "kind", "severity", "message", "correlation_id"):
        assert there[name] == here[name], name
    assert handed.correlation_id == here["correlation_id"]
    assert await hand_over(connection) == []


async def test_two_phones_that_are_gone_are_one_mail(connection: Connection) -> None:
    incident = await add_incident(connection)
    ids = [
        await add_notification(connection, incident, target=f"phone-{number}")
        for number in range(2)
    ]
    await fail(connection, *ids)
    assert len(await hand_over(connection)) == 1
    assert await hand_over(connection) == []
    assert await connection.fetchval("SELECT count(*) FROM notification") == 3


async def test_one_that_the_mail_was_told_anyway_is_not_said_again(connection: Connection) -> None:
    """The service is one of the home's own targets as well as its fallback."""
    incident = await add_incident(connection)
    await add_in_lane(connection, incident, MAIL)
    await fail_one(connection, incident)
    assert await hand_over(connection) == []


async def test_another_service_that_refuses_for_good_is_helped_out_too(
    connection: Connection,
) -> None:
    chat = await fail_one(connection, way=Lane("apprise", "chat", "chat"))
    assert [one.notification_id for one in await hand_over(connection)] == [chat]


async def test_what_the_other_channel_cannot_deliver_either_goes_nowhere(
    connection: Connection,
) -> None:
    await fail_one(connection)
    (handed,) = await hand_over(connection)
    assert handed.fallback_id is not None
    await fail(connection, handed.fallback_id, channel="apprise")
    await fail_one(connection, way=MAIL)
    assert await hand_over(connection) == []


@pytest.mark.parametrize("kind", ["recovery", "clear"])
async def test_a_closing_message_is_not_handed_over(connection: Connection, kind: str) -> None:
    await fail_one(connection, kind=kind)
    assert await hand_over(connection) == []


@pytest.mark.parametrize("how", ["seen", "put off", "over"])
async def test_what_is_over_or_was_seen_is_news_to_nobody(connection: Connection, how: str) -> None:
    incident = await add_incident(connection)
    await fail_one(connection, incident)
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
    assert await hand_over(connection) == []


async def test_what_fails_for_a_phone_that_was_replaced_is_missed_by_nobody(
    connection: Connection,
) -> None:
    """The one in its place has the alarm in a lane of its own."""
    await fail_one(connection, way=replace(PHONE, target="phone-old"))
    assert await hand_over(connection) == []


async def test_old_words_are_not_sent(connection: Connection) -> None:
    """A fallback is set days later: what failed then is not news any more."""
    failed = await fail_one(connection)
    await _disable_triggers(
        connection,
        "UPDATE notification SET finished_at = finished_at - interval '2 hours' WHERE id = $1",
        failed,
    )
    assert await hand_over(connection, 3600) == []
    assert len(await hand_over(connection, 3 * 3600)) == 1


async def test_only_the_last_word_of_a_lane_goes(connection: Connection) -> None:
    incident = await add_incident(connection)
    alarm = await fail_one(connection, incident)
    reminder = await add_notification(connection, incident)
    assert await hand_over(connection) == [], "the lane has gone on"
    await fail(connection, reminder)
    assert [one.notification_id for one in await hand_over(connection)] == [reminder]
    assert (await row_of(connection, alarm))["state"] == "failed"


@pytest.mark.parametrize(
    ("what", "is_said"), [("", True), ("fell_back = true,", False), ("bundled_in = $2,", False)]
)
async def test_one_that_was_withdrawn_behind_it_says_nothing_in_its_place(
    connection: Connection, what: str, *, is_said: bool
) -> None:
    """One that goes another way itself, or is told in another, does."""
    incident = await add_incident(connection)
    failed = await fail_one(connection, incident)
    newer = await add_in_lane(connection, incident, PHONE)
    other = await add_in_lane(connection, await add_incident(connection), PHONE)
    await connection.execute(
        f"UPDATE notification SET {what} state = 'cancelled', finished_at = clock_timestamp() "  # noqa: S608
        "WHERE id = $1 AND $2::uuid IS NOT NULL",
        newer,
        other,
    )
    handed = [one.notification_id for one in await hand_over(connection)]
    assert handed == ([failed] if is_said else [])


async def test_what_was_withdrawn_there_before_it_was_tried_was_not_said(
    connection: Connection,
) -> None:
    incident = await add_incident(connection)
    mail = await add_in_lane(connection, incident, MAIL)
    await connection.execute(
        "UPDATE notification SET state = 'cancelled', finished_at = clock_timestamp() "
        "WHERE id = $1",
        mail,
    )
    failed = await fail_one(connection, incident)
    (handed,) = await hand_over(connection)
    assert handed.notification_id == failed
    assert handed.fallback_id is not None


@pytest.mark.parametrize(("mailed_with", "is_said"), [(1, True), (0, False)])
async def test_a_reminder_that_the_mail_got_with_it_is_said(
    connection: Connection, mailed_with: int, *, is_said: bool
) -> None:
    """One evaluation writes its reminders one after another, in whatever order."""
    incident = await add_incident(connection)
    await _open(connection, incident)
    for number in range(2):
        async with connection.transaction():
            if number == mailed_with:
                await add_in_lane(connection, incident, MAIL, kind="reminder")
            last = await add_in_lane(connection, incident, PHONE, kind="reminder")
        await fail(connection, last)
    handed = [one.notification_id for one in await hand_over(connection)]
    assert handed == ([] if is_said else [last])


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
        await fail(connection, *ids)
        handed = await hand_over(connection)
        assert len(handed) == 1
        texts.append(handed[0].fallback_id)
        assert await hand_over(connection) == []
    assert len(set(texts)) == 3


async def test_a_retry_by_hand_does_not_tell_it_twice(connection: Connection) -> None:
    failed = await fail_one(connection)
    (handed,) = await hand_over(connection)
    assert handed.fallback_id is not None
    assert await outbox_care.retry(connection, failed) is RetryOutcome.SAID_ELSEWHERE
    assert (await row_of(connection, failed))["state"] == "failed"

    await fail(connection, handed.fallback_id, channel="apprise")
    assert await outbox_care.retry(connection, failed) is RetryOutcome.DONE
    await fail(connection, failed)
    assert await hand_over(connection) == [], "nor does it go the other way a second time"


async def test_a_reminder_may_be_tried_by_hand_though_the_mail_said_the_one_before(
    connection: Connection,
) -> None:
    incident = await add_incident(connection)
    await _open(connection, incident)
    await fail_one(connection, incident, kind="reminder")
    assert len(await hand_over(connection)) == 1
    last = await fail_one(connection, incident, kind="reminder")
    assert await outbox_care.retry(connection, last) is RetryOutcome.DONE


async def _open(connection: Connection, incident: UUID) -> None:
    await connection.execute(
        "UPDATE incident SET state = 'open', opened_at = clock_timestamp(), "
        "sequence = sequence + 1 WHERE id = $1",
        incident,
    )


async def _disable_triggers(connection: Connection, statement: str, *arguments: object) -> None:
    await connection.execute("ALTER TABLE notification DISABLE TRIGGER USER")
    await connection.execute(statement, *arguments)
    await connection.execute("ALTER TABLE notification ENABLE TRIGGER USER")
