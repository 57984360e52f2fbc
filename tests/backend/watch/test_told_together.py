"""Several troubles of one room are one push, and each is over by itself."""

from datetime import timedelta
from uuid import UUID

import pytest

from mould_watch.storage.database import Connection
from tests.support.climate import NOON, hours
from tests.support.damp_rooms import DAMP, DRY, becomes_damp, becomes_dry, room_of
from tests.support.rooms import RoomForTests, Row
from tests.support.watched_values import MINUTE, Household, too_damp


async def test_three_troubles_of_a_room_are_one_push(household: Household) -> None:
    room = await room_of(household, "Bath", "warning", "warning", "warning")
    await becomes_damp(household, room)
    await household.go_on(MINUTE)
    (one,) = household.heard
    assert one["kind"] == "alarm"
    assert one["body"].endswith(
        "\nAlso: the humidity is 80 %, above 61 %; the humidity is 80 %, above 62 %."
    )
    told = await household.home.fetch("SELECT DISTINCT bundled_in FROM notification ORDER BY 1")
    assert len(told) == 2  # the one that says it, and those it says
    # and each is over by itself, told together again
    await becomes_dry(household, room)
    await household.go_on(MINUTE)
    assert household.kinds().count("recovery") == 1


async def test_the_others_speak_when_the_one_that_spoke_for_them_is_over(
    household: Household,
) -> None:
    room = await room_of(household, "Bath", "warning", "warning")
    await becomes_damp(household, room)
    await household.go_on(MINUTE)
    first = household.heard[0]["incident_id"]
    (spoken,) = await household.home.fetch("SELECT rule_id FROM incident WHERE id = $1", first)
    kept = [one for one in (7, 8) if f"threshold:{UUID(int=one)}" != spoken["rule_id"]]
    await room.configure(
        metric_thresholds=[too_damp(UUID(int=kept[0]), "warning", 53.0 + kept[0])],
        rules={"mould_level": {"notify": False}},
    )
    await household.go_on()
    await household.go_on(MINUTE)
    assert household.kinds() == ["alarm", "clear", "alarm"]
    assert household.heard[2]["incident_id"] != first


async def test_other_rooms_are_told_by_themselves(household: Household) -> None:
    rooms = [await room_of(household, name, "warning") for name in ("Bath", "Attic")]
    for room in rooms:
        await household.measure(room, DAMP)
    await household.go_on()
    await household.go_on(MINUTE)
    assert household.kinds() == ["alarm", "alarm"]


async def test_a_room_heard_of_by_three_silent_devices_is_told_once(
    household: Household,
) -> None:
    """Devices are evidence: the room without data speaks for its sensors."""
    room = await household.home.room("Bath")
    await household.home.write(room.device_id, [Row(NOON, DRY)])
    await household.home.connection.execute(
        "INSERT INTO backend_state (part, is_well, since, reported_at)"
        " VALUES ('broker', true, $1, $2)",
        NOON - hours(1),
        NOON + hours(31),
    )
    await household.home.connection.execute(
        "INSERT INTO subject (device_id) VALUES ($1)", room.device_id
    )
    await household.home.connection.execute(
        "INSERT INTO evaluation_request (subject_id, from_ts) SELECT id, $1 FROM subject", NOON
    )
    await household.home.connection.execute(
        "UPDATE device SET last_seen_at = $1, first_seen_at = $1,"
        " metrics = metrics || '{battery_pct}'",
        NOON,
    )
    await household.go_on()
    for _ in range(60):
        await household.go_on(timedelta(minutes=30))
    assert household.kinds() == ["alarm"]
    assert "sensors" in household.heard[0]["title"]
    rules = await household.home.fetch("SELECT rule_id FROM incident ORDER BY rule_id")
    assert [row["rule_id"] for row in rules] == ["no_data", "silent"]


async def test_what_cannot_be_put_together_is_told_once_and_goes_out_by_itself(
    household: Household,
    bath: RoomForTests,
    connection: Connection,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await becomes_damp(household, bath)
    await connection.execute(
        "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'no'; END $$;"
        "CREATE TRIGGER broken BEFORE UPDATE OF held_until ON notification"
        " FOR EACH ROW EXECUTE FUNCTION broken()"
    )
    for _ in range(3):
        await household.go_on(MINUTE)
    failures = [one for one in caplog.records if getattr(one, "action", "") == "release_failed"]
    assert len(failures) == 1
    await connection.execute("UPDATE notification SET due_at = clock_timestamp()")
    await household.send()
    assert household.kinds() == ["alarm"]
