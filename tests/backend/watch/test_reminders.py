"""What stays bad is reminded of, until somebody has seen it or puts it off."""

import pytest

from mould_watch.domain.incident_action import Action
from mould_watch.storage.database import Connection
from tests.support.climate import NOON, hours
from tests.support.damp_rooms import DRY, MORNING, RULE, becomes_damp, remain_damp, room_of
from tests.support.rooms import RoomForTests
from tests.support.watched_values import MINUTE, Household, too_damp


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


async def test_what_ends_with_the_time_it_was_put_off_until_is_over_and_not_reminded_of(
    household: Household, bath: RoomForTests
) -> None:
    await becomes_damp(household, bath)
    await household.go_on(MINUTE)
    await household.press(Action.SNOOZE, household.clock.now() + hours(0.5))
    await household.measure(bath, DRY)
    await household.go_on()
    await household.go_on(hours(1))
    assert await bath.incidents(f"threshold:{RULE}") == ["resolved"]
    rows = await household.home.fetch("SELECT cause FROM transition ORDER BY sequence")
    assert [row["cause"] for row in rows][-2:] == ["judged", "judged"]
    assert "reminder" not in household.kinds()
