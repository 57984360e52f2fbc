"""A home whose room thresholds are easily crossed, and a phone that takes whatever may go."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from mould_watch.domain.incident_action import Action
from mould_watch.storage import outbox
from mould_watch.storage.database import Database
from mould_watch.storage.incident_actions import apply_action
from mould_watch.watch.evaluator import Evaluator
from tests.support import notifications
from tests.support.rooms import HomeForTests, RoomForTests, Row, SettableClock

MINUTE = timedelta(minutes=1)


def too_damp(rule_id: UUID, severity: str = "warning", threshold: float = 60.0) -> dict[str, Any]:
    """Return a room's threshold: above `threshold` %RH at once."""
    return {
        "rule_id": str(rule_id),
        "metric": "humidity_pct",
        "direction": "above",
        "threshold": threshold,
        "severity": severity,
    }


@dataclass
class Household:
    """Time goes by in it, everything is judged, released and sent; `heard` is what phones got."""

    home: HomeForTests
    evaluator: Evaluator
    database: Database
    clock: SettableClock
    heard: list[Mapping[str, Any]] = field(default_factory=list)

    async def go_on(self, delta: timedelta = timedelta(0), *, send: bool = True) -> None:
        """Let time pass, judge, release, and send what may go."""
        self.clock.advance(delta)
        await self.evaluator.evaluate_waiting()
        await self.evaluator.release_waiting()
        await self.evaluator.take_away_summaries()
        if send:
            await self.send()

    async def send(self) -> None:
        """Do what a worker does whose phones accept everything."""
        while True:
            async with self.database.transaction() as connection:
                await outbox.supersede(connection)
                claimed = await notifications.claim(connection)
                for one in claimed:
                    assert await notifications.finish(connection, one, "sent")
            if not claimed:
                return
            self.heard += [
                {
                    "at": self.clock.now(),
                    "kind": one.kind,
                    "target": one.target,
                    "severity": one.severity,
                    "title": one.message["title"],
                    "body": one.message["body"],
                    "incident_id": one.incident_id,
                    "clears": one.message.get("clears"),
                }
                for one in claimed
            ]

    def kinds(self, target: str = "phone-1") -> list[str]:
        """Return what a phone got, in order."""
        return [one["kind"] for one in self.heard if one["target"] == target]

    async def measure(
        self, room: RoomForTests, humidity_pct: float, at: datetime | None = None
    ) -> None:
        """Store a reading of a room, now if not said otherwise."""
        at = at or self.clock.now()
        await self.home.write(room.device_id, [Row(at, humidity_pct)])

    async def press(
        self, action: Action, until: datetime | None = None, *, room: RoomForTests | None = None
    ) -> None:
        """Press a button on the live incident; the room's, where several have one."""
        query = (
            "SELECT id FROM incident"
            " WHERE ended_at IS NULL AND ($1::integer IS NULL OR subject_id = $1)"
        )
        async with self.database.transaction() as connection:
            incident_id = await connection.fetchval(query, room and room.subject_id)
            await apply_action(connection, incident_id, action, until, uuid4(), at=self.clock.now())
