"""What Home Assistant does not come for goes another way: once, and never comes back."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from mould_watch.clock import SystemClock
from mould_watch.domain.incident import IncidentState
from mould_watch.domain.notification import plan
from mould_watch.notify.channels.home_assistant import HomeAssistantChannel
from mould_watch.notify.worker import NotificationWorker
from mould_watch.settings import NotifySettings
from mould_watch.storage import held, incidents, outbox_care
from mould_watch.storage.database import Connection, Database
from mould_watch.storage.outbox_care import HandedOver
from tests.support.failed_notifications import MAIL, PHONE, bundle_in, incident_as
from tests.support.notifications import (
    INSTANCE,
    RecordingHomeAssistant,
    add_incident,
    add_notification,
    claim,
    give_back,
    row_of,
    states_of,
    tell,
)
from tests.support.running import running
from tests.support.services import Webhook
from tests.support.waiting import until
from tests.support.worked_outbox import worker_with_fallback


async def _fall_back(
    database: Database, *, served: tuple[str, ...] = (), after_s: float = 60
) -> list[HandedOver]:
    async with database.transaction() as connection:
        return await outbox_care.fall_back(
            connection, "home_assistant", served, after_s, way=MAIL, reason="nobody came"
        )


async def test_what_waited_too_long_goes_the_other_way_and_ends_here(
    database: Database, connection: Connection
) -> None:
    incident = await add_incident(connection)
    waiting = await add_notification(connection, incident, due_in_s=-61)
    recent = await add_notification(connection, await add_incident(connection), due_in_s=-59)

    (handed,) = await _fall_back(database)

    assert handed.notification_id == waiting
    assert (await row_of(connection, waiting))["state"] == "cancelled"
    assert (await row_of(connection, waiting))["last_error"] == "nobody came"
    assert (await row_of(connection, recent))["state"] == "pending"
    there = await connection.fetchrow(
        "SELECT channel, route, target, kind, state::text, fallback_of, message, correlation_id "
        "FROM notification WHERE id = $1",
        handed.fallback_id,
    )
    here = await connection.fetchrow("SELECT * FROM notification WHERE id = $1", waiting)
    assert there is not None
    assert here is not None
    assert there["fallback_of"] == waiting
    assert (there["channel"], there["target"], there["state"]) == ("apprise", "mail", "pending")
    assert (there["message"], there["correlation_id"]) == (here["message"], here["correlation_id"])
    # it counts in what is sent there, and no more in what the phone got
    assert len(await held.released(connection, MAIL, datetime.now(UTC))) == 1
    assert await held.released(connection, PHONE, datetime.now(UTC)) == []
    assert await _fall_back(database) == []


async def test_several_phones_of_one_home_are_one_mail(
    database: Database, connection: Connection
) -> None:
    incident = await add_incident(connection)
    ids = [
        await add_notification(connection, incident, target=f"phone-{number}", due_in_s=-100)
        for number in range(3)
    ]
    handed = await _fall_back(database)
    assert {one.notification_id for one in handed} == set(ids)
    assert len([one for one in handed if one.fallback_id is not None]) == 1
    assert {(await row_of(connection, id_))["state"] for id_ in ids} == {"cancelled"}
    late = await add_notification(connection, incident, target="phone-9", due_in_s=-100)
    (again,) = await _fall_back(database)
    assert (again.notification_id, again.fallback_id) == (late, None)


async def _undelivered(
    database: Database, after_s: float = 60, resting: Collection[tuple[str, str]] = ()
) -> list[HandedOver]:
    async with database.transaction() as connection:
        return await outbox_care.fall_back_undelivered(
            connection,
            after_s,
            way=MAIL,
            reason="it never arrived",
            told=["phone-1"],
            resting=resting,
        )


async def _tried(
    connection: Connection, incident: UUID, kind: str = "alarm", target: str = "phone-1"
) -> UUID:
    """Write one that was let go two minutes ago, tried, and is tried again in a quarter hour."""
    id_ = await add_notification(connection, incident, kind=kind, target=target)
    await connection.execute(
        "UPDATE notification SET released_at = clock_timestamp() - interval '2 minutes' "
        "WHERE id = $1",
        id_,
    )
    for claimed in await claim(connection):
        assert await give_back(connection, claimed, 900, "phone_action_missing: no action")
    return id_


async def test_what_is_tried_in_vain_goes_the_other_way_though_somebody_is_connected(
    database: Database, connection: Connection
) -> None:
    """Home Assistant is there, and the phone's registration is of no use any more."""
    incident = await add_incident(connection)
    tried = await _tried(connection, incident)
    untried = await add_notification(connection, await add_incident(connection))
    assert await _undelivered(database, after_s=600) == [], "it has not been so long"

    (handed,) = await _undelivered(database)

    assert handed.notification_id == tried
    assert (await row_of(connection, tried))["state"] == "cancelled"
    assert (await row_of(connection, tried))["last_error"] == "it never arrived"
    assert (await row_of(connection, untried))["state"] == "pending"
    assert await _undelivered(database) == []
    # it counts as told there, and is closed on both ways: the phone may show it after all
    rows = await incidents.lane_rows(connection, incident, lock=False)
    assert plan(incident_as(incident, IncidentState.OPEN), rows, (PHONE,), notify=True).is_empty
    (mail,) = await claim(connection, channel="apprise", routes=["mail"])
    assert mail.notification_id == handed.fallback_id
    rows = await incidents.lane_rows(connection, incident, lock=False)
    closing = plan(incident_as(incident, IncidentState.RESOLVED), rows, (PHONE,), notify=True)
    assert {(new.lane, new.kind) for new in closing.add} == {
        (MAIL, "recovery"),
        (PHONE, "recovery"),
    }


