"""Applying a document: whose it is, which revision, which rooms, and nothing unasked."""

import asyncio
import contextlib
from typing import Any
from uuid import uuid4

import asyncpg

from tests.support.api import RunningApi
from tests.support.configuration import (
    TABLES,
    Connection,
    configs,
    devices,
    entity,
    everything,
    requested,
    sources,
)
from tests.support.stream import Stream, connect, document, room
from tests.support.waiting import until


async def test_a_new_room_is_stored_watched_and_to_be_judged(
    stream: Stream, connection: Connection
) -> None:
    room_id = uuid4()
    sent = room(room_id, damp_hours=4, f_rsi=None)
    answer = await stream.request("configure", document=document(sent))
    assert answer["result"] == {
        "revision": 1,
        "rooms": {str(room_id): {"ok": True}},
        "devices": [],
    }
    # what was not said stays unsaid, so that a better default reaches everyone
    assert await configs(connection, room_id) == [room(room_id, damp_hours=4.0)]
    assert await devices(connection, room_id) == {("mqtt:zigbee2mqtt", "0x01")}
    assert await requested(connection) == [room_id]
    row = await connection.fetchrow("SELECT owner, revision, home FROM configuration")
    assert row is not None
    assert tuple(row) == ("home-1", 1, {})


async def test_the_same_document_again_changes_nothing(
    stream: Stream, connection: Connection
) -> None:
    sent = document(room(uuid4()), room(uuid4(), "Cellar"), phones=["a"])
    await stream.request("configure", document=sent)
    before = await everything(connection)
    await requested(connection)
    answer = await stream.request("configure", document=sent)
    assert answer["success"]
    assert await everything(connection) == before
    assert await requested(connection) == []


async def test_a_lower_revision_changes_nothing_unless_chosen(
    stream: Stream, connection: Connection
) -> None:
    room_id = uuid4()
    await stream.request("configure", document=document(room(room_id), revision=7))
    before = await everything(connection)
    old = document(room(room_id, "Old name"), revision=6)
    answer = await stream.request("configure", document=old)
    assert answer["error"]["code"] == "revision_too_old"
    assert answer["error"]["data"] == {"revision": 7}
    assert await everything(connection) == before
    answer = await stream.request("configure", document=old, choice="use_this")
    assert answer["result"]["revision"] == 6
    assert await connection.fetchval("SELECT revision FROM configuration") == 6
    assert await connection.fetchval("SELECT name FROM room") == "Old name"


async def test_another_owner_changes_nothing_unless_chosen(
    api: RunningApi, stream: Stream, connection: Connection
) -> None:
    room_id = uuid4()
    ours = room(room_id, sources={"temperature": entity("t"), "humidity": entity("h")})
    await stream.request("configure", document=document(ours))
    assert await devices(connection, room_id) == {("ha:home-1", "t"), ("ha:home-1", "h")}
    before = await everything(connection)
    async with connect(api.url) as other:
        await other.open("home-2")
        theirs = document(ours, owner="home-2", revision=9)
        answer = await other.request("configure", document=theirs)
        assert answer["error"]["code"] == "other_owner"
        assert answer["error"]["data"] == {"owner": "home-1"}
        assert await everything(connection) == before

        answer = await other.request("configure", document=theirs, choice="use_this")
        assert answer["success"]
        # its entities are other devices, though nothing else about the room changed
        assert await devices(connection, room_id) == {("ha:home-2", "t"), ("ha:home-2", "h")}
        assert len(await configs(connection, room_id)) == 1
        told = await stream.receive("configuration", lambda message: message["owner"] == "home-2")
        assert told["revision"] == 9
    answer = await stream.request("configure", document=document(ours, revision=10))
    assert answer["error"]["code"] == "other_owner"


async def test_nobody_sends_a_document_in_the_name_of_another(
    stream: Stream, connection: Connection
) -> None:
    answer = await stream.request("configure", document=document(owner="home-2"))
    assert answer["error"]["code"] == "invalid_document"
    assert await connection.fetchval("SELECT count(*) FROM configuration") == 0


