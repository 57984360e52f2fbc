"""A real mosquitto with persistence, on a port of its own."""

import asyncio
import socket
import time
from pathlib import Path

from . import paths
from .processes import ServerProcess

_CONFIGURATION = """\
# Written at every start.
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
persistence_file mosquitto.db
autosave_interval 30
max_queued_messages 100000
set_tcp_nodelay true
# run as whoever started it, also when that is root
user root
log_dest stderr
log_type error
log_type warning
log_type notice
connection_messages false
"""


class Broker:
    """The broker's program and its folder."""

    def __init__(self, folder: Path, port: int) -> None:
        """Describe it; nothing is written or started yet."""
        self.folder = folder
        self.port = port
        self.process = ServerProcess(
            "mosquitto",
            [paths.MOSQUITTO, "-c", folder / "mosquitto.conf"],
            folder / "mosquitto.log",
        )

    async def start(self, timeout_s: float = 15.0) -> None:
        """Start it and wait until it takes connections."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "mosquitto.conf").write_text(
            _CONFIGURATION.format(port=self.port, folder=self.folder), encoding="utf-8"
        )
        self.process.start()
        deadline = time.monotonic() + timeout_s
        while not self._answers():
            self.process.require_running()
            if time.monotonic() > deadline:
                raise TimeoutError(f"mosquitto took no connection within {timeout_s:g} s")
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """End it; it writes its queues down first."""
        await self.process.stop()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False
