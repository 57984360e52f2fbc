"""Who is alarmed about an incident that is open when the configuration changes."""

import pytest

from mould_watch.watch.evaluator import Evaluator
from tests.support.climate import DAMP_DAY, DAMP_PCT, DRY_PCT, NOON, hours
from tests.support.rooms import HomeForTests, RoomForTests, SettableClock


@pytest.fixture
async def damp_bathroom(bathroom: RoomForTests, evaluator: Evaluator) -> RoomForTests:
    """A bathroom whose incident is open and whose alarm for phone-1 waits."""
    await bathroom.measure(NOON, DAMP_DAY)
    await evaluator.evaluate_waiting()
    return bathroom


async def ways(room: RoomForTests) -> list[tuple[str, str, str, str]]:
    """Return the route, target, kind and state of its notifications."""
    return [
        (row["route"], row["target"], row["kind"], row["state"])
        for row in await room.notifications()
    ]


async def test_a_new_owner_gets_the_alarm_the_old_one_never_got(
    home: HomeForTests, damp_bathroom: RoomForTests, evaluator: Evaluator
) -> None:
    await home.configure(owner="home-2", phones=["phone-9"])
    await damp_bathroom.ask()
    await evaluator.evaluate_waiting()
    assert sorted(await ways(damp_bathroom)) == [
        ("home-1", "phone-1", "alarm", "cancelled"),
        ("home-2", "phone-9", "alarm", "pending"),
    ]
    assert await damp_bathroom.path() == ["verifying", "open"]


async def test_an_alarm_for_a_phone_added_later_belongs_to_the_opening(
    home: HomeForTests, damp_bathroom: RoomForTests, evaluator: Evaluator
) -> None:
    await damp_bathroom.claim_alarms()
    await home.configure(phones=["phone-1", "phone-2"])
    await damp_bathroom.ask()
    await evaluator.evaluate_waiting()
    assert await ways(damp_bathroom) == [
        ("home-1", "phone-1", "alarm", "claimed"),
        ("home-1", "phone-2", "alarm", "pending"),
    ]
    transitions = await home.fetch(
        "SELECT DISTINCT to_state::text FROM transition"
        " JOIN notification ON transition_id = transition.id"
    )
    assert transitions == [{"to_state": "open"}]


async def test_switching_notify_off_withdraws_the_alarm_and_on_brings_it_back(
    damp_bathroom: RoomForTests, evaluator: Evaluator
) -> None:
    await damp_bathroom.configure(notify=False)
    await evaluator.evaluate_waiting()
    assert await damp_bathroom.kinds() == [("alarm", "cancelled")]
    await damp_bathroom.configure(notify=True)
    await evaluator.evaluate_waiting()
    assert await damp_bathroom.kinds() == [("alarm", "cancelled"), ("alarm", "pending")]
    assert [row["sequence"] for row in await damp_bathroom.notifications()] == [1, 2]


async def test_a_phone_that_may_show_the_alarm_is_closed_though_it_is_no_longer_wanted(
    home: HomeForTests, damp_bathroom: RoomForTests, evaluator: Evaluator
) -> None:
    await damp_bathroom.claim_alarms()
    await home.configure(phones=["phone-2"])
    await damp_bathroom.ask()
    await evaluator.evaluate_waiting()
    await damp_bathroom.archive()
    await evaluator.evaluate_waiting()
    assert sorted(await ways(damp_bathroom)) == [
        ("home-1", "phone-1", "alarm", "claimed"),
        ("home-1", "phone-1", "clear", "pending"),
        ("home-1", "phone-2", "alarm", "cancelled"),
    ]


async def test_a_phone_added_while_it_recovers_hears_of_it_only_when_it_is_damp_again(
    home: HomeForTests,
    damp_bathroom: RoomForTests,
    evaluator: Evaluator,
    clock: SettableClock,
) -> None:
    async def later(humidity_pct: float) -> list[str]:
        clock.advance(hours(1))
        await damp_bathroom.measure(clock.now(), [humidity_pct])
        await evaluator.evaluate_waiting()
        return [row["target"] for row in await damp_bathroom.notifications()]

    assert await later(DRY_PCT) == ["phone-1"]
    await home.configure(phones=["phone-1", "phone-2"])
    assert await later(DRY_PCT) == ["phone-1"]
    assert await later(DAMP_PCT) == ["phone-1", "phone-2"]


async def test_evaluating_again_alarms_nobody_twice(
    damp_bathroom: RoomForTests, evaluator: Evaluator
) -> None:
    for _ in range(3):
        await damp_bathroom.ask()
        await evaluator.evaluate_waiting()
    assert await damp_bathroom.kinds() == [("alarm", "pending")]
