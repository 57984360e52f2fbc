"""What judging a room costs beside a sensor that sends every 20 s, and as its history grows.

`evaluation_ms`: one reading came, the room is judged, everything written. `hour_ms`: the same with
the first reading of an hour, which closes the hour before. Both for a room of ten days and one of a
year, in one database, in turn; `growth_ratio` is the old room's cost beside the young one's.
`window_24h_ms` is what the rule before read at each evaluation: the last 24 h of readings, judged
for faults. Medians.
"""

import argparse
import asyncio
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from mould_watch.clock import SystemClock
from mould_watch.domain.notification_policy import NotificationPolicy
from mould_watch.storage.connections import Connection, connect
from mould_watch.storage.database import Database
from mould_watch.storage.partitions import ensure_months
from mould_watch.watch.evaluation import evaluate
from mould_watch.watch.plausible import PlausibleReadings
from tests.support.climate import NOON
from tests.support.postgres import PostgresForTests, started_database
from tests.support.rooms import SOURCE, HomeForTests, RoomForTests, Row

NEEDS: Final = ()

POLICY: Final = NotificationPolicy()
STEP: Final = timedelta(seconds=20)
DENSE: Final = timedelta(days=4)
"""So much of the past is there every 20 s; what is older, every 20 min: enough for its hours."""

_FILL: Final = """
INSERT INTO readings (device_id, ts, fingerprint, received_at, time_quality, temperature_c,
                      humidity_pct)
SELECT $1, ts, row_number() OVER (), ts, 'payload',
       20 + sin(extract(epoch FROM ts) / 40000) + random() / 10,
       62 + 9 * sin(extract(epoch FROM ts) / 13000) + random()
FROM generate_series($2::timestamptz, $3::timestamptz, $4::interval) AS ts
"""


@dataclass(frozen=True)
class Bench:
    """One room, and how far its readings go."""

    room: RoomForTests
    outdoor_id: int


async def fill(connection: Connection, device_id: int, days: int) -> None:
    """Store the past of a device."""
    start = NOON - timedelta(days=days)
    months = {(start + timedelta(days=day)).date() for day in range(days + 2)}
    await ensure_months(connection, months, SystemClock())
    dense = NOON - DENSE
    await connection.execute(_FILL, device_id, start, dense - STEP, timedelta(minutes=20))
    await connection.execute(_FILL, device_id, dense, NOON, STEP)
    await connection.execute("UPDATE device SET last_seen_at = $2 WHERE id = $1", device_id, NOON)


async def make(home: HomeForTests, name: str, days: int) -> Bench:
    """Store a room with a past, and a sensor outside."""
    room = await home.room(name, protect="cold_wall")
    await fill(home.connection, room.device_id, days)
    (outdoor,) = await home.fetch("SELECT id FROM device WHERE native_id = 'outdoor'")
    await home.connection.execute(
        "INSERT INTO subject_device (subject_id, device_id) VALUES ($1, $2)",
        room.subject_id,
        outdoor["id"],
    )
    return Bench(room, outdoor["id"])


async def judge(database: Database, subject_id: int, now: datetime) -> float:
    """Judge a subject; return the milliseconds."""
    begin = time.perf_counter()
    async with database.transaction() as connection:
        await evaluate(connection, subject_id, now, POLICY)
    return (time.perf_counter() - begin) * 1000


async def measure(database: Database, home: HomeForTests, rounds: int) -> dict[str, float]:
    """Return the figures."""
    source = {"kind": "device", "source_instance": SOURCE, "native_id": "outdoor"}
    await home.configure(outdoor={"kind": "measured", "temperature": source, "humidity": source})
    outdoor_id = await home.device("outdoor")
    await fill(home.connection, outdoor_id, 365)
    rooms = {"young": await make(home, "Young", 10), "old": await make(home, "Old", 365)}
    await home.connection.execute("ANALYZE")
    build_s = {}
    for name, bench in rooms.items():
        begin = time.perf_counter()
        for _ in range(30):
            await judge(database, bench.room.subject_id, NOON)
            await bench.room.ask()
        build_s[name] = time.perf_counter() - begin
    steady: dict[str, list[float]] = {name: [] for name in rooms}
    first: dict[str, list[float]] = {name: [] for name in rooms}
    now = NOON
    for number in range(rounds):
        # every twentieth reading is the first of an hour
        now = (now + STEP) if number % 20 else now.replace(minute=0, second=0) + timedelta(hours=1)
        for name, bench in rooms.items():
            humidity_pct = 60 + number % 10
            await home.write(bench.room.device_id, [Row(now, humidity_pct, 20 + number % 3 / 10)])
            took = await judge(database, bench.room.subject_id, now)
            (steady if number % 20 > 3 else first if number % 20 == 0 else {}).get(name, []).append(
                took
            )
    window = []
    for _ in range(5):
        begin = time.perf_counter()
        async with database.transaction() as connection:
            read = await PlausibleReadings.read(
                connection,
                {"room": {rooms["old"].room.device_id}, "outdoor": {outdoor_id}},
                {},
                (NOON - timedelta(hours=30), NOON),
                NOON,
            )
            read.samples("room", "humidity_pct")
            read.samples("room", "temperature_c")
            read.samples("outdoor", "temperature_c")
        window.append((time.perf_counter() - begin) * 1000)
    young, old = median(steady["young"]), median(steady["old"])
    return {
        "evaluation_ms": round(old, 2),
        "evaluation_young_ms": round(young, 2),
        "growth_ratio": round(old / young, 3),
        "hour_ms": round(median(first["old"]), 2),
        "hour_young_ms": round(median(first["young"]), 2),
        "window_24h_ms": round(median(window), 2),
        "year_build_s": round(build_s["old"], 1),
    }


async def run(rounds: int) -> dict[str, float]:
    """Start a server, measure, stop it."""
    server = PostgresForTests.start()
    try:
        with TemporaryDirectory() as folder:
            async with (
                server.fresh_database() as address,
                started_database(address, Path(folder)) as database,
            ):
                connection = await connect(address)
                try:
                    return await measure(database, HomeForTests(connection), rounds)
                finally:
                    await connection.close()
    finally:
        server.stop()


def main(arguments: Sequence[str]) -> int:
    """Print the figures."""
    logging.disable(logging.CRITICAL)
    parser = argparse.ArgumentParser(prog="scripts/bench evaluation", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    print(json.dumps(asyncio.run(run(parser.parse_args(arguments).rounds))))
    return 0
