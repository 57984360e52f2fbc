"""What failed and tells of several incidents: said as well unless all of it was said."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from mould_watch.domain.incident import IncidentState
from mould_watch.domain.notification import Lane, NotificationKind, plan
from mould_watch.storage import incidents
from mould_watch.storage.database import Connection
from tests.support.failed_notifications import (
    MAIL,
    PHONE,
    add_in_lane,
    bundle_in,
    fail,
    fail_one,
    hand_over,
    incident_as,
)
from tests.support.notifications import add_incident, add_notification, claim, finish, give_back


async def test_a_summary_is_handed_over_though_what_it_tells_of_is_over(
    connection: Connection,
) -> None:
    incident = await add_incident(connection)
    told = await add_notification(connection, incident)
    async with connection.transaction():
        summary = await add_notification(connection, incident, kind="summary")
        await bundle_in(connection, told, summary)
    await fail(connection, summary)
    await connection.execute(
        "UPDATE incident SET state = 'dismissed', ended_at = clock_timestamp(), "
        "sequence = sequence + 1 WHERE id = $1",
        incident,
    )
    assert [one.notification_id for one in await hand_over(connection)] == [summary]


async def test_one_that_tells_of_more_rooms_is_said_as_well(connection: Connection) -> None:
    """Two phones are told of the bathroom, one of them in the same breath of the cellar."""
    bathroom, cellar = await add_incident(connection), await add_incident(connection, "Cellar")
    short = await add_notification(connection, bathroom, target="phone-1")
    long = await add_notification(connection, bathroom, target="phone-2")
    told = await add_notification(connection, cellar, target="phone-2")
    await bundle_in(connection, told, long)
    await fail(connection, short)
    assert len(await hand_over(connection)) == 1
    await fail(connection, long)
    assert [one.notification_id for one in await hand_over(connection)] == [long]


async def test_one_whose_own_matter_is_over_still_tells_of_the_other(
    connection: Connection,
) -> None:
    bathroom, cellar = await add_incident(connection), await add_incident(connection, "Cellar")
    alarm = await add_notification(connection, bathroom)
    await bundle_in(connection, await add_notification(connection, cellar), alarm)
    await fail(connection, alarm)
    await connection.execute(
        "UPDATE incident SET state = 'dismissed', ended_at = clock_timestamp(), "
        "sequence = sequence + 1 WHERE id = $1",
        bathroom,
    )
    assert [one.notification_id for one in await hand_over(connection)] == [alarm]


async def test_one_that_the_mail_was_told_with_others_is_not_said_again(
    connection: Connection,
) -> None:
    """The phone hears of the cellar with the bathroom, the mail of the bathroom with the cellar."""
    bathroom, cellar = await add_incident(connection), await add_incident(connection, "Cellar")
    phone = await add_notification(connection, bathroom)
    await bundle_in(connection, await add_notification(connection, cellar), phone)
    bundle = await add_in_lane(connection, cellar, MAIL)
    await bundle_in(connection, await add_in_lane(connection, bathroom, MAIL), bundle)
    await fail(connection, phone)
    assert await hand_over(connection) == []


async def test_the_end_is_told_where_the_alarm_was(connection: Connection) -> None:
    """Also of an incident that the alarm of another told of."""
    bathroom, cellar = await add_incident(connection), await add_incident(connection, "Cellar")
    alarm = await add_notification(connection, bathroom)
    told = await add_notification(connection, cellar)
    await bundle_in(connection, told, alarm)
    await fail(connection, alarm)
    (handed,) = await hand_over(connection)
    for incident in (bathroom, cellar):
        rows = await incidents.lane_rows(connection, incident, lock=False)
        closing = plan(incident_as(incident, IncidentState.RESOLVED), rows, (PHONE,), notify=True)
        assert MAIL not in {new.lane for new in closing.add}, "the mail has not been tried"
    (mail,) = await claim(connection, channel="apprise", routes=["mail"])
    assert mail.notification_id == handed.fallback_id
    assert await finish(connection, mail, "sent")
    for incident in (bathroom, cellar):
        rows = await incidents.lane_rows(connection, incident, lock=False)
        closing = plan(incident_as(incident, IncidentState.RESOLVED), rows, (PHONE,), notify=True)
        said = [new for new in closing.add if new.lane == MAIL]
        assert [new.kind for new in said] == [NotificationKind.RECOVERY], incident


async def _see(connection: Connection, incident: UUID) -> None:
    """Mark an incident as seen, and bring its lanes in line with that."""
    await connection.execute(
        "UPDATE incident SET sequence = sequence + 1, acknowledged_at = clock_timestamp(), "
        "handled_level = level WHERE id = $1",
        incident,
    )
    seen = replace(incident_as(incident, IncidentState.OPEN), acknowledged_at=datetime.now(UTC))
    rows = await incidents.lane_rows(connection, incident, lock=False)
    planned = plan(seen, rows, (), notify=False)
    await incidents.cancel_notifications(connection, planned.cancel, "seen, or put off")
    for new in planned.add:
        assert new.kind is NotificationKind.CLEAR
        await add_in_lane(connection, incident, new.lane, "clear")


async def _again(connection: Connection, incident: UUID) -> list[tuple[Lane, NotificationKind]]:
    """Return what an open incident, seen by nobody, is to tell the phone now."""
    rows = await incidents.lane_rows(connection, incident, lock=False)
    planned = plan(incident_as(incident, IncidentState.OPEN), rows, (PHONE,), notify=True)
    assert planned.cancel == ()
    return [(new.lane, new.kind) for new in planned.add]


@pytest.mark.parametrize("kind", ["alarm", "summary"])
@pytest.mark.parametrize("is_handed_over", [True, False])
async def test_one_told_of_with_what_was_seen_is_said_by_itself(
    connection: Connection, kind: str, *, is_handed_over: bool
) -> None:
    """The mail was taken back before its first try, or was never written: the others are lost."""
    bathroom, cellar = await add_incident(connection), await add_incident(connection, "Cellar")
    told = await add_notification(connection, cellar)
    async with connection.transaction():
        both = await add_notification(connection, bathroom, kind=kind)
        await bundle_in(connection, told, both)
    await fail(connection, both)
    assert await _again(connection, cellar) == [], "it may be handed over yet"
    if is_handed_over:
        assert len(await hand_over(connection)) == 1
        assert await _again(connection, cellar) == [], "the mail says it"

    await _see(connection, bathroom)
    assert await hand_over(connection) == []
    assert await _again(connection, cellar) == [(PHONE, NotificationKind.ALARM)]
    alarm = await add_notification(connection, cellar)
    assert await _again(connection, cellar) == []
    await fail(connection, alarm)
    assert [one.notification_id for one in await hand_over(connection)] == [alarm]
    assert await _again(connection, cellar) == []
    assert await hand_over(connection) == []


async def test_what_the_mail_has_told_with_others_is_said_once(connection: Connection) -> None:
    """Two phones are gone and the mail spoke for both; that one room was seen changes nothing."""
    bathroom, cellar = await add_incident(connection), await add_incident(connection, "Cellar")
    bundles = []
    for target in ("phone-1", "phone-2"):
        told = await add_notification(connection, cellar, target=target)
        async with connection.transaction():
            both = await add_notification(connection, bathroom, kind="summary", target=target)
            await bundle_in(connection, told, both)
        bundles.append(both)
    await fail(connection, *bundles)
    assert len(await hand_over(connection)) == 1
    (mail,) = await claim(connection, channel="apprise", routes=["mail"])
    assert await finish(connection, mail, "sent")

    await _see(connection, bathroom)
    rows = await incidents.lane_rows(connection, cellar, lock=False)
    lanes = (PHONE, replace(PHONE, target="phone-2"))
    assert plan(incident_as(cellar, IncidentState.OPEN), rows, lanes, notify=True).is_empty


async def _told_together(connection: Connection) -> tuple[UUID, UUID, UUID]:
    """Write that the phone hears of two rooms at once; return the incidents and what it gets."""
    bathroom, cellar = await add_incident(connection), await add_incident(connection, "Cellar")
    told = await add_notification(connection, cellar)
    async with connection.transaction():
        both = await add_notification(connection, bathroom, kind="summary")
        await bundle_in(connection, told, both)
    return bathroom, cellar, both


@pytest.mark.parametrize("is_unknown", [True, False])
async def test_one_told_of_with_what_was_seen_is_told_anew_if_it_cannot_have_arrived(
    connection: Connection, *, is_unknown: bool
) -> None:
    """The phone refused it for now, and it was taken back before the next try."""
    bathroom, cellar, _ = await _told_together(connection)
    (claimed,) = await claim(connection)
    await give_back(connection, claimed, 60, "the phone is away", is_unknown=is_unknown)
    assert await _again(connection, cellar) == []

    await _see(connection, bathroom)
    anew = [] if is_unknown else [(PHONE, NotificationKind.ALARM)]
    assert await _again(connection, cellar) == anew


@pytest.mark.parametrize("is_unknown", [True, False])
async def test_one_that_the_mail_may_have_told_of_is_not_told_anew(
    connection: Connection, *, is_unknown: bool
) -> None:
    """The phone is gone; the mail's answer was lost, and it was taken back before the next try."""
    bathroom, cellar, both = await _told_together(connection)
    await fail(connection, both)
    assert len(await hand_over(connection)) == 1
    (mail,) = await claim(connection, channel="apprise", routes=["mail"])
    await give_back(connection, mail, 60, "no answer", is_unknown=is_unknown)

    await _see(connection, bathroom)
    anew = [] if is_unknown else [(PHONE, NotificationKind.ALARM)]
    assert await _again(connection, cellar) == anew


async def test_what_the_mail_said_before_it_got_worse_says_nothing_of_that(
    connection: Connection,
) -> None:
    bathroom, cellar = await add_incident(connection), await add_incident(connection, "Cellar")
    await connection.execute(
        "UPDATE incident SET state = 'open', opened_at = clock_timestamp(), sequence = sequence + 1"
    )
    await fail_one(connection, cellar)
    assert len(await hand_over(connection)) == 1
    worse = await add_notification(connection, cellar, kind="step_up", severity="high")
    async with connection.transaction():
        both = await add_notification(connection, bathroom, kind="summary")
        await bundle_in(connection, worse, both)
    await fail(connection, both)
    assert len(await hand_over(connection)) == 1

    async def is_told() -> bool:
        rows = await incidents.lane_rows(connection, cellar, lock=False)
        return next(row.is_told_elsewhere for row in rows if row.notification_id == worse)

    assert await is_told()
    # the mail that told of it is taken back before its first try
    await _see(connection, bathroom)
    assert not await is_told()
