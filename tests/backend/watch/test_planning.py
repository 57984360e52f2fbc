"""What is sent of an incident, when, and to whom: on a real database, with a clock that is set."""

from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import asyncpg
import pytest

from mould_watch.api.handling import Handling
from mould_watch.api.messages import IncidentAction
from mould_watch.domain.condition import Level
from mould_watch.domain.incident import Cause, IncidentState, Step
from mould_watch.domain.incident_action import Action
from mould_watch.domain.notification import Lane
from mould_watch.domain.notification_policy import NotificationPolicy
from mould_watch.storage import held, incidents, outbox_care
from mould_watch.storage.database import Connection, Database
from mould_watch.storage.outbox_care import RetryOutcome
from mould_watch.watch.evaluator import Evaluator
from tests.support.climate import NOON, hours
from tests.support.notifications import claim, finish, give_back
from tests.support.rooms import HomeForTests, RoomForTests, Row, SettableClock
from tests.support.watched_values import MINUTE, Household, too_damp

# neither jumps so far that it is not believed
DAMP, DRY = 80.0, 52.0
RULE = UUID(int=7)
EVENING = NOON + hours(11)
MORNING = NOON + hours(19)
NO_QUIET = {"start": "00:00", "end": "00:00"}


@pytest.fixture
def household(
    home: HomeForTests, evaluator: Evaluator, database: Database, clock: SettableClock
) -> Household:
    return Household(home, evaluator, database, clock)


@pytest.fixture
async def bath(household: Household) -> RoomForTests:
    """A room that warns above 60 %RH at once, and is over after half an hour below 57 %."""
    return await room_of(household, "Bath", "warning")


async def room_of(household: Household, name: str, *severities: str) -> RoomForTests:
    thresholds = [
        too_damp(UUID(int=7 + number), severity, 60.0 + number)
        for number, severity in enumerate(severities)
    ]
    return await household.home.room(
        name, metric_thresholds=thresholds, rules={"mould_level": {"notify": False}}
    )


async def becomes_damp(household: Household, room: RoomForTests) -> None:
    await household.measure(room, DAMP)
    await household.go_on()


async def becomes_dry(household: Household, room: RoomForTests) -> None:
    await household.measure(room, DRY)
    await household.go_on()
    await household.go_on(timedelta(minutes=31))


# --- group wait ------------------------------------------------------------------------------


async def test_a_warning_waits_a_minute_and_is_sent_once(
    household: Household, bath: RoomForTests
) -> None:
    await becomes_damp(household, bath)
    assert household.kinds() == []
    await household.go_on(MINUTE)
    assert household.kinds() == ["alarm"]
    for _ in range(48):
        await household.measure(bath, DAMP)
        await household.go_on(timedelta(minutes=10))
    assert household.kinds() == ["alarm"]


async def test_something_serious_waits_for_nothing(household: Household) -> None:
    room = await room_of(household, "Bath", "high")
    household.clock.set(EVENING)
    await becomes_damp(household, room)
    assert household.kinds() == ["alarm"]


async def test_what_is_only_watched_is_never_sent(household: Household) -> None:
    room = await room_of(household, "Bath", "watch")
    await becomes_damp(household, room)
    await household.go_on(timedelta(days=1))
    assert household.kinds() == []
    assert await household.home.fetch("SELECT FROM notification") == []


async def test_what_is_over_before_its_first_try_is_cancelled_and_nothing_is_sent(
    database: Database, home: HomeForTests, clock: SettableClock
) -> None:
    patient = NotificationPolicy(group_wait=hours(1), quiet_hours=None)
    household = Household(home, Evaluator(database, clock, patient), database, clock)
    room = await room_of(household, "Bath", "warning")
    await becomes_damp(household, room)
    await becomes_dry(household, room)
    await household.go_on(hours(2))
    assert household.kinds() == []
    assert await room.kinds() == [("alarm", "cancelled")]


