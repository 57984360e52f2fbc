"""A process with nothing in it but a real database connection and a real notification worker.

    python -m tests.support.notification_process FOLDER [NAME]

`DATABASE_URL` says where, `MOULD_WATCH_NOTIFY__*` how, `MOULD_WATCH_FAILPOINT` where to die.
What is delivered goes to files in FOLDER, which outlive the process as a phone does: each call
is a line of `calls`, each notification shown for the first time a line of `visible`. While a
file `hold` is there, a delivery that was called waits.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mould_watch.clock import SystemClock
from mould_watch.notify.channels.home_assistant import HomeAssistantChannel
from mould_watch.notify.worker import NotificationWorker
from mould_watch.settings import Settings
from mould_watch.storage.database import Database
from tests.support.notifications import INSTANCE


class FileHomeAssistant:
    """ports.HomeAssistantConnections on files: one instance, always there."""

    def __init__(self, folder: Path) -> None:
        """Receive into `folder`."""
        self._folder = folder

    def ready_instances(self) -> frozenset[str]:
        """Return the one instance."""
        return frozenset({INSTANCE})

    async def wait_for_change(self, timeout_s: float) -> None:
        """Return after `timeout_s`: nothing changes."""
        await asyncio.sleep(timeout_s)

    async def deliver(
        self, instance_id: str, notification: Mapping[str, Any], timeout_s: float
    ) -> Mapping[str, Any]:
        """Write the call down, show what was not shown before, and answer "delivered"."""
        assert instance_id == INSTANCE
        notification_id = notification["notification_id"]
        self._append("calls", {"id": notification_id, "pid": os.getpid(), **notification})
        async with asyncio.timeout(timeout_s):
            while (self._folder / "hold").exists():
                await asyncio.sleep(0.01)
        try:
            # One file for each id: made once, whichever process comes first.
            (self._folder / f"seen-{notification_id}").touch(exist_ok=False)
        except FileExistsError:
            return {"outcome": "delivered", "code": "already_delivered"}
        self._append("visible", {"id": notification_id, "kind": notification["kind"]})
        return {"outcome": "delivered"}

    def _append(self, name: str, line: Mapping[str, Any]) -> None:
        descriptor = os.open(self._folder / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, (json.dumps(line) + "\n").encode())
        finally:
            os.close(descriptor)


async def main(folder: Path, name: str) -> None:
    """Run until killed."""
    settings = Settings.load()
    clock = SystemClock()
    database = Database(settings, clock)
    channel = HomeAssistantChannel(FileHomeAssistant(folder), settings.notify.channel_timeout_s)
    worker = NotificationWorker(settings.notify, database, clock, [channel], name)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(database.run(), name="database")
        tasks.create_task(worker.run(), name="worker")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "worker"))