@pytest.mark.parametrize(("severity", "goes"), [("warning", False), ("high", True)])
async def test_what_was_tried_in_vain_by_day_waits_for_the_morning_here_too(
    database: Database, connection: Connection, severity: str, *, goes: bool
) -> None:
    """What is put off for hours is put off by the quiet hours; a high risk is not."""
    tried = await _tried(connection, await add_incident(connection))
    await connection.execute(
        "UPDATE notification SET severity = $1::text::risk_level, "
        "due_at = clock_timestamp() + interval '9 hours'",
        severity,
    )
    handed = [one.notification_id for one in await _undelivered(database)]
    assert handed == ([tried] if goes else [])


async def test_what_stands_before_a_way_that_rests_goes_the_other_way_untried(
    database: Database, connection: Connection
) -> None:
    """A service that wants to be left alone for hours is not asked, so nothing is tried there."""
    standing, later = [
        await add_notification(connection, await add_incident(connection), due_in_s=due_in_s)
        for due_in_s in (-120, 3600)
    ]
    await connection.execute(
        "UPDATE notification SET released_at = clock_timestamp() - interval '2 minutes'"
    )
    # whoever has it is about to try it
    assert await _undelivered(database) == []
    assert await _undelivered(database, resting=[("apprise", INSTANCE)]) == []
    (handed,) = await _undelivered(database, resting=[("home_assistant", INSTANCE)])
    assert handed.notification_id == standing
    assert (await row_of(connection, later))["state"] == "pending"


async def test_the_worker_says_another_way_what_a_way_that_rests_for_hours_keeps(
    database: Database, hook: Webhook
) -> None:
    async def later(_: Mapping[str, Any]) -> Mapping[str, Any]:
        raise TimeoutError

    home_assistant = RecordingHomeAssistant(INSTANCE)
    home_assistant.respond = later
    worker = worker_with_fallback(
        database,
        home_assistant,
        hook,
        breaker_failures=1,
        breaker_initial_s=3600,
        breaker_maximum_s=3600,
        fallback_after_s=2,
    )

    def rests() -> bool:
        return bool(worker.health()["channels"]["home_assistant"]["resting"])

    async with database.connection() as connection:
        await tell(connection, "phone-1")
        await add_notification(connection, await add_incident(connection))
    async with running(worker.run(), "worker"):
        await until(rests)
        async with database.connection() as connection:
            behind = await add_notification(connection, await add_incident(connection, "Cellar"))
        await until(lambda: len(hook.got) == 2)
        async with database.connection() as connection:
            assert await states_of(connection, behind) == ["pending", "cancelled"]


