"""A notification's life in any order of verdicts, presses, time, sending and other phones.

The machine knows of a subject only what a person would: what is the matter with it, and whether
they have seen it. What their phones show, and how often they rang, must follow from that.
"""

from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from mould_watch.domain.condition import Level
from mould_watch.domain.configuration import HomeConfiguration
from mould_watch.domain.incident import IncidentState
from mould_watch.domain.incident_action import Action
from mould_watch.domain.notification import Lane, NotificationKind, is_handled, plan
from mould_watch.domain.notification_policy import DAY, NotificationPolicy
from mould_watch.domain.quiet_hours import quiet_until
from mould_watch.domain.verdict import Verdict
from tests.support.climate import NOON, hours
from tests.support.life_known import (
    HIGH,
    NONE,
    WARNING,
    WATCH,
    WAVERING,
    Known,
    suspicion,
    verdict,
)
from tests.support.notification_life import Life, Subject, is_risk_of
from tests.support.notification_row import Row

POLICY = NotificationPolicy(hourly_maximum=3, daily_maximum=6)
SUBJECTS = ("bath/mould", "bath/silent", "attic/mould")
WHICH = st.sampled_from(range(len(SUBJECTS)))


class LifeMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.life = Life(
            POLICY,
            HomeConfiguration(phones=("phone", "tablet")),
            NOON,
            [Subject(name) for name in SUBJECTS],
        )
        self.known = [Known() for _ in SUBJECTS]

    @initialize(hour=st.sampled_from([0, 6, 12, 21]))
    def begin(self, hour: int) -> None:
        self.life.now = NOON.replace(hour=hour)

    @rule(which=WHICH, level=st.sampled_from([WATCH, WARNING, HIGH]), unsteady=st.booleans())
    def find(self, which: int, level: Level, *, unsteady: bool) -> None:
        self.judge(which, level, unsteady=unsteady)

    @rule(which=WHICH, level=st.sampled_from([WARNING, HIGH]))
    def find_and_tell(self, which: int, level: Level) -> None:
        self.judge(which, level)
        self.go_on(1, accepted=True)

    @rule(which=WHICH, settles=st.booleans())
    def recover(self, which: int, *, settles: bool) -> None:
        self.judge(which, NONE)
        if settles:
            self.go_on(1, accepted=True)

    @rule(which=WHICH, level=st.sampled_from([WARNING, HIGH]))
    def suspect(self, which: int, level: Level) -> None:
        """Nobody is told of what is not verified; what is known of already is not moved by it."""
        subject, known = self.life.subjects[which], self.known[which]
        rows = len(self.life.rows)
        if known.level is NONE:
            self.life.judge(subject, suspicion(level))
            assert len(self.life.rows) == rows

    @rule(which=WHICH, minutes=st.sampled_from([1, 60, 360]))
    def waver(self, which: int, minutes: int) -> None:
        """It looks better for a while: nothing new is said, and nothing is over."""
        subject, known = self.life.subjects[which], self.known[which]
        if known.level is NONE:
            return
        loud = {row.notification_id for row in self._loud_of(subject)}
        self.life.judge(subject, WAVERING)
        self.life.advance(timedelta(minutes=minutes))
        self.life.judge(subject, WAVERING)
        known.pass_time(self.life.now)
        self.life.release()
        self.life.send()
        self.life.hand_over()
        assert subject.incident is not None
        assert subject.incident.state is IncidentState.RECOVERING
        assert {row.notification_id for row in self._loud_of(subject)} <= loud

    def _loud_of(self, subject: Subject) -> list[Row]:
        """Return what the rule of a subject says by itself, not with others or for another."""
        incident = subject.incident
        own = [] if incident is None else self._of(incident.incident_id)
        return [
            row
            for row in own
            if row.kind.is_alarming and row.fallback_of is None and not _is_bundle(row, self)
        ]

    def judge(self, which: int, level: Level, *, unsteady: bool = False) -> None:
        self.life.judge(self.life.subjects[which], verdict(level, unsteady=unsteady))
        self.known[which].become(level, self.life.now)

    @rule(which=WHICH)
    def hear_nothing(self, which: int) -> None:
        """Missing data moves no incident; a snooze ends all the same."""
        subject = self.life.subjects[which]
        before = subject.incident
        self.life.judge(subject, Verdict(rule_id="rule", is_known=False))
        self.known[which].pass_time(self.life.now)
        assert (before is None) == (subject.incident is None)
        if before is not None and subject.incident is not None:
            assert before.state is subject.incident.state
            assert before.level is subject.incident.level

    @precondition(lambda self: any(is_risk_of(one.incident) for one in self.life.subjects))
    @rule(which=WHICH)
    def see(self, which: int) -> None:
        if is_risk_of(self.life.subjects[which].incident):
            self.life.press(self.life.subjects[which], Action.SEEN)
            known = self.known[which]
            if known.seen_at is None or known.put_off_until is not None:
                known.seen_at, known.put_off_until = known.level, None

    @precondition(lambda self: any(is_risk_of(one.incident) for one in self.life.subjects))
    @rule(which=WHICH, hours_on=st.sampled_from([1, 24]))
    def put_off(self, which: int, hours_on: int) -> None:
        if is_risk_of(self.life.subjects[which].incident):
            until = self.life.now + hours(hours_on)
            self.life.press(self.life.subjects[which], Action.SNOOZE, until)
            known = self.known[which]
            # until the same time: it is so already
            if known.put_off_until != until:
                known.seen_at, known.put_off_until = known.level, until

    @precondition(lambda self: len(self.life.rows) > 6)
    @rule(which=WHICH)
    def take_away(self, which: int) -> None:
        self.life.retire(self.life.subjects[which])
        self.known[which] = Known()

    @rule(minutes=st.sampled_from([1, 1, 1, 60, 60, 360, 1440]), accepted=st.booleans())
    def wait(self, minutes: int, *, accepted: bool) -> None:
        self.go_on(minutes, accepted=accepted)

    @rule(minutes=st.sampled_from([1, 60]))
    def wait_in_vain(self, minutes: int) -> None:
        self.go_on(minutes, accepted=False, refused=True)

    def go_on(self, minutes: int, *, accepted: bool, refused: bool = False) -> None:
        """Time passes, everything is judged again as it is, released and sent."""
        self.life.advance(timedelta(minutes=minutes))
        self.judge_again()
        self.life.release()
        self.life.take_away_summaries()
        self.life.send(accepted=accepted, refused=refused)
        self.life.hand_over()

    @rule(minutes=st.sampled_from([1, 60, 360]))
    def stand_still(self, minutes: int) -> None:
        """Time passes and nobody looks: the backend was away."""
        self.life.advance(timedelta(minutes=minutes))

    @rule(gone=st.sets(st.sampled_from(["phone", "tablet"])))
    def lose_phones(self, gone: set[str]) -> None:
        """What is sent to them fails for good, until they are mended."""
        self.life.gone = gone

    def judge_again(self) -> None:
        for subject, known in zip(self.life.subjects, self.known, strict=True):
            self.life.judge(subject, verdict(known.level))
            known.pass_time(self.life.now)

    @rule(phones=st.sampled_from([("phone", "tablet"), ("phone",), ("tablet",), ()]))
    def choose_phones(self, phones: tuple[str, ...]) -> None:
        self.life.home = HomeConfiguration(phones=phones)

    # --- whatever happens ------------------------------------------------------------------

    @invariant()
    def the_incident_is_what_the_person_knows(self) -> None:
        for subject, known in zip(self.life.subjects, self.known, strict=True):
            incident = subject.incident
            if known.level is NONE:
                assert incident is None or incident.state is IncidentState.VERIFYING
            else:
                assert incident is not None
                assert incident.state in {IncidentState.OPEN, IncidentState.RECOVERING}
                assert incident.level is known.level
                assert is_handled(incident) == (known.seen_at is not None)

    @invariant()
    def planning_again_changes_nothing(self) -> None:
        for subject in self.life.subjects:
            incident = subject.incident
            if incident is not None:
                lanes = {row.lane for row in self.life.rows if row.incident == incident.incident_id}
                rows = list(self.life.lane_rows(incident.incident_id))
                told = incident.level.rank >= WARNING.rank and not is_handled(incident)
                if not told:
                    planned = plan(incident, rows, lanes, notify=False)
                    # what told of others too may be tried after one of those was handled
                    assert all(
                        new.kind is NotificationKind.CLEAR and is_handled(incident)
                        for new in planned.add
                    )
                    assert not planned.cancel

    @invariant()
    def nothing_is_sent_of_what_is_only_watched(self) -> None:
        assert all(
            row.severity.rank >= WARNING.rank
            for row in self.life.rows
            if row.kind.is_alarming and row.kind is not NotificationKind.SUMMARY
        )

    @invariant()
    def only_what_is_serious_and_unseen_is_reminded_of(self) -> None:
        # a reminder at a lower level is what comes back after it was put off
        for row in self.life.rows:
            if row.kind is NotificationKind.REMINDER and row.state == "pending":
                incident = self.life.incident(row.incident)
                assert not is_handled(incident)

    @invariant()
    def an_incident_that_ends_before_its_first_try_sends_nothing(self) -> None:
        for incident_id in self.life.over:
            for lane in {row.lane for row in self._of(incident_id)}:
                own = [row for row in self._of(incident_id) if row.lane == lane]
                told = any(row.attempts > 0 or _was_told(row) for row in own)
                # told there in the place of a phone that had it told with others
                told |= self.life.is_tried(incident_id, lane)
                if not told:
                    assert all(row.state == "cancelled" or _is_bundle(row, self) for row in own)

    @invariant()
    def whatever_was_tried_is_closed_at_the_end(self) -> None:
        for incident_id, incident in self.life.over.items():
            if incident.state is not IncidentState.RESOLVED:
                continue
            for lane in {row.lane for row in self._of(incident_id) if row.attempts > 0}:
                last = [row for row in self._of(incident_id) if row.lane == lane][-1]
                assert not last.kind.is_alarming or _is_bundle(last, self)

    @invariant()
    def what_was_seen_waits_for_nothing(self) -> None:
        for subject in self.life.subjects:
            incident = subject.incident
            if incident is not None and is_handled(incident):
                assert not any(
                    row.state == "pending" and row.kind.is_alarming and not _is_bundle(row, self)
                    for row in self._of(incident.incident_id)
                )

    @invariant()
    def the_quiet_hours_are_quiet(self) -> None:
        for row in self.life.rows:
            if row.released_at is None or row.kind is NotificationKind.CLEAR:
                continue
            is_reminder = row.kind is NotificationKind.REMINDER
            if is_reminder or (row.severity.rank < HIGH.rank and not _has_urgent(row, self)):
                assert quiet_until(row.released_at, POLICY.quiet_hours, "UTC") is None

    @invariant()
    def no_target_gets_more_than_it_may_within_a_day(self) -> None:
        for lane in {row.lane for row in self.life.rows}:
            times = sorted(
                row.released_at
                for row in self.life.rows
                if row.lane == lane
                and row.released_at is not None
                and row.kind is not NotificationKind.CLEAR
                and row.attempts > 0
            )
            for index, at in enumerate(times):
                within = sum(1 for one in times[index:] if one - at < DAY)
                # one pass may let several rooms go at once
                assert within <= POLICY.daily_maximum + POLICY.hourly_maximum

    def teardown(self) -> None:
        """In the end, with all time, release and sending there is, the phones are right."""
        for _ in range(6):
            self.life.advance(DAY)
            self.life.now = self.life.now.replace(hour=12)
            self.judge_again()
            for _ in range(3):
                self.life.release()
                self.life.take_away_summaries()
                self.life.send()
                self.life.hand_over()
                self.life.advance(timedelta(minutes=2))
        self._those_who_want_to_know_do()
        self._summaries_of_what_is_over_are_gone()
        for incident_id in self.life.over:
            for lane in {row.lane for row in self._of(incident_id)}:
                kind = self.life.shown(lane).get(incident_id)
                if any(row.state == "failed" for row in self._of(incident_id) if row.lane == lane):
                    continue  # a phone that is gone is not closed
                assert kind in {None, NotificationKind.RECOVERY} or (
                    # what was told together stands for those that last
                    any(_is_bundle(row, self) for row in self._of(incident_id))
                )

    def _those_who_want_to_know_do(self) -> None:
        for subject, known in zip(self.life.subjects, self.known, strict=True):
            incident = subject.incident
            if incident is None:
                continue
            for lane in self.life.lanes:
                is_wanted = known.level.rank >= WARNING.rank and known.seen_at is None
                own = [row for row in self._of(incident.incident_id) if row.lane == lane]
                told = [row for row in own if row.kind.is_alarming and _stands(row)]
                if is_wanted:
                    assert told, "somebody does not know of it"
                    assert max(row.severity.rank for row in told) >= known.level.rank
                    cleared = [row.sequence for row in own if row.kind is NotificationKind.CLEAR]
                    assert max(row.sequence for row in told) > max(cleared, default=0)
                    if not any(self._arrived(row) for row in told):
                        by_mail = self.life.told_by(self.life.fallback)
                        assert incident.incident_id in by_mail, "nobody said it another way"
                    # what failed went another way, also where it told of others too
                    has_failed = any(
                        row.state == "failed" and row.lane == lane
                        for row in self.life.rows
                        if incident.incident_id in self.life.told_in(row)
                    )
                    if known.back_at is not None and not has_failed:
                        assert self._heard_since(incident.incident_id, lane, known.back_at)
                last = [row.state for row in own if row.state != "cancelled"][-1:]
                if known.seen_at is not None and last != ["failed"]:
                    assert incident.incident_id not in self.life.shown(lane)

    def _heard_since(self, incident_id: UUID, lane: Lane, since: datetime) -> bool:
        return any(
            row.lane == lane and at >= since and incident_id in self.life.told_in(row)
            for at, row in self.life.sent
            if row.kind.is_alarming
        )

    def _summaries_of_what_is_over_are_gone(self) -> None:
        for lane in {row.lane for row in self.life.rows}:
            shown = self.life.summary_shown(lane)
            if shown is None or lane == self.life.fallback:
                continue
            own = [row for row in self._of(shown.incident) if row.lane == lane]
            if not any(row.state == "failed" for row in own):
                told = self.life.told_in(shown)
                assert shown.severity is NONE or any(map(self.life.lasts, told))

    @staticmethod
    def _arrived(row: Row) -> bool:
        said = row.bundled_in or row
        return said.state != "failed"

    def _of(self, incident_id: UUID) -> list[Row]:
        return [row for row in self.life.rows if row.incident == incident_id]


def _stands(row: Row) -> bool:
    return row.attempts > 0 or (
        row.bundled_in is not None
        and row.bundled_in.attempts > 0
        and (row.bundled_in.state != "cancelled" or row.bundled_in.is_unknown)
    )


def _was_told(row: Row) -> bool:
    return row.bundled_in is not None and row.bundled_in.attempts > 0


def _is_bundle(row: Row, machine: LifeMachine) -> bool:
    return machine.life.tells_more(row)


def _has_urgent(row: Row, machine: LifeMachine) -> bool:
    return any(one.severity.rank >= HIGH.rank for one in machine.life.rows if one.bundled_in is row)
