"""Nobody is woken by what can wait: the night is told in the morning, in one summary."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from mould_watch.domain.condition import Level
from mould_watch.storage import held, outbox_care
from mould_watch.storage.database import Connection
from mould_watch.storage.outbox_care import RetryOutcome
from tests.support.climate import hours
from tests.support.damp_rooms import DAMP, EVENING, MORNING, becomes_damp, becomes_dry, room_of
from tests.support.notifications import (
    add_incident,
    add_notification,
    claim,
    finish,
    give_back,
)
from tests.support.rooms import RoomForTests
from tests.support.watched_values import MINUTE, Household


async def test_the_night_is_told_in_one_summary_in_the_morning(household: Household) -> None:
    await household.home.configure(phones=["phone-1", "phone-2"])
    rooms = [await room_of(household, name, "warning") for name in ("Bath", "Attic", "Den")]
    household.clock.set(EVENING)
    for room in rooms:
        await becomes_damp(household, room)
        await household.go_on(hours(1))
    assert household.heard == []
    household.clock.set(MORNING - MINUTE)
    await household.go_on()
    assert household.heard == []
    await household.go_on(MINUTE)
    assert household.kinds("phone-1") == household.kinds("phone-2") == ["summary"]
    said = household.heard[0]
    assert said["title"] == "3 messages from the quiet hours"
    assert [line.split(":")[0] for line in said["body"].splitlines()] == [
        "• Bath",
        "• Attic",
        "• Den",
    ]
    assert said["severity"] == "warning"


async def let_go_by_day(household: Household, room: RoomForTests) -> UUID:
    """An alarm is let go an hour before the night, and nobody is there to take it."""
    household.clock.set(EVENING - hours(3))
    await household.measure(room, DAMP)
    await household.go_on(send=False)
    await household.go_on(hours(1), send=False)
    (row,) = await household.home.fetch(
        "SELECT id FROM notification WHERE state = 'pending' AND held_until IS NULL "
        "AND incident_id IN (SELECT id FROM incident WHERE subject_id = $1)",
        room.subject_id,
    )
    return UUID(str(row["id"]))


async def test_what_could_not_be_sent_by_day_rings_at_nobody_in_the_night(
    household: Household,
) -> None:
    """Home Assistant goes in the evening, and is back at midnight."""
    rooms = [await room_of(household, name, "warning") for name in ("Bath", "Attic")]
    for room in rooms:
        await let_go_by_day(household, room)
    household.clock.set(EVENING)
    await household.go_on()
    await household.go_on(hours(1))
    assert household.heard == []
    household.clock.set(MORNING)
    await household.go_on()
    assert household.kinds() == ["summary"]
    assert household.heard[0]["title"] == "2 messages from the quiet hours"


async def test_a_reminder_that_could_not_be_sent_by_day_wakes_nobody(household: Household) -> None:
    room = await room_of(household, "Bath", "high")
    household.clock.set(EVENING - hours(6))
    await becomes_damp(household, room)
    # let go at nine in the evening; nobody is there to take it before the night
    for _ in range(6):
        await household.measure(room, DAMP)
        await household.go_on(hours(1), send=False)
    assert await room.kinds() == [("alarm", "sent"), ("reminder", "pending")]
    await household.go_on()
    assert household.kinds() == ["alarm"]
    household.clock.set(MORNING)
    await household.measure(room, DAMP)
    await household.go_on()
    assert household.kinds() == ["alarm", "reminder"]


async def test_what_is_over_by_the_morning_was_never_told(
    household: Household, bath: RoomForTests
) -> None:
    await let_go_by_day(household, bath)
    household.clock.set(EVENING)
    await household.go_on()
    await becomes_dry(household, bath)
    household.clock.set(MORNING)
    await household.go_on()
    assert household.heard == []


async def test_what_was_tried_by_day_is_tried_again_in_the_morning(
    household: Household, bath: RoomForTests, connection: Connection
) -> None:
    alarm = await let_go_by_day(household, bath)
    (claimed,) = await claim(connection)
    assert await give_back(connection, claimed, 900, "phone_action_missing")
    household.clock.set(EVENING)
    await household.go_on()
    row = await connection.fetchrow(
        "SELECT held_until, extract(epoch FROM due_at - clock_timestamp()) AS due_in_s, "
        "last_error, released_at IS NOT NULL AS is_released FROM notification WHERE id = $1",
        alarm,
    )
    assert row is not None
    assert row["held_until"] is None, "it may be shown there: it is the same to the end"
    assert row["is_released"]
    assert abs(float(row["due_in_s"]) - (MORNING - EVENING).total_seconds()) < 60
    assert row["last_error"] == "phone_action_missing"
    assert await household.evaluator.release_waiting() == 0


async def test_what_tells_of_others_is_not_told_in_another(
    household: Household, connection: Connection
) -> None:
    """It waits as it is: those it tells of name it."""
    room = await room_of(household, "Bath", "warning", "warning")
    household.clock.set(EVENING - hours(3))
    await household.measure(room, DAMP)
    await household.go_on(send=False)
    await household.go_on(hours(1), send=False)
    before = await connection.fetch(
        "SELECT id, bundled_in, state::text FROM notification ORDER BY id"
    )
    assert any(row["bundled_in"] for row in before)
    household.clock.set(EVENING)
    await household.go_on()
    assert household.heard == []
    after = await connection.fetch(
        "SELECT id, bundled_in, state::text FROM notification ORDER BY id"
    )
    assert after == before


async def test_the_night_holds_up_neither_what_is_serious_nor_what_a_person_asks_for(
    household: Household, connection: Connection
) -> None:
    bath = await room_of(household, "Bath", "warning")
    alarm = await let_go_by_day(household, bath)
    (claimed,) = await claim(connection)
    assert await finish(connection, claimed, "failed", "unknown_phone")
    serious = await room_of(household, "Attic", "high")
    household.clock.set(EVENING - hours(2))
    await household.measure(serious, DAMP)
    await household.go_on(send=False)
    household.clock.set(EVENING)
    async with household.database.transaction() as other:
        assert await outbox_care.retry(other, alarm) is RetryOutcome.DONE
    await household.go_on()
    assert {one["severity"] for one in household.heard} == {"warning", "high"}


async def test_what_waits_for_the_morning_is_only_what_may(connection: Connection) -> None:
    """In the evening all of it is due. It is let go anew in the morning, or only tried then."""
    kept, only_later, goes = "let go anew", "only later", "goes"
    expected = dict[UUID, str]()

    async def add(becomes: str, kind: str = "alarm", severity: str = "warning") -> UUID:
        incident = await add_incident(connection)
        await connection.execute(
            "UPDATE incident SET state = 'open', opened_at = now(), sequence = sequence + 1 "
            "WHERE id = $1",
            incident,
        )
        id_ = await add_notification(connection, incident, kind=kind, severity=severity)
        await connection.execute("UPDATE notification SET released_at = now() WHERE id = $1", id_)
        expected[id_] = becomes
        return id_

    async def alter(id_: UUID, what: str, *values: object) -> None:
        async with connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute(
                f"UPDATE notification SET {what} WHERE id = $1",  # noqa: S608
                id_,
                *values,
            )

    await add(kept)
    await add(kept, "recovery", "none")
    await add(kept, "reminder", "high")
    await add(goes, severity="high")
    await add(goes, "clear", "none")
    await alter(await add(goes), "retries = 1")
    await alter(await add(only_later), "attempts = 1")
    await alter(await add(only_later), "kind = 'summary'")
    await alter(await add(only_later), "fallback_of = $2", await add(goes, severity="high"))
    tells = await add(only_later)
    told = await add(goes, severity="high")
    await alter(
        told,
        "state = 'cancelled', finished_at = now(), bundled_in = $2",
        tells,
    )
    now = datetime.now(UTC)
    morning = now + hours(9)

    assert await held.keep_for_the_morning(connection, now, morning, Level.HIGH) == 7

    became = dict[UUID, str]()
    for row in await connection.fetch(
        "SELECT id, held_until, held_for, released_at, "
        "due_at > now() + interval '8 hours' AS is_put_off FROM notification"
    ):
        became[row["id"]] = only_later if row["is_put_off"] else goes
        if row["held_until"] is not None:
            assert (row["held_until"], row["held_for"]) == (morning, "quiet")
            became[row["id"]] = kept
        # what is let go anew counts for its target from then on
        assert (row["released_at"] is None) is (became[row["id"]] == kept)
    assert became == expected
    assert await held.keep_for_the_morning(connection, now, morning, Level.HIGH) == 0


async def test_what_is_over_by_the_morning_is_not_told(
    household: Household, bath: RoomForTests
) -> None:
    household.clock.set(EVENING)
    await becomes_damp(household, bath)
    await becomes_dry(household, bath)
    household.clock.set(MORNING)
    await household.go_on()
    assert household.heard == []
    assert await bath.kinds() == [("alarm", "cancelled")]


async def test_one_trouble_of_the_night_is_told_as_itself(
    household: Household, bath: RoomForTests
) -> None:
    household.clock.set(EVENING)
    await becomes_damp(household, bath)
    household.clock.set(MORNING)
    await household.go_on()
    assert household.kinds() == ["alarm"]


async def test_the_quiet_hours_are_those_of_the_home(
    household: Household, bath: RoomForTests
) -> None:
    await household.home.configure(
        phones=["phone-1"],
        quiet_hours={"start": "12:30", "end": "14:00"},
        time_zone="Europe/Berlin",
    )
    await becomes_damp(household, bath)  # 13:00 there
    await household.go_on(timedelta(minutes=59))
    assert household.heard == []
    await household.go_on(MINUTE)
    assert household.kinds() == ["alarm"]


async def test_a_recovery_of_the_night_is_told_in_the_morning_and_the_alarm_goes(
    household: Household,
) -> None:
    rooms = [await room_of(household, name, "warning") for name in ("Bath", "Attic")]
    for room in rooms:
        await becomes_damp(household, room)
    await household.go_on(MINUTE)
    household.clock.set(EVENING)
    for room in rooms:
        await becomes_dry(household, room)
    assert household.kinds() == ["alarm", "alarm"]
    household.clock.set(MORNING)
    await household.go_on()
    # the summary stands beside the alarms, and these are cleared away
    assert sorted(household.kinds()[2:]) == ["clear", "clear", "summary"]
    assert household.heard[-1]["severity"] == "none"
