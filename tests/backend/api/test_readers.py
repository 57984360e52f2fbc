"""Another Home Assistant owns the backend: whoever only reads changes nothing of its house."""

from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.api import RunningApi
from tests.support.configuration import Connection, everything
from tests.support.notifications import add_incident, add_notification
from tests.support.stream import Stream, connect, document, room

_TABLES = ("cold_spot_reading", "mould_episode", "incident_action", "notification_receipt")
ROOM = uuid4()


@pytest.fixture
async def reader(api: RunningApi, stream: Stream) -> AsyncGenerator[Stream]:
    """Yield a stream of `home-2`, where `home-1` has a room."""
    assert (await stream.request("configure", document=document(room(ROOM))))["success"]
    async with connect(api.url) as reader:
        welcome, _ = await reader.open("home-2")
        assert welcome["role"] == "reader"
        yield reader


async def stored(connection: Connection) -> dict[str, Any]:
    """Return all that somebody may write over the stream, but for readings."""
    found: dict[str, Any] = await everything(connection)
    for table in (*_TABLES, "incident", "transition", "evaluation_request"):
        rows = await connection.fetch(f"SELECT * FROM {table} ORDER BY 1, 2")  # noqa: S608
        found[table] = [dict(row) for row in rows]
    return found


@pytest.mark.parametrize(
    ("request_type", "content"),
    [
        ("record_cold_spot", {"room_id": str(ROOM), "surface_temperature_c": 12.0}),
        ("start_episode", {"room_id": str(ROOM)}),
        ("configure", {"document": document(owner="home-2", revision=9)}),
        ("check_configuration", {"document": document(owner="home-2", revision=9)}),
    ],
)
async def test_a_reader_changes_nothing(
    reader: Stream, connection: Connection, request_type: str, content: dict[str, Any]
) -> None:
    before = await stored(connection)
    answer = await reader.request(request_type, **content)
    assert answer["error"]["code"] == "other_owner"
    assert answer["error"]["data"] == {"owner": "home-1"}
    assert "Another Home Assistant" in answer["error"]["message"]
    assert await stored(connection) == before


async def test_what_only_reads_is_answered(reader: Stream) -> None:
    assert (await reader.request("episodes", room_id=str(ROOM)))["success"]
    assert (await reader.request("restore"))["result"]["document"]["owner"] == "home-1"


@pytest.fixture
async def incident_id(connection: Connection) -> UUID:
    return await add_incident(connection, "Study")


@pytest.mark.parametrize("action", ["seen", "unsnooze"])
async def test_a_reader_reacts_to_no_incident_that_nobody_told_it_of(
    reader: Stream, connection: Connection, incident_id: UUID, action: str
) -> None:
    """Neither without a notification, nor with the owner's, nor with one about something else."""
    other = await add_incident(connection, "Attic")
    notifications = [
        None,
        str(uuid4()),
        str(await add_notification(connection, incident_id)),
        str(await add_notification(connection, other, route="home-2")),
        str(await add_notification(connection, incident_id, channel="apprise", route="home-2")),
    ]
    before = await stored(connection)
    for notification_id in notifications:
        answer = await reader.request(
            "incident_action",
            action_id=str(uuid4()),
            incident_id=str(incident_id),
            action=action,
            notification_id=notification_id,
        )
        assert answer["error"]["code"] == "other_owner"
    assert await stored(connection) == before


async def test_who_was_told_may_answer_after_another_has_taken_over(
    reader: Stream, connection: Connection, incident_id: UUID
) -> None:
    told = await add_notification(connection, incident_id, route="home-2")
    answer = await reader.request(
        "incident_action",
        action_id=str(uuid4()),
        incident_id=str(incident_id),
        action="seen",
        notification_id=str(told),
    )
    assert answer["result"]["outcome"] == "done"


async def test_a_phone_confirms_only_what_was_sent_to_its_home(
    reader: Stream, stream: Stream, connection: Connection, incident_id: UUID
) -> None:
    """The owner's alarm is said again while it has no receipt of its own."""
    notification_id = str(await add_notification(connection, incident_id))
    answer = await reader.request("notification_receipt", notification_id=notification_id)
    assert answer["result"] == {"is_known": False}
    assert await connection.fetchval("SELECT count(*) FROM notification_receipt") == 0
    answer = await stream.request("notification_receipt", notification_id=notification_id)
    assert answer["result"] == {"is_known": True}


async def test_who_loses_the_backend_while_connected_only_reads_from_then_on(
    stream: Stream, reader: Stream
) -> None:
    taken_over = document(room(ROOM), owner="home-2", revision=2)
    answer = await reader.request("configure", document=taken_over, choice="use_this")
    assert answer["success"]
    assert (await reader.request("start_episode", room_id=str(ROOM)))["success"]
    answer = await stream.request("start_episode", room_id=str(ROOM))
    assert answer["error"]["code"] == "other_owner"
