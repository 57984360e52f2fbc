"""From readings to an open incident and its alarm, judged by one evaluator."""

from mould_watch.watch.evaluator import Evaluator
from tests.support.climate import DAMP_DAY, DAMP_PCT, DRY_PCT, NOON, hours
from tests.support.rooms import HomeForTests, RoomForTests, SettableClock


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
