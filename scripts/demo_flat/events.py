"""Turns the backend's log into lines for people."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

_POLL_S = 0.2
_READINGS_EVERY_S = 4.0

type Say = Callable[[str, str], None]


class LogEvents:
    """Follows a JSON log file and says what happened in it."""

    def __init__(self, log: Path, say: Say) -> None:
        """Follow `log` from its present end on."""
        self._log = log
        self._say = say
        self._position = log.stat().st_size if log.exists() else 0
        self._rest = b""
        self._stored: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()

    async def run(self) -> None:
        """Follow for ever; readings are summed up every few seconds."""
        waited_s = 0.0
        while True:
            self.take_new()
            await asyncio.sleep(_POLL_S)
            waited_s += _POLL_S
            if waited_s >= _READINGS_EVERY_S:
                waited_s = 0.0
                self.tell_readings()

    def take_new(self) -> None:
        """Read what was written since the last time."""
        if not self._log.exists():
            return
        with self._log.open("rb") as file:
            file.seek(self._position)
            content = self._rest + file.read()
            self._position = file.tell()
        *lines, self._rest = content.split(b"\n")
        for line in lines:
            try:
                record = json.loads(line)
            except ValueError:
                continue  # not of the backend's logging: a traceback of Python itself
            if isinstance(record, dict):
                self._take(record)

    def tell_readings(self) -> None:
        """Say in one line what was stored since the last time."""
        if not self._stored:
            return
        devices = ", ".join(f"{name} {n}" for name, n in self._stored.most_common())
        self._say("readings", f"{self._stored.total()} stored ({devices})")
        self._stored.clear()

    def _take(self, record: dict[str, Any]) -> None:
        action = record.get("action", "")
        self.seen[action] += 1
        room = record.get("room", "?")
        kind = record.get("kind", "notification")
        match action:
            case "readings_stored":
                self._count(record)
            case "incident_opened" | "incident_resolved":
                self.tell_readings()
                verb = "opened" if action == "incident_opened" else "resolved"
                self._say("incident", f"{verb}: {room}, level {record.get('risk_level', '?')}")
            case _ if action.startswith("incident_"):
                self._say("incident", str(record.get("message")))
            case "notification_claimed":
                self._say(
                    "notification", f"claimed: {kind} for {room}, attempt {record['attempt']}"
                )
            case "notification_sent":
                self._say("notification", f"sent: {kind} for {room}")
            case "notification_failed":
                self._say("notification", f"{record.get('message', 'failed')} ({kind}, {room})")
            case "dead_letter":
                self._say("dead letter", f"{record.get('topic')}: {record.get('reason')}")
            case _:
                if record.get("level") in {"warning", "error", "critical"}:
                    self._say("backend", str(record.get("message")))

    def _count(self, record: dict[str, Any]) -> None:
        devices = record.get("devices")
        if isinstance(devices, dict):
            self._stored.update(devices)
        elif isinstance(devices, list) and devices:
            # one batch, one line: its count is told whole, its devices by name
            self._stored[" + ".join(map(str, devices))] += int(record.get("count", len(devices)))
        else:
            self._stored["readings"] += int(record.get("count", 0))
