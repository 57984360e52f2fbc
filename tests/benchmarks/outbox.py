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
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from mould_watch.clock import SystemClock
from mould_watch.storage.postgres_server import PostgresServer
from tests.benchmarks.outbox_parts.ours import Ours
from tests.benchmarks.outbox_parts.rival import Pgqueuer
from tests.support.postgres import reachable_folder

NEEDS: tuple[str, ...] = ()

_CONFIGURATIONS = ((1, 1), (1, 4), (10, 1), (10, 4))
"""(batch, workers)."""

type Drain = Callable[[int, int, int], Awaitable[float]]


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
