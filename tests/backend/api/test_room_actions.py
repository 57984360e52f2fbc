"""What people tell of a room over the stream: its cold spot, that it was cleaned."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from mould_watch.domain.hourly import hour_start
from mould_watch.storage.cold_spots import factors
from tests.support.configuration import Connection, requested
from tests.support.rooms import SOURCE, HomeForTests, Row
from tests.support.stream import Stream, document, room


def source(native_id: str) -> dict[str, Any]:
    return {"kind": "device", "source_instance": SOURCE, "native_id": native_id}


async def cold_wall(stream: Stream, connection: Connection, outdoor_c: float = -5.0) -> UUID:
    """Configure a room with a wall; its sensors have just said 20 °C inside."""
    home = HomeForTests(connection)
    now = datetime.now(UTC) - timedelta(minutes=5)
    for name, temperature_c in (("inside", 20.0), ("outside", outdoor_c)):
        await home.write(await home.device(name), [Row(now, 50.0, temperature_c)])
    room_id = uuid4()
    sources = {"temperature": source("inside"), "humidity": source("inside")}
    outside = source("outside")
    sent = document(
        room(room_id, sources=sources, protect="cold_wall", f_rsi=None),
        outdoor={"kind": "measured", "temperature": outside, "humidity": outside},
    )
    assert (await stream.request("configure", document=sent))["success"]
    await requested(connection)
    return room_id


async def test_a_cold_spot_is_taken_and_its_factor_returned(
    stream: Stream, connection: Connection
) -> None:
    room_id = await cold_wall(stream, connection)
    results = [
        (
            await stream.request(
                "record_cold_spot", room_id=str(room_id), surface_temperature_c=surface_c
            )
        )["result"]
        for surface_c in (12.5, 11.25, 12.0)
    ]
    assert [result["f_rsi"] for result in results] == [0.7, 0.675, 0.68]
    assert results[-1] == {
        "f_rsi": 0.68,
        "spread": 0.05,
        "readings": 3,
        "accepted": True,
        "is_used": True,
    }
    assert await requested(connection) == [room_id] * 3


async def test_a_press_that_is_sent_again_is_one_reading(
    stream: Stream, connection: Connection
) -> None:
    room_id = await cold_wall(stream, connection)
    asked = {
        "action_id": str(uuid4()),
        "room_id": str(room_id),
        "surface_temperature_c": 12.5,
    }
    first = await stream.request("record_cold_spot", **asked)
    again = await stream.request("record_cold_spot", **asked)
    assert first["result"] == again["result"]
    assert again["result"]["readings"] == 1


async def test_a_wall_that_became_another_begins_a_series_of_its_own(
    stream: Stream, connection: Connection
) -> None:
    room_id = await cold_wall(stream, connection)
    await stream.request("record_cold_spot", room_id=str(room_id), surface_temperature_c=10.0)
    insulated = await stream.request(
        "record_cold_spot", room_id=str(room_id), surface_temperature_c=16.25, applies_from="now"
    )
    assert (insulated["result"]["f_rsi"], insulated["result"]["readings"]) == (0.85, 1)
    more = await stream.request(
        "record_cold_spot", room_id=str(room_id), surface_temperature_c=15.75
    )
    assert (more["result"]["f_rsi"], more["result"]["readings"]) == (0.84, 2)


async def test_a_reading_belongs_to_the_wall_of_its_time(
    stream: Stream, connection: Connection
) -> None:
    """Whenever it is told of: what was measured before the wall became another is the old one."""
    room_id = await cold_wall(stream, connection)
    home = HomeForTests(connection)
    now = datetime.now(UTC)
    for days in (6, 4, 2):
        for name, temperature_c in (("inside", 20.0), ("outside", -5.0)):
            device_id = await connection.fetchval(
                "SELECT id FROM device WHERE native_id = $1", name
            )
            ts = now - timedelta(days=days, minutes=10)
            await home.write(device_id, [Row(ts, 50.0, temperature_c)])

    async def tell(surface_c: float, days: int, applies_from: str) -> tuple[float, int]:
        answer = await stream.request(
            "record_cold_spot",
            room_id=str(room_id),
            surface_temperature_c=surface_c,
            at=(now - timedelta(days=days)).isoformat(),
            applies_from=applies_from,
        )
        return answer["result"]["f_rsi"], answer["result"]["readings"]

    assert await tell(16.25, 0, "always") == (0.85, 1)
    # four days ago it was insulated: today's reading is one of the new wall
    assert await tell(15.75, 4, "now") == (0.84, 2)
    # told last, measured first
    assert await tell(10.0, 6, "always") == (0.6, 1)
    assert await tell(16.0, 2, "always") == (0.84, 3)
    (before, after) = await factors(connection, room_id)
    assert (before.f_rsi, after.f_rsi) == (0.6, 0.84)
    assert after.start == hour_start(now - timedelta(days=4))


@pytest.mark.parametrize(
    ("outdoor_c", "surface_c", "ago", "reason"),
    [
        (15.0, 17.0, timedelta(0), "difference_too_small"),
        (-5.0, 25.0, timedelta(0), "factor_out_of_range"),
        (-5.0, -4.0, timedelta(0), "factor_out_of_range"),
        (-5.0, 12.0, timedelta(hours=5), "before_first_reading"),
        (-5.0, 12.0, timedelta(hours=-1), "in_the_future"),
    ],
)
async def test_a_reading_that_says_nothing_is_refused_and_not_kept(
    stream: Stream,
    connection: Connection,
    *,
    outdoor_c: float,
    surface_c: float,
    ago: timedelta,
    reason: str,
) -> None:
    room_id = await cold_wall(stream, connection, outdoor_c)
    answer = await stream.request(
        "record_cold_spot",
        room_id=str(room_id),
        surface_temperature_c=surface_c,
        at=(datetime.now(UTC) - ago).isoformat(),
    )
    assert answer["error"]["code"] == "cold_spot_refused"
    assert answer["error"]["data"]["reason"] == reason
    assert len(answer["error"]["message"]) > 30
    assert await connection.fetchval("SELECT count(*) FROM cold_spot_reading") == 0


async def test_before_the_first_reading_it_says_when_that_was(
    stream: Stream, connection: Connection
) -> None:
    room_id = await cold_wall(stream, connection)
    home = HomeForTests(connection)
    first = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
    inside = await connection.fetchval("SELECT id FROM device WHERE native_id = 'inside'")
    await home.write(inside, [Row(first, 50.0, 20.0)])

    async def refused(at: datetime) -> dict[str, Any]:
        answer = await stream.request(
            "record_cold_spot",
            room_id=str(room_id),
            surface_temperature_c=12.0,
            at=at.isoformat(),
        )
        data: dict[str, Any] = answer["error"]["data"]
        return data

    assert await refused(first - timedelta(seconds=1)) == {
        "reason": "before_first_reading",
        "first_at": first.isoformat(),
    }
    # there were readings by then, but none near it
    assert (await refused(first + timedelta(hours=5)))["reason"] == "no_room_temperature"


async def test_a_clock_a_little_ahead_is_no_time_to_come(
    stream: Stream, connection: Connection
) -> None:
    room_id = await cold_wall(stream, connection)
    answer = await stream.request(
        "record_cold_spot",
        room_id=str(room_id),
        surface_temperature_c=12.5,
        at=(datetime.now(UTC) + timedelta(minutes=2)).isoformat(),
    )
    assert answer["success"]
    assert await connection.fetchval("SELECT at <= clock_timestamp() FROM cold_spot_reading")


async def test_a_wall_is_not_compared_with_an_outside_that_was_made_up(
    stream: Stream, connection: Connection
) -> None:
    room_id = await cold_wall(stream, connection)
    await connection.execute(
        "UPDATE configuration SET home = jsonb_set(home, '{outdoor}', $1)",
        {"kind": "fixed", "temperature_c": -5.0, "humidity_pct": 80.0},
    )
    answer = await stream.request(
        "record_cold_spot", room_id=str(room_id), surface_temperature_c=12.5
    )
    assert answer["error"]["data"]["reason"] == "no_outdoor_temperature"
    assert "fixed temperature" in answer["error"]["message"]
    assert await connection.fetchval("SELECT count(*) FROM cold_spot_reading") == 0


async def test_a_room_nobody_watches_is_unknown(stream: Stream, connection: Connection) -> None:
    await cold_wall(stream, connection)
    for request, more in (
        ("record_cold_spot", {"surface_temperature_c": 12.0}),
        ("start_episode", {}),
        ("episodes", {}),
    ):
        answer = await stream.request(request, room_id=str(uuid4()), **more)
        assert answer["error"]["code"] == "unknown_room"


async def test_a_room_without_an_episode_has_none(stream: Stream, connection: Connection) -> None:
    room_id = await cold_wall(stream, connection)
    answer = await stream.request("episodes", room_id=str(room_id))
    assert answer["result"] == {"peak_before_the_first": None, "episodes": []}


async def test_cleaning_begins_an_episode_once(stream: Stream, connection: Connection) -> None:
    room_id = await cold_wall(stream, connection)
    asked = {"action_id": str(uuid4()), "room_id": str(room_id)}
    first = await stream.request("start_episode", **asked)
    again = await stream.request("start_episode", **asked)
    renewed = await stream.request("start_episode", room_id=str(room_id), reason="renewed")
    assert first["result"] == again["result"]
    assert await requested(connection) == [room_id] * 3
    shown = (await stream.request("episodes", room_id=str(room_id)))["result"]["episodes"]
    assert [(one["reason"], one["start_index"]) for one in shown] == [
        ("cleaned", 0.0),
        ("renewed", 0.0),
    ]
    assert shown[0]["ended_at"] == shown[1]["began_at"] == renewed["result"]["began_at"]