async def test_a_held_notification_goes_out_by_itself_if_nobody_releases_it(
    household: Household, bath: RoomForTests, connection: Connection
) -> None:
    await becomes_damp(household, bath)
    (due,) = await household.home.fetch(
        "SELECT extract(epoch FROM due_at - created_at)::integer AS s FROM notification"
    )
    assert due["s"] == 60 + 300
    await connection.execute("UPDATE notification SET due_at = clock_timestamp()")
    await household.send()
    assert household.kinds() == ["alarm"]
    (row,) = await household.home.fetch("SELECT held_until, released_at FROM notification")
    assert row["held_until"] is None
    assert row["released_at"] == NOON + MINUTE
    await household.go_on(MINUTE)
    assert household.kinds() == ["alarm"]


# --- one room, one push ----------------------------------------------------------------------


async def test_three_troubles_of_a_room_are_one_push(household: Household) -> None:
    room = await room_of(household, "Bath", "warning", "warning", "warning")
    await becomes_damp(household, room)
    await household.go_on(MINUTE)
    (one,) = household.heard
    assert one["kind"] == "alarm"
    assert one["body"].endswith(
        "\nAlso: the humidity is 80 %, above 61 %; the humidity is 80 %, above 62 %."
    )
    told = await household.home.fetch("SELECT DISTINCT bundled_in FROM notification ORDER BY 1")
    assert len(told) == 2  # the one that says it, and those it says
    # and each is over by itself, told together again
    await becomes_dry(household, room)
    await household.go_on(MINUTE)
    assert household.kinds().count("recovery") == 1


async def test_the_others_speak_when_the_one_that_spoke_for_them_is_over(
    household: Household,
) -> None:
    room = await room_of(household, "Bath", "warning", "warning")
    await becomes_damp(household, room)
    await household.go_on(MINUTE)
    first = household.heard[0]["incident_id"]
    (spoken,) = await household.home.fetch("SELECT rule_id FROM incident WHERE id = $1", first)
    kept = [one for one in (7, 8) if f"threshold:{UUID(int=one)}" != spoken["rule_id"]]
    await room.configure(
        metric_thresholds=[too_damp(UUID(int=kept[0]), "warning", 53.0 + kept[0])],
        rules={"mould_level": {"notify": False}},
    )
    await household.go_on()
    await household.go_on(MINUTE)
    assert household.kinds() == ["alarm", "clear", "alarm"]
    assert household.heard[2]["incident_id"] != first


async def test_other_rooms_are_told_by_themselves(household: Household) -> None:
    rooms = [await room_of(household, name, "warning") for name in ("Bath", "Attic")]
    for room in rooms:
        await household.measure(room, DAMP)
    await household.go_on()
    await household.go_on(MINUTE)
    assert household.kinds() == ["alarm", "alarm"]


# --- quiet hours -----------------------------------------------------------------------------


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


async def test_seen_on_a_summary_handles_all_it_tells_of_once(household: Household) -> None:
    await household.home.configure(phones=["phone-1", "phone-2"])
    rooms = {name: await room_of(household, name, "warning") for name in ("Bath", "Attic", "Den")}
    household.clock.set(EVENING)
    for room in rooms.values():
        await becomes_damp(household, room)
    household.clock.set(MORNING)
    await household.go_on()
    # one that is said by itself, later, is none of the summary's
    other = await room_of(household, "Hall", "warning")
    await becomes_damp(household, other)
    await household.go_on(hours(1))
    assert household.kinds() == ["summary", "alarm"]
    (summary, *_) = await household.home.fetch(
        "SELECT id, incident_id FROM notification WHERE kind = 'summary' AND target = 'phone-2'"
    )
    pressed = IncidentAction(
        action_id=UUID(int=1),
        incident_id=summary["incident_id"],
        notification_id=summary["id"],
        action=Action.SEEN,
    )
    handling = Handling(household.database, household.clock)
    first, again = [await handling.act(pressed) for _ in range(2)]
    assert (first["outcome"], first["is_repeated"]) == ("done", False)
    assert (again["outcome"], again["is_repeated"]) == ("done", True)
    await household.go_on(MINUTE)
    assert await handled(household) == {"Attic", "Bath", "Den"}
    assert household.kinds("phone-1") == household.kinds("phone-2") == ["summary", "alarm", "clear"]
    taken = await household.home.fetch("SELECT outcome FROM incident_action")
    assert [one["outcome"] for one in taken] == ["done"] * 3


