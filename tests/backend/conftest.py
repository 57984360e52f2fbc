"""What every backend test can ask for: a real PostgreSQL, with a database of its own."""

from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import asyncpg
import pytest

from mould_watch.storage.connections import connect
from mould_watch.storage.database import Database
from tests.support.postgres import PostgresForTests, started_database
from tests.support.tcp_link import TcpLink


@pytest.fixture(scope="session")
def postgres() -> Generator[PostgresForTests]:
    server = PostgresForTests.start()
    yield server
    server.stop()


@pytest.fixture
async def database_url(postgres: PostgresForTests) -> AsyncGenerator[str]:
    """Yield the address of a fresh database with the schema in it."""
    async with postgres.fresh_database() as address:
        yield address


@pytest.fixture
async def wire(postgres: PostgresForTests) -> AsyncGenerator[TcpLink]:
    """Yield a way to PostgreSQL that can be cut."""
    async with TcpLink(postgres.server.places.socket) as link:
        yield link


@pytest.fixture
async def database(database_url: str, tmp_path: Path) -> AsyncGenerator[Database]:
    """Yield a running `Database`, ready, on a database of the test's own."""
    async with started_database(database_url, tmp_path) as database:
        yield database


@pytest.fixture
async def connection(
    database_url: str,
) -> AsyncGenerator[asyncpg.Connection[asyncpg.Record]]:
    """Yield a plain connection to the test's database, set up like those of the pool."""
    connection = await connect(database_url)
    yield connection
    await connection.close()
