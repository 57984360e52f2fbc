"""Order does not matter: late, shuffled and repeated readings end in the same hours and index."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched
from random import Random
from typing import Any

import pytest

from mould_watch.storage.database import Database
from mould_watch.watch.evaluator import Evaluator
from tests.support.climate import NOON, hours
from tests.support.rooms import SOURCE, HomeForTests, RoomForTests, Row, SettableClock

DAYS = 4
START = NOON - timedelta(days=DAYS)


@dataclass(frozen=True)
class Reading:
    """A row of one of the two sensors."""

    is_outdoor: bool
    row: Row


def series(random: Random) -> list[Reading]:
    """Return readings in order: at any intervals, with gaps, and with faults of the sensor."""
    found = []
    for is_outdoor in (False, True):
        at = START + timedelta(seconds=random.randrange(3600))
        while at < NOON:
            hour = (at - START) / hours(1)
            temperature_c = 4.0 + hour % 7 / 10 if is_outdoor else 20.0 + hour % 5 / 10
            humidity_pct = 85.0 if is_outdoor else 60.0 + hour % 24
            if random.random() < 0.05:
                humidity_pct = random.choice([99.9, 12.0, humidity_pct - 40])
            found.append(Reading(is_outdoor, Row(at, humidity_pct, temperature_c)))
            if random.random() < 0.05:
                found.append(found[-1])  # the same again, in other bytes
            at += random.choice(
                [timedelta(seconds=20), timedelta(minutes=10), hours(1), hours(1), hours(8)]
                if random.random() < 0.08
                else [timedelta(minutes=random.randrange(1, 40))]
            )
    return sorted(found, key=lambda reading: reading.row.ts)


async def wall(home: HomeForTests, name: str) -> tuple[RoomForTests, int]:
    """Store a room with a cold wall and a sensor outside; return it and that sensor."""
    outdoor_id = await home.device(f"{name} outdoor")
    source = {"kind": "device", "source_instance": SOURCE, "native_id": f"{name} outdoor"}
    await home.configure(outdoor={"kind": "measured", "temperature": source, "humidity": source})
    room = await home.room(name, protect="cold_wall")
    await home.connection.execute(
        "INSERT INTO subject_device (subject_id, device_id) VALUES ($1, $2)",
        room.subject_id,
        outdoor_id,
    )
    return room, outdoor_id


async def write(
    home: HomeForTests, room: RoomForTests, outdoor_id: int, readings: Sequence[Reading]
) -> None:
    for is_outdoor in (False, True):
        rows = [reading.row for reading in readings if reading.is_outdoor == is_outdoor]
        if rows:
            await home.write(outdoor_id if is_outdoor else room.device_id, rows)


async def kept(home: HomeForTests, room: RoomForTests) -> Mapping[str, Any]:
    """Return all that is kept of a room's past, and its mould as it is shown."""
    condition = await room.condition()
    assert condition is not None
    return {
        "hours": await home.fetch(
            "SELECT * FROM room_hour WHERE subject_id = $1 ORDER BY hour", room.subject_id
        ),
        "checkpoints": await home.fetch(
            "SELECT * FROM mould_checkpoint WHERE subject_id = $1 ORDER BY day", room.subject_id
        ),
        "shown": {
            name: condition[name]
            for name in ("mould_index", "first_growth", "coverage", "surface", "humidity")
        },
    }


async def judge(evaluator: Evaluator, clock: SettableClock, now: datetime) -> None:
    clock.set(now)
    await evaluator.evaluate_waiting()


async def start_over(home: HomeForTests) -> None:
    """Forget all that was reckoned and stored, but not who there is."""
    for table in (
        "readings",
        "room_hour",
        "source_hour",
        "mould_checkpoint",
        "shower",
        "room_progress",
        "condition",
        "evaluation_request",
        "notification",
        "transition",
        "incident",
    ):
        await home.connection.execute(f"TRUNCATE {table} CASCADE")


@pytest.mark.parametrize("seed", range(6))
async def test_any_order_ends_in_the_same_hours_checkpoints_and_index(
    home: HomeForTests, database: Database, clock: SettableClock, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - any order will do
    readings = series(random)
    room, outdoor_id = await wall(home, "Bathroom")

    # as they came, judged while they did
    evaluator = Evaluator(database, clock)
    for batch in batched(readings, random.randrange(3, 40), strict=False):
        await write(home, room, outdoor_id, batch)
        await judge(evaluator, clock, batch[-1].row.ts + timedelta(seconds=random.randrange(90)))
    await judge(evaluator, clock, NOON + hours(0.5))
    in_order = await kept(home, room)
    assert len(in_order["hours"]) > DAYS * 9
    assert len(in_order["checkpoints"]) == DAYS
    assert in_order["shown"]["mould_index"]["value"] > 0

    # late, in any order
    await start_over(home)
    shuffled = readings.copy()
    random.shuffle(shuffled)
    evaluator = Evaluator(database, clock)
    for batch in batched(shuffled, random.randrange(20, 90), strict=False):
        await write(home, room, outdoor_id, batch)
        await judge(evaluator, clock, NOON + hours(random.choice([0.1, 0.2, 0.5])))
    await room.ask()
    await judge(evaluator, clock, NOON + hours(0.5))
    assert await kept(home, room) == in_order

    # all at once
    await start_over(home)
    await write(home, room, outdoor_id, readings)
    await judge(Evaluator(database, clock), clock, NOON + hours(0.5))
    assert await kept(home, room) == in_order


async def test_mostly_in_order_with_a_few_late_ones(
    home: HomeForTests, database: Database, clock: SettableClock
) -> None:
    """As a home is: two sensors in step, one message in ten delayed by up to a day."""
    random = Random(11)  # noqa: S311 - any order will do
    readings = series(random)
    room, outdoor_id = await wall(home, "Bathroom")
    await write(home, room, outdoor_id, readings)
    await judge(Evaluator(database, clock), clock, NOON + hours(0.5))
    expected = await kept(home, room)

    await start_over(home)
    arrivals = sorted(
        (
            reading.row.ts
            + timedelta(seconds=random.choice([2] * 9 + [random.randrange(24 * 3600)])),
            number,
        )
        for number, reading in enumerate(readings)
    )
    evaluator = Evaluator(database, clock)
    for at, number in arrivals:
        await write(home, room, outdoor_id, [readings[number]])
        if at < NOON:
            await judge(evaluator, clock, at)
    await judge(evaluator, clock, NOON + hours(0.5))
    assert await kept(home, room) == expected
