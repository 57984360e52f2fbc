"""Any order of verdicts, presses, time, sending and other phones, against a small model.

tests/support/life_machine.py is the machine; what it once found stands here as well.
"""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    run_state_machine_as_test,
)

from mould_watch.domain.configuration import HomeConfiguration
from mould_watch.domain.holding import Reason
from mould_watch.domain.notification import Cleared, NotificationKind
from mould_watch.domain.notification_policy import DAY, NotificationPolicy
from tests.support.climate import NOON, hours
from tests.support.life_known import HIGH, NONE, WARNING, WATCH, verdict
from tests.support.life_machine import LifeMachine
from tests.support.notification_life import Life, Subject


@pytest.mark.timeout(120)
def test_phones_show_what_is_the_matter_and_nobody_is_told_too_often() -> None:
    run_state_machine_as_test(
        LifeMachine,
        settings=settings(
            max_examples=200,
            stateful_step_count=50,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def _machine(hour: int) -> LifeMachine:
    machine = LifeMachine()
    machine.begin(hour=hour)
    return machine


@pytest.mark.parametrize("seen", [0, 1])
@pytest.mark.parametrize("is_handed_over", [True, False])
@pytest.mark.parametrize("gone", [{"phone"}, {"phone", "tablet"}])
def test_a_room_told_of_with_one_that_was_seen_is_told_another_way(
    gone: set[str], seen: int, *, is_handed_over: bool
) -> None:
    """The summary failed for good; it was withdrawn from the mail, or never came there."""
    machine = _machine(6)
    machine.lose_phones(gone)
    machine.find(1, WARNING, unsteady=False)
    machine.stand_still(360)
    machine.find(0, WARNING, unsteady=False)
    machine.life.advance(timedelta(minutes=1))
    machine.life.release()
    machine.life.send()
    if is_handed_over:
        machine.life.hand_over()
    machine.see(seen)
    machine.planning_again_changes_nothing()
    machine.teardown()
    by_mail = [row for _, row in machine.life.sent if row.lane == machine.life.fallback]
    assert len(by_mail) == 1, "once"


@pytest.mark.parametrize("refused", [True, False])
def test_a_room_told_of_with_one_that_was_seen_is_told_anew_where_it_cannot_have_arrived(
    *, refused: bool
) -> None:
    machine = _machine(6)
    for which in (1, 0):
        machine.find(which, WARNING, unsteady=False)
    machine.life.advance(hours(6))
    machine.life.release()
    machine.life.send(accepted=False, refused=refused)
    machine.see(1)
    machine.teardown()
    other = machine.life.subjects[0].incident
    assert other is not None
    alone = [row.kind for _, row in machine.life.sent if row.incident == other.incident_id]
    assert alone == ([NotificationKind.ALARM] * 2 if refused else []), "phone and tablet"


def test_what_goes_another_way_is_not_taken_back_because_it_looks_better() -> None:
    """It may fail before or after; nobody is told anew when it gets worse again."""
    for fails_at in (WARNING, WATCH):
        machine = _machine(12)
        machine.find(0, WARNING, unsteady=False)
        for level in (WARNING, WATCH):
            machine.find(0, level, unsteady=False)
            if level is fails_at:
                machine.lose_phones({"phone"})
                machine.go_on(1, accepted=True)
            elif level is WARNING:
                machine.go_on(1, accepted=False)
        machine.planning_again_changes_nothing()
        machine.find(0, WARNING, unsteady=False)
        machine.teardown()


def test_a_reminder_that_could_not_go_by_day_fails_by_day_as_well() -> None:
    machine = _machine(12)
    machine.find_and_tell(0, HIGH)
    machine.wait(360, accepted=False)
    machine.lose_phones({"phone"})
    machine.stand_still(360)
    machine.go_on(1, accepted=True)
    machine.the_quiet_hours_are_quiet()
    machine.teardown()


@pytest.mark.parametrize("which", [0, 1])
def test_what_was_told_with_others_and_put_off_comes_back(which: int) -> None:
    """Also what never had a notification of its own there."""
    machine = _machine(0)
    for one in (0, 1):
        machine.find(one, WARNING, unsteady=False)
    machine.go_on(600, accepted=True)
    told = {row.kind for _, row in machine.life.sent}
    assert told == {NotificationKind.SUMMARY}
    machine.put_off(which, hours_on=1)
    machine.go_on(1, accepted=True)
    for _ in range(3):
        machine.go_on(60, accepted=True)
    incident = machine.life.subjects[which].incident
    assert incident is not None
    back = [
        row.lane.target
        for _, row in machine.life.sent
        if row.kind is NotificationKind.REMINDER and row.incident == incident.incident_id
    ]
    assert back == ["phone", "tablet"]
    machine.teardown()


@pytest.mark.parametrize("last", [0, 1])
def test_a_summary_goes_with_the_last_of_what_it_tells_and_not_before(last: int) -> None:
    machine = _machine(0)
    for one in (0, 1):
        machine.find(one, WARNING, unsteady=False)
    machine.go_on(600, accepted=True)
    machine.see(1 - last)
    for _ in range(3):
        machine.go_on(1, accepted=True)
    shown = [machine.life.summary_shown(lane) for lane in machine.life.lanes]
    assert all(shown)
    machine.recover(last, settles=True)
    for _ in range(3):
        machine.go_on(1, accepted=True)
    shown = [machine.life.summary_shown(lane) for lane in machine.life.lanes]
    assert not any(shown)
    cleared = [row.lane.target for _, row in machine.life.sent if row.clears is Cleared.SUMMARY]
    assert sorted(cleared) == ["phone", "tablet"]


def test_the_flood_is_told_in_one_summary() -> None:
    life = Life(
        NotificationPolicy(quiet_hours=None),
        HomeConfiguration(phones=("phone",)),
        NOON,
        [Subject("bath/mould")],
    )
    for _ in range(100):
        for level in (WARNING, NONE):
            life.judge(life.subjects[0], verdict(level, unsteady=True))
            for _ in range(7):
                life.advance(timedelta(minutes=1))
                life.release()
                life.send()
    life.advance(DAY)
    life.release()
    life.send()
    kinds = [row.kind for _, row in life.sent]
    assert kinds == [
        NotificationKind.ALARM,
        NotificationKind.RECOVERY,
        NotificationKind.SUMMARY,
    ]
    assert all(row.hold is None or row.hold.reason is Reason.FLOOD for row in life.rows)
