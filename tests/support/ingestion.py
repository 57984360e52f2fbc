"""An ingestion between a real broker and a real database, and a look at what it stored."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from mould_watch.clock import Clock, SystemClock
from mould_watch.clock_trust import ClockTrust
from mould_watch.ingest.service import BrokerAddress, Ingestion
from mould_watch.settings import IngestSettings, MqttSettings, Settings, SpoolSettings
from mould_watch.storage.database import Database
from tests.support.mosquitto import Mosquitto
from tests.support.running import running
from tests.support.waiting import until

type Row = dict[str, Any]


class Ingesting:
    """Starts ingestions, and waits for what they do."""

    def __init__(self, broker: Mosquitto, database: Database, tmp_path: Path) -> None:
        self.broker = broker
        self.database = database
        self._tmp_path = tmp_path

    def make(
        self,
        *,
        mqtt: dict[str, Any] | None = None,
        ingest: dict[str, Any] | None = None,
        spool: dict[str, Any] | None = None,
        database: Database | None = None,
        folder: str = "data",
        clock: Clock | None = None,
        trust: ClockTrust | None = None,
    ) -> Ingestion:
        """Make one; those with the same data `folder` are of one process after the other."""
        settings = Settings(
            data_dir=self._tmp_path / folder,
            mqtt=MqttSettings(**(mqtt or {})),
            ingest=IngestSettings(**(ingest or {})),
            spool=SpoolSettings(**{"free_disk_minimum_mib": 0} | (spool or {})),
        )

        async def address() -> BrokerAddress:
            return BrokerAddress(self.broker.host, self.broker.port)

        return Ingestion(
            settings,
            database or self.database,
            clock or SystemClock(),
            address,
            trust=trust,
            retry_initial_s=0.1,
        )

    @asynccontextmanager
    async def running(self, ingestion: Ingestion | None = None) -> AsyncGenerator[Ingestion]:
        ingestion = ingestion or self.make()
        async with running(ingestion.run(), "ingestion"):
            await until(lambda: ingestion.health()["ready"])
            yield ingestion


class Stored:
    """Reads what was stored."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self.connection = connection

    async def rows(self, query: str, *arguments: object) -> list[Row]:
        return [dict(row) for row in await self.connection.fetch(query, *arguments)]

    async def readings(self) -> list[Row]:
        return await self.rows(
            "SELECT device.native_id, device.name, readings.* FROM readings"
            " JOIN device ON device.id = device_id ORDER BY received_at, ts"
        )

    async def count(self, table: str) -> int:
        value: int = await self.connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608
        return value

    async def has(self, table: str, count: int) -> None:
        """Wait until the table has so many rows."""

        async def reached() -> bool:
            return await self.count(table) >= count

        await until(reached)
        assert await self.count(table) == count

    async def ending(self, ending: str) -> int:
        value: int = await self.connection.fetchval(
            "SELECT coalesce(sum(count), 0)::bigint FROM message_count WHERE ending = $1", ending
        )
        return value

    async def ended(self, ending: str, count: int) -> None:
        """Wait until so many messages ended so."""

        async def reached() -> bool:
            return await self.ending(ending) >= count

        await until(reached)
        assert await self.ending(ending) == count


def payload(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def now() -> str:
    return datetime.now(UTC).isoformat()
