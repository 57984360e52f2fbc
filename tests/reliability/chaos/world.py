"""The real broker, the real PostgreSQL, the real backend, and the links between them."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mould_watch.clock import SystemClock
from mould_watch.storage.postgres_server import PostgresServer
from tests.reliability.chaos.backend_process import OFFSET_FILE
from tests.reliability.chaos.tap import Replays
from tests.support.backend import backend_environment
from tests.support.mosquitto import REPOSITORY, Mosquitto, mosquitto_binary
from tests.support.postgres import chosen_source
from tests.support.tcp_link import TcpLink
from tests.support.waiting import until

_FORGETS_S: Final = 2.0
"""Younger than this, a broker that keeps its state by itself may not have written it down."""


SMALL_DISK: Final = "48m"


@contextmanager
def small_disk(folder: Path) -> Generator[bool]:
    """Put a disk that is soon full at `folder`; yields whether that was possible."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK},mode=0755", "tmpfs", str(folder)]
    is_mounted = os.geteuid() == 0 and _runs(mount)
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in listed.split()]


def _runs(command: list[str]) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def broker_options(folder: Path) -> tuple[str, ...]:
    """Return what makes mosquitto write down each change at once, where it has the plugin."""
    binary = mosquitto_binary().resolve()
    for plugin in sorted(binary.parents[1].glob("lib/**/mosquitto_persist_sqlite.so")):
        return (
            f"plugin {plugin}",
            f"plugin_opt_db_file {folder}/broker.sqlite3",
            "plugin_opt_sync normal",
            "plugin_opt_flush_period 0",
        )
    return ()


@dataclass
class Backend:
    """The backend's process, started and killed as often as it takes."""

    data_dir: Path
    environment: dict[str, str]
    log_file: Path
    starts: int = 0
    process: asyncio.subprocess.Process | None = field(default=None)
    _log_from: int = 0

    async def start(self, **environment: str) -> None:
        """Start it; it finds its way by itself."""
        with self.log_file.open("ab") as log:
            self._log_from = log.seek(0, os.SEEK_END)
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.reliability.chaos.backend_process",
                cwd=REPOSITORY,
                env=self.environment | environment,
                stdout=log,
                stderr=log,
            )
        self.starts += 1

    async def end(self, number: signal.Signals, timeout_s: float = 15.0) -> int:
        """Send a signal and return the exit code; raises TimeoutError when it goes on."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(timeout_s):
            return await self.process.wait()

    async def has_said(self, action: str) -> None:
        """Wait until this start of it has logged an action."""

        def said() -> bool:
            with self.log_file.open("rb") as log:
                log.seek(self._log_from)
                return f'"action": "{action}"'.encode() in log.read()

        await until(said)

    async def ended(self, timeout_s: float) -> bool:
        """Return whether it ends by itself within this time."""
        assert self.process is not None
        try:
            async with asyncio.timeout(timeout_s):
                await self.process.wait()
        except TimeoutError:
            return False
        return True


@dataclass
class World:
    """All of it."""

    folder: Path
    broker: Mosquitto
    # the backend's way to the broker
    network: TcpLink
    postgres: PostgresServer
    # the backend's way to the database
    wire: TcpLink
    backend: Backend
    offset_file: Path
    # the backend's data folder is a disk of its own, small enough to be filled
    has_small_disk: bool
    # what the broker sent anew by itself
    replays: Replays

    def set_clock(self, offset_s: float) -> None:
        """Set the backend's wall clock off by so many seconds."""
        fresh = self.offset_file.with_suffix(".new")
        fresh.write_text(str(offset_s), encoding="utf-8")
        fresh.replace(self.offset_file)

    def subscriptions(self) -> int:
        """Return how often the backend's wish to subscribe was answered, as the broker tells."""
        log = self.broker.log_file.read_text(encoding="utf-8", errors="replace")
        return log.count("Sending SUBACK to mould-watch\n")

    async def kill_broker(self) -> float:
        """Kill the broker; return since when its word does not count."""
        killed_s = time.monotonic()
        await self.broker.kill()
        return killed_s if self.broker.options else killed_s - _FORGETS_S

    async def kill_database(self) -> None:
        """Kill the database server with all its processes, as a power cut would."""
        pid = self.postgres.pid
        assert pid is not None
        processes = (pid, *_children(pid))
        for one in processes:
            os.kill(one, signal.SIGKILL)
        await until(lambda: not any(Path(f"/proc/{one}").exists() for one in processes))

    async def database_away(self) -> None:
        """Refuse and cut the backend's connections to the database."""
        self.wire.close()
        self.wire.drop()

    async def database_back(self) -> None:
        """Let the backend reach the database again."""
        await self.wire.open()


@asynccontextmanager
async def built(folder: Path) -> AsyncGenerator[World]:
    """Start everything in `folder`; end everything afterwards."""
    data_dir = folder / "data"
    with small_disk(data_dir) as has_small_disk:
        async with _servers(folder, data_dir, has_small_disk=has_small_disk) as world:
            yield world


@asynccontextmanager
async def _servers(folder: Path, data_dir: Path, *, has_small_disk: bool) -> AsyncGenerator[World]:
    postgres = PostgresServer(
        folder / "postgres", SystemClock(), source=chosen_source(), fallback_root=folder.parent
    )
    await postgres.ensure_running()
    try:
        broker_folder = folder / "broker"
        async with (
            Mosquitto(
                broker_folder,
                persistence=not (options := broker_options(broker_folder)),
                options=options,
            ) as broker,
            TcpLink((broker.host, broker.port)) as network,
            TcpLink(postgres.places.socket) as wire,
        ):
            offset_file = folder / "clock-offset"
            replays = Replays()
            network.tap = replays.connection
            backend = _backend(folder, data_dir, broker, network, wire.address_of(postgres.address))
            world = World(
                folder,
                broker,
                network,
                postgres,
                wire,
                backend,
                offset_file,
                has_small_disk,
                replays,
            )
            world.set_clock(0.0)
            await backend.start()
            try:
                yield world
            finally:
                await world.backend.end(signal.SIGKILL)
    finally:
        await postgres.remove()


def _backend(
    folder: Path, data_dir: Path, broker: Mosquitto, network: TcpLink, database_url: str
) -> Backend:
    environment = backend_environment(
        data_dir,
        {
            "DATABASE_URL": database_url,
            "MOULD_WATCH_MQTT__HOST": broker.host,
            "MOULD_WATCH_MQTT__PORT": str(network.port),
            "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'addon'}",
            # the small disk has room for no more
            "MOULD_WATCH_SPOOL__FREE_DISK_MINIMUM_MIB": "1",
            OFFSET_FILE: str(folder / "clock-offset"),
        },
    )
    return Backend(data_dir, environment, folder / "backend.log")
