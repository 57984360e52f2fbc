"""Database and ingestion as a process of their own, to be killed: `python -m`, settings by name."""

import asyncio

from mould_watch.clock import SystemClock
from mould_watch.ingest.service import BrokerAddress, Ingestion
from mould_watch.settings import Settings
from mould_watch.storage.database import Database


async def main() -> None:
    settings = Settings.load()
    clock = SystemClock()
    database = Database(settings, clock)

    async def broker() -> BrokerAddress:
        return BrokerAddress(settings.mqtt.host or "127.0.0.1", settings.mqtt.port)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(database.run())
        tasks.create_task(Ingestion(settings, database, clock, broker).run())


if __name__ == "__main__":
    asyncio.run(main())
