"""A real `mould-watch serve` in a process of its own, for tests."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

# Whoever runs the tests may have a backend of their own: none of its settings count here.
_SETTING_PREFIXES = ("MOULD_WATCH_", "DATABASE_URL", "SUPERVISOR_TOKEN")


def backend_environment(
    data_dir: Path, settings: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment of a backend with a data folder and a free port of its own."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(_SETTING_PREFIXES)
    }
    return (
        kept
        | {
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "MOULD_WATCH_DATA_DIR": str(data_dir),
            "MOULD_WATCH_API__HOST": "127.0.0.1",
            "MOULD_WATCH_API__PORT": "0",
            "MOULD_WATCH_LOG_FORMAT": "json",
            # tests do not wait for company, nor for the morning
            "MOULD_WATCH_PLAN__GROUP_WAIT_S": "0",
            "MOULD_WATCH_PLAN__QUIET_HOURS": "",
            # a test's machine may have started a moment ago
            "MOULD_WATCH_CLOCK_SETTLES_S": "0",
        }
        | dict(settings or {})
    )


async def run_command(
    *arguments: str, environment: Mapping[str, str], timeout_s: float = 60.0
) -> tuple[int, str, str]:
    """Run `mould-watch` to its end; return exit code, stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mould_watch",
        *arguments,
        env=dict(environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(timeout_s):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


class BackendProcess:
    """The process, and every log line it wrote."""

    def __init__(self, process: asyncio.subprocess.Process, data_dir: Path) -> None:
        self.process = process
        self.data_dir = data_dir
        self.lines: list[str] = []
        self.entries: list[dict[str, Any]] = []
        self._grown = asyncio.Event()

    @property
    def token(self) -> str:
        """Return the token it made."""
        return (self.data_dir / "token").read_text(encoding="utf-8").strip()

    async def read_log(self) -> None:
        """Read until the process closes its log."""
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            text = line.decode(errors="replace").rstrip("\n")
            self.lines.append(text)
            try:
                self.entries.append(json.loads(text))
            except ValueError:
                continue
            finally:
                self._grown.set()
        self._grown.set()

    async def logged(
        self, action: str, timeout_s: float = 60.0, /, **fields: object
    ) -> dict[str, Any]:
        """Return the first log entry of an action with these fields; waits for it."""
        async with asyncio.timeout(timeout_s):
            while True:
                for entry in self.entries:
                    if entry.get("action") == action and fields.items() <= entry.items():
                        return entry
                if self.process.returncode is not None:
                    raise RuntimeError("the backend ended:\n" + "\n".join(self.lines))
                self._grown.clear()
                await self._grown.wait()

    async def url(self) -> str:
        """Return where it answers; waits until it does."""
        return f"http://127.0.0.1:{(await self.logged('api_listening'))['port']}"

    async def get(self, path: str) -> tuple[int, Any]:
        """Ask it over HTTP, with its token."""
        url = await self.url()  # the token is made before it answers
        headers = {"Authorization": f"Bearer {self.token}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(url + path) as response,
        ):
            return response.status, await response.json()

    async def ready(self, timeout_s: float = 60.0) -> None:
        """Wait until `/readyz` says so."""
        async with asyncio.timeout(timeout_s):
            while (await self.get("/readyz"))[0] != 200:
                await asyncio.sleep(0.05)

    async def ended(self, timeout_s: float = 30.0) -> int:
        """Wait for its end; return the exit code."""
        async with asyncio.timeout(timeout_s):
            return await self.process.wait()


@asynccontextmanager
async def running_backend(
    data_dir: Path, settings: Mapping[str, str] | None = None
) -> AsyncGenerator[BackendProcess]:
    """Run `mould-watch serve` beside the block; it is killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mould_watch",
        "serve",
        env=backend_environment(data_dir, settings),
        stderr=asyncio.subprocess.PIPE,
    )
    backend = BackendProcess(process, data_dir)
    reader = asyncio.create_task(backend.read_log(), name="backend log")
    try:
        yield backend
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reader
