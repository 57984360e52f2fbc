"""The backend's own PostgreSQL server: started, adopted, healed, and stopped when unused.

It is detached: it outlives a crash of the backend and is adopted by the next one. Any number
of backends on one data folder share one server.
"""

import asyncio
import fcntl
import logging
import os
import shutil
import signal
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import asyncpg

from mould_watch.clock import Clock
from mould_watch.errors import PostgresServerError
from mould_watch.storage.binaries import Account, Source, find_binaries
from mould_watch.storage.cluster import (
    PORT,
    ROLE,
    Places,
    cluster_major,
    find_places,
    forget_places,
    make_cluster,
    reachable_binaries,
    recorded_places,
    write_settings,
)
from mould_watch.storage.connections import CLIENT_ERRORS
from mould_watch.storage.postmaster import Postmaster, is_free, open_own, read_postmaster, tail
from mould_watch.storage.sql import load_queries

_LOGGER = logging.getLogger(__name__)
_SQL = load_queries("postgres_server")

DATABASE: Final = "mould_watch"
_POLL_S: Final = 0.1
# Recovery after a power cut reads at most max_wal_size; a memory card may take minutes.
_START_TIMEOUT_S: Final = 600
_STOP_TIMEOUT_S: Final = 60.0
_FAREWELL_TIMEOUT_S: Final = 2.0
_LOG_MAXIMUM_BYTES: Final = 4 * 1024 * 1024
_LOG_KEPT_BYTES: Final = 256 * 1024
_LOG_TOLD_BYTES: Final = 2000


