"""A real broker beside the real database, and the ingestion between them."""

from collections.abc import AsyncGenerator
from pathlib import Path

import asyncpg
import pytest

from mould_watch.storage.database import Database
from tests.support.ingestion import Ingesting, Stored
from tests.support.mosquitto import Mosquitto, Publisher, publisher
from tests.support.postgres import started_database


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncGenerator[Mosquitto]:
    async with Mosquitto(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
async def sensor(broker: Mosquitto) -> AsyncGenerator[Publisher]:
    async with publisher(broker) as connected:
        yield connected


@pytest.fixture
async def other_database(database_url: str, tmp_path: Path) -> AsyncGenerator[Database]:
    """Yield a second `Database` on the same data, as another process has it."""
    async with started_database(database_url, tmp_path / "other") as database:
        yield database


@pytest.fixture
def ingesting(broker: Mosquitto, database: Database, tmp_path: Path) -> Ingesting:
    return Ingesting(broker, database, tmp_path)


@pytest.fixture
def stored(connection: asyncpg.Connection[asyncpg.Record]) -> Stored:
    return Stored(connection)
