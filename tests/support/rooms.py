"""A configured home and its readings, written to a real database as their owners write them."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from mould_watch.clock import SystemClock
from mould_watch.storage.database import Connection
from mould_watch.storage.partitions import ensure_months
from tests.support.climate import NOON, hours

OWNER = "home-1"
SOURCE = "mqtt:zigbee2mqtt"
MOULD_RULE = "mould_level"


class SettableClock(SystemClock):
    """The machine's clock, but the wall shows what a test says."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now

    def now(self) -> datetime:
        """Return the wall time that was set."""
        return self._now

    def set(self, now: datetime) -> None:
        """Set the wall time."""
        self._now = now

    def advance(self, delta: timedelta) -> None:
        """Let time pass."""
        self._now += delta


@dataclass(frozen=True)
class HomeForTests:
    """Writes a home, its rooms and their readings over one connection."""

    connection: Connection
    _fingerprints: Iterable[int] = field(default_factory=lambda: itertools.count(1))

    async def configure(self, owner: str = OWNER, **home: Any) -> None:  # noqa: ANN401 - any part of the document
        """Store the home's part of the document."""
        await self.connection.execute(
            """
            INSERT INTO configuration (owner, revision, home) VALUES ($1, 1, $2)
            ON CONFLICT (singleton) DO UPDATE
            SET owner = EXCLUDED.owner, home = EXCLUDED.home,
                revision = configuration.revision + 1
            """,
            owner,
            home,
        )

    async def device(self, native_id: str, merged_into: int | None = None) -> int:
        """Make a device known and return its id."""
        device_id: int = await self.connection.fetchval(
            """
            INSERT INTO device (source_instance, native_id, name, metrics, merged_into)
            VALUES ($1, $2, $2, '{temperature_c,humidity_pct}', $3)
            RETURNING id
            """,
            SOURCE,
            native_id,
            merged_into,
        )
        return device_id

    async def room(self, name: str, native_id: str | None = None, **config: Any) -> RoomForTests:  # noqa: ANN401 - any part of a room
        """Store a room, its things being watched, with a sensor of its own; ask for nothing."""
        native_id = native_id or name.casefold()
        room_id = uuid4()
        device_id = await self.device(native_id)
        await self.connection.execute("INSERT INTO room (id, name) VALUES ($1, $2)", room_id, name)
        subject_id = await self.connection.fetchval(
            "INSERT INTO subject (room_id) VALUES ($1) RETURNING id", room_id
        )
        await self.connection.execute(
            "INSERT INTO subject_device (subject_id, device_id) VALUES ($1, $2)",
            subject_id,
            device_id,
        )
        room = RoomForTests(self, room_id, name, native_id, subject_id, device_id)
        await room.configure(**config)
        return room

    async def write(self, device_id: int, rows: Iterable[Row]) -> None:
        """Store readings of a device as the writer does, in one transaction."""
        kept = list(rows)
        await ensure_months(self.connection, {row.ts.date() for row in kept}, SystemClock())
        async with self.connection.transaction():
            await self.connection.executemany(
                """
                INSERT INTO readings (device_id, ts, fingerprint, received_at, time_quality,
                    suspect, temperature_c, humidity_pct)
                VALUES ($1, $2, $3, $2, $4::text::time_quality, $5, $6, $7)
                """,
                [
                    (
                        device_id,
                        row.ts,
                        next(iter(self._fingerprints)),
                        row.time_quality,
                        row.suspect,
                        row.temperature_c,
                        row.humidity_pct,
                    )
                    for row in kept
                ],
            )
            await self.connection.execute(
                """
                INSERT INTO evaluation_request (subject_id, from_ts)
                SELECT subject_id, $2 FROM subject_device
                WHERE device_id = (SELECT coalesce(merged_into, id) FROM device WHERE id = $1)
                """,
                device_id,
                min(row.ts for row in kept),
            )

    async def fetch(self, query: str, *arguments: object) -> list[Mapping[str, Any]]:
        """Return the rows of a query as mappings."""
        return [dict(row) for row in await self.connection.fetch(query, *arguments)]


