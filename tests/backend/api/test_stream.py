"""The stream: opening, pushes, and what a misbehaving client meets."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from mould_watch import __version__
from mould_watch.api.session import SessionLimits
from mould_watch.storage.database import Database
from tests.support.api import RunningApi, running_api
from tests.support.postgres import PostgresForTests, started_database
from tests.support.stream import Stream, StreamClosedError, connect, document, room

type Connection = asyncpg.Connection[asyncpg.Record]


async def add_device(connection: Connection, native_id: str, name: str = "Sensor") -> None:
    await connection.execute(
        "INSERT INTO device (source_instance, native_id, name) VALUES ('mqtt:json', $1, $2)",
        native_id,
        name,
    )


async def set_condition(connection: Connection, room_id: UUID, level: str) -> None:
    """Leave a condition as an evaluation does."""
    condition = {"room_id": str(room_id), "level": level, "reason": "dry"}
    await connection.execute(
        """
        INSERT INTO condition (subject_id, condition, evaluated_at, next_evaluation_at)
        SELECT id, $2, $3, $3 FROM subject WHERE room_id = $1
        ON CONFLICT (subject_id) DO UPDATE SET condition = EXCLUDED.condition
        """,
        room_id,
        condition,
        datetime.now(UTC),
    )


async def test_a_new_client_is_welcomed_and_told_everything(
    api: RunningApi, connection: Connection
) -> None:
    await add_device(connection, "a")
    async with connect(api.url) as stream:
        welcome, snapshot = await stream.open()
    assert welcome == {
        "type": "welcome",
        "api_version": 1,
        "backend_id": str(await connection.fetchval("SELECT instance_id FROM instance")),
        "backend_version": __version__,
        "owner": None,
        "revision": None,
        "role": "unclaimed",
    }
    assert snapshot["rooms"] == []
    assert [device["native_id"] for device in snapshot["devices"]] == ["a"]
    assert snapshot["health"] == {
        "database": "ready",
        "broker": "ready",
        "dead_letters": 0,
        "detail": None,
    }


async def test_the_role_says_whose_document_counts(api: RunningApi) -> None:
    async with connect(api.url) as first, connect(api.url) as second:
        await first.open("home-1")
        await first.request("configure", document=document(owner="home-1"))
        welcome, _ = await second.open("home-2")
        assert (welcome["role"], welcome["owner"], welcome["revision"]) == ("reader", "home-1", 1)
    async with connect(api.url) as again:
        welcome, _ = await again.open("home-1")
        assert welcome["role"] == "owner"


@pytest.mark.parametrize(("version", "code"), [(2, "backend_too_old"), (0, "client_too_old")])
async def test_a_version_not_spoken_is_refused_with_the_side_to_update(
    api: RunningApi, version: int, code: str
) -> None:
    async with connect(api.url) as stream:
        await stream.hello(api_version=version)
        refused = await stream.receive("refused")
        assert refused["code"] == code
        assert await stream.closed() == 4002


async def test_without_a_hello_the_stream_is_closed(database: Database) -> None:
    async with (
        running_api(database, limits=SessionLimits(hello_s=0.1)) as api,
        connect(api.url) as stream,
    ):
        assert await stream.closed() == 4003


async def test_the_first_message_must_be_a_hello(api: RunningApi) -> None:
    hello = {"type": "hello", "api_version": 1, "client": "x", "client_version": "1"}
    first_messages: list[dict[str, Any]] = [
        {"type": "configure", "id": 1},
        {"type": "hello"},
        hello,
        hello | {"instance_id": "a\x00b"},
        hello | {"instance_id": 7},
    ]
    for message in first_messages:
        async with connect(api.url) as stream:
            await stream.send(message)
            assert await stream.closed() == 4003, message


async def test_a_frame_that_is_no_message_closes_the_stream(api: RunningApi) -> None:
    for frame in ("no json", "[]", "{}", '{"type": 1}', '{"type": "x", "n": NaN}'):
        async with connect(api.url) as stream:
            await stream.open()
            await stream.socket.send_str(frame)
            assert await stream.closed() == 4000, frame
    async with connect(api.url) as stream:
        await stream.open()
        await stream.socket.send_bytes(b"{}")
        assert await stream.closed() == 4000
    async with connect(api.url) as stream:
        await stream.open()
        await stream.send({"type": "restore", "id": "one"})
        assert await stream.closed() == 4000


async def test_unknown_words_of_a_newer_client_do_no_harm(stream: Stream) -> None:
    await stream.send({"type": "something_newer"})
    result = await stream.request("something_newer")
    assert (result["success"], result["error"]["code"]) == (False, "unknown_type")
    assert (await stream.request("restore", newer="word"))["success"]


async def test_a_request_that_is_not_well_formed_gets_an_error(stream: Stream) -> None:
    invalid: list[dict[str, object]] = [{}, {"document": []}, {"document": {}, "choice": "both"}]
    for content in invalid:
        result = await stream.request("configure", **content)
        assert result["error"]["code"] in {"invalid_message", "invalid_document"}


async def test_a_new_condition_is_pushed(
    api: RunningApi, stream: Stream, connection: Connection
) -> None:
    room_id = uuid4()
    await stream.request("configure", document=document(room(room_id)))
    pushed = await stream.receive("room")
    assert pushed["room"] == {
        "room_id": str(room_id),
        "name": "Bathroom",
        "config": room(room_id),
        "archived": False,
        "condition": None,
    }
    for level in ("none", "warning"):
        await set_condition(connection, room_id, level)
        pushed = await stream.receive("room")
        assert pushed["room"]["condition"]["level"] == level
    assert api.hub.ready_instances() == frozenset()


async def test_a_client_converges_when_every_wake_up_is_lost(
    stream: Stream, connection: Connection
) -> None:
    room_id = uuid4()
    await stream.request("configure", document=document(room(room_id)))
    await stream.receive("room")
    await connection.execute("ALTER TABLE condition DISABLE TRIGGER condition_wake")
    await connection.execute("ALTER TABLE device DISABLE TRIGGER device_wake")
    await set_condition(connection, room_id, "watch")
    await add_device(connection, "quiet")
    pushed = await stream.receive("room")
    assert pushed["room"]["condition"]["level"] == "watch"
    await stream.receive("device", lambda message: message["device"]["native_id"] == "quiet")


async def test_removing_and_renaming_rooms_is_pushed(stream: Stream) -> None:
    kept, removed = uuid4(), uuid4()
    await stream.request("configure", document=document(room(kept), room(removed, "Attic")))
    await stream.receive("room", lambda message: message["room"]["room_id"] == str(removed))
    await stream.receive("room", lambda message: message["room"]["room_id"] == str(kept))
    await stream.request("configure", document=document(room(kept, "Bath"), revision=2))
    assert (await stream.receive("room_removed"))["room_id"] == str(removed)
    assert (await stream.receive("room"))["room"]["name"] == "Bath"
    told = await stream.receive("configuration", lambda message: message["revision"] == 2)
    assert told == {"type": "configuration", "owner": "home-1", "revision": 2}


async def test_a_device_that_chatters_is_told_now_and_then_and_ends_as_it_is(
    api: RunningApi, stream: Stream, connection: Connection
) -> None:
    began_s = time.monotonic()
    await add_device(connection, "chatty", "0")
    first = await stream.receive("device")
    assert first["device"]["name"] == "0"
    told: list[str] = []
    for number in range(1, 40):
        await connection.execute("UPDATE device SET name = $1", str(number))
        await asyncio.sleep(0.01)  # a chattering device, not a wait
    while not told or told[-1] != "39":
        told.append((await stream.receive("device"))["device"]["name"])
    assert len(told) <= (time.monotonic() - began_s) / api.feed._device_interval_s
    _, snapshot = await _reopened(api)
    assert snapshot["devices"][0]["name"] == "39"


async def test_a_device_merged_into_another_is_told_as_removed(
    stream: Stream, connection: Connection
) -> None:
    await add_device(connection, "topic")
    await add_device(connection, "address")
    for _ in range(2):
        await stream.receive("device")
    await connection.execute(
        "UPDATE device SET merged_into = (SELECT id FROM device WHERE native_id = 'address') "
        "WHERE native_id = 'topic'"
    )
    removed = await stream.receive("device_removed")
    assert (removed["source_instance"], removed["native_id"]) == ("mqtt:json", "topic")


async def test_the_brokers_health_is_pushed(api: RunningApi, stream: Stream) -> None:
    api.broker.state, api.broker.detail = "away", "The broker refuses the password."
    told = await stream.receive("health", lambda message: message["health"]["broker"] == "away")
    assert told["health"]["detail"] == "The broker refuses the password."


async def test_the_newest_connection_of_an_instance_wins(api: RunningApi) -> None:
    async with connect(api.url) as older, connect(api.url) as newer, connect(api.url) as other:
        await older.open("home-1")
        await other.open("home-2")
        await older.request("ready_to_deliver")
        await newer.open("home-1")
        assert await older.closed() == 4001
        assert api.hub.ready_instances() == frozenset()
        await newer.request("ready_to_deliver")
        assert api.hub.ready_instances() == {"home-1"}
        assert (await other.request("restore"))["success"]


@pytest.mark.slow
async def test_a_client_that_does_not_read_is_dropped_and_gets_a_snapshot_when_back(
    database: Database, connection: Connection
) -> None:
    limits = SessionLimits(outbox_characters=2_000_000)
    await connection.execute(
        "INSERT INTO device (source_instance, native_id, name) "
        "SELECT 'mqtt:json', number, repeat('x', 9000) FROM generate_series(1, 100) AS number"
    )
    async with running_api(database, limits=limits, device_interval_s=0.0) as api:
        async with connect(api.url) as stream:
            await stream.open()
            await stream.request("ready_to_deliver")
            # the client reads no more, the backend goes on telling
            client_side = stream.socket._conn
            assert client_side is not None
            assert client_side.transport is not None
            client_side.transport.pause_reading()
            async with asyncio.timeout(60):
                while api.hub.ready_instances():
                    await connection.execute("UPDATE device SET name = name || 'x'")
                    await asyncio.sleep(0.05)
            # or leaving would wait for the answer to a goodbye that it does not read
            client_side.transport.abort()
        async with connect(api.url) as stream:
            _, snapshot = await stream.open()
            assert len(snapshot["devices"]) == 100


async def test_a_flood_of_requests_is_answered_with_an_error_each(database: Database) -> None:
    async with (
        running_api(database, limits=SessionLimits(requests_waiting=2)) as api,
        connect(api.url) as stream,
    ):
        await stream.open()
        for number in range(50):
            await stream.send({"type": "restore", "id": number})
        results = [await stream.receive("result") for _ in range(50)]
    assert {result["id"] for result in results} == set(range(50))
    codes = {result["error"]["code"] for result in results if not result["success"]}
    assert codes <= {"too_many_requests"}


async def test_the_stream_outlives_the_database_being_away(
    postgres: PostgresForTests, database_url: str, tmp_path: Path, connection: Connection
) -> None:
    name = await connection.fetchval("SELECT current_database()")
    async with (
        started_database(database_url, tmp_path) as database,
        running_api(database) as api,
        connect(api.url) as stream,
    ):
        await stream.open()
        room_id = uuid4()
        await stream.request("configure", document=document(room(room_id)))
        await stream.receive("room")

        administrator = await asyncpg.connect(postgres.server.address_of("postgres"))
        try:
            await administrator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            await administrator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = $1 AND pid <> $2",
                name,
                connection.get_server_pid(),
            )
            await stream.receive("health", lambda told: told["health"]["database"] != "ready")
            result = await stream.request("configure", document=document(revision=2))
            assert result["error"]["code"] == "database_unavailable"

            # somebody who comes meanwhile is told the health, and welcomed later
            async with connect(api.url) as late:
                await late.hello("home-2")
                told = await late.receive("health")
                assert told["health"]["database"] != "ready"
                assert "welcome" not in {message["type"] for message in late.kept}

                await set_condition(connection, room_id, "warning")
                await administrator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
                await stream.receive("health", lambda told: told["health"]["database"] == "ready")
                pushed = await stream.receive("room")
                assert pushed["room"]["condition"]["level"] == "warning"
                await late.receive("welcome")
                snapshot = await late.receive("snapshot")
                assert snapshot["rooms"][0]["condition"]["level"] == "warning"
        finally:
            await administrator.close()


async def test_a_stopping_backend_says_goodbye(database: Database) -> None:
    async with running_api(database) as api, connect(api.url) as stream:
        await stream.open()
        api.hub.close_all()
        assert await stream.closed() == 1001


async def _reopened(api: RunningApi) -> tuple[dict[str, Any], dict[str, Any]]:
    async with connect(api.url) as stream:
        return await stream.open()


async def test_a_connection_lost_is_forgotten(api: RunningApi) -> None:
    async with connect(api.url) as stream:
        await stream.open()
        await stream.request("ready_to_deliver")
        assert api.hub.ready_instances() == {"home-1"}
    async with asyncio.timeout(30):
        while api.hub.ready_instances():
            await api.hub.wait_for_change(1)
    with pytest.raises(StreamClosedError):
        await stream.receive("anything")
