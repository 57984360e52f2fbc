"""What an incident's first push waits for, whom it tells, and that no restart repeats it."""

from datetime import timedelta

import pytest

from mould_watch.domain.notification_policy import NotificationPolicy
from mould_watch.storage.database import Connection, Database
from mould_watch.watch.evaluator import Evaluator
from tests.support.climate import NOON, hours
from tests.support.damp_rooms import DAMP, EVENING, RULE, becomes_damp, becomes_dry, room_of
from tests.support.rooms import HomeForTests, RoomForTests, SettableClock
from tests.support.watched_values import MINUTE, Household, too_damp


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
