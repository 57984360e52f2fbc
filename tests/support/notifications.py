"""Notifications for tests: written to a real outbox, received by a recording Home Assistant."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Literal
from uuid import UUID, uuid4

from mould_watch.errors import InstanceNotConnectedError
from mould_watch.storage import outbox
from mould_watch.storage.database import Connection
from mould_watch.storage.outbox import ClaimedNotification, Claims, Ending

INSTANCE = "home-1"
DELIVERED: Mapping[str, Any] = {"outcome": "delivered"}

CLAIMED = ClaimedNotification(
    notification_id=uuid4(),
    incident_id=uuid4(),
    channel="apprise",
    route="chat",
    target="chat",
    kind="alarm",
    severity="warning",
    message={"room": "Bathroom", "title": "Bathroom: <too damp> & wet", "body": "Air for 10 min."},
    attempt=1,
    claim_token=uuid4(),
    taken_over=False,
)
"""A notification for the service "chat", as its holder has it."""

type Respond = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


class RecordingHomeAssistant:
    """Connected Home Assistant instances, without a socket, a Store or a phone.

    It implements ports.HomeAssistantConnections in memory and keeps the one promise of the
    integration that the outbox relies on: an id it has shown before is not shown again.
    `deliveries` is every call, `visible` what a person would have seen arrive anew.
    """

    def __init__(self, *instances: str) -> None:
        """Begin with `instances` connected and ready."""
        self.instances = set(instances)
        self.deliveries: list[dict[str, Any]] = []
        self.visible: list[dict[str, Any]] = []
        self.looks = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self.respond: Respond | None = None
        self._changed = asyncio.Event()

    def ready_instances(self) -> frozenset[str]:
        """Return the instances connected now."""
        self.looks += 1
        return frozenset(self.instances)

    async def wait_for_change(self, timeout_s: float) -> None:
        """Return when `connect` or `disconnect` was called, or after `timeout_s` seconds."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()

    def connect(self, instance: str) -> None:
        """Make `instance` ready."""
        self.instances.add(instance)
        self._changed.set()

    def disconnect(self, instance: str) -> None:
        """Take `instance` away."""
        self.instances.discard(instance)
        self._changed.set()

    async def deliver(
        self, instance_id: str, notification: Mapping[str, Any], timeout_s: float
    ) -> Mapping[str, Any]:
        """Record the notification and answer it: "delivered", or as `respond` says."""
        if instance_id not in self.instances:
            raise InstanceNotConnectedError("not connected", instance_id=instance_id)
        self.deliveries.append(dict(notification))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            async with asyncio.timeout(timeout_s):
                answer = DELIVERED if self.respond is None else await self.respond(notification)
        finally:
            self.in_flight -= 1
        if answer.get("outcome") == "delivered":
            self.show(notification)
        return answer

    def show(self, notification: Mapping[str, Any]) -> None:
        """Show a notification unless its id was shown before."""
        shown = {seen["notification_id"] for seen in self.visible}
        if notification["notification_id"] not in shown:
            self.visible.append(dict(notification))


async def add_incident(connection: Connection, room: str = "Bathroom") -> UUID:
    """Store a room with one incident and its first transition; return the incident's id."""
    room_id = uuid4()
    await connection.execute("INSERT INTO room (id, name) VALUES ($1, $2)", room_id, room)
    incident_id: UUID = await connection.fetchval(
        """
        WITH subject AS (INSERT INTO subject (room_id) VALUES ($1) RETURNING id),
        incident AS (
            INSERT INTO incident (subject_id, rule_id, level, breach_since, sequence)
            SELECT id, 'surface_damp', 'warning', clock_timestamp(), 1 FROM subject
            RETURNING id)
        SELECT id FROM incident
        """,
        room_id,
    )
    await connection.execute(
        """
        INSERT INTO transition (incident_id, sequence, to_state, level, at)
        VALUES ($1, 1, 'verifying', 'warning', clock_timestamp())
        """,
        incident_id,
    )
    return incident_id


async def tell(connection: Connection, *phones: str) -> None:
    """Configure a home that has `phones` told."""
    await connection.execute(
        "INSERT INTO configuration (owner, revision, home) VALUES ($1, 1, $2)",
        INSTANCE,
        {"phones": list(phones)},
    )


