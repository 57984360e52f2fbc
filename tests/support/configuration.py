"""Looking at what a configuration document left in the database, and parts of documents."""

from typing import Any
from uuid import UUID

import asyncpg

type Connection = asyncpg.Connection[asyncpg.Record]

TABLES = (
    "configuration",
    "room",
    "room_config_version",
    "subject",
    "subject_device",
    "device",
    "device_config",
)


async def everything(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Return the content of every table a document may write to."""
    content = {}
    for table in TABLES:
        rows = await connection.fetch(f"SELECT * FROM {table} ORDER BY 1, 2")  # noqa: S608
        content[table] = [dict(row) for row in rows]
    return content


async def requested(connection: Connection) -> list[UUID]:
    """Take the evaluation requests; return the rooms they are for."""
    rows = await connection.fetch(
        "WITH taken AS (DELETE FROM evaluation_request RETURNING subject_id) "
        "SELECT room_id FROM taken JOIN subject ON subject.id = taken.subject_id"
    )
    return [row["room_id"] for row in rows]


async def configs(connection: Connection, room_id: UUID) -> list[dict[str, Any]]:
    """Return every version of a room, the oldest first."""
    rows = await connection.fetch(
        "SELECT config FROM room_config_version WHERE room_id = $1 ORDER BY valid_from", room_id
    )
    return [row["config"] for row in rows]


async def devices(connection: Connection, room_id: UUID) -> set[tuple[str, str]]:
    """Return the devices a room depends on."""
    rows = await connection.fetch(
        """
        SELECT device.source_instance, device.native_id FROM subject
        JOIN subject_device ON subject_device.subject_id = subject.id
        JOIN device ON device.id = subject_device.device_id
        WHERE subject.room_id = $1
        """,
        room_id,
    )
    return {(row["source_instance"], row["native_id"]) for row in rows}


def entity(registry_id: str) -> dict[str, str]:
    """Return a source that is a Home Assistant entity."""
    return {"kind": "entity", "registry_id": registry_id, "entity_id": f"sensor.{registry_id}"}


def sources(native_id: str) -> dict[str, Any]:
    """Return the sources of a room with one device for both metrics."""
    source = {"kind": "device", "source_instance": "mqtt:json", "native_id": native_id}
    return {"temperature": source, "humidity": source}
