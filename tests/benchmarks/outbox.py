"""Claim-to-sent per second of the real notification worker, beside pgqueuer.

    scripts/bench outbox [--rounds N] [--jobs N]

Both drain jobs that do nothing, on the same durable PostgreSQL (fsync on), each worker with
connections of its own, all workers in one process. Ours claims with token and lease, looks at the
lease on the database's clock right before each send, writes every step of a notification, and
ends it by its token; pgqueuer picks, and moves what is done to its log. Each takes `batch` at a
time and has at most two batches in hand, the least that pgqueuer accepts; neither writes a log.
A rate is counted from the first send until the end of the last is stored. Rounds are
interleaved; figures are medians. `ratio_to_pgqueuer` is the least of the ratios of the
configurations: at each batch and number of workers ours is at least so much faster.

Both run as they are delivered, and there they differ: over a channel that recognises what it is
sent twice, our COMMIT does not wait for the disk (synchronous_commit off), because what a power
failure takes back is only sent again; pgqueuer's waits. So each runs the other way too: pgqueuer
without waiting, ours waiting. `ratio_without_waiting` and `ratio_waiting` compare like with like,
and are what ours is faster by apart from the disk.
"""

import argparse
import asyncio
import json
import logging
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from pgqueuer import AsyncpgDriver, Queries, QueueManager
from pgqueuer.models import Job, TracebackRecord
from pgqueuer.types import JOB_STATUS, QueueExecutionMode

from mould_watch.clock import SystemClock
from mould_watch.notify.channel import ClaimedNotification, Delivery, Outcome
from mould_watch.notify.worker import NotificationWorker
from mould_watch.settings import NotifySettings
from mould_watch.storage.connections import connect
from mould_watch.storage.migrations import migrate
from mould_watch.storage.postgres_server import PostgresServer
from tests.support.postgres import reachable_folder, started_database

NEEDS: tuple[str, ...] = ()

_CONFIGURATIONS = ((1, 1), (1, 4), (10, 1), (10, 4))
"""(batch, workers)."""

_ROUTE = "home-1"
_PATIENCE_S = 120.0

type Drain = Callable[[int, int, int], Awaitable[float]]


class Stopwatch:
    """From the first send until the end of the last is stored."""

    def __init__(self, expected: int) -> None:
        """Wait for `expected`."""
        self.expected = expected
        self.sent = 0
        self.stored = 0
        self.first_s = 0.0
        self.last_s = 0.0

    def send(self) -> None:
        """Note that one is sent."""
        if not self.sent:
            self.first_s = time.perf_counter()
        self.sent += 1

    def store(self, count: int) -> None:
        """Note that the ends of so many are stored."""
        self.stored += count
        if self.stored == self.expected:
            self.last_s = time.perf_counter()

    @property
    def per_s(self) -> float:
        """Return how many went from claim to stored end in a second."""
        if not self.sent == self.stored == self.expected:
            raise RuntimeError(f"{self.sent} sent, {self.stored} stored of {self.expected}")
        return self.expected / (self.last_s - self.first_s)


class Nothing:
    """A channel that sends nothing, and says it did."""

    name = "home_assistant"

    def __init__(self, watch: Stopwatch, *, recognises_repeats: bool) -> None:
        """Tell `watch` of each; whoever does not recognise repeats waits for the disk."""
        self._watch = watch
        self.recognises_repeats = recognises_repeats

    def routes(self) -> frozenset[str]:
        """Return the one route."""
        return frozenset({_ROUTE})

    def asked_for(self, routes: frozenset[str]) -> None:
        """Take none."""

    async def wait_for_change(self, timeout_s: float) -> None:
        """Return after `timeout_s`: nothing changes."""
        await asyncio.sleep(timeout_s)

    async def deliver(self, _claimed: ClaimedNotification) -> Delivery:
        """Do nothing."""
        self._watch.send()
        return Delivery(Outcome.DELIVERED)