@pytest.mark.parametrize("action", [Action.SEEN, Action.SNOOZE])
async def test_a_press_on_what_tells_of_a_whole_room_handles_all_of_it(
    household: Household, action: Action
) -> None:
    room = await room_of(household, "Bath", "warning", "warning", "warning")
    await becomes_damp(household, room)
    await household.go_on(MINUTE)
    assert household.kinds() == ["alarm"]
    (pushed,) = await household.home.fetch(
        "SELECT id, incident_id FROM notification WHERE state = 'sent'"
    )
    tomorrow = household.clock.now() + hours(20)
    pressed = IncidentAction(
        action_id=UUID(int=1),
        incident_id=pushed["incident_id"],
        notification_id=pushed["id"],
        action=action,
        until=tomorrow if action is Action.SNOOZE else None,
    )
    await Handling(household.database, household.clock).act(pressed)
    await household.go_on(hours(1))
    assert household.kinds() == ["alarm", "clear"]
    rows = await household.home.fetch("SELECT acknowledged_at, snoozed_until FROM incident")
    seen_at = None if action is Action.SNOOZE else household.clock.now() - hours(1)
    until = tomorrow if action is Action.SNOOZE else None
    assert [tuple(row.values()) for row in rows] == [(seen_at, until)] * 3


async def test_seen_on_a_summary_does_not_handle_what_got_worse_since(household: Household) -> None:
    rooms = [await room_of(household, name, "warning") for name in ("Bath", "Attic")]
    household.clock.set(EVENING)
    for room in rooms:
        await becomes_damp(household, room)
    household.clock.set(MORNING)
    await household.go_on()
    (summary,) = await household.home.fetch(
        "SELECT id, incident_id FROM notification WHERE kind = 'summary'"
    )
    connection = household.home.connection
    (other,) = await household.home.fetch(
        "SELECT id FROM incident WHERE id <> $1 AND ended_at IS NULL", summary["incident_id"]
    )
    incident = await incidents.incident(connection, other["id"])
    assert incident is not None
    worse = Step(IncidentState.OPEN, IncidentState.OPEN, Level.HIGH, Cause.JUDGED)
    await incidents.advance_incident(
        connection, incident, worse, at=household.clock.now(), evidence={}
    )
    pressed = IncidentAction(
        action_id=UUID(int=1),
        incident_id=summary["incident_id"],
        notification_id=summary["id"],
        action=Action.SEEN,
    )
    await Handling(household.database, household.clock).act(pressed)
    assert len(await handled(household)) == 1


async def handled(household: Household) -> set[str]:
    """Return the rooms of the incidents that somebody has seen."""
    rows = await household.home.fetch(
        "SELECT room.name FROM incident JOIN subject ON subject.id = subject_id "
        "JOIN room ON room.id = subject.room_id WHERE acknowledged_at IS NOT NULL"
    )
    return {row["name"] for row in rows}


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


# --- reminders -------------------------------------------------------------------------------


async def remain_damp(household: Household, room: RoomForTests, until: datetime) -> None:
    while household.clock.now() < until:
        await household.measure(room, DAMP)
        await household.go_on(timedelta(minutes=30))


async def test_something_serious_is_reminded_of_at_growing_distances(household: Household) -> None:
    room = await room_of(household, "Bath", "high")
    await becomes_damp(household, room)
    await remain_damp(household, room, NOON + hours(44))
    reminders = [one["at"] for one in household.heard if one["kind"] == "reminder"]
    # twelve hours later it is night: nobody is woken to be reminded
    assert reminders == [NOON + hours(4), MORNING, MORNING + hours(24)]
    assert await room.kinds() == [("alarm", "sent")] + [("reminder", "sent")] * 3
    assert household.heard[1]["title"].startswith("Bath: reminder – ")


