"""A real broker beside the real database, and the ingestion between them."""

from collections.abc import AsyncGenerator
from pathlib import Path

import asyncpg
import pytest

from mould_watch.clock import SystemClock
from mould_watch.storage.database import Database
from tests.support.apart import Apart
from tests.support.ingestion import Ingesting, Stored
from tests.support.mosquitto import Mosquitto, Publisher, publisher
from tests.support.postgres import database_settings, started_database
from tests.support.running import running
from tests.support.tcp_link import TcpLink


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
async def far_database(
    wire: TcpLink, database_url: str, tmp_path: Path
) -> AsyncGenerator[Database]:
    """Yield a running `Database` on the same data, at the end of `wire`; it may be away."""
    database = Database(
        database_settings(wire.address_of(database_url), tmp_path),
        SystemClock(),
        probe_interval_s=0.2,
        probe_timeout_s=15.0,
    )
    async with running(database.run(), "far database"):
        yield database


@pytest.fixture
def far(broker: Mosquitto, far_database: Database, tmp_path: Path) -> Ingesting:
    """Return ingestions whose database can be taken away."""
    return Ingesting(broker, far_database, tmp_path)


@pytest.fixture
def apart(far: Ingesting, wire: TcpLink, far_database: Database) -> Apart:
    """Return ingestions, and their database to be taken away."""
    return Apart(far, wire, far_database)


@pytest.fixture
def ingesting(broker: Mosquitto, database: Database, tmp_path: Path) -> Ingesting:
    return Ingesting(broker, database, tmp_path)


@pytest.fixture
def stored(connection: asyncpg.Connection[asyncpg.Record]) -> Stored:
    return Stored(connection)
