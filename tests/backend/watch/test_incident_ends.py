"""What ends an incident, what does not, and what then becomes of its alarm."""

import pytest

from mould_watch.watch.evaluator import Evaluator
from tests.support.climate import BETWEEN_PCT, DAMP_DAY, DAMP_PCT, DRY_PCT, NOON, hours
from tests.support.rooms import HomeForTests, RoomForTests, SettableClock


async def test_it_resolves_only_after_dry_hours_below_the_recovery_threshold(
    bathroom: RoomForTests, evaluator: Evaluator, clock: SettableClock
) -> None:
    await bathroom.measure(NOON, DAMP_DAY)
    await evaluator.evaluate_waiting()

    async def later(humidity_pct: float) -> str:
        clock.advance(hours(1))
        await bathroom.measure(clock.now(), [humidity_pct])
        await evaluator.evaluate_waiting()
        return (await bathroom.incidents())[-1]

    assert [await later(BETWEEN_PCT) for _ in range(8)] == ["open"] * 8
    assert await later(DRY_PCT) == "recovering"
    assert await later(BETWEEN_PCT) == "recovering"
    assert [await later(DRY_PCT) for _ in range(6)] == ["recovering"] * 6
    assert await later(DRY_PCT) == "resolved"
    condition = await bathroom.condition()
    assert condition is not None
    assert (condition["level"], condition["at_risk"], condition["incident"]) == (
        "none",
        False,
        None,
    )
    # a shower after it does not bring the damp hours of before back
    assert await later(DAMP_PCT) == "resolved"
    assert await bathroom.incidents() == ["resolved"]


async def test_damp_again_while_recovering_reopens_without_a_word(
    bathroom: RoomForTests, evaluator: Evaluator, clock: SettableClock
) -> None:
    await bathroom.measure(NOON, DAMP_DAY)
    await evaluator.evaluate_waiting()
    for humidity_pct in (DRY_PCT, DAMP_PCT):
        clock.advance(hours(1))
        await bathroom.measure(clock.now(), [humidity_pct])
        await evaluator.evaluate_waiting()
    assert await bathroom.path() == ["verifying", "open", "recovering", "open"]
    assert await bathroom.kinds() == [("alarm", "pending")]


async def test_missing_data_never_resolves_or_opens(
    bathroom: RoomForTests, home: HomeForTests, evaluator: Evaluator, clock: SettableClock
) -> None:
    bedroom = await home.room("Bedroom")
    await bathroom.measure(NOON, DAMP_DAY)
    await bedroom.measure(NOON, [DAMP_PCT] * 4)
    await evaluator.evaluate_waiting()
    for _ in range(10):
        clock.advance(hours(6))
        await evaluator.evaluate_waiting()
    assert await bathroom.incidents() == ["open"]
    condition = await bathroom.condition()
    assert condition is not None
    assert (condition["reason"], condition["at_risk"], condition["level"]) == (
        "no_data",
        True,
        "warning",
    )
    assert condition["humidity"] == {"value": DAMP_PCT, "ts": "2026-11-20T12:00:00Z"}
    assert condition["dew_point_c"] is None
    # four damp hours were seen; nothing more is known
    assert await bedroom.incidents() == []
    condition = await bedroom.condition()
    assert condition is not None
    assert (condition["reason"], condition["at_risk"], condition["level"]) == (
        "no_data",
        None,
        None,
    )


async def test_resolving_before_anything_was_sent_cancels(
    bathroom: RoomForTests, evaluator: Evaluator, clock: SettableClock
) -> None:
    await bathroom.measure(NOON, DAMP_DAY)
    await evaluator.evaluate_waiting()
    clock.advance(hours(7))
    await bathroom.measure(clock.now(), [DRY_PCT] * 7)
    await evaluator.evaluate_waiting()
    assert await bathroom.path() == ["verifying", "open", "recovering", "resolved"]
    assert await bathroom.kinds() == [("alarm", "cancelled")]


async def test_resolving_while_the_alarm_is_claimed_queues_the_recovery_behind_it(
    bathroom: RoomForTests, evaluator: Evaluator, clock: SettableClock
) -> None:
    await bathroom.measure(NOON, DAMP_DAY)
    await evaluator.evaluate_waiting()
    await bathroom.claim_alarms()
    clock.advance(hours(7))
    await bathroom.measure(clock.now(), [DRY_PCT] * 7)
    await evaluator.evaluate_waiting()
    assert await bathroom.kinds() == [("alarm", "claimed"), ("recovery", "pending")]
    alarm, recovery = await bathroom.notifications()
    assert recovery["sequence"] == alarm["sequence"] + 1
    assert recovery["severity"] == "none"
    assert recovery["message"]["title"] == "Bathroom: dry enough again for the things"
    assert recovery["message"]["body"] == "Nothing to do."


@pytest.mark.parametrize("claimed", [True, False])
async def test_an_archived_room_s_incident_is_retired_and_its_phone_cleared(
    bathroom: RoomForTests, evaluator: Evaluator, *, claimed: bool
) -> None:
    await bathroom.measure(NOON, DAMP_DAY)
    await evaluator.evaluate_waiting()
    if claimed:
        await bathroom.claim_alarms()
    await bathroom.archive()
    await evaluator.evaluate_waiting()
    assert await bathroom.path() == ["verifying", "open", "retired"]
    assert await bathroom.condition() is None
    assert await bathroom.kinds() == (
        [("alarm", "claimed"), ("clear", "pending")] if claimed else [("alarm", "cancelled")]
    )
    # and later readings judge it no more
    await bathroom.measure(NOON, [DAMP_PCT])
    await evaluator.evaluate_waiting()
    assert await bathroom.condition() is None
    assert await bathroom.incidents() == ["retired"]


async def test_an_archived_room_is_retired_whatever_its_configuration_says(
    bathroom: RoomForTests, evaluator: Evaluator
) -> None:
    await bathroom.measure(NOON, DAMP_DAY)
    await evaluator.evaluate_waiting()
    await bathroom.configure(protect="the moon")
    await bathroom.archive()
    await evaluator.evaluate_waiting()
    assert await bathroom.incidents() == ["retired"]
