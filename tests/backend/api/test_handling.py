"""Presses and receipts over the stream and over HTTP, in a real database."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.support.api import RunningApi, ask
from tests.support.notifications import add_incident, add_notification
from tests.support.stream import Stream

type Connection = asyncpg.Connection[asyncpg.Record]


@pytest.fixture
async def incident_id(connection: Connection) -> UUID:
    return await add_incident(connection)


def press(incident_id: object, action: str = "seen", **more: object) -> dict[str, object]:
    return {"action_id": str(uuid4()), "incident_id": str(incident_id), "action": action} | more


async def result_of(stream: Stream, pressed: dict[str, object]) -> dict[str, Any]:
    answered = await stream.request("incident_action", **pressed)
    assert answered["success"], answered
    result: dict[str, Any] = answered["result"]
    return result


async def test_a_press_is_taken_once_over_whatever_way_it_comes(
    api: RunningApi, stream: Stream, incident_id: UUID
) -> None:
    pressed = press(incident_id)
    first = await result_of(stream, pressed)
    assert (first["outcome"], first["is_repeated"]) == ("done", False)
    assert first["incident"]["incident_id"] == str(incident_id)
    assert first["incident"]["acknowledged_at"] is not None
    again = await result_of(stream, pressed)
    assert (again["outcome"], again["is_repeated"]) == ("done", True)
    path = f"{api.url}/v1/incidents/{incident_id}/actions"
    body = {name: pressed[name] for name in ("action_id", "action")}
    status, answered = await ask(path, "POST", body=body)
    assert (status, answered["outcome"], answered["is_repeated"]) == (200, "done", True)
    status, answered = await ask(path, "POST", body=body | {"action_id": str(uuid4())})
    assert (status, answered["outcome"], answered["is_repeated"]) == (200, "unchanged", False)


async def test_an_incident_is_put_off_and_taken_back(stream: Stream, incident_id: UUID) -> None:
    until = (datetime.now(UTC) + timedelta(hours=12)).isoformat()
    put_off = await result_of(stream, press(incident_id, "snooze", until=until))
    stored = put_off["incident"]["snoozed_until"]
    assert datetime.fromisoformat(stored) == datetime.fromisoformat(until)
    taken_back = await result_of(stream, press(incident_id, "unsnooze"))
    assert taken_back["incident"]["snoozed_until"] is None


async def test_a_time_that_does_not_fit_is_refused_and_nothing_changes(
    stream: Stream, incident_id: UUID, connection: Connection
) -> None:
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    for pressed in (press(incident_id, "snooze"), press(incident_id, "snooze", until=past)):
        answered = await stream.request("incident_action", **pressed)
        assert answered["error"]["code"] == "invalid_until"
    assert await connection.fetchval("SELECT count(*) FROM incident_action") == 0


@pytest.mark.parametrize(
    "wrong", [{"action": "shout"}, {"action_id": "1"}, {"until": "tomorrow"}, {"incident_id": ""}]
)
async def test_what_is_not_well_formed_is_refused(
    api: RunningApi, stream: Stream, incident_id: UUID, wrong: dict[str, object]
) -> None:
    pressed = press(incident_id) | wrong
    answered = await stream.request("incident_action", **pressed)
    assert answered["error"]["code"] == "invalid_message"
    if "incident_id" not in wrong:
        path = f"{api.url}/v1/incidents/{incident_id}/actions"
        status, body = await ask(path, "POST", body=pressed)
        assert (status, body["error"]["code"]) == (400, "invalid_message")


async def test_a_press_about_nothing_is_told_so(api: RunningApi, stream: Stream) -> None:
    assert await result_of(stream, press(uuid4())) == {
        "outcome": "unknown",
        "is_repeated": False,
        "incident": None,
    }
    path = f"{api.url}/v1/incidents/{uuid4()}/actions"
    status, body = await ask(path, "POST", body=press(uuid4()))
    assert (status, body["error"]["code"]) == (404, "unknown_incident")


async def test_a_receipt_is_kept_once_and_shown(
    api: RunningApi, stream: Stream, incident_id: UUID, connection: Connection
) -> None:
    notification_id = await add_notification(connection, incident_id)
    shown: list[Any] = []
    for _ in range(2):
        answered = await stream.request(
            "notification_receipt", notification_id=str(notification_id)
        )
        assert answered["result"] == {"is_known": True}
        _, body = await ask(f"{api.url}/v1/notifications")
        shown.append(body["notifications"][0]["confirmed_at"])
    assert shown[0] is not None
    assert shown[0] == shown[1]
    answered = await stream.request("notification_receipt", notification_id=str(uuid4()))
    assert answered["result"] == {"is_known": False}


async def test_what_is_shown_and_not_in_the_database_is_said(
    stream: Stream, incident_id: UUID
) -> None:
    """A database restored from an earlier dump: nobody else would ever take it away."""
    unknown = uuid4()
    answered = await stream.request("ready_to_deliver", incidents=[str(incident_id), str(unknown)])
    assert answered["result"] == {"forgotten": [str(unknown)]}
    assert (await stream.request("ready_to_deliver"))["result"] == {"forgotten": []}


async def test_whatever_is_asked_notifications_may_come(api: RunningApi, stream: Stream) -> None:
    answered = await stream.request("ready_to_deliver", incidents=["no id"])
    assert answered["error"]["code"] == "invalid_message"
    assert api.hub.ready_instances()