class PostgresServer:
    """The server of one data folder."""

    def __init__(
        self,
        data_dir: Path,
        clock: Clock,
        *,
        source: Source | None = None,
        settings: Mapping[str, str] | None = None,
        fallback_root: Path = Path("/var/lib"),
    ) -> None:
        """Take the data folder; the rest is for tests.

        `source` chooses where its programs come from, `settings` override this program's,
        `fallback_root` is where a cluster lies whose account cannot reach the data folder.
        """
        self._data_dir = data_dir.absolute()
        self._clock = clock
        self._source: Source | None = source
        self._settings = dict(settings or {})
        self._fallback_root = fallback_root
        self._places: Places | None = None
        self._database_made = False

    @property
    def places(self) -> Places:
        """Return where its files are; raise PostgresServerError before the first start."""
        places = self._places or recorded_places(self._data_dir)
        if places is None:
            raise PostgresServerError(f"there is no database in {self._data_dir} yet")
        return places

    @property
    def address(self) -> str:
        """Return the address of its database, over the Unix socket; it holds no secret."""
        return self.address_of(DATABASE)

    def address_of(self, database: str) -> str:
        """Return the address of a database of this server."""
        query = urlencode({"host": self.places.socket_dir, "port": PORT})
        return f"postgresql://{ROLE}@/{database}?{query}"

    @property
    def pid(self) -> int | None:
        """Return the process id of the living server, if any."""
        postmaster = read_postmaster(self.places.cluster)
        return postmaster.pid if postmaster else None

    async def ensure_running(self) -> None:
        """Adopt the server if it runs, else start it, making the cluster the first time.

        Raises PostgresServerError when that cannot be done now.
        """
        self._data_dir.mkdir(parents=True, exist_ok=True)
        async with self._locked():
            account = Account.choose()
            places = await find_places(self._data_dir, account, self._fallback_root)
            self._places = places
            postmaster = await self._settled(places)
            if postmaster is not None and not places.socket.exists():
                # Somebody cleaned up its socket: nobody can reach it any more.
                await self._stop(places)
                postmaster = None
            if postmaster is None:
                await self._start(places, account)
            await self._make_database()

    async def stop(self) -> None:
        """Stop the server cleanly, disconnecting whoever is connected."""
        async with self._locked():
            await self._stop(self.places)

    async def stop_if_unused(self) -> bool:
        """Stop the server unless another process uses it; return whether it is stopped.

        For the end of a backend: another one on the same data folder keeps it.
        """
        places = self._places
        if places is None:
            return True
        async with self._locked():
            if read_postmaster(places.cluster) is None:
                return True
            if await self._is_used():
                _LOGGER.info(
                    "PostgreSQL goes on: another process uses it.",
                    extra={"action": "postgres_kept"},
                )
                return False
            await self._stop(places)
            return True

    async def remove(self) -> None:
        """Stop the server and delete the database with everything in it."""
        places = recorded_places(self._data_dir)
        if places is None:
            return
        async with self._locked():
            await self._stop(places)
            for folder in (places.socket_dir, places.home):
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            forget_places(self._data_dir)
            self._places = None
            self._database_made = False

    def bound_log(self) -> None:
        """Keep the server's log small: what is old goes, the newest part is kept beside it."""
        log = self.places.log
        try:
            if log.stat().st_size <= _LOG_MAXIMUM_BYTES:
                return
            older = log.with_suffix(".log.1")
            with open(older, "wb", opener=open_own) as file:
                file.write(tail(log, _LOG_KEPT_BYTES))
            # The server appends, so an emptied file is continued at its new end.
            os.close(open_own(log, os.O_WRONLY | os.O_TRUNC))
        except FileNotFoundError:
            return

    async def _settled(self, places: Places) -> Postmaster | None:
        """Return the living server once it is ready; None when there is none.

        A server that is stopping, or whose last processes are still ending after a kill, is
        waited for.
        """
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                while True:
                    postmaster = read_postmaster(places.cluster)
                    if postmaster is None and is_free(places.running_lock):
                        return None
                    if postmaster is not None and postmaster.status == "ready":
                        return postmaster
                    await self._clock.sleep(_POLL_S)
        except TimeoutError as error:
            raise PostgresServerError(
                f"the server of {places.cluster} is neither ready nor gone; another container or"
                " machine may be using the folder",
                folder=str(places.cluster),
            ) from error

    async def _start(self, places: Places, account: Account) -> None:
        major = cluster_major(places)
        found = await find_binaries(major, self._source)
        binaries = await reachable_binaries(places, found, account)
        if major is None:
            await make_cluster(places, binaries, account)
            _LOGGER.info(
                "Made a PostgreSQL %s cluster in %s.",
                binaries.version,
                places.home,
                extra={"action": "postgres_made", "folder": str(places.home)},
            )
        write_settings(places, account, self._settings)
        self._clear_stale(places)
        self.bound_log()
        told_before = places.log.stat().st_size if places.log.exists() else 0
        lock = open_own(places.running_lock, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Relative paths, because pg_ctl puts them into a shell command.
            code, output = await account.run(
                *(binaries.program("pg_ctl"), "start", "-D", places.cluster.name),
                *("-l", places.log.name, "-w", "-t", str(_START_TIMEOUT_S)),
                *("-o", f"-k {places.socket_dir} -p {PORT} -c listen_addresses="),
                cwd=places.home,
                timeout_s=_START_TIMEOUT_S + 30.0,
                inherit=(lock,),
            )
        except (OSError, TimeoutError) as error:
            raise PostgresServerError(f"PostgreSQL cannot be started: {error}") from error
        finally:
            # The server holds its own copy, and with it the lock, for as long as it lives.
            os.close(lock)
        if code != 0:
            told = tail(places.log, _LOG_TOLD_BYTES, after=told_before).decode(errors="replace")
            raise PostgresServerError(
                f"PostgreSQL does not start ({told.strip() or output}); its log is {places.log}",
                folder=str(places.home),
            )
        _LOGGER.info(
            "Started PostgreSQL %s.",
            binaries.version,
            extra={"action": "postgres_started", "version": binaries.version},
        )

    async def _make_database(self) -> None:
        if self._database_made:
            return
        try:
            connection = await asyncpg.connect(self.address_of("postgres"), timeout=10)
            try:
                if not await connection.fetchval(_SQL.database_exists, DATABASE):
                    await connection.execute(_SQL.create_database)
            finally:
                await connection.close(timeout=5)
        except CLIENT_ERRORS as error:
            raise PostgresServerError(f"PostgreSQL does not answer: {error}") from error
        self._database_made = True

    async def _is_used(self) -> bool:
        """Return whether another client is connected; connections just closed are waited for."""
        try:
            connection = await asyncpg.connect(self.address_of("postgres"), timeout=5)
        except asyncpg.CannotConnectNowError:
            return False
        except CLIENT_ERRORS:
            return True
        try:
            async with asyncio.timeout(_FAREWELL_TIMEOUT_S):
                while await connection.fetchval(_SQL.other_clients):
                    await self._clock.sleep(_POLL_S)
        except CLIENT_ERRORS:
            return True
        finally:
            connection.terminate()
        return False

    async def _stop(self, places: Places) -> None:
        """Stop the server of `places` and wait until it is gone."""
        for order in (signal.SIGINT, signal.SIGQUIT):
            postmaster = read_postmaster(places.cluster)
            if postmaster is None and is_free(places.running_lock):
                return
            try:
                if postmaster is not None:
                    os.kill(postmaster.pid, order)
                async with asyncio.timeout(_STOP_TIMEOUT_S):
                    while read_postmaster(places.cluster) is not None or not is_free(
                        places.running_lock
                    ):
                        await self._clock.sleep(_POLL_S)
            except ProcessLookupError:
                return
            except TimeoutError:
                continue
            _LOGGER.info("Stopped PostgreSQL.", extra={"action": "postgres_stopped"})
            return
        raise PostgresServerError(f"the server of {places.cluster} does not stop")

    def _clear_stale(self, places: Places) -> None:
        """Remove what a killed server left: no process of its own lives any more.

        PostgreSQL does so itself, except when another process has got the old one's number,
        as happens after each start of a container.
        """
        for leftover in (
            places.cluster / "postmaster.pid",
            places.socket,
            places.socket.with_name(places.socket.name + ".lock"),
        ):
            leftover.unlink(missing_ok=True)

    @asynccontextmanager
    async def _locked(self) -> AsyncGenerator[None]:
        """Let one process at a time start or stop the server of this data folder."""
        lock = os.open(self._data_dir / "postgresql.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await self._clock.sleep(_POLL_S)
            yield
        finally:
            os.close(lock)