async def test_what_is_over_or_has_more_to_say_is_not_sent_another_way(
    database: Database, connection: Connection
) -> None:
    await _tried(connection, await add_incident(connection), kind="recovery")
    replaced = await _tried(connection, await add_incident(connection), target="phone-old")
    followed = await add_incident(connection)
    await _tried(connection, followed)
    newer = await add_notification(connection, followed)
    own = await add_notification(
        connection,
        await add_incident(connection),
        channel="apprise",
        route="mail",
        target="mail",
    )
    await connection.execute(
        "UPDATE notification SET released_at = clock_timestamp() - interval '2 minutes'"
    )
    for claimed in await claim(connection, channel="apprise", routes=["mail"]):
        assert claimed.notification_id == own
        assert await give_back(connection, claimed, 900, "http_503")
    assert await _undelivered(database) == []
    assert (await row_of(connection, newer))["state"] == "pending"
    assert (await row_of(connection, replaced))["state"] == "pending"


async def test_every_reminder_goes_the_other_way(
    database: Database, connection: Connection
) -> None:
    """While Home Assistant is away for days; all are of the transition that opened the incident."""
    incident = await add_incident(connection)
    await connection.execute(
        "UPDATE incident SET state = 'open', opened_at = clock_timestamp(), "
        "sequence = sequence + 1 WHERE id = $1",
        incident,
    )
    for _ in range(2):
        for number in range(2):
            target = f"phone-{number}"
            await add_notification(
                connection, incident, kind="reminder", target=target, due_in_s=-100
            )
        handed = await _fall_back(database)
        assert len(handed) == 2
        assert len([one for one in handed if one.fallback_id is not None]) == 1


async def test_a_route_that_is_served_keeps_its_own(
    database: Database, connection: Connection
) -> None:
    await add_notification(connection, await add_incident(connection), due_in_s=-100)
    assert await _fall_back(database, served=(INSTANCE,)) == []


async def test_only_the_first_of_a_lane_goes_and_a_closing_message_never(
    database: Database, connection: Connection
) -> None:
    incident = await add_incident(connection)
    first = await add_notification(connection, incident, due_in_s=-100)
    second = await add_notification(connection, incident, due_in_s=-100)
    closing = await add_notification(
        connection, await add_incident(connection), kind="recovery", due_in_s=-100
    )
    assert [one.notification_id for one in await _fall_back(database)] == [first]
    handed = await _fall_back(database)
    assert [one.notification_id for one in handed] == [second]
    assert (await row_of(connection, closing))["state"] == "pending"


async def test_nobody_is_alarmed_again_when_home_assistant_is_back(
    database: Database, connection: Connection
) -> None:
    """The lane that fell back counts as alarmed; the other way is closed, the phone is not."""
    incident = await add_incident(connection)
    await add_notification(connection, incident, due_in_s=-100)
    (handed,) = await _fall_back(database)

    rows = await incidents.lane_rows(connection, incident, lock=False)
    again = plan(incident_as(incident, IncidentState.OPEN), rows, (PHONE,), notify=True)
    assert again.add == ()
    assert again.cancel == (), "the mail still waits, and nobody takes it back"

    await connection.execute(
        "UPDATE notification SET state = 'claimed', attempts = 1, claim_token = gen_random_uuid(),"
        " lease_until = clock_timestamp() WHERE id = $1",
        handed.fallback_id,
    )
    rows = await incidents.lane_rows(connection, incident, lock=False)
    closing = plan(incident_as(incident, IncidentState.RESOLVED), rows, (PHONE,), notify=True)
    assert [(new.lane, new.kind) for new in closing.add] == [(MAIL, "recovery")]


async def test_what_a_mail_was_to_tell_with_others_is_told_anew_when_it_is_taken_back(
    database: Database, connection: Connection
) -> None:
    """The room in whose lane it goes is seen before the mail is tried."""
    bathroom, cellar = await add_incident(connection), await add_incident(connection, "Cellar")
    told = await add_notification(connection, cellar)
    async with connection.transaction():
        both = await add_notification(connection, bathroom, kind="summary", due_in_s=-100)
        await bundle_in(connection, told, both)
    (handed,) = await _fall_back(database)
    assert handed.fallback_id is not None

    async def planned() -> list[str]:
        rows = await incidents.lane_rows(connection, cellar, lock=False)
        adding = plan(incident_as(cellar, IncidentState.OPEN), rows, (PHONE,), notify=True).add
        return [new.kind.value for new in adding]

    assert await planned() == []
    await incidents.cancel_notifications(connection, [handed.fallback_id], "seen, or put off")
    assert await planned() == ["alarm"]


