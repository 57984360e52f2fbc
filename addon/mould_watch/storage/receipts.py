"""Whether notifications arrived: receipts, and alarms said again for want of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("receipts")


@dataclass(frozen=True, slots=True)
class Repetition:
    """An alarm written once more. `via` "push" or "entity"."""

    notification_id: UUID
    incident_id: UUID
    target: str
    via: str
    room: str | None


async def record_receipt(connection: Connection, notification_id: UUID, instance_id: str) -> bool:
    """Record, once, that a notification arrived; False: there is none such for this instance."""
    found = await connection.fetchval(_QUERIES.record, notification_id, instance_id)
    return found is not None


async def repeat_unconfirmed(
    connection: Connection, *, receipt_wait_s: float, person_wait_s: float
) -> tuple[Sequence[Repetition], float | None]:
    """Write again every alarm of high severity that has waited too long for a sign.

    For a receipt `receipt_wait_s` seconds; where none is to be expected, for a person
    `person_wait_s` seconds, by the database's clock. Returns what was written, and the seconds
    until another will have waited too long (None: none waits).
    """
    rows = await connection.fetch(_QUERIES.repeat_unconfirmed, receipt_wait_s, person_wait_s)
    written = [
        Repetition(row["id"], row["incident_id"], row["target"], row["via"], row["room"])
        for row in rows
        if row["id"] is not None
    ]
    return written, rows[0]["next_s"]
