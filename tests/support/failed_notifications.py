"""Notifications that fail for good, and the other channel that is handed them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from mould_watch.domain.condition import Level
from mould_watch.domain.incident import Incident, IncidentState
from mould_watch.domain.notification import Lane
from mould_watch.storage import outbox_care
from mould_watch.storage.database import Connection
from mould_watch.storage.outbox_care import HandedOver
from tests.support.notifications import (
    INSTANCE,
    add_incident,
    add_notification,
    claim,
    finish,
    give_back,
    row_of,
)

MAIL = Lane("apprise", "mail", "mail")
PHONE = Lane("home_assistant", INSTANCE, "phone-1")
TOLD = ("phone-0", "phone-1", "phone-2", "apprise:chat", "apprise:mail")
GONE = "unknown_phone: there is no such phone any more"


async def hand_over(connection: Connection, within_s: float = 3600) -> list[HandedOver]:
    """Hand over what failed within that time; return what went to the mail."""
    async with connection.transaction():
        return await outbox_care.hand_over_failed(connection, within_s, way=MAIL, told=TOLD)


async def fail(connection: Connection, *ids: UUID, channel: str = "home_assistant") -> None:
    """Fail these for good; what else was claimed is given back."""
    claimed = await claim(connection, channel=channel, routes=[INSTANCE, "mail", "chat"])
    for one in claimed:
        if one.notification_id in ids:
            assert await finish(connection, one, "failed", GONE)
        else:
            assert await give_back(connection, one, 0, "another is meant")
    for id_ in ids:
        assert (await row_of(connection, id_))["state"] == "failed"


async def fail_one(
    connection: Connection, incident: UUID | None = None, way: Lane = PHONE, kind: str = "alarm"
) -> UUID:
    """Add a notification, of a new incident by default, and fail it."""
    incident = incident or await add_incident(connection)
    id_ = await add_in_lane(connection, incident, way, kind)
    await fail(connection, id_, channel=way.channel)
    return id_


async def add_in_lane(
    connection: Connection, incident: UUID, way: Lane, kind: str = "alarm"
) -> UUID:
    """Add a notification on this way."""
    return await add_notification(
        connection, incident, kind=kind, channel=way.channel, route=way.route, target=way.target
    )


async def row_now(connection: Connection, id_: UUID | None) -> Mapping[str, Any]:
    """Return a notification as it is now."""
    row = await connection.fetchrow(
        "SELECT *, state::text AS now FROM notification WHERE id=$1", id_
    )
    assert row is not None
    return dict(row)


def incident_as(incident_id: UUID, state: IncidentState) -> Incident:
    """Return an incident in this state, as the plan of its notifications reads it."""
    now = datetime.now(UTC)
    return Incident(incident_id, "surface_damp", state, Level.WARNING, now, now, 2)


async def bundle_in(connection: Connection, told: UUID, bundle: UUID) -> None:
    """Cancel one because another tells of it."""
    await connection.execute(
        "UPDATE notification SET state = 'cancelled', finished_at = clock_timestamp(), "
        "bundled_in = $2 WHERE id = $1",
        told,
        bundle,
    )