async def test_an_incident_that_ends_before_the_mail_is_tried_sends_nothing(
    database: Database, connection: Connection
) -> None:
    incident = await add_incident(connection)
    await add_notification(connection, incident, due_in_s=-100)
    (handed,) = await _fall_back(database)
    rows = await incidents.lane_rows(connection, incident, lock=False)
    closing = plan(incident_as(incident, IncidentState.RESOLVED), rows, (PHONE,), notify=True)
    assert closing.add == ()
    assert closing.cancel == (handed.fallback_id,)


async def test_the_worker_falls_back_once_and_home_assistant_gets_nothing_later(
    database: Database, hook: Webhook
) -> None:
    """From "nobody is connected" to the webhook, and then Home Assistant is back."""
    home_assistant = RecordingHomeAssistant()
    worker = worker_with_fallback(
        database,
        home_assistant,
        hook,
        fallback_after_s=1,
    )
    async with database.connection() as connection:
        waiting = await add_notification(connection, await add_incident(connection))

    async def state(notification_id: UUID, wanted: str) -> bool:
        async with database.connection() as connection:
            return bool((await row_of(connection, notification_id))["state"] == wanted)

    async with running(worker.run(), "worker"):
        await until(lambda: state(waiting, "cancelled"))

        async def sent() -> bool:
            return bool(worker.health()["channels"]["apprise"]["sent"])

        await until(sent)
        home_assistant.connect(INSTANCE)
        async with database.connection() as connection:
            new = await add_notification(connection, await add_incident(connection, "Cellar"))
        await until(lambda: state(new, "sent"))
    assert [got["title"] for got in hook.got] == ["Mould risk"]
    assert [seen["notification_id"] for seen in home_assistant.deliveries] == [str(new)]
    async with database.connection() as connection:
        assert await states_of(connection, waiting) == ["pending", "cancelled"]


async def test_the_worker_gives_a_phone_up_that_never_takes_it_and_says_it_once(
    database: Database, hook: Webhook
) -> None:
    """Also where the answer is never "no": the phone's action is missing for good."""

    async def missing(_: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"outcome": "retry", "code": "phone_action_missing", "message": "no action"}

    home_assistant = RecordingHomeAssistant(INSTANCE)
    home_assistant.respond = missing
    worker = worker_with_fallback(
        database,
        home_assistant,
        hook,
        retry_initial_s=0.1,
        retry_maximum_s=0.2,
        fallback_after_s=2,
    )
    async with database.connection() as connection:
        await tell(connection, "phone-1")
        tried = await add_notification(connection, await add_incident(connection))

    async def given_up() -> bool:
        async with database.connection() as connection:
            return bool((await row_of(connection, tried))["state"] == "cancelled")

    async with running(worker.run(), "worker"):
        await until(given_up)
        await until(lambda: bool(hook.got))
        tries = len(home_assistant.deliveries)
        assert tries > 1
        home_assistant.respond = None
        async with database.connection() as connection:
            new = await add_notification(connection, await add_incident(connection, "Cellar"))
        await until(lambda: bool(home_assistant.visible))
    assert [seen["notification_id"] for seen in home_assistant.visible] == [str(new)]
    assert len(hook.got) == 1


async def test_a_worker_that_has_just_started_waits_before_it_falls_back(
    database: Database, hook: Webhook
) -> None:
    """The backend was away for hours; Home Assistant is about to be back."""
    home_assistant = RecordingHomeAssistant()
    settings = NotifySettings(
        poll_s=0.05,
        apprise={"mail": SecretStr(hook.address)},
        fallback="apprise:mail",
        fallback_after_s=600,
    )
    worker = NotificationWorker(
        settings, database, SystemClock(), [HomeAssistantChannel(home_assistant, 5)], "worker"
    )
    async with database.connection() as connection:
        waiting = await add_notification(connection, await add_incident(connection), due_in_s=-7200)

    async def looked_often() -> bool:
        return home_assistant.looks > 10

    async def sent() -> bool:
        async with database.connection() as connection:
            return bool((await row_of(connection, waiting))["state"] == "sent")

    async with running(worker.run(), "worker"):
        await until(looked_often)
        home_assistant.connect(INSTANCE)
        await until(sent)
    assert hook.got == []