async def test_a_reminder_is_told_of_in_the_log_as_an_alarm_is(
    household: Household, caplog: pytest.LogCaptureFixture
) -> None:
    room = await room_of(household, "Bath", "high")
    with caplog.at_level("INFO"):
        await becomes_damp(household, room)
        await remain_damp(household, room, NOON + hours(5))
    fields = [record.__dict__ for record in caplog.records]
    written = [one for one in fields if one.get("action") == "notification_written"]
    assert [one["kind"] for one in written] == ["alarm", "reminder"]
    assert len({one["correlation_id"] for one in written}) == 2


async def test_what_was_seen_is_cleared_on_all_phones_and_not_reminded_of(
    household: Household,
) -> None:
    await household.home.configure(phones=["phone-1", "phone-2"])
    room = await room_of(household, "Bath", "high")
    await becomes_damp(household, room)
    await household.press(Action.SEEN)
    await household.send()
    assert household.kinds("phone-1") == household.kinds("phone-2") == ["alarm", "clear"]
    await remain_damp(household, room, NOON + hours(24))
    assert household.kinds() == ["alarm", "clear"]


async def test_a_warning_that_was_seen_speaks_again_when_it_gets_worse(
    household: Household, bath: RoomForTests
) -> None:
    await becomes_damp(household, bath)
    await household.go_on(MINUTE)
    await household.press(Action.SEEN)
    await bath.configure(
        metric_thresholds=[too_damp(RULE, "high")], rules={"mould_level": {"notify": False}}
    )
    await household.go_on()
    assert household.kinds() == ["alarm", "clear", "step_up"]
    assert household.heard[-1]["severity"] == "high"


async def test_an_alarm_nobody_heard_yet_is_withdrawn_when_it_is_seen(
    household: Household, bath: RoomForTests
) -> None:
    await becomes_damp(household, bath)
    await household.press(Action.SEEN)
    await household.go_on(hours(1))
    assert household.kinds() == []
    assert await bath.kinds() == [("alarm", "cancelled")]


async def test_what_was_put_off_is_cleared_and_comes_back_at_its_time(
    household: Household, bath: RoomForTests
) -> None:
    await becomes_damp(household, bath)
    await household.go_on(MINUTE)
    until = NOON + hours(24)
    await household.press(Action.SNOOZE, until)
    await household.send()
    assert household.kinds() == ["alarm", "clear"]
    await remain_damp(household, bath, until)
    assert household.kinds() == ["alarm", "clear"]
    await household.go_on(MINUTE)
    assert household.kinds() == ["alarm", "clear", "reminder"]
    (cause,) = await household.home.fetch(
        "SELECT cause FROM transition JOIN notification ON transition_id = transition.id"
        " WHERE kind = 'reminder'"
    )
    assert cause == {"cause": "snooze_ended"}


async def test_after_a_jump_of_the_clock_a_reminder_waits_its_whole_distance(
    household: Household, connection: Connection
) -> None:
    room = await room_of(household, "Bath", "high")
    await becomes_damp(household, room)
    household.clock.advance(hours(100))
    jumped = household.clock.now()
    await connection.execute(
        "INSERT INTO backend_state (part, is_well, since, reported_at)"
        " VALUES ('clock', true, $1, $1)",
        jumped,
    )
    await remain_damp(household, room, jumped + hours(3.5))
    assert household.kinds() == ["alarm"]
    await remain_damp(household, room, jumped + hours(4.5))
    assert household.kinds() == ["alarm", "reminder"]


# --- targets ---------------------------------------------------------------------------------


async def test_a_room_tells_its_own_targets(household: Household) -> None:
    room = await household.home.room(
        "Bath", metric_thresholds=[too_damp(RULE)], targets=["phone-2", "apprise:mail"]
    )
    await becomes_damp(household, room)
    rows = await household.home.fetch(
        "SELECT channel, route, target FROM notification ORDER BY channel"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("apprise", "mail", "mail"),
        ("home_assistant", "home-1", "phone-2"),
    ]


