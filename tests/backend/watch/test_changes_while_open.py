"""What a household changes while an incident is open: names, languages, sensors, phones."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from mould_watch.domain.incident_action import Action
from mould_watch.storage.database import Database
from tests.support import notifications
from tests.support.climate import NOON, hours
from tests.support.damp_rooms import DAMP, DRY
from tests.support.rooms import SOURCE, RoomForTests, Row
from tests.support.watched_values import MINUTE, Household, too_damp

RULE = f"threshold:{UUID(int=7)}"
LIMIT: dict[str, Any] = {
    "metric_thresholds": [too_damp(UUID(int=7))],
    "rules": {"mould_level": {"notify": False}},
}


@pytest.fixture
async def bath(household: Household) -> RoomForTests:
    """A room whose alarm was heard."""
    bath = await household.home.room("Bath", **LIMIT)
    await household.measure(bath, DAMP)
    await household.go_on()
    await household.go_on(MINUTE)
    assert household.kinds() == ["alarm"]
    return bath


async def becomes_dry(household: Household, room: RoomForTests) -> None:
    await household.measure(room, DRY)
    await household.go_on()
    await household.go_on(timedelta(minutes=31))
    await household.go_on(MINUTE)


async def test_the_recovery_has_the_name_and_the_language_of_now(
    household: Household, bath: RoomForTests
) -> None:
    await household.home.connection.execute(
        "UPDATE room SET name = 'Duschbad' WHERE id = $1", bath.room_id
    )
    await household.home.configure(phones=["phone-1"], language="de")
    await becomes_dry(household, bath)
    alarm, recovery = household.heard
    assert (alarm["title"], recovery["title"]) == (
        "Bath: the humidity is 80 %, above 60 %",
        "Duschbad: Luftfeuchte wieder in Ordnung",
    )
    assert recovery["incident_id"] == alarm["incident_id"]


async def test_a_sensor_carried_to_another_room_takes_no_incident_along(
    household: Household, bath: RoomForTests
) -> None:
    """The one room's goes on until its new sensor says so; the other has one of its own."""
    attic = await household.home.room("Attic", **LIMIT)
    new_id = await household.home.device("new")
    await household.home.connection.execute("DELETE FROM subject_device")
    await household.home.connection.execute(
        "INSERT INTO subject_device VALUES ($1, $2), ($3, $4)",
        *(bath.subject_id, new_id, attic.subject_id, bath.device_id),
    )
    for room, native_id in ((bath, "new"), (attic, bath.native_id)):
        source = {"kind": "device", "source_instance": SOURCE, "native_id": native_id}
        await room.configure(sources={"temperature": source, "humidity": source}, **LIMIT)
    for _ in range(10):
        await household.go_on(timedelta(minutes=10))
    # nothing was heard of the new one yet: no data resolves nothing
    assert await bath.incidents(RULE) == await attic.incidents(RULE) == ["open"]
    assert [one["title"].partition(":")[0] for one in household.heard] == ["Bath", "Attic"]
    for _ in range(5):
        await household.home.write(new_id, [Row(household.clock.now(), DRY)])
        await household.go_on(timedelta(minutes=10))
    assert (await bath.incidents(RULE), await attic.incidents(RULE)) == (["resolved"], ["open"])
    assert household.heard[-1]["title"] == "Bath: the humidity is fine again"


async def test_a_rule_switched_off_takes_its_alarm_away_and_says_nothing(
    household: Household, bath: RoomForTests
) -> None:
    await bath.configure(
        metric_thresholds=[too_damp(UUID(int=7)) | {"enabled": False}],
        rules={"mould_level": {"notify": False}},
    )
    await household.go_on()
    assert await bath.incidents(RULE) == ["retired"]
    assert household.kinds() == ["alarm", "clear"]


async def test_what_was_put_off_and_is_over_is_said_to_be_over_and_not_brought_back(
    household: Household, bath: RoomForTests
) -> None:
    tomorrow = NOON + hours(20)
    await household.press(Action.SNOOZE, tomorrow)
    await household.send()
    await becomes_dry(household, bath)
    assert household.kinds() == ["alarm", "clear", "recovery"]
    while household.clock.now() < tomorrow + hours(2):
        await household.measure(bath, DRY)
        await household.go_on(hours(1))
    assert household.kinds() == ["alarm", "clear", "recovery"]


async def test_a_reminder_that_waits_for_one_phone_ends_with_seen_on_another(
    household: Household, database: Database
) -> None:
    """The phone that is away hears nothing of it later but that it is to be taken away."""
    await household.home.configure(phones=["phone-1", "phone-2"])
    bath = await household.home.room(
        "Bath",
        metric_thresholds=[too_damp(UUID(int=7), "high")],
        rules={"mould_level": {"notify": False}},
    )
    await household.measure(bath, DAMP)
    await household.go_on()
    while not any(one["kind"] == "reminder" for one in await bath.notifications()):
        await household.measure(bath, DAMP)
        await household.go_on(hours(1), send=False)
    async with database.transaction() as connection:
        claimed = await notifications.claim(connection)
        assert {(one.kind, one.target) for one in claimed} == {
            ("reminder", "phone-1"),
            ("reminder", "phone-2"),
        }
        for one in claimed:
            if one.target == "phone-1":
                assert await notifications.finish(connection, one, "sent")
            else:
                assert await notifications.give_back(connection, one, 3600.0, "push_failed")
    await household.press(Action.SEEN)
    states = {
        row["target"]: (row["kind"], row["state"])
        for row in await bath.notifications()
        if row["kind"] == "reminder"
    }
    assert states == {"phone-1": ("reminder", "sent"), "phone-2": ("reminder", "cancelled")}
    before = len(household.heard)
    await household.go_on(hours(6))
    assert {(one["target"], one["kind"]) for one in household.heard[before:]} == {
        ("phone-1", "clear"),
        ("phone-2", "clear"),
    }


async def test_a_phone_replaced_while_an_alarm_is_tried_gets_no_reminder_and_the_new_one_does(
    household: Household, bath: RoomForTests
) -> None:
    await household.home.configure(phones=["phone-2"])
    await bath.configure(
        metric_thresholds=[too_damp(UUID(int=7), "high")], rules={"mould_level": {"notify": False}}
    )
    for _ in range(6):
        await household.measure(bath, DAMP)
        await household.go_on(hours(1))
    assert household.kinds("phone-1") == ["alarm"]
    assert household.kinds("phone-2") == ["alarm", "reminder"]
    await becomes_dry(household, bath)
    # whatever may show the alarm is closed
    assert household.kinds("phone-1")[-1] == household.kinds("phone-2")[-1] == "recovery"
