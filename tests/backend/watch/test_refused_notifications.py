"""What no notification may be: the database itself refuses it."""

import asyncpg
import pytest

from mould_watch.domain.incident_action import Action
from mould_watch.storage.database import Connection
from tests.support.damp_rooms import becomes_damp, room_of
from tests.support.rooms import RoomForTests
from tests.support.watched_values import Household


async def write(connection: Connection, kind: str) -> None:
    await connection.execute(
        "INSERT INTO notification (transition_id, incident_id, channel, route, target, sequence,"
        " kind, severity, message)"
        " SELECT transition_id, incident_id, channel, route, target, sequence + 10, $1, severity,"
        " message FROM notification LIMIT 1",
        kind,
    )


@pytest.mark.parametrize("kind", ["reminder", "step_up"])
async def test_the_database_refuses_to_remind_of_what_was_seen(
    household: Household, bath: RoomForTests, connection: Connection, kind: str
) -> None:
    await becomes_damp(household, bath)
    await household.press(Action.SEEN)
    with pytest.raises(asyncpg.PostgresError, match="only of what is open"):
        await write(connection, kind)


async def test_the_database_refuses_a_summary_of_nothing(
    household: Household, bath: RoomForTests, connection: Connection
) -> None:
    await becomes_damp(household, bath)
    with pytest.raises(asyncpg.PostgresError, match="summary of nothing"):
        await write(connection, "summary")


async def test_the_database_refuses_a_notification_under_the_transition_of_another_incident(
    household: Household, connection: Connection
) -> None:
    for name in ("Bath", "Attic"):
        await becomes_damp(household, await room_of(household, name, "warning"))
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await connection.execute(
            "INSERT INTO notification (transition_id, incident_id, channel, route, target,"
            " sequence, kind, severity, message) SELECT max(transition_id),"
            " (SELECT incident_id FROM notification ORDER BY transition_id LIMIT 1), 'c', 'r',"
            " 't', 1, 'alarm', 'warning', '{}' FROM notification"
        )


async def test_the_database_refuses_an_unknown_kind(
    household: Household, bath: RoomForTests, connection: Connection
) -> None:
    await becomes_damp(household, bath)
    with pytest.raises(asyncpg.CheckViolationError):
        await write(connection, "greeting")