class Ours:
    """The notification worker on a database of its own."""

    def __init__(self, address: str, folder: Path, *, waits_for_disk: bool) -> None:
        """Drain what is at `address`; each COMMIT waits for the disk, or none does."""
        self._address = address
        self._folder = folder
        self._waits_for_disk = waits_for_disk

    async def prepare(self) -> None:
        """Make the schema."""
        connection = await connect(self._address)
        await migrate(connection, SystemClock())
        await connection.close()

    async def drain(self, jobs: int, batch: int, workers: int) -> float:
        """Return the rate at which `workers` send `jobs` notifications, each of its own lane."""
        await self._fill(jobs)
        watch = Stopwatch(jobs)
        settings = NotifySettings(claim_batch=batch)
        async with AsyncExitStack() as stack:
            databases = [
                await stack.enter_async_context(
                    started_database(
                        self._address,
                        self._folder,
                        # a loaded machine is no outage
                        probe_interval_s=_PATIENCE_S,
                        probe_timeout_s=_PATIENCE_S,
                    )
                )
                for _ in range(workers)
            ]
            channel = Nothing(watch, recognises_repeats=not self._waits_for_disk)
            made = [
                NotificationWorker(settings, database, SystemClock(), [channel], f"w{n}")
                for n, database in enumerate(databases)
            ]
            tasks = [asyncio.create_task(one.run(), name="worker") for one in made]
            async with asyncio.timeout(_PATIENCE_S):
                while watch.stored < jobs:
                    await asyncio.sleep(0.001)
                    sent = (one.health()["channels"][channel.name]["sent"] for one in made)
                    watch.store(sum(sent) - watch.stored)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        await self._check(jobs)
        return watch.per_s

    async def _fill(self, jobs: int) -> None:
        connection = await connect(self._address)
        await connection.execute("TRUNCATE room, incident, notification CASCADE")
        await connection.execute(
            """
            WITH rooms AS (
                INSERT INTO room (id, name)
                SELECT gen_random_uuid(), 'Room ' || g FROM generate_series(1, $1::integer) AS g
                RETURNING id
            ), subjects AS (
                INSERT INTO subject (room_id) SELECT id FROM rooms RETURNING id
            ), incidents AS (
                INSERT INTO incident (subject_id, rule_id, level, breach_since, sequence)
                SELECT id, 'surface_damp', 'warning', clock_timestamp(), 1 FROM subjects
                RETURNING id
            )
            INSERT INTO transition (incident_id, sequence, to_state, level, at)
            SELECT id, 1, 'verifying', 'warning', clock_timestamp() FROM incidents
            """,
            jobs,
        )
        await connection.execute(
            """
            INSERT INTO notification
                (transition_id, incident_id, channel, route, target, sequence, kind, severity,
                 message)
            SELECT id, incident_id, 'home_assistant', $1, 'phone-1', 1, 'alarm', 'warning',
                '{"room": "Bathroom", "title": "Mould risk", "body": "The wall is damp."}'
            FROM transition
            """,
            _ROUTE,
        )
        await connection.execute("ANALYZE notification, notification_step, incident, transition")
        await connection.close()

    async def _check(self, jobs: int) -> None:
        connection = await connect(self._address)
        sent = await connection.fetchval(
            "SELECT count(*) FROM notification WHERE state = 'sent' AND attempts = 1"
        )
        await connection.close()
        if sent != jobs:
            raise RuntimeError(f"{sent} of {jobs} were sent, each at the first try")


class WatchedQueries(Queries):
    """What pgqueuer asks the database, telling a stopwatch of the ends it stores."""

    def __init__(self, driver: AsyncpgDriver, watch: Stopwatch) -> None:
        """Ask by `driver`."""
        super().__init__(driver)
        self._watch = watch

    async def log_jobs(
        self, job_status: list[tuple[Job, JOB_STATUS, TracebackRecord | None]]
    ) -> None:
        """Store how jobs ended."""
        await super().log_jobs(job_status)
        self._watch.store(len(job_status))


class Pgqueuer:
    """pgqueuer on a database of its own."""

    def __init__(self, address: str, *, waits_for_disk: bool) -> None:
        """Drain what is at `address`; each COMMIT waits for the disk, or none does."""
        self._address = address
        self._settings = {"synchronous_commit": "on" if waits_for_disk else "off"}

    async def prepare(self) -> None:
        """Make its tables."""
        async with self._driver() as driver:
            await Queries(driver).install()

    @asynccontextmanager
    async def _driver(self) -> AsyncGenerator[AsyncpgDriver]:
        connection = await asyncpg.connect(self._address, server_settings=self._settings)
        try:
            yield AsyncpgDriver(connection)
        finally:
            await connection.close()

    async def drain(self, jobs: int, batch: int, workers: int) -> float:
        """Return the rate at which `workers` do `jobs` jobs."""
        async with self._driver() as driver:
            queries = Queries(driver)
            await driver.execute("TRUNCATE pgqueuer, pgqueuer_log, pgqueuer_statistics")
            payload = b'{"room": "Bathroom", "title": "Mould risk", "body": "The wall is damp."}'
            await queries.enqueue(["send"] * jobs, [payload] * jobs, [0] * jobs)
            await driver.execute("ANALYZE pgqueuer, pgqueuer_log")
        watch = Stopwatch(jobs)
        async with AsyncExitStack() as stack:
            managers = []
            for _ in range(workers):
                driver = await stack.enter_async_context(self._driver())
                manager = QueueManager(WatchedQueries(driver, watch))

                @manager.entrypoint("send")
                async def send(_job: Job) -> None:
                    watch.send()

                managers.append(manager)
            await asyncio.gather(
                *(
                    manager.run(
                        batch_size=batch,
                        mode=QueueExecutionMode.drain,
                        max_concurrent_tasks=2 * batch,
                    )
                    for manager in managers
                )
            )
        return watch.per_s


