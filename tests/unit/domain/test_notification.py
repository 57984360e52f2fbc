from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.domain.condition import Level
from mould_watch.domain.configuration import PERSISTENT_TARGET, HomeConfiguration
from mould_watch.domain.incident import LAWFUL, IncidentState, Step
from mould_watch.domain.notification import (
    Lane,
    LaneRow,
    NotificationKind,
    NotificationPlan,
    lanes_of,
    plan,
    plan_again,
)

OPENS = Step(IncidentState.VERIFYING, IncidentState.OPEN, Level.WARNING)
REOPENS = Step(IncidentState.RECOVERING, IncidentState.OPEN, Level.WARNING)
RESOLVES = Step(IncidentState.RECOVERING, IncidentState.RESOLVED, Level.WARNING)
RETIRES = Step(IncidentState.OPEN, IncidentState.RETIRED, Level.WARNING)
PHONE = Lane("home_assistant", "instance", "phone")
TABLET = Lane("home_assistant", "instance", "tablet")


def row(
    lane: Lane = PHONE,
    *,
    sequence: int = 1,
    pending: bool = True,
    attempts: int = 0,
    cancelled: bool = False,
) -> LaneRow:
    return LaneRow(uuid4(), lane, sequence, pending and not cancelled, attempts, cancelled)


def test_every_phone_is_a_lane_once() -> None:
    home = HomeConfiguration(phones=("phone", "tablet", "phone"))
    assert lanes_of(home, "instance") == (PHONE, TABLET)


def test_a_home_without_phones_is_notified_in_home_assistant() -> None:
    (lane,) = lanes_of(HomeConfiguration(), "instance")
    assert lane == Lane("home_assistant", "instance", PERSISTENT_TARGET)


def test_opening_alarms_every_phone() -> None:
    planned = plan(OPENS, [], [PHONE, TABLET], notify=True)
    assert planned.kind is NotificationKind.ALARM
    assert [new.lane for new in planned.add] == [PHONE, TABLET]
    assert [new.sequence for new in planned.add] == [1, 1]


def test_a_room_that_shall_not_notify_does_not() -> None:
    assert plan(OPENS, [], [PHONE], notify=False).add == ()


def test_opening_again_says_nothing_to_who_was_told() -> None:
    told = [row(PHONE, pending=False, attempts=1), row(TABLET)]
    planned = plan(REOPENS, told, [PHONE, TABLET], notify=True)
    assert planned.add == planned.cancel == ()


def test_a_phone_added_while_the_incident_is_open_is_alarmed() -> None:
    planned = plan_again(
        IncidentState.OPEN, [row(pending=False, attempts=1)], [PHONE, TABLET], notify=True
    )
    assert [(new.lane, new.sequence, new.kind) for new in planned.add] == [
        (TABLET, 1, NotificationKind.ALARM)
    ]
    assert planned.cancel == ()


def test_a_phone_added_while_it_recovers_is_not_alarmed() -> None:
    assert plan_again(IncidentState.RECOVERING, [], [PHONE], notify=True).add == ()


@pytest.mark.parametrize("state", [IncidentState.OPEN, IncidentState.RECOVERING])
def test_only_an_alarm_never_tried_is_withdrawn_when_nobody_wants_it(state: IncidentState) -> None:
    untried, retried, sent = row(), row(TABLET, attempts=1), row(attempts=1, pending=False)
    rows = [untried, retried, sent]
    for lanes, notify in (([], True), ([PHONE, TABLET], False)):
        planned = plan_again(state, rows, lanes, notify=notify)
        assert planned.cancel == (untried.notification_id,)
        assert planned.add == ()


def test_a_withdrawn_alarm_comes_back_when_it_is_wanted_again() -> None:
    (new,) = plan_again(IncidentState.OPEN, [row(cancelled=True)], [PHONE], notify=True).add
    assert (new.lane, new.sequence) == (PHONE, 2)


@pytest.mark.parametrize("state", set(IncidentState) - {IncidentState.OPEN})
def test_only_an_open_incident_alarms(state: IncidentState) -> None:
    assert plan_again(state, [], [PHONE], notify=True).add == ()


def test_resolving_before_the_first_try_sends_nothing() -> None:
    waiting = row()
    planned = plan(RESOLVES, [waiting], [PHONE], notify=True)
    assert planned.cancel == (waiting.notification_id,)
    assert planned.add == ()


def test_resolving_after_a_try_closes_the_lane() -> None:
    for tried in (row(pending=False, attempts=1), row(pending=True, attempts=3)):
        planned = plan(RESOLVES, [tried], [], notify=False)
        assert [(new.lane, new.sequence, new.kind) for new in planned.add] == [
            (PHONE, 2, NotificationKind.RECOVERY)
        ]
        assert planned.cancel == ((tried.notification_id,) if tried.is_pending else ())


def test_each_lane_is_closed_by_what_happened_in_it() -> None:
    tried, waiting = row(PHONE, pending=False, attempts=1), row(TABLET)
    planned = plan(RESOLVES, [waiting, tried], [PHONE, TABLET], notify=True)
    assert [new.lane for new in planned.add] == [PHONE]
    assert planned.cancel == (waiting.notification_id,)


def test_retiring_clears_what_may_be_on_a_phone() -> None:
    planned = plan(RETIRES, [row(pending=False, attempts=1)], [PHONE], notify=True)
    assert planned.kind is NotificationKind.CLEAR


rows = st.lists(
    st.builds(
        lambda lane, sequence, attempts, pending: row(
            lane, sequence=sequence, attempts=attempts, pending=pending
        ),
        st.sampled_from([PHONE, TABLET]),
        st.integers(1, 5),
        st.integers(0, 3),
        st.booleans(),
    ),
    max_size=8,
    unique_by=lambda one: (one.lane, one.sequence),
)


@given(existing=rows, pair=st.sampled_from(sorted(LAWFUL, key=str)), notify=st.booleans())
def test_a_closing_message_comes_last_in_every_lane_that_was_tried(
    *, existing: list[LaneRow], pair: tuple[IncidentState | None, IncidentState], notify: bool
) -> None:
    planned = plan(Step(*pair, Level.WARNING), existing, [PHONE], notify=notify)
    cancelled: set[UUID] = set(planned.cancel)
    assert cancelled <= {one.notification_id for one in existing if one.is_pending}
    if planned.kind in {NotificationKind.RECOVERY, NotificationKind.CLEAR}:
        assert {new.lane for new in planned.add} == {
            one.lane for one in existing if one.attempts > 0
        }
        for new in planned.add:
            assert new.sequence > max(one.sequence for one in existing if one.lane == new.lane)
    if pair[1] in {IncidentState.VERIFYING, IncidentState.DISMISSED}:
        assert planned.add == planned.cancel == ()


@given(
    existing=rows,
    state=st.sampled_from([IncidentState.OPEN, IncidentState.RECOVERING]),
    lanes=st.sets(st.sampled_from([PHONE, TABLET])),
    notify=st.booleans(),
)
def test_planning_again_twice_changes_nothing_the_second_time(
    *, existing: list[LaneRow], state: IncidentState, lanes: set[Lane], notify: bool
) -> None:
    planned = plan_again(state, existing, lanes, notify=notify)
    after = [
        replace(one, is_pending=False, is_cancelled=True)
        if one.notification_id in planned.cancel
        else one
        for one in existing
    ]
    after += [LaneRow(uuid4(), new.lane, new.sequence, True, 0) for new in planned.add]  # noqa: FBT003
    assert plan_again(state, after, lanes, notify=notify) == NotificationPlan()
