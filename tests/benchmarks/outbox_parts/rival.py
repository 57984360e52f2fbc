"""pgqueuer, draining jobs that do nothing."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
from pgqueuer import AsyncpgDriver, Queries, QueueManager
from pgqueuer.models import Job, TracebackRecord
from pgqueuer.types import JOB_STATUS, QueueExecutionMode

from tests.benchmarks.outbox_parts.stopwatch import Stopwatch


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
