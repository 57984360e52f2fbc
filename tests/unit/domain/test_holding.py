"""What waits, what for, and what becomes of it."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from mould_watch.domain.condition import Level
from mould_watch.domain.configuration import HomeConfiguration, QuietHours
from mould_watch.domain.holding import (
    Bundle,
    Hold,
    Reason,
    Released,
    Waiting,
    decide,
    flood_of,
    hold_of,
)
from mould_watch.domain.notification import Lane, NotificationKind
from mould_watch.domain.notification_policy import DAY, HOUR, NotificationPolicy
from tests.support.climate import NOON, hours

ALARM, STEP_UP, REMINDER, RECOVERY, CLEAR, SUMMARY = NotificationKind
GROUP, QUIET, FLOOD = Reason
WARNING, HIGH = Level.WARNING, Level.HIGH
HOME = HomeConfiguration()
POLICY = NotificationPolicy()
LANE = Lane("home_assistant", "home-1", "phone")
NIGHT = NOON + hours(11)


def waiting(
    place: str = "bath",
    kind: NotificationKind = ALARM,
    severity: Level = WARNING,
    reason: Reason = GROUP,
    *,
    number: int = 1,
    pending: bool = True,
    over: bool = False,
    shown: bool = False,
) -> Waiting:
    return Waiting(
        notification_id=uuid4(),
        incident_id=UUID(int=number),
        transition_id=number,
        lane=LANE,
        place=place,
        kind=kind,
        severity=severity,
        reason=reason,
        title=place,
        is_pending=pending,
        is_over=over,
        is_shown=shown,
    )


def past(*minutes: int, kind: NotificationKind = ALARM, source: str = "x") -> list[Released]:
    return [Released(NOON - timedelta(minutes=one), source, kind) for one in minutes]


@pytest.mark.parametrize(
    ("kind", "level", "now", "expected"),
    [
        (ALARM, WARNING, NOON, Hold(NOON + timedelta(minutes=1), GROUP)),
        (RECOVERY, Level.NONE, NOON, Hold(NOON + timedelta(minutes=1), GROUP)),
        (ALARM, WARNING, NIGHT, Hold(NOON + hours(19), QUIET)),
        (RECOVERY, HIGH, NIGHT, Hold(NOON + hours(19), QUIET)),
        # within the group wait the quiet hours begin
        (ALARM, WARNING, NOON + timedelta(minutes=599.5), Hold(NOON + hours(19), QUIET)),
        (ALARM, HIGH, NIGHT, None),
        (STEP_UP, HIGH, NIGHT, None),
        (REMINDER, HIGH, NOON, None),
        # it waits for no company, so it is out before the quiet hours begin
        (REMINDER, HIGH, NOON + timedelta(minutes=599.5), None),
        # nobody is woken to be reminded
        (REMINDER, Level.DAMAGE, NIGHT, Hold(NOON + hours(19), QUIET)),
        (CLEAR, WARNING, NIGHT, None),
    ],
)
def test_what_a_notification_waits_for(
    kind: NotificationKind, level: Level, now: datetime, expected: Hold | None
) -> None:
    assert hold_of(kind, level, now, home=HOME, policy=POLICY) == expected


def test_the_home_says_when_it_is_quiet() -> None:
    home = HomeConfiguration(quiet_hours=QuietHours(start="12:00", end="13:00"))
    assert hold_of(ALARM, WARNING, NOON, home=home, policy=POLICY) == Hold(NOON + HOUR, QUIET)
    hold = hold_of(ALARM, WARNING, NIGHT, home=home, policy=POLICY)
    assert hold is not None
    assert hold.reason is GROUP


def flood(
    released: list[Released],
    kind: NotificationKind = ALARM,
    level: Level = WARNING,
    *,
    unsteady: bool = False,
) -> Hold | None:
    return flood_of(kind, level, "x", NOON, released=released, is_unsteady=unsteady, policy=POLICY)


def test_the_first_word_is_always_said() -> None:
    assert flood([], unsteady=True) is None
    assert flood(past(10, source="y"), unsteady=True) is None


def test_what_swings_is_said_once_a_day() -> None:
    assert flood(past(60), unsteady=True) == Hold(NOON - HOUR + DAY, FLOOD)
    assert flood(past(60)) is None
    assert flood(past(24 * 60), unsteady=True) is None
    assert flood(past(60), RECOVERY, unsteady=True) is None


def test_one_rule_alarms_so_often_a_day_and_no_more() -> None:
    assert flood(past(30, 20)) is None
    assert flood(past(30, 20, 10)) == Hold(NOON - timedelta(minutes=30) + DAY, FLOOD)
    assert flood(past(*range(1, 6)), level=HIGH, unsteady=True) is None
    assert flood(past(*range(1, 7)), level=HIGH) is not None


def test_the_service_of_a_phone_is_never_asked_for_more_than_it_takes() -> None:
    many = past(*range(400), source="y")
    for kind in (ALARM, RECOVERY, REMINDER):
        assert flood(many, kind, HIGH) == Hold(NOON - timedelta(minutes=399) + DAY, FLOOD)
    assert flood(many, CLEAR, HIGH) is None


def test_one_goes_as_it_is() -> None:
    one = waiting()
    assert decide([one], [], NOON, home=HOME, policy=POLICY).release == (one,)
    assert decide([], [], NOON, home=HOME, policy=POLICY).release == ()


def test_those_of_a_room_are_one_and_other_rooms_their_own() -> None:
    first, graver = waiting(number=1), waiting(severity=HIGH, number=2)
    attic = waiting("attic", number=3)
    decision = decide([first, graver, attic], [], NOON, home=HOME, policy=POLICY)
    (bundle,) = decision.bundles
    assert (bundle.kind, bundle.head, bundle.told) == (ALARM, graver, (graver, first))
    assert bundle.severity is HIGH
    assert decision.release == (attic,)


def test_the_morning_is_one_summary() -> None:
    rows = [waiting("bath", reason=QUIET), waiting("attic", number=2)]
    decision = decide(rows, [], NOON, home=HOME, policy=POLICY)
    (bundle,) = decision.bundles
    assert (bundle.kind, bundle.is_of_a_flood, len(bundle.told)) == (SUMMARY, False, 2)


def test_in_the_quiet_hours_nothing_goes_that_is_not_urgent() -> None:
    rows = [
        waiting(),
        waiting(reason=FLOOD, number=2),
        # a flood's end may be in the night: nobody is woken to be reminded
        waiting(kind=REMINDER, severity=HIGH, reason=FLOOD, number=3),
        waiting(kind=RECOVERY, severity=HIGH, number=4),
    ]
    decision = decide(rows, [], NIGHT, home=HOME, policy=POLICY)
    assert decision.wait == tuple(rows)
    assert decision.hold == Hold(NOON + hours(19), FLOOD)
    assert not decision.release
    assert not decision.bundles


def test_a_flood_ends_with_one_summary_even_of_what_is_over() -> None:
    over = waiting(reason=FLOOD, pending=False, over=True)
    decision = decide([over], past(5), NOON, home=HOME, policy=POLICY)
    (bundle,) = decision.bundles
    assert bundle == Bundle(SUMMARY, (over,), is_of_a_flood=True)
    assert bundle.severity is Level.NONE
    single = waiting(reason=FLOOD)
    assert decide([single], [], NOON, home=HOME, policy=POLICY).release == (single,)


def test_so_many_go_to_a_target_in_an_hour() -> None:
    rows = [waiting(f"room {number}", number=number) for number in range(1, 13)]
    decision = decide(rows, past(50), NOON, home=HOME, policy=POLICY)
    assert len(decision.release) == 9
    assert decision.wait == tuple(rows[9:])
    assert decision.hold == Hold(NOON + HOUR, FLOOD)
    full = decide(rows, past(*range(1, 11)), NOON, home=HOME, policy=POLICY)
    assert full.wait == tuple(rows)
    assert full.hold == Hold(NOON - timedelta(minutes=10) + HOUR, FLOOD)


def test_so_many_go_to_a_target_in_a_day() -> None:
    policy = replace(POLICY, daily_maximum=2)
    decision = decide([waiting()], past(300, 200), NOON, home=HOME, policy=policy)
    assert decision.hold == Hold(NOON - timedelta(minutes=300) + DAY, FLOOD)


def test_what_is_repeated_for_want_of_a_receipt_counts_for_the_service_alone() -> None:
    repeated = [replace(one, is_repetition=True) for one in past(*range(1, 51))]
    assert flood(repeated, level=HIGH) is None
    assert decide([waiting()], repeated, NOON, home=HOME, policy=POLICY).release
    policy = replace(POLICY, daily_maximum=50)
    assert not decide([waiting()], repeated, NOON, home=HOME, policy=policy).release


def test_a_recovery_told_elsewhere_takes_away_what_is_shown() -> None:
    alarm = waiting()
    shown = waiting("attic", RECOVERY, Level.NONE, QUIET, number=2, over=True, shown=True)
    unseen = waiting("den", RECOVERY, Level.NONE, QUIET, number=3, over=True)
    (bundle,) = decide([shown, alarm, unseen], [], NOON, home=HOME, policy=POLICY).bundles
    assert bundle.head is alarm
    assert bundle.cleared == (shown,)
    assert bundle.severity is WARNING


def test_reminders_keep_the_last_distance() -> None:
    assert [POLICY.reminder_distance(told) for told in range(5)] == [
        4 * HOUR,
        12 * HOUR,
        DAY,
        DAY,
        DAY,
    ]
    assert replace(POLICY, reminders=()).reminder_distance(0) is None