async def add_notification(
    connection: Connection,
    incident_id: UUID,
    *,
    kind: str = "alarm",
    severity: str = "warning",
    route: str = INSTANCE,
    target: str = "phone-1",
    channel: str = "home_assistant",
    due_in_s: float = 0.0,
) -> UUID:
    """Write a pending notification at the end of its lane, as an evaluation does; return its id."""
    notification_id: UUID = await connection.fetchval(
        """
        INSERT INTO notification
            (transition_id, incident_id, channel, route, target, sequence, kind, severity,
             message, due_at)
        SELECT t.id, t.incident_id, $2, $3, $4,
            (SELECT coalesce(max(sequence), 0) + 1 FROM notification
             WHERE incident_id = $1 AND channel = $2 AND route = $3 AND target = $4),
            $5, $7::text::risk_level,
            jsonb_build_object('room_id', r.id, 'room', r.name, 'title', 'Mould risk',
                               'body', 'The wall is damp.', 'buttons', '[]'::jsonb),
            clock_timestamp() + make_interval(secs => $6)
        FROM transition AS t
        JOIN incident AS i ON i.id = t.incident_id
        JOIN subject AS s ON s.id = i.subject_id
        JOIN room AS r ON r.id = s.room_id
        WHERE t.incident_id = $1 AND t.sequence = 1
        RETURNING id
        """,
        incident_id,
        channel,
        route,
        target,
        kind,
        due_in_s,
        severity,
    )
    return notification_id


async def claim(
    connection: Connection,
    *,
    channel: str = "home_assistant",
    routes: Collection[str] = (INSTANCE,),
    limit: int = 100,
    worker: str = "w",
    lease_s: float = 60.0,
) -> list[ClaimedNotification]:
    """Claim what is due, ending nothing."""
    claims = Claims(channel=channel, routes=routes, limit=limit, worker=worker, lease_s=lease_s)
    return (await outbox.turn(connection, claims)).claimed


async def end(connection: Connection, *endings: Ending) -> list[bool]:
    """End claims, claiming nothing; False where a claim is another's by now."""
    claims = Claims(channel="home_assistant", routes=(), limit=0, worker="w", lease_s=60.0)
    return (await outbox.turn(connection, claims, endings)).ended


async def finish(
    connection: Connection,
    claimed: ClaimedNotification,
    state: Literal["sent", "failed"],
    reason: str | None = None,
    *,
    expects_receipt: bool | None = None,
) -> bool:
    """End one claim; False when it is another's by now."""
    ending = Ending(claimed=claimed, state=state, reason=reason, expects_receipt=expects_receipt)
    return (await end(connection, ending))[0]


async def give_back(
    connection: Connection,
    claimed: ClaimedNotification,
    delay_s: float,
    reason: str,
    *,
    is_unknown: bool = False,
) -> bool:
    """Make one claimed notification pending again; False when it is another's by now."""
    ending = Ending(
        claimed=claimed, state="pending", reason=reason, delay_s=delay_s, is_unknown=is_unknown
    )
    return (await end(connection, ending))[0]


async def remaining_lease_s(connection: Connection, claimed: ClaimedNotification) -> float | None:
    """Return the seconds left of one claim's lease; None when it is another's by now."""
    return (await outbox.remaining_leases_s(connection, [claimed]))[0]


async def expire_lease(connection: Connection, notification_id: UUID) -> None:
    """Let the lease of a claimed notification have run out a second ago."""
    await connection.execute(
        "UPDATE notification SET lease_until = clock_timestamp() - interval '1 second' "
        "WHERE id = $1 AND state = 'claimed'",
        notification_id,
    )


async def states_of(connection: Connection, notification_id: UUID) -> list[str]:
    """Return every state the notification was in, in order, from its recorded steps."""
    rows = await connection.fetch(
        "SELECT to_state::text FROM notification_step WHERE notification_id = $1 ORDER BY id",
        notification_id,
    )
    return [row["to_state"] for row in rows]


async def row_of(connection: Connection, notification_id: UUID) -> Mapping[str, Any]:
    """Return the notification's row, with `due_in_s` by the database's clock."""
    row = await connection.fetchrow(
        "SELECT incident_id, state::text, attempts, claimed_by, last_error, "
        "extract(epoch FROM due_at - clock_timestamp())::double precision AS due_in_s "
        "FROM notification WHERE id = $1",
        notification_id,
    )
    assert row is not None
    return dict(row)


async def count_by_state(connection: Connection) -> dict[str, int]:
    """Return how many notifications are in each state that occurs."""
    rows = await connection.fetch("SELECT state::text, count(*) FROM notification GROUP BY state")
    return {row["state"]: row["count"] for row in rows}
