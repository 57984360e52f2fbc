"""Servers that a demo left behind when it was itself killed: found and ended by id."""

import asyncio
import contextlib
import json
import os
import signal
import time
from pathlib import Path

from .processes import ServerProcess, end_group, process_start_ticks

_FILE = "servers.json"


def record(folder: Path, processes: list[ServerProcess]) -> None:
    """Write down which servers run now."""
    running = [
        {"name": process.name, "pid": pid, "start_ticks": process_start_ticks(pid)}
        for process in processes
        if (pid := process.pid) is not None
    ]
    (folder / _FILE).write_text(json.dumps(running, indent=2), encoding="utf-8")


async def end(folder: Path, grace_s: float = 20.0) -> list[str]:
    """End what the last demo left running; return the names."""
    path = folder / _FILE
    if not path.exists():
        return []
    left = [
        server
        for server in json.loads(path.read_text(encoding="utf-8"))
        # another process may have the id by now: it began at another time
        if process_start_ticks(server["pid"]) == server["start_ticks"]
    ]
    for server in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(server["pid"], signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    for server in left:
        while (
            process_start_ticks(server["pid"]) == server["start_ticks"]
            and time.monotonic() < deadline
        ):
            await asyncio.sleep(0.1)
        end_group(server["pid"])
    path.unlink()
    return [server["name"] for server in left]
