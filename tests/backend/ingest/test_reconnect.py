"""A broker that stays away: tried for ever, ever more seldom, and at once again after a success."""

import asyncio
from pathlib import Path

from demo_flat.processes import free_port
from mould_watch.clock import SystemClock
from mould_watch.ingest.service import BrokerAddress, Ingestion
from mould_watch.settings import Settings
from mould_watch.storage.database import Database
from tests.support.mosquitto import Mosquitto
from tests.support.running import running
from tests.support.waiting import until


class ImpatientClock(SystemClock):
    """Lets the connecting not wait, and keeps how long it would have."""

    def __init__(self) -> None:
        self.waits_s: list[float] = []

    async def sleep(self, delay_s: float) -> None:
        task = asyncio.current_task()
        if task is not None and task.get_name() == "ingest.broker":
            self.waits_s.append(delay_s)
            delay_s = 0
        await super().sleep(delay_s)


async def test_the_waits_grow_from_one_second_to_sixty_with_some_chance_and_never_end(
    database: Database, tmp_path: Path
) -> None:
    clock, port = ImpatientClock(), free_port()

    async def address() -> BrokerAddress:
        return BrokerAddress("127.0.0.1", port)

    ingestion = Ingestion(Settings(data_dir=tmp_path), database, clock, address)
    async with running(ingestion.run(), "ingestion"):
        await until(lambda: len(clock.waits_s) >= 40)
        waits_s = clock.waits_s[:40]
        for failures, wait_s in enumerate(waits_s):
            most_s = min(60.0, 2.0**failures)
            assert most_s / 2 <= wait_s <= most_s
        assert len(set(waits_s)) == 40
        async with Mosquitto(tmp_path / "broker", port=port):
            await until(lambda: ingestion.health()["ready"])
            so_far = len(clock.waits_s)
        await until(lambda: len(clock.waits_s) > so_far)
        assert clock.waits_s[so_far] <= 1
