"""What the lanes of an incident are to hold, given how it stands."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.domain.condition import Level
from mould_watch.domain.configuration import PERSISTENT_TARGET, HomeConfiguration
from mould_watch.domain.incident import Incident, IncidentState
from mould_watch.domain.notification import (
    Lane,
    LaneRow,
    NotificationKind,
    NotificationPlan,
    lanes_of,
    plan,
    remind,
)
from mould_watch.domain.notification_policy import NotificationPolicy
from tests.support.climate import NOON, hours

ALARM, STEP_UP, REMINDER, RECOVERY, CLEAR, SUMMARY = NotificationKind
PHONE = Lane("home_assistant", "instance", "phone")
TABLET = Lane("home_assistant", "instance", "tablet")
POLICY = NotificationPolicy()


def incident(
    state: IncidentState = IncidentState.OPEN,
    level: Level = Level.WARNING,
    *,
    seen: bool = False,
    put_off: bool = False,
) -> Incident:
    return Incident(
        UUID(int=1),
        "rule",
        state,
        level,
        NOON,
        NOON,
        2,
        acknowledged_at=NOON if seen else None,
        snoozed_until=NOON + hours(20) if put_off else None,
        handled_level=level if seen or put_off else None,
    )


def row(
    lane: Lane = PHONE,
    kind: NotificationKind = ALARM,
    *,
    sequence: int = 1,
    pending: bool = True,
    attempts: int = 0,
    cancelled: bool = False,
    severity: Level = Level.WARNING,
    at: datetime = NOON,
    told_elsewhere: bool = False,
) -> LaneRow:
    return LaneRow(
        uuid4(),
        lane,
        sequence,
        pending and not cancelled,
        attempts,
        cancelled,
        kind=kind,
        severity=severity,
        at=at,
        is_told_elsewhere=told_elsewhere,
        is_tried_elsewhere=told_elsewhere,
    )


def sent(lane: Lane = PHONE, kind: NotificationKind = ALARM, sequence: int = 1) -> LaneRow:
    return row(lane, kind, sequence=sequence, pending=False, attempts=1)


def kinds(planned: NotificationPlan) -> list[tuple[Lane, NotificationKind]]:
    return [(new.lane, new.kind) for new in planned.add]


def test_every_phone_is_a_lane_once() -> None:
    home = HomeConfiguration(phones=("phone", "tablet", "phone"))
    assert lanes_of(home, "instance") == (PHONE, TABLET)


def test_a_home_without_phones_is_notified_in_home_assistant() -> None:
    (lane,) = lanes_of(HomeConfiguration(), "instance")
    assert lane == Lane("home_assistant", "instance", PERSISTENT_TARGET)


def test_a_room_may_tell_others_than_the_home_does() -> None:
    home = HomeConfiguration(phones=("phone", "tablet"))
    assert lanes_of(home, "instance", ("tablet", "apprise:mail")) == (
        TABLET,
        Lane("apprise", "mail", "mail"),
    )


def test_opening_alarms_every_phone() -> None:
    planned = plan(incident(), [], [PHONE, TABLET], notify=True)
    assert kinds(planned) == [(PHONE, ALARM), (TABLET, ALARM)]
    assert [new.sequence for new in planned.add] == [1, 1]


def test_a_room_that_shall_not_notify_does_not() -> None:
    assert plan(incident(), [], [PHONE], notify=False).is_empty


def test_opening_again_says_nothing_to_who_was_told() -> None:
    assert plan(incident(), [sent(), row(TABLET)], [PHONE, TABLET], notify=True).is_empty


def test_a_phone_added_while_the_incident_is_open_is_alarmed() -> None:
    planned = plan(incident(), [sent()], [PHONE, TABLET], notify=True)
    assert [(new.lane, new.sequence, new.kind) for new in planned.add] == [(TABLET, 1, ALARM)]
    assert planned.cancel == ()


def test_a_phone_added_while_it_recovers_is_not_alarmed() -> None:
    assert plan(incident(IncidentState.RECOVERING), [], [PHONE], notify=True).is_empty


@pytest.mark.parametrize("state", [IncidentState.OPEN, IncidentState.RECOVERING])
def test_only_an_alarm_never_tried_is_withdrawn_when_nobody_wants_it(state: IncidentState) -> None:
    untried, retried, told = row(), row(TABLET, attempts=1), sent(sequence=2)
    rows = [untried, retried, told]
    for lanes, notify in (([], True), ([PHONE, TABLET], False)):
        planned = plan(incident(state), rows, lanes, notify=notify)
        assert planned.cancel == (untried.notification_id,)
        assert planned.add == ()


def test_a_withdrawn_alarm_comes_back_when_it_is_wanted_again() -> None:
    (new,) = plan(incident(), [row(cancelled=True)], [PHONE], notify=True).add
    assert (new.lane, new.sequence) == (PHONE, 2)


@pytest.mark.parametrize("state", set(IncidentState) - {IncidentState.OPEN})
def test_only_an_open_incident_alarms(state: IncidentState) -> None:
    assert plan(incident(state), [], [PHONE], notify=True).add == ()


def test_getting_worse_is_told_once() -> None:
    worse = incident(level=Level.HIGH)
    planned = plan(worse, [sent()], [PHONE], notify=True)
    assert kinds(planned) == [(PHONE, STEP_UP)]
    told = [sent(), row(kind=STEP_UP, sequence=2, severity=Level.HIGH)]
    assert plan(worse, told, [PHONE], notify=True).is_empty
    # and back, and worse again: that is known
    was_told = [sent(), replace(told[1], is_pending=False, attempts=1)]
    assert plan(incident(), was_told, [PHONE], notify=True).is_empty
    assert plan(worse, was_told, [PHONE], notify=True).is_empty


def test_what_nobody_heard_yet_is_said_as_it_is_now() -> None:
    waiting = row()
    planned = plan(incident(level=Level.HIGH), [waiting], [PHONE], notify=True)
    assert planned.cancel == (waiting.notification_id,)
    assert kinds(planned) == [(PHONE, ALARM)]


@pytest.mark.parametrize("how", ["seen", "put_off"])
def test_what_was_seen_or_put_off_goes_away_on_all_phones(how: str) -> None:
    handled = incident(seen=how == "seen", put_off=how == "put_off")
    waiting, reminder = row(TABLET), row(kind=REMINDER, sequence=2)
    planned = plan(handled, [sent(), reminder, waiting], [PHONE, TABLET], notify=True)
    assert set(planned.cancel) == {waiting.notification_id, reminder.notification_id}
    assert kinds(planned) == [(PHONE, CLEAR)]
    cleared = [sent(), sent(kind=CLEAR, sequence=3)]
    assert plan(handled, cleared, [PHONE, TABLET], notify=True).is_empty


def test_it_comes_back_when_its_time_has_come() -> None:
    cleared = [sent(), sent(kind=CLEAR, sequence=2)]
    planned = plan(incident(), cleared, [PHONE], notify=True)
    assert [(new.kind, new.sequence) for new in planned.add] == [(REMINDER, 3)]


def test_getting_worse_after_it_was_seen_is_told() -> None:
    cleared = [sent(), sent(kind=CLEAR, sequence=2)]
    planned = plan(incident(level=Level.HIGH), cleared, [PHONE], notify=True)
    assert kinds(planned) == [(PHONE, STEP_UP)]


def test_what_another_says_as_well_is_not_said_again_until_that_one_is_gone() -> None:
    told = row(cancelled=True, told_elsewhere=True)
    assert plan(incident(), [told], [PHONE], notify=True).is_empty
    gone = replace(told, is_told_elsewhere=False)
    assert kinds(plan(incident(), [gone], [PHONE], notify=True)) == [(PHONE, ALARM)]
    resolved = plan(incident(IncidentState.RESOLVED), [told], [PHONE], notify=True)
    assert kinds(resolved) == [(PHONE, RECOVERY)]
    assert plan(incident(IncidentState.RETIRED), [told], [PHONE], notify=True).is_empty


def test_resolving_before_the_first_try_sends_nothing() -> None:
    waiting = row()
    planned = plan(incident(IncidentState.RESOLVED), [waiting], [PHONE], notify=True)
    assert planned.cancel == (waiting.notification_id,)
    assert planned.add == ()


def test_resolving_after_a_try_closes_the_lane() -> None:
    for tried in (row(pending=False, attempts=1), row(pending=True, attempts=3)):
        planned = plan(incident(IncidentState.RESOLVED), [tried], [], notify=False)
        assert [(new.lane, new.sequence, new.kind) for new in planned.add] == [(PHONE, 2, RECOVERY)]
        assert planned.cancel == ((tried.notification_id,) if tried.is_pending else ())


def test_each_lane_is_closed_by_what_happened_in_it() -> None:
    tried, waiting = sent(), row(TABLET)
    planned = plan(incident(IncidentState.RESOLVED), [waiting, tried], [PHONE], notify=True)
    assert kinds(planned) == [(PHONE, RECOVERY)]
    assert planned.cancel == (waiting.notification_id,)


def test_retiring_clears_what_may_be_on_a_phone() -> None:
    planned = plan(incident(IncidentState.RETIRED), [sent()], [PHONE], notify=True)
    assert kinds(planned) == [(PHONE, CLEAR)]


def reminded(
    rows: list[LaneRow], after_h: float, about: Incident | None = None, **more: datetime
) -> NotificationPlan:
    about = about or incident(level=Level.HIGH)
    return remind(about, rows, [PHONE], NOON + hours(after_h), policy=POLICY, **more)


def test_something_serious_is_reminded_of_at_growing_distances() -> None:
    rows = [sent()]
    times = []
    for quarters in range(1, 60 * 4):
        at = quarters / 4
        if reminded(rows, at).add:
            times.append(at)
            again = sent(kind=REMINDER, sequence=len(rows) + 1)
            rows.append(replace(again, at=NOON + hours(at)))
    assert times == [4, 16, 40]


@pytest.mark.parametrize(
    "about",
    [
        incident(),
        incident(level=Level.HIGH, seen=True),
        incident(level=Level.HIGH, put_off=True),
        incident(IncidentState.RECOVERING, Level.HIGH),
    ],
)
def test_nothing_else_is_reminded_of(about: Incident) -> None:
    assert reminded([sent()], 100, about).is_empty


def test_a_reminder_that_still_waits_is_replaced() -> None:
    waiting = replace(row(kind=REMINDER, sequence=2), at=NOON + hours(4))
    assert reminded([sent(), waiting], 7.9).is_empty
    planned = reminded([sent(), waiting], 8)
    assert planned.cancel == (waiting.notification_id,)
    assert [(new.kind, new.sequence) for new in planned.add] == [(REMINDER, 3)]


def test_a_reminder_that_waits_for_the_morning_is_not_replaced_meanwhile() -> None:
    waiting = replace(row(kind=REMINDER, sequence=2), at=NOON + hours(9))
    for after_h in (4.1, 5, 8.9, 9, 12.9):
        assert reminded([sent(), waiting], after_h).is_empty


def test_nobody_is_reminded_of_what_they_have_not_heard() -> None:
    assert reminded([row()], 100).is_empty
    assert reminded([], 100).is_empty


def test_after_a_jump_of_the_clock_the_whole_distance_counts_anew() -> None:
    jump = NOON + hours(99)
    assert reminded([sent()], 100, counted_from=jump).is_empty
    assert reminded([sent()], 103, counted_from=jump).add


def test_a_clock_that_was_set_back_delays_a_reminder_by_its_distance_and_no_more() -> None:
    # told at noon by the clock of then, which was set back by two days
    jump = NOON - hours(48)
    assert reminded([sent()], -44.1, counted_from=jump).is_empty
    assert reminded([sent()], -44, counted_from=jump).add
    first = replace(sent(kind=REMINDER, sequence=2), at=NOON - hours(44))
    assert reminded([sent(), first], -32.1, counted_from=jump).is_empty
    assert reminded([sent(), first], -32, counted_from=jump).add


rows_of_any_kind = st.lists(
    st.builds(
        lambda lane, sequence, attempts, pending, kind, severity: row(
            lane, kind, sequence=sequence, attempts=attempts, pending=pending, severity=severity
        ),
        st.sampled_from([PHONE, TABLET]),
        st.integers(1, 5),
        st.integers(0, 3),
        st.booleans(),
        st.sampled_from([ALARM, STEP_UP, REMINDER, CLEAR]),
        st.sampled_from([Level.WARNING, Level.HIGH]),
    ),
    max_size=8,
    unique_by=lambda one: (one.lane, one.sequence),
)
any_incident = st.builds(
    lambda state, level, handled: incident(
        state, level, seen=handled == "seen", put_off=handled == "put_off"
    ),
    st.sampled_from(IncidentState),
    st.sampled_from([Level.WARNING, Level.HIGH]),
    st.sampled_from(["seen", "put_off", ""]),
)


@given(existing=rows_of_any_kind, about=any_incident, notify=st.booleans())
def test_a_closing_message_comes_last_in_every_lane_that_was_tried(
    *, existing: list[LaneRow], about: Incident, notify: bool
) -> None:
    planned = plan(about, existing, [PHONE], notify=notify)
    cancelled: set[UUID] = set(planned.cancel)
    assert cancelled <= {one.notification_id for one in existing if one.is_pending}
    if about.state in {IncidentState.RESOLVED, IncidentState.RETIRED}:
        assert {new.lane for new in planned.add} == {
            one.lane for one in existing if one.attempts > 0
        }
    for new in planned.add:
        own = [one.sequence for one in existing if one.lane == new.lane]
        assert new.sequence == max(own, default=0) + 1
    if about.state in {IncidentState.VERIFYING, IncidentState.DISMISSED}:
        assert planned.is_empty


@given(
    existing=rows_of_any_kind,
    about=any_incident.filter(lambda one: one.state.is_risk),
    lanes=st.sets(st.sampled_from([PHONE, TABLET])),
    notify=st.booleans(),
)
def test_planning_again_changes_nothing_the_second_time(
    *, existing: list[LaneRow], about: Incident, lanes: set[Lane], notify: bool
) -> None:
    planned = plan(about, existing, lanes, notify=notify)
    after = [
        replace(one, is_pending=False, is_cancelled=True)
        if one.notification_id in planned.cancel
        else one
        for one in existing
    ]
    after += [
        row(new.lane, new.kind, sequence=new.sequence, severity=about.level) for new in planned.add
    ]
    assert plan(about, after, lanes, notify=notify).is_empty


def test_a_distance_of_nothing_is_no_reminder() -> None:
    never = replace(POLICY, reminders=())
    late = NOON + timedelta(days=365)
    assert remind(incident(level=Level.HIGH), [sent()], [PHONE], late, policy=never).is_empty


MAIL = Lane("apprise", "mail", "mail")


def test_what_goes_another_way_waits_on_though_the_level_changes() -> None:
    """Where it came from counts as told: withdrawn there, nobody would ever hear of it."""
    phone = row(pending=False, attempts=1, severity=Level.HIGH)
    mail = replace(row(MAIL, severity=Level.HIGH), is_fallback=True)
    assert plan(incident(), [phone, mail], [PHONE], notify=True).is_empty
    worse = plan(incident(level=Level.DAMAGE), [phone, mail], [PHONE], notify=True)
    assert worse.cancel == ()
    assert [(new.lane, new.kind) for new in worse.add] == [(PHONE, STEP_UP)]


def test_what_goes_another_way_waits_on_though_it_is_only_watched_for_a_while() -> None:
    """The phone was tried when it was worse, and is not told anew when it gets worse again."""
    phone = row(pending=False, attempts=1)
    mail = replace(row(MAIL), is_fallback=True)
    watched = incident(level=Level.WATCH)
    assert plan(watched, [phone, mail], [PHONE], notify=False).is_empty
    assert plan(incident(), [phone, mail], [PHONE], notify=True).is_empty


def test_the_end_is_told_where_another_channel_told_of_it_with_others() -> None:
    told = replace(row(cancelled=True, told_elsewhere=True), tried_another_way=MAIL)
    closing = plan(incident(IncidentState.RESOLVED), [told], [PHONE], notify=True)
    assert {new.lane for new in closing.add} == {PHONE, MAIL}
