"""Data folders and the own servers of tests that need one with every safety on."""

import shutil
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from mould_watch.clock import SystemClock
from mould_watch.storage.cluster import recorded_places
from mould_watch.storage.postgres_server import PostgresServer
from tests.support.own_server import MakeServer
from tests.support.postgres import chosen_source, reachable_folder, run_apart


@pytest.fixture
def folder() -> Generator[Path]:
    folder = reachable_folder("mould-watch-own-")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def seed() -> Generator[Path]:
    """Yield a data folder with a cluster in it, stopped: initdb is the slowest step."""
    folder = reachable_folder("mould-watch-seed-")
    run_apart(make_seed(folder))
    yield folder
    shutil.rmtree(folder)


async def make_seed(folder: Path) -> None:
    server = PostgresServer(folder, SystemClock(), source=chosen_source())
    await server.ensure_running()
    await server.stop()


@pytest.fixture
async def make(seed: Path) -> AsyncGenerator[MakeServer]:
    """Yield a maker of servers; each is removed at the end."""
    made = []
    elsewhere = reachable_folder("mould-watch-elsewhere-")

    def make(data_dir: Path, *, from_nothing: bool = False) -> PostgresServer:
        if not from_nothing and recorded_places(data_dir) is None:
            # As after a restore: as root, the copy does not belong to PostgreSQL's account.
            shutil.copytree(seed, data_dir, dirs_exist_ok=True)
        server = PostgresServer(
            data_dir, SystemClock(), source=chosen_source(), fallback_root=elsewhere
        )
        made.append(server)
        return server

    yield make
    for server in made:
        await server.remove()
    shutil.rmtree(elsewhere)
