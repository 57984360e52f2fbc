"""One run: everything started, the faults one after another, then the comparison."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg

from tests.reliability.chaos.faults import Faults
from tests.reliability.chaos.ledger import Ledger
from tests.reliability.chaos.plan import Fault, FaultKind, counts
from tests.reliability.chaos.publisher import ChaosPublisher
from tests.reliability.chaos.verdict import Verdict, everything_stored, judged
from tests.reliability.chaos.world import World, built

_PATIENCE_S: Final = 90.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a run comes to."""

    seed: int
    faults: dict[str, int]
    # kinds that this machine cannot have
    unavailable: list[str]
    starts: int
    points_missed: int
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        """Return it for the last line."""
        return {
            "seed": self.seed,
            "faults": self.faults,
            "unavailable": self.unavailable,
            "backend_starts": self.starts,
            "points_missed": self.points_missed,
            **self.verdict.as_json(),
        }


async def run(folder: Path, seed: int, faults: Sequence[Fault], rate: float) -> Result:
    """Run all faults against a system in `folder`, with `rate` messages a second going through."""
    ledger = Ledger()
    async with built(folder) as world:
        await _has_begun(world)
        possible = [
            fault
            for fault in faults
            if world.has_small_disk or fault.kind is not FaultKind.SPOOL_DISK_FULL
        ]
        publisher = ChaosPublisher(world.broker, ledger, seed, rate)

        async def settled() -> None:
            await everything_stored(world.postgres.address, ledger, _PATIENCE_S)

        doing = Faults(world, publisher, ledger, settled)
        sending = asyncio.create_task(publisher.run(), name="chaos publisher")
        try:
            for number, fault in enumerate(possible, start=1):
                _tell(f"{number}/{len(possible)} {fault.kind.value} {fault.lasts_s:g} s")
                await doing.do(fault)
                if sending.done():
                    sending.result()
        finally:
            sending.cancel()
            await asyncio.wait([sending])
        if not await everything_stored(world.postgres.address, ledger, _PATIENCE_S):
            _tell("not everything came; the log of the backend is kept")
        ledger.replayed(world.replays.numbers)
        found = (await judged(world.postgres.address, ledger)).verdict
        if not found.is_good:
            await _keep_rows(world.postgres.address, found, folder / "trouble.json")
        return Result(
            seed=seed,
            faults=counts(possible),
            unavailable=sorted({fault.kind.value for fault in faults if fault not in possible}),
            starts=world.backend.starts,
            points_missed=doing.points_missed,
            verdict=found,
        )


async def _has_begun(world: World) -> None:
    """Wait until the backend has its session at the broker: before, nothing is queued for it."""
    async with asyncio.timeout(60):
        while not await _has_session(world.postgres.address):
            await asyncio.sleep(0.1)


async def _has_session(address: str) -> bool:
    connection = await asyncpg.connect(address)
    try:
        return bool(
            await connection.fetchval("SELECT to_regclass('mqtt_session') IS NOT NULL")
        ) and bool(await connection.fetchval("SELECT count(*) FROM mqtt_session"))
    finally:
        await connection.close()


async def _keep_rows(address: str, found: Verdict, file: Path) -> None:
    """Write down the rows in trouble: the database is gone when somebody looks."""
    connection = await asyncpg.connect(address)
    try:
        rows = await connection.fetch(
            "SELECT * FROM readings WHERE (extra->>'number')::bigint = ANY ($1) ORDER BY ts",
            [number for numbers in found.examples.values() for number in numbers],
        )
    finally:
        await connection.close()
    kept = json.dumps([dict(row) for row in rows], default=str, indent=1)
    await asyncio.to_thread(file.write_text, kept, encoding="utf-8")


def _tell(text: str) -> None:
    sys.stderr.write(f"chaos: {text}\n")
    sys.stderr.flush()