async def test_a_first_document_that_would_archive_asks_first(
    api: RunningApi, stream: Stream, connection: Connection
) -> None:
    kept, missing = uuid4(), uuid4()
    both = document(room(kept, "Kept"), room(missing, "Attic"))
    await stream.request("configure", document=both)
    before = await everything(connection)
    async with connect(api.url) as again:
        await again.open()
        one = document(room(kept, "Kept"), revision=2)
        for _ in range(2):  # a refused document is no first one
            answer = await again.request("configure", document=one)
            assert answer["error"]["code"] == "would_archive_rooms"
            assert answer["error"]["data"] == {
                "rooms": [{"room_id": str(missing), "name": "Attic"}]
            }
        assert await everything(connection) == before
        answer = await again.request("configure", document=one, choice="use_this")
        assert answer["success"]
        archived = await connection.fetch("SELECT id FROM room WHERE archived_at IS NOT NULL")
        assert [row["id"] for row in archived] == [missing]


async def test_a_later_document_without_a_room_archives_it_and_keeps_its_history(
    stream: Stream, connection: Connection
) -> None:
    kept, removed = uuid4(), uuid4()
    await stream.request("configure", document=document(room(kept), room(removed, "Attic")))
    await requested(connection)
    answer = await stream.request("configure", document=document(room(kept), revision=2))
    assert answer["result"]["rooms"] == {str(kept): {"ok": True}}
    assert await requested(connection) == [removed]
    assert await devices(connection, removed) == set()
    assert len(await configs(connection, removed)) == 1


async def test_an_empty_document_archives_nothing_unasked(
    api: RunningApi, stream: Stream, connection: Connection
) -> None:
    await stream.request("configure", document=document(room(uuid4())))
    before = await everything(connection)
    # neither in the middle of a connection nor as its first word
    answer = await stream.request("configure", document=document(revision=2))
    assert answer["error"]["code"] == "would_archive_rooms"
    async with connect(api.url) as again:
        await again.open()
        answer = await again.request("configure", document=document(revision=2))
        assert answer["error"]["code"] == "would_archive_rooms"
        assert await everything(connection) == before
        answer = await again.request("configure", document=document(revision=2), choice="use_this")
        assert answer["success"]
    assert await connection.fetchval("SELECT count(*) FROM room WHERE archived_at IS NULL") == 0


async def test_an_archived_room_comes_back_as_itself(
    stream: Stream, connection: Connection
) -> None:
    kept, returning = uuid4(), uuid4()
    both = [room(kept), room(returning, "Attic")]
    await stream.request("configure", document=document(*both))
    await stream.request("configure", document=document(both[0], revision=2))
    answer = await stream.request("restore")
    assert answer["result"] == {
        "document": document(both[0], revision=2),
        "archived": [both[1]],
    }
    await requested(connection)
    await stream.request("configure", document=document(*both, revision=3))
    assert await requested(connection) == [returning]
    assert await devices(connection, returning) == {("mqtt:zigbee2mqtt", "0x01")}
    assert len(await configs(connection, returning)) == 1


async def test_restore_before_any_document_is_empty(stream: Stream) -> None:
    answer = await stream.request("restore")
    assert answer["result"] == {"document": None, "archived": []}


async def test_a_bad_room_is_reported_stays_as_it_was_and_blocks_no_other(
    stream: Stream, connection: Connection
) -> None:
    changes: list[dict[str, Any]] = [
        {"f_rsi": 5},
        {"protect": "elephants"},
        {"sources": {}},
        {"name": ""},
        {"name": "a\x00b"},
        {"damp_hour": 4},
        {"recovery_hours": "soon"},
    ]
    known = uuid4()
    await stream.request("configure", document=document(room(known)))
    await requested(connection)
    others: list[dict[str, Any]] = []
    for number, change in enumerate(changes):
        other = uuid4()
        others.append(room(other, f"Other {number}"))
        sent = document(room(known, **change), *others, revision=2)
        answer = await stream.request("configure", document=sent)
        rooms = answer["result"]["rooms"]
        assert rooms[str(other)] == {"ok": True}
        assert rooms[str(known)]["code"] == "invalid_room", change
        assert rooms[str(known)]["message"]
        assert await configs(connection, known) == [room(known)]
        assert await devices(connection, known) == {("mqtt:zigbee2mqtt", "0x01")}
        assert await requested(connection) == [other]


