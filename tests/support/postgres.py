"""A real PostgreSQL for tests: one server for the session, one fresh database for each test.

MOULD_WATCH_TEST_POSTGRES chooses the programs: "system", "wheel", or whatever the product
itself would take when it is not set.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import asyncpg

from mould_watch.clock import SystemClock
from mould_watch.settings import Settings
from mould_watch.storage.binaries import Source
from mould_watch.storage.connections import connect
from mould_watch.storage.database import Database
from mould_watch.storage.migrations import migrate
from mould_watch.storage.postgres_server import PostgresServer
from tests.support.running import running

_PREFIX: Final = "mould-watch-tests-"
_TEMPLATE: Final = "mould_watch_template"

# Durability costs time and proves nothing here; the tests of the own server keep it on.
_FAST: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
}

# A database is some three hundred small files: in memory they are made in a third of the time.
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - folders of names of their own in it
_MEMORY_NEEDED_BYTES: Final = 2 * 1024**3


def chosen_source() -> Source | None:
    """Return where the tests' PostgreSQL comes from; None for the product's own choice."""
    match os.environ.get("MOULD_WATCH_TEST_POSTGRES", ""):
        case "":
            return None
        case "system":
            return "system"
        case "wheel":
            return "wheel"
        case other:
            raise ValueError(f"MOULD_WATCH_TEST_POSTGRES is {other!r}, not 'system' or 'wheel'")


def run_apart[Result](work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end in a loop and a thread of its own, for synchronous fixtures."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, work).result()


def reachable_folder(prefix: str = _PREFIX, parent: Path | None = None) -> Path:
    """Make a folder that the unprivileged account of PostgreSQL can enter, too."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    folder.chmod(0o755)
    return folder


class PostgresForTests:
    """One server, without care for durability, and databases cloned from a migrated one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.server = PostgresServer(
            folder,
            SystemClock(),
            source=chosen_source(),
            settings=_FAST,
            fallback_root=Path(tempfile.gettempdir()),
        )

    @classmethod
    def start(cls) -> PostgresForTests:
        """Start the server and make the template; call `stop` at the end."""
        postgres = cls(reachable_folder(parent=_fastest_place()))
        run_apart(postgres._begin())
        return postgres

    def stop(self) -> None:
        """Stop the server and delete it."""
        run_apart(self._end())

    async def _begin(self) -> None:
        await _sweep()
        (self._folder / "owner").write_text(str(os.getpid()), encoding="utf-8")
        await self.server.ensure_running()
        await self._administer(f"CREATE DATABASE {_TEMPLATE}")
        connection = await connect(self.server.address_of(_TEMPLATE))
        try:
            await migrate(connection, SystemClock())
        finally:
            await connection.close()
        # A template that nobody can connect to can always be cloned.
        await self._administer(f"ALTER DATABASE {_TEMPLATE} ALLOW_CONNECTIONS false")

    async def _end(self) -> None:
        await _remove(self._folder, self.server)

    async def _administer(self, statement: str) -> None:
        connection = await asyncpg.connect(self.server.address_of("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    @asynccontextmanager
    async def fresh_database(self, *, migrated: bool = True) -> AsyncGenerator[str]:
        """Yield the address of a new database, with the migrations applied or empty."""
        name = await self.make_database(migrated=migrated)
        try:
            yield self.server.address_of(name)
        finally:
            await self.drop_database(name)

    async def make_database(self, *, migrated: bool = True) -> str:
        """Make a database and return its name."""
        name = f"test_{uuid4().hex}"
        template = _TEMPLATE if migrated else "template0"
        # Copying the files takes a quarter of the time that writing them through the log takes.
        await self._administer(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return name

    async def drop_database(self, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        await self._administer(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@asynccontextmanager
async def started_database(
    address: str, data_dir: Path, *, probe_interval_s: float = 5.0, probe_timeout_s: float = 5.0
) -> AsyncGenerator[Database]:
    """Yield a running `Database` at `address`, ready."""
    database = Database(
        database_settings(address, data_dir),
        SystemClock(),
        probe_interval_s=probe_interval_s,
        probe_timeout_s=probe_timeout_s,
    )
    async with running(database.run(), "database") as task:
        async with asyncio.timeout(30):
            ready = asyncio.create_task(database.wait_ready(), name="wait_ready")
            await asyncio.wait([ready, task], return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            if task.done():
                task.result()
        yield database


def database_settings(address: str, data_dir: Path) -> Settings:
    """Return settings that point to a test's own database and data folder."""
    return Settings.model_validate({"database_url": address, "data_dir": data_dir})


async def _sweep() -> None:
    """Remove the servers of test runs that were killed before they could do it."""
    for folder in _abandoned():
        await _remove(folder, PostgresServer(folder, SystemClock()))


def _fastest_place() -> Path:
    """Return memory where the machine has enough of it, else the usual place."""
    try:
        if shutil.disk_usage(_MEMORY).free >= _MEMORY_NEEDED_BYTES and os.access(_MEMORY, os.W_OK):
            return _MEMORY
    except OSError:
        pass
    return Path(tempfile.gettempdir())


def _abandoned() -> list[Path]:
    """Return the folders of test runs whose process is gone."""
    found = []
    places = (Path(tempfile.gettempdir()), _MEMORY)
    for folder in (each for place in places for each in place.glob(f"{_PREFIX}*")):
        try:
            os.kill(int((folder / "owner").read_text(encoding="utf-8")), 0)
        except ProcessLookupError:
            found.append(folder)
        except OSError, ValueError:
            continue
    return found


async def _remove(folder: Path, server: PostgresServer) -> None:
    await server.remove()
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