@dataclass(frozen=True)
class Figures:
    """The medians of one configuration, in jobs per second."""

    batch: int
    workers: int
    ours_per_s: float
    pgqueuer_per_s: float
    ours_waiting_per_s: float
    pgqueuer_not_waiting_per_s: float

    @property
    def ratio(self) -> float:
        """Return how much faster ours is, both as they are delivered."""
        return self.ours_per_s / self.pgqueuer_per_s

    @property
    def ratio_without_waiting(self) -> float:
        """Return how much faster ours is when neither waits for the disk."""
        return self.ours_per_s / self.pgqueuer_not_waiting_per_s

    @property
    def ratio_waiting(self) -> float:
        """Return how much faster ours is when both wait for the disk."""
        return self.ours_waiting_per_s / self.pgqueuer_per_s


async def measure(rounds: int, jobs: int) -> list[Figures]:
    """Drain in every configuration, both in turn, `rounds` times."""
    folder = reachable_folder("mould-watch-bench-")
    server = PostgresServer(folder, SystemClock(), fallback_root=Path(tempfile.gettempdir()))
    await server.ensure_running()
    try:
        administrator = await asyncpg.connect(server.address_of("postgres"))
        for name in ("bench_ours", "bench_pgqueuer"):
            await administrator.execute(f"CREATE DATABASE {name}")
        await administrator.close()
        at_ours, at_pgqueuer = (
            server.address_of(name) for name in ("bench_ours", "bench_pgqueuer")
        )
        ours = Ours(at_ours, folder, waits_for_disk=False)
        pgqueuer = Pgqueuer(at_pgqueuer, waits_for_disk=True)
        await ours.prepare()
        await pgqueuer.prepare()
        drains = (
            ours.drain,
            pgqueuer.drain,
            Ours(at_ours, folder, waits_for_disk=True).drain,
            Pgqueuer(at_pgqueuer, waits_for_disk=False).drain,
        )
        return [
            await _measure_one(
                drains,
                rounds=rounds,
                jobs=jobs * (1 if batch == 1 else 8),
                batch=batch,
                workers=workers,
            )
            for batch, workers in _CONFIGURATIONS
        ]
    finally:
        await server.remove()
        shutil.rmtree(folder, ignore_errors=True)


async def _measure_one(
    drains: Sequence[Drain], *, rounds: int, jobs: int, batch: int, workers: int
) -> Figures:
    rates: list[list[float]] = [[] for _ in drains]
    for number in range(rounds + 1):
        order = list(enumerate(drains))
        for index, drain in order if number % 2 else reversed(order):
            per_s = await drain(jobs, batch, workers)
            if number:  # the first warms up
                rates[index].append(per_s)
    figures = Figures(batch, workers, *(statistics.median(one) for one in rates))
    print(
        f"batch {batch:2}, workers {workers}: {figures.ours_per_s:6.0f}/s,"
        f" pgqueuer {figures.pgqueuer_per_s:6.0f}/s, ratio {figures.ratio:.2f};"
        f" both without waiting for the disk {figures.ratio_without_waiting:.2f},"
        f" both waiting {figures.ratio_waiting:.2f}",
        flush=True,
    )
    return figures


def main(arguments: list[str]) -> int:
    """Measure and print; the last line is one JSON object."""
    parser = argparse.ArgumentParser(prog="scripts/bench outbox", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=500, help="at batch 1; 8 x at batch 10")
    parsed = parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    figures = asyncio.run(measure(parsed.rounds, parsed.jobs))
    print(
        json.dumps(
            {
                "ratio_to_pgqueuer": round(min(one.ratio for one in figures), 2),
                "ratio_without_waiting": round(
                    min(one.ratio_without_waiting for one in figures), 2
                ),
                "ratio_waiting": round(min(one.ratio_waiting for one in figures), 2),
                "composed": "the least of the configurations' ratios of medians",
                "durability": "ratio_to_pgqueuer: ours does not wait for the disk, pgqueuer does;"
                " the two others: both alike",
                "configurations": [
                    {
                        "batch": one.batch,
                        "workers": one.workers,
                        "per_s": round(one.ours_per_s),
                        "pgqueuer_per_s": round(one.pgqueuer_per_s),
                        "ratio": round(one.ratio, 2),
                        "waiting_per_s": round(one.ours_waiting_per_s),
                        "pgqueuer_not_waiting_per_s": round(one.pgqueuer_not_waiting_per_s),
                        "ratio_without_waiting": round(one.ratio_without_waiting, 2),
                        "ratio_waiting": round(one.ratio_waiting, 2),
                    }
                    for one in figures
                ],
                "rounds": parsed.rounds,
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
