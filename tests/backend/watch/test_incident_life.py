"""From readings to incidents and notifications, judged by one evaluator."""

from datetime import timedelta
from random import Random

import pytest

from mould_watch.watch.evaluator import Evaluator
from tests.support.climate import BETWEEN_PCT, DAMP_DAY, DAMP_PCT, DRY_PCT, NOON, hours
from tests.support.rooms import HomeForTests, RoomForTests, Row, SettableClock


async def test_a_day_that_lets_mould_grow_opens_one_incident_and_writes_one_alarm(
    bathroom: RoomForTests, evaluator: Evaluator
) -> None:
    await bathroom.measure(NOON, [DRY_PCT] * 10 + [DAMP_PCT] * 16)
    await evaluator.evaluate_waiting()
    assert await bathroom.path() == ["verifying", "open"]
    (alarm,) = await bathroom.notifications()
    assert (alarm["kind"], alarm["state"], alarm["severity"]) == ("alarm", "pending", "warning")
    assert (alarm["route"], alarm["target"], alarm["sequence"]) == ("home-1", "phone-1", 1)
    message = alarm["message"]
    assert (message["room_id"], message["room"]) == (str(bathroom.room_id), "Bathroom")
    assert message["title"] == "Bathroom: mould could start in 4–10 weeks"
    assert "15 of the last 24 hours" in message["body"]
    condition = await bathroom.condition()
    assert condition is not None
    assert (condition["level"], condition["reason"]) == ("warning", "surface_damp")
    assert condition["at_risk"] is True
    assert condition["incident"]["state"] == "open"
    assert condition["learning_until"] is None
    growth = condition["first_growth"]
    assert growth["outlook"] == "growing"
    assert growth["days_low"] < growth["days"] <= 8 * 7
    assert condition["mould_evidence"]["damp_hours"] == 15
    words = condition["mould_evidence"]["words"]
    assert "damper than 80 % for 15 of the last 24 hours" in words
    assert "Mould could start in 4–10 weeks if the next weeks are like the last." in words
    assert "It would end with " in words
    (stored,) = await bathroom.home.fetch("SELECT evidence FROM incident")
    assert stored["evidence"]["days"] == growth["days"]
    assert stored["evidence"]["warmer_k"] > 0
    assert stored["evidence"]["drier_pct"] > 0


async def test_until_there_is_a_day_of_readings_it_learns_and_shows_the_surface(
    bathroom: RoomForTests, evaluator: Evaluator, clock: SettableClock
) -> None:
    await bathroom.measure(NOON, [DAMP_PCT] * 12)
    await evaluator.evaluate_waiting()
    condition = await bathroom.condition()
    assert condition is not None
    assert (condition["level"], condition["reason"]) == (None, "learning")
    assert condition["at_risk"] is None
    assert condition["surface"]["humidity_pct"] == DAMP_PCT
    assert condition["first_growth"] == {
        "outlook": "unknown",
        "reason": "learning",
        "days": None,
        "days_low": None,
        "days_high": None,
        "days_as_now": None,
        "days_as_now_low": None,
        "days_as_now_high": None,
        "reason_as_now": None,
    }
    # eleven hours are known: thirteen more, and the hour must be over
    assert condition["learning_until"] == "2026-11-21T02:00:00Z"
    assert await bathroom.incidents() == []
    clock.advance(hours(14))
    await bathroom.measure(clock.now(), [DAMP_PCT] * 14)
    await evaluator.evaluate_waiting()
    assert await bathroom.incidents() == ["open"]


async def test_damp_days_that_let_nothing_grow_soon_are_watched(
    bathroom: RoomForTests, evaluator: Evaluator
) -> None:
    # above 80 %, but so little that growth would take months
    await bathroom.measure(NOON, [81.0 + number % 2 / 10 for number in range(5 * 24)])
    await evaluator.evaluate_waiting()
    condition = await bathroom.condition()
    assert condition is not None
    assert (condition["level"], condition["reason"]) == ("watch", "damp_building_up")
    assert condition["at_risk"] is False
    assert await bathroom.incidents() == []


async def test_time_alone_opens_when_the_hour_is_over(
    bathroom: RoomForTests, evaluator: Evaluator, clock: SettableClock
) -> None:
    await bathroom.measure(NOON + hours(0.5), [DAMP_PCT] * 25)
    clock.advance(hours(0.9))
    await evaluator.evaluate_waiting()
    assert await bathroom.incidents() == []
    clock.advance(hours(0.1))
    await evaluator.evaluate_waiting()
    assert await bathroom.incidents() == ["open"]