@dataclass(frozen=True)
class Row:
    """A reading to store."""

    ts: datetime
    humidity_pct: float | None
    temperature_c: float | None = 20.0
    time_quality: str = "payload"
    suspect: str | None = None


@dataclass(frozen=True)
class RoomForTests:
    """One room, and what became of it."""

    home: HomeForTests
    room_id: UUID
    name: str
    native_id: str
    subject_id: int
    device_id: int

    async def configure(self, valid_from: datetime | None = None, **config: Any) -> None:  # noqa: ANN401 - any part of a room
        """Store a version of the room's configuration."""
        source = {"kind": "device", "source_instance": SOURCE, "native_id": self.native_id}
        document = {
            "room_id": str(self.room_id),
            "name": self.name,
            "sources": {"temperature": source, "humidity": source},
            "protect": "things",
            "recovery_hours": 6,
        }
        await self.home.connection.execute(
            "INSERT INTO room_config_version (room_id, valid_from, config) VALUES ($1, $2, $3)",
            self.room_id,
            valid_from or datetime.now(UTC),
            document | config,
        )
        await self.ask()

    async def archive(self) -> None:
        """Take the room out of the document."""
        await self.home.connection.execute(
            "UPDATE room SET archived_at = clock_timestamp() WHERE id = $1", self.room_id
        )
        await self.ask()

    async def ask(self) -> None:
        """Ask for an evaluation."""
        await self.home.connection.execute(
            "INSERT INTO evaluation_request (subject_id, from_ts) VALUES ($1, $2)",
            self.subject_id,
            NOON,
        )

    async def measure(self, until: datetime, humidities: Iterable[float]) -> None:
        """Store hourly readings, the last of them at `until`."""
        values = list(humidities)
        start = until - hours(len(values) - 1)
        await self.home.write(
            self.device_id,
            [Row(start + hours(number), value) for number, value in enumerate(values)],
        )

    async def condition(self) -> dict[str, Any] | None:
        """Return the stored condition."""
        found: dict[str, Any] | None = await self.home.connection.fetchval(
            "SELECT condition FROM condition WHERE subject_id = $1", self.subject_id
        )
        return found

    async def incidents(self, rule: str = MOULD_RULE) -> list[str]:
        """Return the states of a rule's incidents, in order of their beginning."""
        return [
            row["state"]
            for row in await self.home.fetch(
                """
                SELECT state::text FROM incident JOIN transition first
                    ON first.incident_id = incident.id AND first.sequence = 1
                WHERE subject_id = $1 AND rule_id = $2 ORDER BY first.id
                """,
                self.subject_id,
                rule,
            )
        ]

    async def path(self, rule: str = MOULD_RULE) -> list[str]:
        """Return every state a rule's incidents went to, in order."""
        return [
            row["to_state"]
            for row in await self.home.fetch(
                """
                SELECT to_state::text FROM transition JOIN incident ON incident.id = incident_id
                WHERE subject_id = $1 AND rule_id = $2 ORDER BY transition.id
                """,
                self.subject_id,
                rule,
            )
        ]

    async def notifications(self) -> list[Mapping[str, Any]]:
        """Return its notifications in the order they were written."""
        return await self.home.fetch(
            """
            SELECT notification.id, kind, notification.state::text, target, route,
                notification.sequence, attempts, message, severity::text
            FROM notification JOIN incident ON incident.id = incident_id
            WHERE subject_id = $1 ORDER BY transition_id, target, notification.sequence
            """,
            self.subject_id,
        )

    async def claim_alarms(self) -> None:
        """Do what the notification worker does before it sends."""
        await self.home.connection.execute(
            """
            UPDATE notification SET state = 'claimed', attempts = attempts + 1,
                claim_token = gen_random_uuid(),
                lease_until = clock_timestamp() + interval '90 seconds'
            WHERE kind = 'alarm' AND state = 'pending'
                AND incident_id IN (SELECT id FROM incident WHERE subject_id = $1)
            """,
            self.subject_id,
        )

    async def kinds(self) -> list[tuple[str, str]]:
        """Return kind and state of its notifications."""
        return [(row["kind"], row["state"]) for row in await self.notifications()]
