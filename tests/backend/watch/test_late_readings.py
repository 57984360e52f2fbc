"""Readings that come late, in any order, as a backlog or by a merged device."""

from datetime import timedelta
from random import Random

from mould_watch.watch.evaluator import Evaluator
from tests.support.climate import DAMP_DAY, DAMP_PCT, DRY_PCT, NOON, hours
from tests.support.rooms import HomeForTests, RoomForTests, Row, SettableClock


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