async def test_a_shower_opens_nothing(bathroom: RoomForTests, evaluator: Evaluator) -> None:
    await bathroom.measure(NOON, [DRY_PCT] * 26 + [DAMP_PCT] + [DRY_PCT])
    await evaluator.evaluate_waiting()
    assert await bathroom.incidents() == []
    condition = await bathroom.condition()
    assert condition is not None
    assert (condition["level"], condition["reason"]) == ("none", "dry")


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


async def test_a_past_of_three_days_in_any_order_opens_exactly_one_incident(
    bathroom: RoomForTests, home: HomeForTests, evaluator: Evaluator
) -> None:
    past = [
        Row(
            NOON - timedelta(minutes=10 * number),
            DAMP_PCT if number % 3 else DRY_PCT,
            # one that stands still for days while the humidity lives is a frozen sensor's
            temperature_c=20.0 + number % 2 / 10,
        )
        for number in range(3 * 24 * 6)
    ]
    Random(7).shuffle(past)  # noqa: S311 - any order will do
    for start in range(0, len(past), 50):
        await home.write(bathroom.device_id, past[start : start + 50])
        await evaluator.evaluate_waiting()
    assert (await bathroom.incidents()).count("open") + (await bathroom.incidents()).count(
        "recovering"
    ) == 1
    assert len(await bathroom.incidents()) == 1
    assert await bathroom.kinds() == [("alarm", "pending")]


async def test_a_past_of_three_days_in_one_go_opens_exactly_one_incident(
    bathroom: RoomForTests, home: HomeForTests, evaluator: Evaluator
) -> None:
    past = [
        Row(
            NOON - timedelta(minutes=10 * number),
            DAMP_PCT,
            # one that stands still for days is a frozen sensor's
            temperature_c=20.0 + number % 2 / 10,
        )
        for number in range(3 * 24 * 6)
    ]
    Random(7).shuffle(past)  # noqa: S311 - any order will do
    await home.write(bathroom.device_id, past)
    await evaluator.evaluate_waiting()
    assert await bathroom.path() == ["verifying", "open"]
    condition = await bathroom.condition()
    assert condition is not None
    assert condition["mould_evidence"]["damp_hours"] == 24
    assert condition["mould_evidence"]["known_hours"] == 24
    assert condition["coverage"] > 0.99


async def test_a_late_reading_resolves_from_now_on_and_rewrites_nothing(
    bathroom: RoomForTests, evaluator: Evaluator, clock: SettableClock
) -> None:
    await bathroom.measure(NOON, DAMP_DAY)
    await evaluator.evaluate_waiting()
    opened = await bathroom.home.fetch("SELECT * FROM transition ORDER BY id")
    clock.advance(hours(7))
    # the latest first, then what was missing before it
    await bathroom.measure(NOON + hours(7), [DRY_PCT])
    await evaluator.evaluate_waiting()
    assert await bathroom.incidents() == ["recovering"]
    await bathroom.measure(NOON + hours(6), [DRY_PCT] * 6)
    await evaluator.evaluate_waiting()
    assert await bathroom.incidents() == ["resolved"]
    now = await bathroom.home.fetch("SELECT * FROM transition ORDER BY id")
    assert now[: len(opened)] == opened
    assert [row["at"] for row in now[len(opened) :]] == [clock.now()] * 2


async def test_readings_long_past_change_nothing(
    bathroom: RoomForTests, evaluator: Evaluator
) -> None:
    await bathroom.measure(NOON - hours(72), [DAMP_PCT] * 24)
    await evaluator.evaluate_waiting()
    assert await bathroom.incidents() == []
    condition = await bathroom.condition()
    assert condition is not None
    assert condition["reason"] == "no_data"
    assert condition["humidity"]["ts"] == "2026-11-17T12:00:00Z"


async def test_suspect_and_backlog_readings_are_not_judged_by(
    bathroom: RoomForTests, home: HomeForTests, evaluator: Evaluator
) -> None:
    backs = range(8)
    suspect = [Row(NOON - hours(back), DAMP_PCT, suspect="jump") for back in backs]
    backlog = [Row(NOON - hours(back), DAMP_PCT, time_quality="backlog") for back in backs]
    await home.write(bathroom.device_id, suspect + backlog)
    await evaluator.evaluate_waiting()
    condition = await bathroom.condition()
    assert condition is not None
    assert condition["reason"] == "no_data"
    assert condition["humidity"] is None


