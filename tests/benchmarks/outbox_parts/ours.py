"""The notification worker, draining notifications that are sent nowhere."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from mould_watch.clock import SystemClock
from mould_watch.notify.channel import ClaimedNotification, Delivery, Outcome
from mould_watch.notify.worker import NotificationWorker
from mould_watch.settings import NotifySettings
from mould_watch.storage.connections import connect
from mould_watch.storage.migrations import migrate
from tests.benchmarks.outbox_parts.stopwatch import Stopwatch
from tests.support.postgres import started_database

PATIENCE_S = 120.0

_ROUTE = "home-1"


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
                        probe_interval_s=PATIENCE_S,
                        probe_timeout_s=PATIENCE_S,
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
            async with asyncio.timeout(PATIENCE_S):
                await watch.all_sent.wait()
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
