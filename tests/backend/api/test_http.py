"""The HTTP paths, over a real connection."""

from pathlib import Path
from uuid import uuid4

import aiohttp
import asyncpg

from mould_watch import __version__
from mould_watch.clock import SystemClock
from mould_watch.storage.database import Database
from tests.support.api import RunningApi, running_api
from tests.support.notifications import add_incident, add_notification
from tests.support.postgres import database_settings
from tests.support.stream import TOKEN, Stream, document, room

_HEADERS = {"Authorization": f"Bearer {TOKEN}"}

type Connection = asyncpg.Connection[asyncpg.Record]


async def get(url: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, object]]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers=_HEADERS if headers is None else headers) as response,
    ):
        return response.status, await response.json()


async def test_nothing_below_v1_is_answered_without_the_token(api: RunningApi) -> None:
    offers: list[dict[str, str]] = [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer gr\u00fcn"},
    ]
    for path in ("info", "devices", "rooms", "incidents", "notifications", "stream", "nothing"):
        for headers in offers:
            status, body = await get(f"{api.url}/v1/{path}", headers)
            assert status == 401
            assert body["error"] == {
                "code": "unauthorized",
                "message": "The token is missing or wrong.",
                "data": {},
            }


async def test_a_token_in_the_url_opens_nothing(api: RunningApi) -> None:
    status, _ = await get(f"{api.url}/v1/info?token={TOKEN}&access_token={TOKEN}", {})
    assert status == 401


async def test_healthz_needs_no_token(api: RunningApi) -> None:
    assert await get(f"{api.url}/healthz", {}) == (200, {"status": "ok"})


async def test_readyz_says_ready_and_what_it_waits_for(api: RunningApi) -> None:
    status, body = await get(f"{api.url}/readyz", {})
    assert (status, body["ready"], body["waiting_for"]) == (200, True, [])

    api.broker.state, api.broker.detail = "away", "connection refused"
    status, body = await get(f"{api.url}/readyz", {})
    assert (status, body["ready"], body["waiting_for"]) == (503, False, ["broker"])
    parts = body["parts"]
    assert isinstance(parts, dict)
    assert parts["broker"] == {"ready": False, "state": "away", "detail": "connection refused"}


async def test_without_a_database_it_answers_and_says_so(tmp_path: Path) -> None:
    # the database part does not even run: the first moment of a start
    settings = database_settings("postgresql://nobody@127.0.0.1:9/none", tmp_path)
    async with running_api(Database(settings, SystemClock())) as api:
        assert (await get(f"{api.url}/healthz"))[0] == 200
        status, ready = await get(f"{api.url}/readyz")
        assert (status, ready["waiting_for"]) == (503, ["database"])
        status, info = await get(f"{api.url}/v1/info")
        assert (status, info["backend_id"], info["rooms"]) == (200, None, None)
        assert info["services"] == ["chat", "mail"]
        for path in ("devices", "rooms", "incidents", "notifications"):
            status, body = await get(f"{api.url}/v1/{path}")
            assert status == 503
            error = body["error"]
            assert isinstance(error, dict)
            assert error["code"] == "database_unavailable"


async def test_info_says_who_the_backend_is(
    api: RunningApi, stream: Stream, connection: Connection
) -> None:
    await stream.request("configure", document=document(room(uuid4())))
    status, info = await get(f"{api.url}/v1/info")
    assert status == 200
    assert info == {
        "backend_id": str(await connection.fetchval("SELECT instance_id FROM instance")),
        "backend_version": __version__,
        "api": {"minimum": 1, "maximum": 1},
        "owner": "home-1",
        "rooms": 1,
        "services": ["chat", "mail"],
    }


async def test_devices_and_rooms_are_listed_archived_rooms_too(
    api: RunningApi, stream: Stream
) -> None:
    kept, removed = uuid4(), uuid4()
    both = document(room(kept, "Kept"), room(removed, "Removed"))
    await stream.request("configure", document=both)
    await stream.request("configure", document=document(room(kept, "Kept"), revision=2))

    _, body = await get(f"{api.url}/v1/rooms")
    rooms = body["rooms"]
    assert isinstance(rooms, list)
    assert [(entry["name"], entry["archived"]) for entry in rooms] == [
        ("Kept", False),
        ("Removed", True),
    ]
    assert rooms[0]["config"] == room(kept, "Kept")
    assert rooms[0]["condition"] is None

    _, body = await get(f"{api.url}/v1/devices")
    assert body["devices"] == [
        {
            "source_instance": "mqtt:zigbee2mqtt",
            "native_id": "0x01",
            "name": "0x01",
            "manufacturer": None,
            "model": None,
            "metrics": [],
            "qos": None,
            "available": None,
            "last_seen_at": None,
            "reporting_interval_s": None,
            "clock_wrong": False,
            "last_reading": None,
            "condition": None,
        }
    ]


async def test_incidents_and_notifications_are_listed_with_their_steps(
    api: RunningApi, connection: Connection
) -> None:
    incident_id = await add_incident(connection)
    notification_id = await add_notification(connection, incident_id)

    _, body = await get(f"{api.url}/v1/incidents?live=true")
    incidents = body["incidents"]
    assert isinstance(incidents, list)
    assert [(entry["incident_id"], entry["state"], entry["room"]) for entry in incidents] == [
        (str(incident_id), "verifying", "Bathroom")
    ]

    _, body = await get(f"{api.url}/v1/notifications?state=pending")
    notifications = body["notifications"]
    assert isinstance(notifications, list)
    assert [entry["notification_id"] for entry in notifications] == [str(notification_id)]
    assert [step["to_state"] for step in notifications[0]["steps"]] == ["pending"]

    _, body = await get(f"{api.url}/v1/notifications?state=sent")
    assert body["notifications"] == []


async def test_refusals_have_one_form(api: RunningApi) -> None:
    for path, status, code in (
        ("/v1/notifications?state=lost", 400, "invalid_parameter"),
        ("/v1/nothing", 404, "not_found"),
        ("/nothing", 404, "not_found"),
        ("/v1/stream", 400, "bad_request"),
    ):
        answered, body = await get(f"{api.url}{path}")
        error = body["error"]
        assert isinstance(error, dict)
        assert (answered, error["code"]) == (status, code)
        assert set(error) == {"code", "message", "data"}
