from dataclasses import replace
from datetime import datetime
from uuid import UUID

import pytest

from mould_watch.domain.condition import Level
from mould_watch.domain.incident import Cause, Incident, IncidentState
from mould_watch.domain.incident_action import (
    LONGEST_SNOOZE,
    Action,
    end_of_snooze,
    handle,
)
from tests.support.climate import NOON, hours

PRESS = UUID(int=9)
TOMORROW = NOON + hours(24)


def incident(state: IncidentState = IncidentState.OPEN) -> Incident:
    return Incident(UUID(int=1), "rule", state, Level.WARNING, NOON, NOON, 3)


def press(
    before: Incident, action: Action, until: datetime | None = None, at: datetime = NOON
) -> Incident:
    handling = handle(before, action, at, until, PRESS)
    assert handling is not None
    assert handling.step.from_state is handling.step.to_state is before.state
    assert handling.step.level is handling.incident.level is before.level
    assert handling.incident.sequence == before.sequence + 1
    assert handling.evidence["action_id"] == str(PRESS)
    return handling.incident


@pytest.mark.parametrize(
    "state", [IncidentState.VERIFYING, IncidentState.OPEN, IncidentState.RECOVERING]
)
def test_seen_is_seen_once(state: IncidentState) -> None:
    seen = press(incident(state), Action.SEEN)
    assert (seen.acknowledged_at, seen.handled_level) == (NOON, Level.WARNING)
    assert handle(seen, Action.SEEN, TOMORROW, None, PRESS) is None


def test_it_is_put_off_until_a_time_and_then_no_more() -> None:
    off = press(incident(), Action.SNOOZE, TOMORROW)
    assert off.snoozed_until == TOMORROW
    assert end_of_snooze(off, TOMORROW - hours(0.1)) is None
    ended = end_of_snooze(off, TOMORROW)
    assert ended is not None
    assert ended.step.cause is Cause.SNOOZE_ENDED
    assert (ended.incident.snoozed_until, ended.incident.handled_level) == (None, None)
    assert end_of_snooze(ended.incident, TOMORROW) is None


@pytest.mark.parametrize("state", [IncidentState.RESOLVED, IncidentState.RETIRED])
def test_what_is_over_comes_back_at_no_time(state: IncidentState) -> None:
    off = press(incident(), Action.SNOOZE, TOMORROW)
    assert end_of_snooze(replace(off, state=state), TOMORROW) is None


def test_the_later_of_seen_and_put_off_counts() -> None:
    off = press(press(incident(), Action.SEEN), Action.SNOOZE, TOMORROW)
    assert (off.acknowledged_at, off.snoozed_until) == (None, TOMORROW)
    seen = press(off, Action.SEEN)
    assert (seen.acknowledged_at, seen.snoozed_until) == (NOON, None)


def test_putting_off_is_taken_back() -> None:
    assert press(press(incident(), Action.SNOOZE, TOMORROW), Action.UNSNOOZE).snoozed_until is None
    assert handle(incident(), Action.UNSNOOZE, NOON, None, PRESS) is None


def test_putting_off_further_is_another_step_and_the_same_time_is_none() -> None:
    off = press(incident(), Action.SNOOZE, TOMORROW)
    assert press(off, Action.SNOOZE, TOMORROW + hours(1)).snoozed_until == TOMORROW + hours(1)
    assert handle(off, Action.SNOOZE, NOON, TOMORROW, PRESS) is None


@pytest.mark.parametrize("until", [None, NOON, NOON - hours(1), NOON + LONGEST_SNOOZE + hours(1)])
def test_nothing_is_put_off_until_no_time_the_past_or_for_ever(until: datetime | None) -> None:
    with pytest.raises(ValueError, match="31 days"):
        handle(incident(), Action.SNOOZE, NOON, until, PRESS)
