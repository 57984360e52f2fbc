"""The backend as its own command runs it, with the PostgreSQL it starts for itself."""

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any

import aiohttp

from mould_watch.clock import SystemClock
from mould_watch.errors import PostgresServerError
from mould_watch.storage.postgres_server import PostgresServer

from . import paths
from .processes import ServerProcess


class Backend:
    """`mould-watch serve` with a data folder, a port and a token of its own."""

    def __init__(self, folder: Path, port: int, broker_port: int, **environment: str) -> None:
        """Describe it; nothing is written or started yet."""
        self.folder = folder
        self.data_dir = folder / "data"
        self.port = port
        self.address = f"http://127.0.0.1:{port}"
        self.log = folder / "backend.log"
        self.process = ServerProcess(
            "the backend",
            [paths.BACKEND, "serve"],
            self.log,
            {
                "MOULD_WATCH_DATA_DIR": str(self.data_dir),
                "MOULD_WATCH_API__HOST": "127.0.0.1",
                "MOULD_WATCH_API__PORT": str(port),
                "MOULD_WATCH_MQTT__HOST": "127.0.0.1",
                "MOULD_WATCH_MQTT__PORT": str(broker_port),
                "MOULD_WATCH_LOG_FORMAT": "json",
                # whoever looks at it wants to see it now, whatever the hour
                "MOULD_WATCH_PLAN__GROUP_WAIT_S": "1",
                "MOULD_WATCH_PLAN__QUIET_HOURS": "",
                # nobody wants to wait for a clock that is only not known to be right
                "MOULD_WATCH_CLOCK_SETTLES_S": "0",
                **environment,
            },
        )

    async def start(self, **environment: str) -> None:
        """Start it and wait until its API answers."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.process.start(**environment)
        await self.wait_for("/healthz", timeout_s=60)

    async def wait_ready(self, timeout_s: float = 120.0) -> None:
        """Wait until it has its database and its broker."""
        await self.wait_for("/readyz", timeout_s=timeout_s)

    async def wait_for(self, path: str, timeout_s: float) -> None:
        """Wait until a path answers 200; raise TimeoutError with what it last answered."""
        deadline = time.monotonic() + timeout_s
        answer = "nothing"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while True:
                self.process.require_running()
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(f"{self.address}{path}") as response:
                        if response.status == 200:  # noqa: PLR2004
                            return
                        answer = await response.text()
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{path} did not answer 200 in {timeout_s:g} s: {answer}")
                await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """End it and the database server that it leaves running for its next start."""
        await self.process.stop(grace_s=30)
        await self.stop_database()

    async def token(self) -> str:
        """Return the token it made at its first start, as `mould-watch token` prints it."""
        process = await asyncio.create_subprocess_exec(
            str(paths.BACKEND),
            "token",
            env={**os.environ, **self.process.environment},
            stdout=asyncio.subprocess.PIPE,
        )
        printed, _ = await process.communicate()
        return printed.decode().strip()

    async def get(self, path: str) -> Any:  # noqa: ANN401 - whatever JSON it answers
        """Ask its API."""
        headers = {"Authorization": f"Bearer {await self.token()}"}
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
            session.get(f"{self.address}{path}", headers=headers) as answer,
        ):
            answer.raise_for_status()
            return await answer.json()

    @property
    def database(self) -> PostgresServer:
        """Return its own PostgreSQL server, found by the data folder."""
        return PostgresServer(self.data_dir, SystemClock())

    async def kill_database(self) -> None:
        """Take the database server's power away."""
        pid = self.database.pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    async def stop_database(self) -> None:
        """End the database server, if the backend left it running."""
        # without a database yet there is nothing to end
        with contextlib.suppress(PostgresServerError):
            await self.database.stop()

    async def remove_database(self) -> None:
        """End the database server and delete its files, wherever it had to put them."""
        await self.database.remove()
