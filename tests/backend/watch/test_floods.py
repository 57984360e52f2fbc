"""However much happens, a phone gets a few pushes and one summary."""

from datetime import timedelta
from random import Random

import pytest

from mould_watch.domain.notification import Lane
from mould_watch.domain.notification_policy import NotificationPolicy
from mould_watch.storage import held
from mould_watch.storage.database import Database
from mould_watch.watch.evaluator import Evaluator
from tests.support.climate import NOON, hours
from tests.support.damp_rooms import DAMP, DRY, becomes_damp, room_of
from tests.support.rooms import HomeForTests, RoomForTests, SettableClock
from tests.support.watched_values import MINUTE, Household

NO_QUIET = {"start": "00:00", "end": "00:00"}


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
