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
    ("changes", "needs_outdoor"),
    [
        ({"protect": "cold_wall"}, True),
        ({"protect": "window"}, True),
        ({"protect": "things"}, False),
        ({"protect": "cellar", "surface_temperature_c": 12.0}, False),
    ],
)
async def test_a_room_depends_on_the_outdoor_devices_its_surface_needs(
    stream: Stream, connection: Connection, changes: dict[str, Any], *, needs_outdoor: bool
) -> None:
    room_id = uuid4()
    sent = room(room_id, sources=sources("inside"), **changes)
    weather = {"kind": "weather", "weather": entity("w")}
    await stream.request("configure", document=document(sent, outdoor=weather))
    outdoor = {("ha:home-1", "w")} if needs_outdoor else set()
    assert await devices(connection, room_id) == {("mqtt:json", "inside")} | outdoor
    await requested(connection)

    measured = {"kind": "measured", "temperature": entity("t"), "humidity": entity("h")}
    await stream.request("configure", document=document(sent, revision=2, outdoor=measured))
    outdoor = {("ha:home-1", "t"), ("ha:home-1", "h")} if needs_outdoor else set()
    assert await devices(connection, room_id) == {("mqtt:json", "inside")} | outdoor
    assert await requested(connection) == ([room_id] if needs_outdoor else [])

    fixed = {"kind": "fixed", "temperature_c": 5.0, "humidity_pct": 80.0}
    await stream.request("configure", document=document(sent, revision=3, outdoor=fixed))
    assert await devices(connection, room_id) == {("mqtt:json", "inside")}
    await requested(connection)
    # no device tells a fixed climate, and yet the room is to be judged anew
    colder = fixed | {"temperature_c": -5.0}
    await stream.request("configure", document=document(sent, revision=4, outdoor=colder))
    assert await requested(connection) == ([room_id] if needs_outdoor else [])


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
