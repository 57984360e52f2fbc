"""Broker, database, backend and Home Assistant each come back by themselves; nothing is lost."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from demo_flat.flat import Air
from demo_flat.zigbee import LastSeen, Sensor
from tests.support.home_assistant import DRY, House, TestRoom, eventually
from tests.support.phone import next_push, pushes_about
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _rows(house: House, sensor: Sensor, count: int, timeout_s: float = 60) -> None:
    """Wait until a sensor has exactly `count` rows."""

    async def has_them() -> bool:
        try:
            return len(await house.readings_of(sensor)) == count
        except OSError, asyncpg.PostgresError:
            return False  # the server is away, which is what is being tested

    await eventually(has_them, timeout_s=timeout_s, what=f"{count} rows of {sensor.name}")


async def _temperature_shown(house: House, room: TestRoom, value: float) -> None:
    """Wait until Home Assistant shows a temperature."""
    entity_id = (await house.entity_ids(room))["temperature"]

    async def is_shown() -> bool:
        state = (await house.api.states())[entity_id]["state"]
        return state not in {"unknown", "unavailable"} and abs(float(state) - value) < 0.01

    await eventually(is_shown, timeout_s=60, what=f"{entity_id} to show {value}")


async def test_messages_published_twice_are_one_row(house: House) -> None:
    sensor = house.new_sensor("Twice")
    now = datetime.now(UTC).replace(microsecond=0)
    times = [now - timedelta(minutes=n) for n in range(20)]
    messages = [(sensor, ts, DRY) for ts in times for _ in range(2)]
    await house.publish(*messages, qos=1)
    await house.publish(*messages, qos=0)
    await _rows(house, sensor, len(times))


async def test_two_honest_equal_readings_are_two_rows(house: House) -> None:
    sensor = house.new_sensor("Untimed", LastSeen.DISABLE)
    payload = b'{"humidity":40.1,"temperature":20.5}'
    async with house.publisher() as client:
        for _ in range(2):
            await client.publish(sensor.topic, payload, qos=1)
    await _rows(house, sensor, 2)


async def test_a_restarted_broker_is_found_again(house: House) -> None:
    sensor = house.new_sensor("Broker")
    now = datetime.now(UTC).replace(microsecond=0)
    await house.publish((sensor, now - timedelta(minutes=2), DRY))
    await _rows(house, sensor, 1)
    await house.broker.stop()
    await house.broker.start()
    await house.publish((sensor, now - timedelta(minutes=1), DRY))
    await house.backend.wait_ready()
    await _rows(house, sensor, 2)
    assert house.backend.process.running


async def test_a_killed_backend_gets_what_the_broker_kept(house: House) -> None:
    sensor = house.new_sensor("Backend")
    room = await _dry_room(house, sensor)
    await house.backend.process.kill()
    ts = datetime.now(UTC).replace(microsecond=0)
    await house.publish(*((sensor, ts + timedelta(seconds=n), Air(21.5, 36.0)) for n in range(30)))
    await house.backend.start()
    await _rows(house, sensor, 1 + 30)
    await _temperature_shown(house, room, 21.5)


async def test_a_backend_killed_between_commit_and_puback_stores_nothing_twice(
    house: House,
) -> None:
    sensor = house.new_sensor("Commit", LastSeen.DISABLE)
    await house.backend.process.stop()
    await house.backend.start(MOULD_WATCH_FAILPOINT="after_commit_before_puback")
    # it may die of the retained list of devices, of the message, or of anything before
    async with house.publisher() as client:
        await client.publish(sensor.topic, b'{"humidity":41.7,"temperature":20.5}', qos=1)
    assert await house.backend.process.wait_exit(timeout_s=60) == -9
    await house.backend.start()
    await house.backend.wait_ready()
    async with house.publisher() as client:
        await client.publish(sensor.topic, b'{"humidity":41.8,"temperature":20.5}', qos=1)
    await _rows(house, sensor, 2)


async def test_a_killed_database_recovers_and_misses_nothing(house: House) -> None:
    sensor = house.new_sensor("Database")
    room = await _dry_room(house, sensor)
    server = house.backend.database.pid
    assert server is not None
    await house.backend.kill_database()
    ts = datetime.now(UTC).replace(microsecond=0)
    await house.publish(*((sensor, ts + timedelta(seconds=n), Air(22.5, 36.0)) for n in range(30)))
    # with its spool it is ready all the while, so that says nothing of the database
    await until(lambda: house.backend.database.pid not in {None, server}, timeout_s=120)
    assert house.backend.process.running
    await _rows(house, sensor, 1 + 30)
    await _temperature_shown(house, room, 22.5)


async def test_home_assistant_comes_back_and_repeats_nothing(house: House) -> None:
    room = await house.damp_room("Gallery")
    await next_push(house.phone, room.name)
    pushes = len(house.phone.pushes)
    await house.home_assistant.stop()
    await house.publish((room.sensor, datetime.now(UTC), Air(20.25, 77.0)))
    await house.start_home_assistant()
    await _temperature_shown(house, room, 20.25)
    risk = (await house.entity_ids(room))["mould_risk"]
    assert (await house.api.states())[risk]["state"] == "on"
    assert len(house.phone.pushes) == pushes
    assert len(pushes_about(house.phone, room.name)) == 1


async def test_entities_are_unavailable_without_the_backend_and_come_back(house: House) -> None:
    sensor = house.new_sensor("Away")
    room = await _dry_room(house, sensor)
    entity_ids = set((await house.entity_ids(room)).values())

    async def states() -> set[str]:
        found = await house.api.states()
        return {found[entity_id]["state"] for entity_id in entity_ids if entity_id in found}

    async def are_away() -> bool:
        return await states() == {"unavailable"}

    async def are_back() -> bool:
        return "unavailable" not in await states()

    await house.backend.process.stop()
    await eventually(are_away, timeout_s=60, what="the entities to be unavailable")
    await house.backend.start()
    await eventually(are_back, timeout_s=60, what="the entities to be back")


async def _dry_room(house: House, sensor: Sensor) -> TestRoom:
    await house.publish((sensor, datetime.now(UTC) - timedelta(seconds=90), DRY))
    return await house.add_room(sensor.name, sensor)
