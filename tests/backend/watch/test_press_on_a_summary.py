"""A press on what tells of several incidents handles all it tells of, and nothing else."""

from uuid import UUID

import pytest

from mould_watch.api.handling import Handling
from mould_watch.api.messages import IncidentAction
from mould_watch.domain.condition import Level
from mould_watch.domain.incident import Cause, IncidentState, Step
from mould_watch.domain.incident_action import Action
from mould_watch.storage import incidents
from tests.support.climate import hours
from tests.support.damp_rooms import EVENING, MORNING, becomes_damp, room_of
from tests.support.watched_values import MINUTE, Household


async def test_seen_on_a_summary_handles_all_it_tells_of_once(household: Household) -> None:
    await household.home.configure(phones=["phone-1", "phone-2"])
    rooms = {name: await room_of(household, name, "warning") for name in ("Bath", "Attic", "Den")}
    household.clock.set(EVENING)
    for room in rooms.values():
        await becomes_damp(household, room)
    household.clock.set(MORNING)
    await household.go_on()
    # one that is said by itself, later, is none of the summary's
    other = await room_of(household, "Hall", "warning")
    await becomes_damp(household, other)
    await household.go_on(hours(1))
    assert household.kinds() == ["summary", "alarm"]
    (summary, *_) = await household.home.fetch(
        "SELECT id, incident_id FROM notification WHERE kind = 'summary' AND target = 'phone-2'"
    )
    pressed = IncidentAction(
        action_id=UUID(int=1),
        incident_id=summary["incident_id"],
        notification_id=summary["id"],
        action=Action.SEEN,
    )
    handling = Handling(household.database, household.clock)
    first, again = [await handling.act(pressed) for _ in range(2)]
    assert (first["outcome"], first["is_repeated"]) == ("done", False)
    assert (again["outcome"], again["is_repeated"]) == ("done", True)
    await household.go_on(MINUTE)
    assert await handled(household) == {"Attic", "Bath", "Den"}
    await household.go_on(MINUTE)
    for phone in ("phone-1", "phone-2"):
        assert household.kinds(phone) == ["summary", "alarm", *["clear"] * 4]
        cleared = [one["clears"] for one in household.heard if one["target"] == phone][2:]
        assert cleared == ["incident", "incident", "incident", "summary"]
    taken = await household.home.fetch("SELECT outcome FROM incident_action")
    assert [one["outcome"] for one in taken] == ["done"] * 3


@pytest.mark.parametrize("action", [Action.SEEN, Action.SNOOZE])
async def test_a_press_on_what_tells_of_a_whole_room_handles_all_of_it(
    household: Household, action: Action
) -> None:
    room = await room_of(household, "Bath", "warning", "warning", "warning")
    await becomes_damp(household, room)
    await household.go_on(MINUTE)
    assert household.kinds() == ["alarm"]
    (pushed,) = await household.home.fetch(
        "SELECT id, incident_id FROM notification WHERE state = 'sent'"
    )
    tomorrow = household.clock.now() + hours(20)
    pressed = IncidentAction(
        action_id=UUID(int=1),
        incident_id=pushed["incident_id"],
        notification_id=pushed["id"],
        action=action,
        until=tomorrow if action is Action.SNOOZE else None,
    )
    await Handling(household.database, household.clock).act(pressed)
    await household.go_on(hours(1))
    assert household.kinds() == ["alarm", *["clear"] * 3]
    rows = await household.home.fetch("SELECT acknowledged_at, snoozed_until FROM incident")
    seen_at = None if action is Action.SNOOZE else household.clock.now() - hours(1)
    until = tomorrow if action is Action.SNOOZE else None
    assert [tuple(row.values()) for row in rows] == [(seen_at, until)] * 3


async def test_seen_on_a_summary_does_not_handle_what_got_worse_since(household: Household) -> None:
    rooms = [await room_of(household, name, "warning") for name in ("Bath", "Attic")]
    household.clock.set(EVENING)
    for room in rooms:
        await becomes_damp(household, room)
    household.clock.set(MORNING)
    await household.go_on()
    (summary,) = await household.home.fetch(
        "SELECT id, incident_id FROM notification WHERE kind = 'summary'"
    )
    connection = household.home.connection
    (other,) = await household.home.fetch(
        "SELECT id FROM incident WHERE id <> $1 AND ended_at IS NULL", summary["incident_id"]
    )
    incident = await incidents.incident(connection, other["id"])
    assert incident is not None
    worse = Step(IncidentState.OPEN, IncidentState.OPEN, Level.HIGH, Cause.JUDGED)
    await incidents.advance_incident(
        connection, incident, worse, at=household.clock.now(), evidence={}
    )
    pressed = IncidentAction(
        action_id=UUID(int=1),
        incident_id=summary["incident_id"],
        notification_id=summary["id"],
        action=Action.SEEN,
    )
    await Handling(household.database, household.clock).act(pressed)
    assert len(await handled(household)) == 1


async def handled(household: Household) -> set[str]:
    """Return the rooms of the incidents that somebody has seen."""
    rows = await household.home.fetch(
        "SELECT room.name FROM incident JOIN subject ON subject.id = subject_id "
        "JOIN room ON room.id = subject.room_id WHERE acknowledged_at IS NOT NULL"
    )
    return {row["name"] for row in rows}
