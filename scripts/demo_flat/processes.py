"""Server processes of our own: each in a process group, ended by id, its output in a file."""

import asyncio
import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

_POLL_S = 0.05
# below are those of well-known services
_FIRST_PORT = 10_240
_TRIES = 20
# what a caller's shell may have set for another Mould Watch or another Python
_FOREIGN_PREFIXES = ("MOULD_WATCH_", "PYTHON", "PG")
_FOREIGN_NAMES = frozenset(
    {"DATABASE_URL", "SUPERVISOR_TOKEN", "VIRTUAL_ENV", "CREDENTIALS_DIRECTORY"}
)


class ProcessError(Exception):
    """A server did not start, or ended by itself."""


class ServerProcess:
    """One server program, started and stopped any number of times."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str | Path],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Describe the process; nothing is started yet."""
        self.name = name
        self.arguments = [str(argument) for argument in arguments]
        self.log = log
        self.environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Return the process id while it runs."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def running(self) -> bool:
        """Tell whether it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Return how the latest run ended (negative: the signal), None while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self, **environment: str) -> None:
        """Start it, with more environment variables for this run only."""
        if self.running:
            raise ProcessError(f"{self.name} is already running")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self.arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**inherited_environment(), **self.environment, **environment},
                cwd=self.log.parent,
                # a group of its own: Ctrl-C in the terminal reaches the demo alone, which
                # then stops its servers in order
                start_new_session=True,
            )

    async def stop(self, grace_s: float = 20.0) -> None:
        """Ask it to end; after `grace_s` seconds kill it and whatever it started."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            await self._wait(grace_s)
        end_group(process.pid)
        await self._wait(5.0)

    async def kill(self) -> None:
        """Take its power away (SIGKILL), the process alone, as a crash would."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            await self._wait(5.0)

    async def wait_exit(self, timeout_s: float) -> int:
        """Return its exit code when it has ended; raise TimeoutError after `timeout_s`."""
        async with asyncio.timeout(timeout_s):
            while True:
                code = self.exit_code
                if code is not None:
                    return code
                await asyncio.sleep(_POLL_S)

    def require_running(self) -> None:
        """Raise ProcessError, with the end of the log, when it has ended."""
        if not self.running:
            raise ProcessError(
                f"{self.name} ended with {self.exit_code}; the end of {self.log}:\n{tail(self.log)}"
            )

    async def _wait(self, timeout_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            await self.wait_exit(timeout_s)


async def until(
    condition: Callable[[], bool], *, timeout_s: float, what: str, poll_s: float = _POLL_S
) -> None:
    """Return as soon as `condition()` holds; raise TimeoutError naming `what` otherwise."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:g} s for {what}")
        await asyncio.sleep(poll_s)


def inherited_environment() -> dict[str, str]:
    """Return this process's environment without what would change our servers."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in _FOREIGN_NAMES and not name.startswith(_FOREIGN_PREFIXES)
    }


def end_group(group_id: int) -> None:
    """Kill what is left of a process group that we started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group_id, signal.SIGKILL)


def process_start_ticks(pid: int) -> int | None:
    """Return when a process began (ticks since boot): tells two users of one id apart."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    # the second field, the name, may hold spaces and brackets: count from its end
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


def free_port(preferred: int | None = None) -> int:
    """Return `preferred` when nothing listens there, else a port that is free and stays so.

    It is none that the system gives to outgoing connections: between this call and the server's
    start, or while that is down, one of those could have taken it, and a client that tries it
    meanwhile could reach itself.
    """
    lasting = range(_FIRST_PORT, max(_FIRST_PORT, _first_port_of_clients()))
    chosen = random.sample(lasting, min(_TRIES, len(lasting)))
    for port in (*(() if preferred is None else (preferred,)), *chosen, 0):
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind(("0.0.0.0", port))  # noqa: S104 - asks whether it is free everywhere
            except OSError:
                continue
            return int(candidate.getsockname()[1])
    raise ProcessError("the system has no free port")


def _first_port_of_clients() -> int:
    """Return the least port that the system gives to outgoing connections."""
    try:
        text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
    except OSError:
        return _FIRST_PORT
    return int(text.split()[0])


def tail(path: Path, lines: int = 25) -> str:
    """Return the last lines of a file, or a note that there is none."""
    try:
        with path.open("rb") as file:
            _seek_near_end(file)
            text = file.read().decode(errors="replace")
    except OSError:
        return "(no log)"
    return "\n".join(text.splitlines()[-lines:])


def _seek_near_end(file: IO[bytes], span: int = 32_768) -> None:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - span))