async def test_a_merged_device_s_readings_count(
    bathroom: RoomForTests, home: HomeForTests, evaluator: Evaluator
) -> None:
    by_topic = await home.device("zigbee2mqtt/bathroom", merged_into=bathroom.device_id)
    await home.write(by_topic, [Row(NOON - hours(number), DAMP_PCT) for number in range(4, 26)])
    await bathroom.measure(NOON, [DAMP_PCT] * 4)
    await evaluator.evaluate_waiting()
    assert await bathroom.incidents() == ["open"]


async def test_a_room_configured_with_a_device_since_merged_follows_it(
    home: HomeForTests, evaluator: Evaluator
) -> None:
    cellar = await home.room("Cellar", native_id="zigbee2mqtt/cellar")
    real = await home.device("0x42")
    await home.connection.execute(
        "UPDATE device SET merged_into = $1 WHERE id = $2", real, cellar.device_id
    )
    await home.write(real, [Row(NOON - hours(number), DAMP_PCT) for number in range(26)])
    await cellar.ask()
    await evaluator.evaluate_waiting()
    assert await cellar.incidents() == ["open"]


async def test_a_changed_threshold_counts_from_now_on(
    bathroom: RoomForTests, evaluator: Evaluator
) -> None:
    await bathroom.measure(NOON, [DRY_PCT] * 10 + [DAMP_PCT] * 16)
    await bathroom.configure(levels={"warning_weeks": 1})
    await evaluator.evaluate_waiting()
    assert await bathroom.incidents() == []
    await bathroom.configure()
    await evaluator.evaluate_waiting()
    assert await bathroom.incidents() == ["open"]


async def test_a_wall_is_judged_with_the_outdoor_air(
    home: HomeForTests, evaluator: Evaluator
) -> None:
    bedroom = await home.room("Bedroom", protect="cold_wall")
    await bedroom.measure(NOON, [65.0] * 26)
    await evaluator.evaluate_waiting()
    condition = await bedroom.condition()
    assert condition is not None
    assert (condition["reason"], condition["level"]) == ("no_outdoor_data", None)
    await home.configure(
        phones=["phone-1"],
        outdoor={"kind": "fixed", "temperature_c": -5.0, "humidity_pct": 80.0},
        temperature_unit="°F",
    )
    await bedroom.ask()
    await evaluator.evaluate_waiting()
    assert await bedroom.incidents() == ["open"]
    (alarm,) = await bedroom.notifications()
    assert alarm["message"]["title"] == "Bedroom: mould could start in 2–3 weeks"
    assert alarm["message"]["body"] == (
        "The cold wall was too damp for all of the last 24 hours. "
        "Open the window for 5 minutes now: the air outside is drier."
    )


async def test_every_phone_is_alarmed_and_a_home_without_one_inside_home_assistant(
    home: HomeForTests, bathroom: RoomForTests, evaluator: Evaluator
) -> None:
    await home.configure(phones=["phone-1", "phone-2"])
    await bathroom.measure(NOON, DAMP_DAY)
    await evaluator.evaluate_waiting()
    assert [row["target"] for row in await bathroom.notifications()] == ["phone-1", "phone-2"]
    await home.configure()
    bedroom = await home.room("Bedroom")
    await bedroom.measure(NOON, DAMP_DAY)
    await evaluator.evaluate_waiting()
    assert [row["target"] for row in await bedroom.notifications()] == ["persistent"]


async def test_a_room_that_shall_not_notify_has_its_incident_all_the_same(
    home: HomeForTests, evaluator: Evaluator
) -> None:
    quiet = await home.room("Attic", notify=False)
    await quiet.measure(NOON, DAMP_DAY)
    await evaluator.evaluate_waiting()
    assert await quiet.incidents() == ["open"]
    assert await quiet.notifications() == []


async def test_other_rooms_are_not_affected(
    bathroom: RoomForTests, home: HomeForTests, evaluator: Evaluator
) -> None:
    bedroom = await home.room("Bedroom")
    empty = await home.room("Study")
    await bedroom.measure(NOON, [DRY_PCT] * 8)
    await evaluator.evaluate_waiting()
    before = await home.fetch("SELECT * FROM condition ORDER BY subject_id")
    await bathroom.measure(NOON, DAMP_DAY)
    await evaluator.evaluate_waiting()
    after = await home.fetch("SELECT * FROM condition ORDER BY subject_id")
    others = {bedroom.subject_id, empty.subject_id}
    assert [row for row in after if row["subject_id"] in others] == [
        row for row in before if row["subject_id"] in others
    ]
    assert await bedroom.incidents() == await empty.incidents() == []
