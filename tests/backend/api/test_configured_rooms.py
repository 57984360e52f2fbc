"""What a document changes about each of its rooms, and what it leaves alone."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.api import RunningApi
from tests.support.configuration import (
    Connection,
    configs,
    devices,
    entity,
    everything,
    requested,
    sources,
)
from tests.support.stream import Stream, connect, document, room


async def test_renaming_changes_the_name_alone(stream: Stream, connection: Connection) -> None:
    room_id, other = uuid4(), uuid4()
    await stream.request("configure", document=document(room(room_id), room(other, "Other")))
    before = await everything(connection)
    await requested(connection)
    renamed = document(room(room_id, "Bath"), room(other, "Other"), revision=2)
    await stream.request("configure", document=renamed)
    assert await requested(connection) == []
    after = await everything(connection)
    for table in ("subject", "subject_device", "device"):
        assert after[table] == before[table]
    assert await configs(connection, room_id) == [room(room_id, "Bath")]
    assert [row["name"] for row in after["room"] if row["id"] == room_id] == ["Bath"]


async def test_a_changed_room_counts_from_now_and_no_other_is_touched(
    stream: Stream, connection: Connection
) -> None:
    changed, other = uuid4(), uuid4()
    await stream.request("configure", document=document(room(changed), room(other, "Other")))
    await requested(connection)
    new = room(changed, "Bath", sources=sources("new"), damp_hours=3.0)
    await stream.request("configure", document=document(new, room(other, "Other"), revision=2))
    assert await requested(connection) == [changed]
    assert await configs(connection, changed) == [room(changed), new]
    assert await configs(connection, other) == [room(other, "Other")]
    assert await devices(connection, changed) == {("mqtt:json", "new")}


async def test_other_phones_or_another_owner_have_every_room_looked_at_again(
    api: RunningApi, stream: Stream, connection: Connection
) -> None:
    bath, attic = room(uuid4()), room(uuid4(), "Attic")
    both = sorted([UUID(bath["room_id"]), UUID(attic["room_id"])])
    await stream.request("configure", document=document(bath, attic, phones=["a"]))
    assert sorted(await requested(connection)) == both
    more = document(bath, attic, phones=["a", "b"], revision=2)
    await stream.request("configure", document=more)
    assert sorted(await requested(connection)) == both
    async with connect(api.url) as other:
        await other.open("home-2")
        theirs = more | {"owner": "home-2"}
        await other.request("configure", document=theirs, choice="use_this")
    assert sorted(await requested(connection)) == both


@pytest.mark.parametrize(
    "changes",
    [
        {"protect": "cold_wall"},
        {"protect": "things"},
        {"protect": "cellar", "surface_temperature_c": 12.0},
    ],
)
async def test_a_room_depends_on_the_outdoor_devices_whatever_its_surface(
    stream: Stream, connection: Connection, changes: dict[str, Any]
) -> None:
    """Its hourly climate is kept for ever: a surface that needs them may come later."""
    room_id = uuid4()
    sent = room(room_id, sources=sources("inside"), **changes)
    weather = {"kind": "weather", "weather": entity("w")}
    await stream.request("configure", document=document(sent, outdoor=weather))
    inside = {("mqtt:json", "inside")}
    assert await devices(connection, room_id) == inside | {("ha:home-1", "w")}
    await requested(connection)

    measured = {"kind": "measured", "temperature": entity("t"), "humidity": entity("h")}
    await stream.request("configure", document=document(sent, revision=2, outdoor=measured))
    assert await devices(connection, room_id) == inside | {("ha:home-1", "t"), ("ha:home-1", "h")}
    assert await requested(connection) == [room_id]

    fixed = {"kind": "fixed", "temperature_c": 5.0, "humidity_pct": 80.0}
    await stream.request("configure", document=document(sent, revision=3, outdoor=fixed))
    assert await devices(connection, room_id) == inside
    await requested(connection)
    # no device tells a fixed climate, and yet the room is to be judged anew
    colder = fixed | {"temperature_c": -5.0}
    await stream.request("configure", document=document(sent, revision=4, outdoor=colder))
    assert await requested(connection) == [room_id]
    # every one of them is remembered: hours of then are what they were
    rows = await connection.fetch("SELECT outdoor ->> 'kind' AS kind FROM home_version ORDER BY 1")
    assert [row["kind"] for row in rows] == ["fixed", "fixed", "measured", "weather"]


async def versions(connection: Connection, room_id: UUID) -> list[tuple[float | None, bool]]:
    rows = await connection.fetch(
        "SELECT config, is_always FROM room_config_version WHERE room_id = $1 ORDER BY valid_from",
        room_id,
    )
    return [(row["config"].get("f_rsi"), row["is_always"]) for row in rows]


async def test_a_change_counts_from_now_or_always_as_it_says(
    stream: Stream, connection: Connection
) -> None:
    room_id = uuid4()
    changes: list[dict[str, Any]] = [
        {"f_rsi": 0.7},
        {"f_rsi": 0.6, "applies_from": "now"},
        {"f_rsi": 0.65, "applies_from": "always"},
        # how it was changed is no part of what it is
        {"f_rsi": 0.65},
    ]
    for revision, change in enumerate(changes, start=1):
        sent = room(room_id, **change)
        await stream.request("configure", document=document(sent, revision=revision))
    assert await versions(connection, room_id) == [(0.7, False), (0.6, False), (0.65, True)]
    restored = await stream.request("restore")
    assert "applies_from" not in restored["result"]["document"]["rooms"][0]


async def test_mould_that_is_seen_begins_an_episode(stream: Stream, connection: Connection) -> None:
    room_id = uuid4()
    seen: list[str | None] = ["spots", "spots", "none", "a_lot"]
    for revision, word in enumerate(seen, start=1):
        sent = room(room_id, visible_mould=word, f_rsi=0.5 + revision / 100)
        await stream.request("configure", document=document(sent, revision=revision))
    rows = await connection.fetch(
        "SELECT reason, start_index FROM mould_episode WHERE room_id = $1 ORDER BY began_at",
        room_id,
    )
    assert [tuple(row) for row in rows] == [("told", 3.0), ("told", 4.0)]


async def test_a_device_merged_into_another_is_followed(
    stream: Stream, connection: Connection
) -> None:
    await connection.execute(
        """
        INSERT INTO device (source_instance, native_id, name)
        VALUES ('mqtt:json', 'topic', 't'), ('mqtt:json', 'address', 'a')
        """
    )
    await connection.execute(
        "UPDATE device SET merged_into = (SELECT id FROM device WHERE native_id = 'address') "
        "WHERE native_id = 'topic'"
    )
    room_id = uuid4()
    await stream.request("configure", document=document(room(room_id, sources=sources("topic"))))
    assert await devices(connection, room_id) == {("mqtt:json", "address")}
