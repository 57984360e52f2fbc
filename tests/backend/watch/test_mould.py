"""The mould index of a room: its episodes, its factor, what a change of them refolds."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from mould_watch.storage import mould
from mould_watch.watch.evaluator import Evaluator
from tests.support.climate import DAMP_PCT, DRY_PCT, NOON, hours
from tests.support.rooms import SOURCE, HomeForTests, RoomForTests, Row, SettableClock

FIVE_DAYS = [DAMP_PCT + number % 2 / 10 for number in range(5 * 24)]
COLD = {"kind": "fixed", "temperature_c": 0.0, "humidity_pct": 80.0}


async def index(room: RoomForTests) -> dict[str, Any]:
    condition = await room.condition()
    assert condition is not None
    found: dict[str, Any] = condition["mould_index"]
    return found


async def begin_episode(room: RoomForTests, began_at: datetime, reason: str, start: float) -> None:
    await room.home.connection.execute(
        """
        INSERT INTO mould_episode (room_id, began_at, reason, start_index)
        VALUES ($1, $2, $3, $4)
        """,
        room.room_id,
        began_at,
        reason,
        start,
    )


async def test_damp_days_raise_the_index_with_its_band(
    bathroom: RoomForTests, evaluator: Evaluator
) -> None:
    await bathroom.measure(NOON, FIVE_DAYS)
    await evaluator.evaluate_waiting()
    found = await index(bathroom)
    # of the reference, sensitive at 20 °C and 95 %: index 1 after 576 hours
    assert found["value"] == pytest.approx(119 / 576, abs=0.02)
    assert found["low"] < found["value"] < found["high"]
    assert found["peak"] == found["value"]
    assert found["is_told"] is False
    assert found["since"] == (NOON - hours(119)).isoformat().replace("+00:00", "Z")
    days = await bathroom.home.fetch("SELECT day, mid_index FROM mould_checkpoint ORDER BY day")
    assert len(days) == 5
    assert sorted(row["mid_index"] for row in days) == [row["mid_index"] for row in days]


async def test_what_was_cleaned_begins_anew_at_once_and_the_peak_is_kept(
    bathroom: RoomForTests, home: HomeForTests, evaluator: Evaluator, clock: SettableClock
) -> None:
    await bathroom.measure(NOON, FIVE_DAYS)
    await evaluator.evaluate_waiting()
    before = await index(bathroom)
    await begin_episode(bathroom, NOON + timedelta(minutes=5), "cleaned", 0)
    clock.advance(timedelta(minutes=6))
    await bathroom.ask()
    await evaluator.evaluate_waiting()
    cleaned = await index(bathroom)
    assert (cleaned["value"], cleaned["peak"]) == (0, 0)
    assert cleaned["since"] == "2026-11-20T12:05:00Z"
    (episode,) = await mould.episodes(home.connection, bathroom.room_id)
    assert episode.peak_before == pytest.approx(before["peak"], abs=0.001)
    # later hours grow from there
    clock.advance(hours(10))
    await bathroom.measure(clock.now(), FIVE_DAYS[:10])
    await evaluator.evaluate_waiting()
    assert 0 < (await index(bathroom))["value"] < before["value"] / 5


async def test_mould_that_was_told_of_is_a_high_level_though_the_air_is_dry(
    bathroom: RoomForTests, evaluator: Evaluator, clock: SettableClock
) -> None:
    await begin_episode(bathroom, NOON - hours(30), "told", 3)
    await bathroom.measure(NOON, [DRY_PCT + number % 2 / 10 for number in range(48)])
    await evaluator.evaluate_waiting()
    condition = await bathroom.condition()
    assert condition is not None
    assert condition["mould_index"]["is_told"] is True
    assert 2.9 < condition["mould_index"]["value"] < 3
    assert (condition["level"], condition["reason"]) == ("high", "mould")
    # dry as it is: what has grown is there until it is cleaned
    assert await bathroom.incidents() == ["open"]
    (alarm,) = await bathroom.notifications()
    assert alarm["message"]["body"].startswith("It was not damp in the last 24 hours, but mould")
    clock.advance(hours(1))
    await begin_episode(bathroom, clock.now(), "cleaned", 0)
    await bathroom.measure(clock.now(), [DRY_PCT])
    await evaluator.evaluate_waiting()
    assert await bathroom.incidents() == ["resolved"]


async def test_of_a_day_without_readings_nothing_is_said_but_what_to_do(
    bathroom: RoomForTests, evaluator: Evaluator, clock: SettableClock
) -> None:
    await begin_episode(bathroom, NOON - hours(30), "told", 3)
    await bathroom.measure(NOON, [DRY_PCT + number % 2 / 10 for number in range(48)])
    await evaluator.evaluate_waiting()
    clock.advance(hours(40))
    await bathroom.home.configure(phones=["phone-1", "phone-2"])
    await bathroom.ask()
    await evaluator.evaluate_waiting()
    bodies = {
        row["target"]: row["message"]["body"]
        for row in await bathroom.home.fetch(
            "SELECT target, message FROM notification JOIN incident ON incident.id = incident_id "
            "WHERE rule_id = 'mould_level'"
        )
    }
    assert bodies["phone-1"].startswith("It was not damp in the last 24 hours")
    assert bodies["phone-2"] == "Clean the place, then press “I cleaned it” in Home Assistant."


async def wall(home: HomeForTests, evaluator: Evaluator, **config: Any) -> RoomForTests:  # noqa: ANN401 - any part of a room
    """Return a room of which a cold wall is watched; its air would let nothing grow on it."""
    await home.configure(outdoor=COLD)
    room = await home.room(
        "Bedroom", protect="cold_wall", valid_from=NOON - timedelta(days=6), **config
    )
    await room.measure(NOON, [60.0 + number % 2 / 10 for number in range(5 * 24)])
    await evaluator.evaluate_waiting()
    return room


async def test_a_factor_that_always_was_so_refolds_all_and_one_from_now_nothing(
    home: HomeForTests, evaluator: Evaluator, clock: SettableClock
) -> None:
    room = await wall(home, evaluator, f_rsi=0.9)
    assert (await index(room))["value"] == 0
    hours_before = await home.fetch("SELECT * FROM room_hour ORDER BY hour")
    await room.configure(protect="cold_wall", f_rsi=0.5, valid_from=NOON - timedelta(minutes=1))
    await evaluator.evaluate_waiting()
    assert (await index(room))["value"] == 0
    clock.advance(hours(6))
    await room.measure(clock.now(), [60.0] * 6)
    await evaluator.evaluate_waiting()
    from_now = (await index(room))["value"]
    assert 0 < from_now < 0.05
    always = NOON + hours(5)
    await room.configure(protect="cold_wall", f_rsi=0.5, valid_from=always)
    await home.connection.execute(
        "UPDATE room_config_version SET is_always = true WHERE valid_from = $1", always
    )
    await evaluator.evaluate_waiting()
    assert (await index(room))["value"] > 10 * from_now
    # the air is what it was: only what it did to the surface is another
    hours_after = await home.fetch("SELECT * FROM room_hour ORDER BY hour")
    assert hours_after[: len(hours_before) - 1] == hours_before[:-1]


async def test_another_sensor_counts_from_then_and_for_the_past_if_it_always_was_so(
    home: HomeForTests, evaluator: Evaluator, clock: SettableClock
) -> None:
    room = await home.room("Attic", valid_from=NOON - timedelta(days=6))
    await room.measure(NOON, FIVE_DAYS)
    dry_id = await home.device("dry")
    dry = {"kind": "device", "source_instance": SOURCE, "native_id": "dry"}
    sources = {"sources": {"temperature": dry, "humidity": dry}}
    await home.connection.execute(
        "INSERT INTO subject_device (subject_id, device_id) VALUES ($1, $2)",
        room.subject_id,
        dry_id,
    )
    start = NOON - hours(len(FIVE_DAYS) - 1)
    await home.write(
        dry_id, [Row(start + hours(number), DRY_PCT) for number in range(len(FIVE_DAYS))]
    )
    await evaluator.evaluate_waiting()
    damp = (await index(room))["value"]
    changed_at = NOON - hours(48)
    await room.configure(valid_from=changed_at, **sources)
    await evaluator.evaluate_waiting()
    from_then = await index(room)
    # it grew for three of the five days, and declined since; the peak is that of the change
    assert from_then["peak"] == pytest.approx(damp * 71 / 119, rel=0.05)
    assert 0 < from_then["value"] < from_then["peak"] < damp
    hours_then = await home.fetch("SELECT hour, humidity_pct FROM room_hour ORDER BY hour")
    assert [row["humidity_pct"] < 70 for row in hours_then] == [
        row["hour"] >= changed_at for row in hours_then
    ]
    await home.connection.execute(
        "UPDATE room_config_version SET is_always = true WHERE valid_from = $1", changed_at
    )
    clock.advance(timedelta(minutes=1))
    await room.ask()
    await evaluator.evaluate_waiting()
    assert (await index(room))["peak"] == 0


async def test_a_calibrated_factor_is_used_where_none_was_set(
    home: HomeForTests, evaluator: Evaluator
) -> None:
    free, fixed = (
        await wall(home, evaluator),
        await home.room("Study", protect="cold_wall", f_rsi=0.8),
    )
    await fixed.measure(NOON, [60.0])
    for room in (free, fixed):
        await home.connection.execute(
            """
            INSERT INTO cold_spot_reading (room_id, at, series_from, surface_temperature_c,
                temperature_c, outdoor_temperature_c, f_rsi)
            VALUES ($1, $2, '1970-01-01 00:00+00', 10, 20, 0, 0.5)
            """,
            room.room_id,
            NOON,
        )
        await room.ask()
    await evaluator.evaluate_waiting()
    surfaces = {}
    for room in (free, fixed):
        condition = await room.condition()
        assert condition is not None
        surfaces[room.name] = condition["surface"]["temperature_c"]
    assert surfaces == {"Bedroom": 10.0, "Study": 16.0}
    assert (await index(free))["value"] > 0.1


async def test_a_long_past_is_done_in_parts_and_nothing_is_said_before_it_is_whole(
    bathroom: RoomForTests, evaluator: Evaluator, clock: SettableClock
) -> None:
    await bathroom.measure(NOON, [DAMP_PCT + number % 2 / 10 for number in range(40 * 24)])
    parts = 0
    while True:
        await evaluator.evaluate_waiting()
        condition = await bathroom.condition()
        assert condition is not None
        if condition["level"] is not None:
            break
        assert condition["first_growth"]["outlook"] == "unknown"
        assert await bathroom.incidents() == []
        parts += 1
        clock.advance(timedelta(seconds=1))
    assert parts == 2
    assert condition["level"] == "high"
    assert await bathroom.incidents() == ["open"]


async def test_a_rule_that_is_no_longer_there_is_retired_and_the_phone_hears_no_dry(
    bathroom: RoomForTests, home: HomeForTests, evaluator: Evaluator
) -> None:
    """An incident of the rule that came before this one, its alarm on the phone."""
    incident_id = await home.connection.fetchval(
        """
        INSERT INTO incident (subject_id, rule_id, state, level, breach_since, sequence)
        VALUES ($1, 'surface_damp', 'verifying', 'warning', $2, 1) RETURNING id
        """,
        bathroom.subject_id,
        NOON - hours(8),
    )
    transition_id = None
    for sequence, (before, after) in enumerate(
        [(None, "verifying"), ("verifying", "open")], start=1
    ):
        transition_id = await home.connection.fetchval(
            """
            INSERT INTO transition (incident_id, sequence, from_state, to_state, level, at)
            VALUES ($1, $2, $3::text::incident_state, $4::text::incident_state, 'warning', $5)
            RETURNING id
            """,
            incident_id,
            sequence,
            before,
            after,
            NOON - hours(2),
        )
    await home.connection.execute(
        "UPDATE incident SET state = 'open', opened_at = $2, sequence = 2 WHERE id = $1",
        incident_id,
        NOON - hours(2),
    )
    await home.connection.execute(
        """
        INSERT INTO notification (incident_id, transition_id, channel, route, target, sequence,
            kind, severity, message)
        VALUES ($1, $2, 'home_assistant', 'home-1', 'phone-1', 1, 'alarm', 'warning', '{}')
        """,
        incident_id,
        transition_id,
    )
    await bathroom.claim_alarms()
    await bathroom.measure(NOON, [DAMP_PCT] * 3)
    await evaluator.evaluate_waiting()
    assert await bathroom.incidents("surface_damp") == ["retired"]
    assert [kind for kind, _ in await bathroom.kinds()] == ["alarm", "clear"]


async def test_showers_show_how_the_room_dries(
    bathroom: RoomForTests, home: HomeForTests, evaluator: Evaluator
) -> None:
    """Two showers; each time half of the excess is gone in twenty minutes."""
    rows = []
    for minute in range(26 * 60):
        since = min((minute - begin) % 6000 for begin in (5 * 60, 15 * 60))
        excess_pct = 25.0 * 0.5 ** (since / 20) if since < 180 else 0.0
        at = NOON - timedelta(minutes=26 * 60 - minute)
        rows.append(Row(at, 50.0 + excess_pct + minute % 2 / 100, 21.0 + minute % 3 / 100))
    await home.write(bathroom.device_id, rows)
    await evaluator.evaluate_waiting()
    condition = await bathroom.condition()
    assert condition is not None
    drying = condition["drying"]
    assert (drying["events"], drying["trend"]) == (2, "unknown")
    assert drying["half_time_minutes"] == pytest.approx(20, abs=1.5)
    stored = await home.fetch("SELECT started_at FROM shower ORDER BY started_at")
    assert [row["started_at"] for row in stored] == [NOON - hours(21), NOON - hours(11)]


async def known(room: RoomForTests) -> list[datetime]:
    """Return the hours of which something is known."""
    rows = await room.home.fetch(
        "SELECT hour FROM room_hour WHERE subject_id = $1 ORDER BY hour", room.subject_id
    )
    return [row["hour"] for row in rows]


async def test_a_device_found_to_be_the_room_s_brings_its_past_with_it(
    bathroom: RoomForTests, home: HomeForTests, evaluator: Evaluator
) -> None:
    by_topic = await home.device("zigbee2mqtt/bathroom")
    await home.write(
        by_topic, [Row(NOON - hours(back), DAMP_PCT + back % 2 / 10) for back in range(20, 60)]
    )
    await bathroom.measure(NOON, [DAMP_PCT] * 10)
    await evaluator.evaluate_waiting()
    assert await known(bathroom) == [NOON - hours(back) for back in range(9, 0, -1)]
    await home.connection.execute(
        "UPDATE device SET merged_into = $1 WHERE id = $2", bathroom.device_id, by_topic
    )
    await bathroom.ask()
    await evaluator.evaluate_waiting()
    # the last one before the gap of ten hours counts for an hour
    expected = [*range(59, 19, -1), *range(9, 0, -1)]
    assert await known(bathroom) == [NOON - hours(back) for back in expected]


async def test_another_source_from_now_leaves_the_past_and_one_that_always_was_takes_it(
    bathroom: RoomForTests, home: HomeForTests, evaluator: Evaluator, clock: SettableClock
) -> None:
    await bathroom.measure(NOON, [DAMP_PCT] * 20)
    await evaluator.evaluate_waiting()
    await home.connection.execute(
        "UPDATE room_config_version SET valid_from = $1", NOON - timedelta(days=9)
    )
    other = await home.device("other")
    source = {"kind": "device", "source_instance": SOURCE, "native_id": "other"}
    both = {"temperature": source, "humidity": source}
    clock.advance(hours(3))
    await home.write(other, [Row(clock.now() - hours(back), DRY_PCT) for back in range(10)])
    await bathroom.configure(sources=both, valid_from=NOON)
    await evaluator.evaluate_waiting()
    humidities = "SELECT hour, humidity_pct FROM room_hour ORDER BY hour"
    from_now = await home.fetch(humidities)
    assert [row["humidity_pct"] for row in from_now] == [DAMP_PCT] * 19 + [DRY_PCT] * 3
    await home.connection.execute(
        "UPDATE room_config_version SET is_always = true WHERE valid_from = $1", NOON
    )
    await bathroom.ask()
    await evaluator.evaluate_waiting()
    always = await home.fetch(humidities)
    assert [row["humidity_pct"] for row in always] == [DRY_PCT] * 9


async def test_hours_of_a_faulty_sensor_are_gaps(
    bathroom: RoomForTests, home: HomeForTests, evaluator: Evaluator
) -> None:
    """A sensor stands at 100 % for a day: no mould grows out of that."""
    saturated = range(6, 30)
    rows = [
        Row(
            NOON - hours(back),
            99.9 if back in saturated else 60.0 + back % 5,
            20.0 + back % 3 / 10,
        )
        for back in range(40)
    ]
    await home.write(bathroom.device_id, rows)
    await evaluator.evaluate_waiting()
    missing = {NOON - hours(back) for back in range(1, 40)} - set(await known(bathroom))
    # the first twelve hours may be true; the line to the first good value is not drawn over them
    assert missing == {NOON - hours(back) for back in range(6, 17)}
