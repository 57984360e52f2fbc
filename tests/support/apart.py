"""Ingestions whose database can be taken away."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from mould_watch.ingest.service import Ingestion
from mould_watch.storage.database import Database
from tests.support.ingestion import Ingesting
from tests.support.tcp_link import TcpLink
from tests.support.waiting import until


@dataclass(frozen=True)
class Apart:
    """Ingestions at the far end of a way to the database."""

    ingesting: Ingesting
    wire: TcpLink
    database: Database

    @asynccontextmanager
    async def away(self) -> AsyncGenerator[None]:
        """Take the database away for the time of the block."""
        self.wire.close()
        self.wire.drop()
        await until(lambda: not self.database.health()["ready"])
        yield
        await self.wire.open()

    def running(self, ingestion: Ingestion | None = None) -> AbstractAsyncContextManager[Ingestion]:
        """Run an ingestion while the block runs."""
        return self.ingesting.running(ingestion)


def spooled(ingestion: Ingestion) -> int:
    """Return how many rows its spool has."""
    return int(ingestion.health()["spool"]["messages"])