# --- floods ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
async def test_a_value_that_crosses_200_times_a_day_is_two_pushes_and_a_summary_at_most(
    household: Household, seed: int | None
) -> None:
    """Invariant 5: only transitions notify; and a flood ends with one summary."""
    await household.home.configure(phones=["phone-1"], quiet_hours=NO_QUIET)
    room = await room_of(household, "Bath", "warning")
    minutes = crossings(seed)
    assert len(minutes) == 200
    for number, minute in enumerate(minutes):
        at = NOON + timedelta(minutes=minute)
        await household.measure(room, DRY if number % 2 else DAMP, at)
        await household.go_on(at - household.clock.now())
        await household.go_on(MINUTE)
    household.clock.set(NOON + hours(24))
    await household.go_on()
    pushes = [kind for kind in household.kinds() if kind != "clear"]
    assert pushes.count("summary") <= 1
    assert len(pushes) - pushes.count("summary") <= 2, pushes
    assert pushes[0] == "alarm"
    # whatever was kept back is told in the end
    await household.measure(room, DRY)
    for _ in range(6):
        await household.go_on(hours(1))
    waiting = await household.home.fetch("SELECT FROM notification WHERE held_until IS NOT NULL")
    assert waiting == []


def crossings(seed: int | None) -> list[float]:
    """Return 200 minutes of a day, evenly spread or at random."""
    if seed is None:
        return [number * 7.2 for number in range(200)]
    random = Random(seed)  # noqa: S311 - the same every time
    return sorted(random.uniform(0, 1439) for _ in range(200))


async def test_a_flood_of_rooms_is_throttled_and_ends_with_one_summary(
    database: Database, home: HomeForTests, clock: SettableClock
) -> None:
    policy = NotificationPolicy(hourly_maximum=3, quiet_hours=None)
    household = Household(home, Evaluator(database, clock, policy), database, clock)
    for number in range(10):
        room = await room_of(household, f"Room {number}", "warning")
        await becomes_damp(household, room)
    for _ in range(3):
        await household.go_on(MINUTE)
    assert household.kinds() == ["alarm"] * 3
    await household.go_on(timedelta(minutes=62))
    assert household.kinds() == ["alarm"] * 3 + ["summary"]
    assert household.heard[-1]["title"] == "7 messages in one"


async def test_one_at_a_time_decides_what_a_target_gets(
    household: Household, bath: RoomForTests, database: Database
) -> None:
    """Two at once would each count what was let go before, and together let go too much."""
    await becomes_damp(household, bath)
    household.clock.advance(MINUTE)
    async with database.transaction() as other:
        assert await held.lock_target(other, Lane("home_assistant", "home-1", "phone-1"))
        await household.go_on()
        assert household.kinds() == []
    await household.go_on()
    assert household.kinds() == ["alarm"]


async def test_a_target_gets_no_more_a_day_than_its_service_takes(
    database: Database, home: HomeForTests, clock: SettableClock
) -> None:
    policy = NotificationPolicy(daily_maximum=4, quiet_hours=None)
    household = Household(home, Evaluator(database, clock, policy), database, clock)
    for number in range(8):
        room = await room_of(household, f"Room {number}", "high")
        await becomes_damp(household, room)
    # another evaluator, or this one after a restart, counts the same
    household.evaluator = Evaluator(database, clock, policy)
    for _ in range(23):
        await household.go_on(hours(1))
    assert household.kinds() == ["alarm"] * 4
    await household.go_on(hours(1) + MINUTE)
    assert household.kinds() == ["alarm"] * 4 + ["summary"]


# --- restarts, and what the database itself refuses ------------------------------------------


async def test_restarting_anything_opens_and_tells_nothing_twice(
    household: Household, bath: RoomForTests, database: Database, clock: SettableClock
) -> None:
    await becomes_damp(household, bath)
    for _ in range(5):
        household.evaluator = Evaluator(database, clock)
        await bath.ask()
        await household.go_on(MINUTE)
    assert household.kinds() == ["alarm"]
    assert await bath.incidents(f"threshold:{RULE}") == ["open"]


async def write(connection: Connection, kind: str) -> None:
    await connection.execute(
        "INSERT INTO notification (transition_id, incident_id, channel, route, target, sequence,"
        " kind, severity, message)"
        " SELECT transition_id, incident_id, channel, route, target, sequence + 10, $1, severity,"
        " message FROM notification LIMIT 1",
        kind,
    )