async def test_a_bad_room_never_seen_is_only_reported(
    stream: Stream, connection: Connection
) -> None:
    bad = uuid4()
    answer = await stream.request("configure", document=document(room(bad, f_rsi=5)))
    assert answer["result"]["rooms"][str(bad)]["ok"] is False
    assert await connection.fetchval("SELECT count(*) FROM room") == 0


async def test_a_room_without_a_readable_id_archives_nothing(
    stream: Stream, connection: Connection
) -> None:
    first, second = uuid4(), uuid4()
    await stream.request("configure", document=document(room(first), room(second, "Attic")))
    sent = document(room(first), room("no uuid", "Attic"), revision=2)
    answer = await stream.request("configure", document=sent)
    assert answer["result"]["rooms"]["#2"]["code"] == "invalid_room"
    assert await connection.fetchval("SELECT count(*) FROM room WHERE archived_at IS NULL") == 2


async def test_a_room_named_twice_is_refused_and_stays_as_it_was(
    stream: Stream, connection: Connection
) -> None:
    room_id = uuid4()
    await stream.request("configure", document=document(room(room_id)))
    twice = document(room(room_id, "One"), room(room_id, "Two"), revision=2)
    answer = await stream.request("configure", document=twice)
    assert answer["result"]["rooms"][str(room_id)]["code"] == "duplicate_room"
    assert await connection.fetchval("SELECT name FROM room") == "Bathroom"


async def test_a_document_whose_head_is_broken_changes_nothing(
    stream: Stream, connection: Connection
) -> None:
    faults: list[dict[str, Any]] = [
        {"revision": -1},
        {"revision": "x"},
        {"home": {"phones": 3}},
        {"home": {"outdoor": {"kind": "moon"}}},
        {"home": {"language": "a\x00"}},
        {"rooms": None},
        {"rooms": {}},
    ]
    for fault in faults:
        answer = await stream.request("configure", document=document(room(uuid4())) | fault)
        assert answer["error"]["code"] == "invalid_document", fault
    assert await everything(connection) == {table: [] for table in TABLES}


async def test_trying_a_document_says_the_same_and_stores_nothing(
    stream: Stream, connection: Connection
) -> None:
    good, bad = uuid4(), uuid4()
    sent = document(room(good), room(bad, f_rsi=9))
    tried = await stream.request("check_configuration", document=sent)
    assert await everything(connection) == {table: [] for table in TABLES}
    assert await requested(connection) == []
    applied = await stream.request("configure", document=sent)
    assert tried["result"] == applied["result"]
    tried = await stream.request("check_configuration", document=sent | {"revision": 0})
    assert tried["error"]["code"] == "revision_too_old"


async def test_a_deadlock_with_ingestion_is_outlived(
    stream: Stream, connection: Connection
) -> None:
    def insert(native_id: str) -> str:
        return (
            "INSERT INTO device (source_instance, native_id, name) "  # noqa: S608 - a constant
            f"VALUES ('mqtt:json', '{native_id}', 'x')"
        )

    sent = room(
        uuid4(),
        sources={
            "temperature": sources("a")["temperature"],
            "humidity": sources("b")["humidity"],
        },
    )
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(insert("b"))
    async with asyncio.TaskGroup() as group:
        answer = group.create_task(stream.request("configure", document=document(sent)))
        await until(lambda: waits_for_lock(connection))
        with contextlib.suppress(asyncpg.DeadlockDetectedError):
            await connection.execute(insert("a"))
        await transaction.rollback()
    assert answer.result()["success"]


async def waits_for_lock(connection: Connection) -> bool:
    """Say whether somebody waits for a transaction to end."""
    return bool(
        await connection.fetchval(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
        )
    )


async def test_two_documents_at_once_are_applied_one_after_the_other(api: RunningApi) -> None:
    # the lock: without it both would insert the same room
    room_id = uuid4()
    async with connect(api.url) as first, connect(api.url) as second:
        await first.open("home-1")
        await second.open("home-2")
        for stream, owner in ((first, "home-1"), (second, "home-2")):
            await stream.send(
                {
                    "type": "configure",
                    "id": 900,
                    "document": document(room(room_id), owner=owner),
                    "choice": "use_this",
                }
            )
        for stream in (first, second):
            result = await stream.receive("result", lambda message: message["id"] == 900)
            assert result["success"]
