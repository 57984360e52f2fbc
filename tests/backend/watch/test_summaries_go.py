"""A summary goes from the phones when nothing that it told of is the matter any more: once."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from mould_watch.domain.incident_action import Action
from mould_watch.storage import summaries
from mould_watch.storage.connections import connect
from tests.support.climate import hours
from tests.support.damp_rooms import EVENING, MORNING, becomes_damp, becomes_dry, room_of
from tests.support.notifications import claim, finish
from tests.support.rooms import RoomForTests
from tests.support.watched_values import MINUTE, Household

_NIGHT = ("Attic", "Bath", "Den")


async def _told_in_the_morning(
    household: Household, *names: str, night: int = 0
) -> dict[str, RoomForTests]:
    """Return rooms that became damp in a night, told of in one summary."""
    rooms = {name: await room_of(household, name, "warning") for name in names}
    household.clock.set(EVENING + night * hours(24))
    for room in rooms.values():
        await becomes_damp(household, room)
    household.clock.set(MORNING + night * hours(24))
    await household.go_on()
    assert household.kinds()[-1] == "summary"
    return rooms


async def _settle(household: Household, delta: timedelta = MINUTE) -> None:
    """Let everything that is to be sent be sent."""
    for _ in range(4):
        await household.go_on(delta)


def _cleared(household: Household, target: str = "phone-1") -> list[str | None]:
    """Return what was taken from a phone, in order."""
    return [
        one["clears"]
        for one in household.heard
        if one["target"] == target and one["kind"] == "clear"
    ]


async def test_it_goes_from_all_phones_when_all_is_over(household: Household) -> None:
    await household.home.configure(phones=["phone-1", "phone-2"])
    rooms = await _told_in_the_morning(household, *_NIGHT)
    for room in rooms.values():
        assert "clear" not in household.kinds()
        await becomes_dry(household, room)
    await _settle(household)
    for phone in ("phone-1", "phone-2"):
        assert household.kinds(phone) == ["summary", *["recovery"] * 3, "clear"]
        assert _cleared(household, phone) == ["summary"]
    await _settle(household, hours(1))
    assert len(household.heard) == 2 * 5, "once"


async def test_it_goes_when_the_last_was_seen_put_off_or_is_over(household: Household) -> None:
    rooms = await _told_in_the_morning(household, *_NIGHT)
    await household.press(Action.SEEN, room=rooms["Bath"])
    await household.go_on(MINUTE)
    await household.press(Action.SNOOZE, household.clock.now() + hours(48), room=rooms["Den"])
    await _settle(household)
    assert "summary" not in _cleared(household)
    await becomes_dry(household, rooms["Attic"])
    await _settle(household)
    assert _cleared(household).count("summary") == 1
    # what was put off comes back by itself
    await household.go_on(hours(48))
    await household.go_on(MINUTE)
    assert household.kinds()[-1] == "reminder"
    assert _cleared(household).count("summary") == 1


async def test_while_another_lasts_it_stays_though_its_first_was_seen(household: Household) -> None:
    """The first is the one whose lane it lies in: what clears that clears no summary."""
    rooms = await _told_in_the_morning(household, *_NIGHT)
    (summary,) = await household.home.fetch(
        "SELECT room.name FROM notification AS n JOIN incident ON incident.id = n.incident_id "
        "JOIN subject ON subject.id = subject_id JOIN room ON room.id = subject.room_id "
        "WHERE kind = 'summary'"
    )
    await household.press(Action.SEEN, room=rooms[summary["name"]])
    await _settle(household)
    assert _cleared(household) == ["incident"]


async def test_each_summary_goes_by_itself_and_once(household: Household) -> None:
    """Whoever shows them knows that the later one has replaced the first."""
    nights = [
        await _told_in_the_morning(household, "Attic", "Bath"),
        await _told_in_the_morning(household, "Cellar", "Den", night=1),
    ]
    rows = await household.home.fetch(
        "SELECT incident_id FROM notification WHERE kind = 'summary' ORDER BY created_at"
    )
    for number, rooms in enumerate(nights):
        for room in rooms.values():
            await becomes_dry(household, room)
        await _settle(household)
        cleared = [one["incident_id"] for one in household.heard if one["kind"] == "clear"]
        assert cleared == [row["incident_id"] for row in rows[: number + 1]]


async def test_a_recovery_that_waits_for_the_morning_comes_first(household: Household) -> None:
    """Nor is what says that all is well taken away before anybody has read it."""
    rooms = await _told_in_the_morning(household, "Attic", "Bath")
    household.clock.set(EVENING + hours(24))
    for room in rooms.values():
        await becomes_dry(household, room)
    await _settle(household)
    assert household.kinds() == ["summary"]
    household.clock.set(MORNING + hours(24))
    await _settle(household)
    assert household.kinds().count("summary") == 2
    assert "recovery" not in household.kinds()
    assert household.heard[-1]["severity"] == "none"
    assert "summary" not in _cleared(household)


async def test_a_service_is_told_nothing_of_it(household: Household) -> None:
    await household.home.configure(phones=["phone-1", "apprise:mail"])
    rooms = await _told_in_the_morning(household, "Attic", "Bath")
    claimed = await claim(household.home.connection, channel="apprise", routes=["mail"])
    assert [one.kind for one in claimed] == ["summary"]
    assert await finish(household.home.connection, claimed[0], "sent")
    for room in rooms.values():
        await becomes_dry(household, room)
    await _settle(household)
    assert _cleared(household) == ["summary"]
    assert (
        await household.home.fetch(
            "SELECT FROM notification WHERE kind = 'clear' AND channel = 'apprise'"
        )
        == []
    )


@pytest.mark.parametrize("phones", [1, 2])
async def test_many_evaluators_take_it_away_once(
    household: Household, database_url: str, phones: int
) -> None:
    await household.home.configure(phones=[f"phone-{number + 1}" for number in range(phones)])
    rooms = await _told_in_the_morning(household, "Attic", "Bath")
    for room in rooms.values():
        await household.press(Action.SEEN, room=room)
    await household.send()
    assert set(_cleared(household)) == {"incident"}
    others = [await connect(database_url) for _ in range(4)]

    async def look(number: int) -> list[UUID]:
        written = []
        for _ in range(5):
            for summary_id in await summaries.over(others[number]):
                async with others[number].transaction():
                    written.append(await summaries.take_away(others[number], summary_id))
        return [one for one in written if one is not None]

    try:
        written = await asyncio.gather(*(look(number) for number in range(len(others))))
    finally:
        for other in others:
            await other.close()
    assert len([one for each in written for one in each]) == phones


@pytest.mark.parametrize("goes_on", [True, False])
async def test_a_lane_that_goes_on_between_a_look_and_its_lock_is_left_alone(
    household: Household, *, goes_on: bool
) -> None:
    rooms = await _told_in_the_morning(household, "Attic", "Bath")
    for room in rooms.values():
        await household.press(Action.SEEN, room=room)
    await household.send()
    connection = household.home.connection
    (summary_id,) = await summaries.over(connection)
    if goes_on:
        for room in rooms.values():
            await household.press(Action.UNSNOOZE, room=room)
        await connection.execute(
            "UPDATE incident SET acknowledged_at = NULL, handled_level = NULL, "
            "sequence = sequence + 1"
        )
    async with connection.transaction():
        assert (await summaries.take_away(connection, summary_id) is None) == goes_on