@pytest.mark.parametrize("kind", ["reminder", "step_up"])
async def test_the_database_refuses_to_remind_of_what_was_seen(
    household: Household, bath: RoomForTests, connection: Connection, kind: str
) -> None:
    await becomes_damp(household, bath)
    await household.press(Action.SEEN)
    with pytest.raises(asyncpg.PostgresError, match="only of what is open"):
        await write(connection, kind)


async def test_the_database_refuses_a_summary_of_nothing(
    household: Household, bath: RoomForTests, connection: Connection
) -> None:
    await becomes_damp(household, bath)
    with pytest.raises(asyncpg.PostgresError, match="summary of nothing"):
        await write(connection, "summary")


async def test_the_database_refuses_a_notification_under_the_transition_of_another_incident(
    household: Household, connection: Connection
) -> None:
    for name in ("Bath", "Attic"):
        await becomes_damp(household, await room_of(household, name, "warning"))
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await connection.execute(
            "INSERT INTO notification (transition_id, incident_id, channel, route, target,"
            " sequence, kind, severity, message) SELECT max(transition_id),"
            " (SELECT incident_id FROM notification ORDER BY transition_id LIMIT 1), 'c', 'r',"
            " 't', 1, 'alarm', 'warning', '{}' FROM notification"
        )


async def test_the_database_refuses_an_unknown_kind(
    household: Household, bath: RoomForTests, connection: Connection
) -> None:
    await becomes_damp(household, bath)
    with pytest.raises(asyncpg.CheckViolationError):
        await write(connection, "greeting")


async def test_a_room_heard_of_by_three_silent_devices_is_told_once(
    household: Household,
) -> None:
    """Devices are evidence: the room without data speaks for its sensors."""
    room = await household.home.room("Bath")
    await household.home.write(room.device_id, [Row(NOON, DRY)])
    await household.home.connection.execute(
        "INSERT INTO backend_state (part, is_well, since, reported_at)"
        " VALUES ('broker', true, $1, $2)",
        NOON - hours(1),
        NOON + hours(31),
    )
    await household.home.connection.execute(
        "INSERT INTO subject (device_id) VALUES ($1)", room.device_id
    )
    await household.home.connection.execute(
        "INSERT INTO evaluation_request (subject_id, from_ts) SELECT id, $1 FROM subject", NOON
    )
    await household.home.connection.execute(
        "UPDATE device SET last_seen_at = $1, first_seen_at = $1,"
        " metrics = metrics || '{battery_pct}'",
        NOON,
    )
    await household.go_on()
    for _ in range(60):
        await household.go_on(timedelta(minutes=30))
    assert household.kinds() == ["alarm"]
    assert "sensors" in household.heard[0]["title"]
    rules = await household.home.fetch("SELECT rule_id FROM incident ORDER BY rule_id")
    assert [row["rule_id"] for row in rules] == ["no_data", "silent"]


async def test_what_cannot_be_put_together_is_told_once_and_goes_out_by_itself(
    household: Household,
    bath: RoomForTests,
    connection: Connection,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await becomes_damp(household, bath)
    await connection.execute(
        "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'no'; END $$;"
        "CREATE TRIGGER broken BEFORE UPDATE OF held_until ON notification"
        " FOR EACH ROW EXECUTE FUNCTION broken()"
    )
    for _ in range(3):
        await household.go_on(MINUTE)
    failures = [one for one in caplog.records if getattr(one, "action", "") == "release_failed"]
    assert len(failures) == 1
    await connection.execute("UPDATE notification SET due_at = clock_timestamp()")
    await household.send()
    assert household.kinds() == ["alarm"]


# --- grace -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("severity", "expected"), [("warning", []), ("high", ["alarm"])])
async def test_a_new_room_has_a_grace_unless_it_is_urgent(
    household: Household, connection: Connection, severity: str, expected: list[str]
) -> None:
    room = await room_of(household, "Bath", severity)
    await connection.execute("UPDATE room SET created_at = $1", NOON)
    await becomes_damp(household, room)
    await household.go_on(timedelta(minutes=29))
    assert household.kinds() == expected
    await household.go_on(MINUTE)
    await household.go_on(MINUTE)
    assert household.kinds() == ["alarm"]
