"""From a queued persistent session to committed rows, beside four others in the same run.

- `bare_client`: aiomqtt with the same settings, acknowledging by the batch, without any work;
  `bare_manual_client` the same with this project's own client (no queue in between), which is the
  harder measure;
- `copy`: plain COPY of the same rows, 500 in a transaction, without a broker;
- `home_assistant`: Home Assistant with its mqtt integration and the recorder on the same
  PostgreSQL, 20 sensors set up by discovery, messages as they come (it keeps no session);
- `insert_per_message`: an INSERT and a COMMIT for each message.

Every rate is messages a second, the median of interleaved rounds; each contender has a process of
its own, each run a fresh broker and a fresh database of one server with fsync on.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg

from mould_watch.clock import SystemClock
from mould_watch.storage.connections import connect
from mould_watch.storage.migrations import migrate
from mould_watch.storage.postgres_server import PostgresServer
from tests.benchmarks.ingest_parts.contenders import CONTENDERS
from tests.benchmarks.ingest_parts.home_assistant import MeasuredHomeAssistant
from tests.benchmarks.ingest_parts.load import messages, publish
from tests.support.mosquitto import Mosquitto
from tests.support.postgres import reachable_folder

NEEDS = ("home-assistant",)

# so many messages in a round, as a share of --messages: the slow ones get fewer
_SHARE = {
    "mould_watch": 1.0,
    "bare_client": 1.0,
    "bare_manual_client": 1.0,
    "copy": 2.0,
    "insert_per_message": 0.1,
    "home_assistant": 0.25,
}


class Bench:
    """One server, and what was measured on it."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self._count = count
        self._server = PostgresServer(folder, SystemClock(), fallback_root=folder)
        self.seconds: dict[str, list[float]] = {}
        self.rates: dict[str, list[float]] = {}

    async def start(self) -> None:
        """Start the server, with the product's own settings."""
        await self._server.ensure_running()

    async def stop(self) -> None:
        """Remove it with everything."""
        await self._server.remove()

    @asynccontextmanager
    async def database(self, *, migrated: bool = True) -> AsyncIterator[str]:
        """Yield the address of a fresh database."""
        name = f"bench_{uuid4().hex}"
        await self._administer(f"CREATE DATABASE {name}")
        try:
            if migrated:
                connection = await connect(self._server.address_of(name))
                try:
                    await migrate(connection, SystemClock())
                finally:
                    await connection.close()
            # what a run before has left to write is not written during this one
            await self._administer("CHECKPOINT")
            yield self._server.address_of(name)
        finally:
            await self._administer(f"DROP DATABASE {name} WITH (FORCE)")

    async def _administer(self, statement: str) -> None:
        connection = await asyncpg.connect(self._server.address_of("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def messages_of(self, name: str) -> int:
        """Return how many messages a contender gets in a round."""
        return int(self._count * _SHARE[name])

    async def measure(self, name: str, count: int | None = None) -> dict[str, Any]:
        """Run one contender once; returns what it told."""
        count = count or self.messages_of(name)
        options = ("max_queued_messages 0", "max_queued_bytes 0", "log_type none")
        folder = self._folder / uuid4().hex
        async with (
            self.database() as database,
            Mosquitto(folder, persistence=False, options=options) as broker,
        ):
            arguments = (name, str(broker.port), database, str(count))
            await _child(*arguments, "subscribe")
            if name != "copy":
                await publish(broker.port, messages(count))
            result = await _child(*arguments, "drain")
            await _check_rows(name, database, count)
        return result

    def note(self, name: str, count: int, seconds: float) -> None:
        """Keep and tell a rate."""
        rate = count / seconds
        self.rates.setdefault(name, []).append(rate)
        print(f"  {name:22} {rate:9,.0f} messages/s", file=sys.stderr)

    def median(self, name: str) -> float:
        """Return the median of a contender's rates."""
        return statistics.median(self.rates[name])


async def _child(*arguments: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.benchmarks.ingest_parts.contenders",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(900):
        out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{arguments[0]} ended with {process.returncode}")
    result: dict[str, Any] = json.loads(out.decode().splitlines()[-1])
    return result


async def _check_rows(name: str, database: str, count: int) -> None:
    """A contender that loses rows measures nothing."""
    if name.startswith("bare"):
        return
    connection = await connect(database)
    try:
        rows = await connection.fetchval("SELECT count(*) FROM readings")
    finally:
        await connection.close()
    if rows != count:
        raise RuntimeError(f"{name} stored {rows} of {count} messages")


async def compare(bench: Bench, rounds: int, *, with_home_assistant: bool) -> dict[str, Any]:
    """Measure everybody, round after round."""
    async with _home_assistant(bench, wanted=with_home_assistant) as home_assistant:
        durable: list[float] = []
        states: list[float] = []
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            for name in CONTENDERS:
                told = await bench.measure(name)
                bench.note(name, bench.messages_of(name), told["seconds"])
            if home_assistant is not None:
                count = bench.messages_of("home_assistant")
                states_s, durable_s = await home_assistant.measure(count, number)
                states.append(count / states_s)
                durable.append(count / durable_s)
                bench.note("home_assistant", count, durable_s)
    ours = bench.median("mould_watch")
    result: dict[str, Any] = {
        "messages": bench.messages_of("mould_watch"),
        "rounds": rounds,
        "rates": {name: round(bench.median(name)) for name in bench.rates},
        "spread": {
            name: [round(min(rates)), round(max(rates))] for name, rates in bench.rates.items()
        },
        "ratio_to_bare_client": round(ours / bench.median("bare_client"), 3),
        "ratio_to_bare_manual_client": round(ours / bench.median("bare_manual_client"), 3),
        "ratio_to_copy": round(ours / bench.median("copy"), 3),
        "ratio_to_insert_per_message": round(ours / bench.median("insert_per_message"), 2),
        "ratio_to_home_assistant": None,
    }
    if durable:
        result["rates"]["home_assistant_states"] = round(statistics.median(states))
        result["ratio_to_home_assistant"] = round(ours / statistics.median(durable), 2)
    return result


@asynccontextmanager
async def _home_assistant(
    bench: Bench, *, wanted: bool
) -> AsyncIterator[MeasuredHomeAssistant | None]:
    if not wanted:
        yield None
        return
    async with bench.database(migrated=False) as database:
        home_assistant = MeasuredHomeAssistant(bench._folder / "home-assistant", database)
        try:
            await home_assistant.start()
            yield home_assistant
        finally:
            await home_assistant.stop()


async def memory(bench: Bench, count: int) -> dict[str, Any]:
    """Drain one long session and follow the process's memory."""
    result = await bench.measure("mould_watch", count)
    samples: list[tuple[int, float]] = result["resident_mib"]
    # warmed up: code loaded, pools and caches filled
    warm = [mib for acknowledged, mib in samples if count * 0.1 <= acknowledged <= count * 0.3]
    late = [mib for acknowledged, mib in samples if acknowledged >= count * 0.8]
    return {
        "messages": count,
        "rate": round(count / result["seconds"]),
        "resident_mib_begin": max(warm),
        "resident_mib_end": max(late),
        "growth_mib": round(max(late) - max(warm), 1),
    }


async def _run(options: argparse.Namespace) -> dict[str, Any]:
    folder = reachable_folder("mould-watch-bench-", Path(tempfile.gettempdir()))
    bench = Bench(folder, options.messages)
    await bench.start()
    try:
        if options.memory:
            return await memory(bench, options.messages * 10)
        return await compare(
            bench, options.rounds, with_home_assistant=not options.without_home_assistant
        )
    finally:
        await bench.stop()
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def main(arguments: list[str]) -> int:
    """Measure, and print the result as one JSON object on the last line."""
    parser = argparse.ArgumentParser(prog="scripts/bench ingest", description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000, help="in a round (20,000)")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved (5)")
    parser.add_argument("--without-home-assistant", action="store_true")
    parser.add_argument(
        "--memory", action="store_true", help="one session of ten times the messages instead"
    )
    print(json.dumps(asyncio.run(_run(parser.parse_args(arguments)))))
    return 0
