"""Incidents and their notifications in memory: the pure parts put together, with a set clock.

What the database does is done here by the simplest means, so that every order of everything can be
tried quickly: verdicts, presses, the release of what waits, sending, other phones.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from mould_watch.domain.condition import Level
from mould_watch.domain.configuration import HomeConfiguration
from mould_watch.domain.holding import (
    Bundle,
    Hold,
    Reason,
    Released,
    Waiting,
    decide,
    flood_of,
    hold_of,
    night_of,
)
from mould_watch.domain.incident import Incident, IncidentState, after, retirement, steps
from mould_watch.domain.incident_action import Action, end_of_snooze, handle
from mould_watch.domain.notification import (
    Lane,
    LaneRow,
    NewNotification,
    NotificationKind,
    NotificationPlan,
    is_handled,
    lanes_of,
    plan,
    remind,
)
from mould_watch.domain.notification_policy import DAY, NotificationPolicy
from mould_watch.domain.verdict import Verdict

OWNER = "home-1"
FALLBACK = Lane("apprise", "mail", "mail")


@dataclass(eq=False)
class Row:
    """A notification as the database has it."""

    incident: UUID
    lane: Lane
    sequence: int
    kind: NotificationKind
    severity: Level
    created_at: datetime
    hold: Hold | None
    released_at: datetime | None
    notification_id: UUID = field(default_factory=uuid4)
    state: str = "pending"
    attempts: int = 0
    # the answer to a try was lost: it may have arrived
    is_unknown: bool = False
    bundled_in: Row | None = None
    was_held_at_release: Reason | None = None
    # in whose place it goes through the other channel
    fallback_of: Row | None = None


@dataclass(eq=False)
class Subject:
    """A room with one rule."""

    name: str
    incident: Incident | None = None


@dataclass(eq=False)
class Life:
    """Everything that is, and the clock."""

    policy: NotificationPolicy
    home: HomeConfiguration
    now: datetime
    subjects: list[Subject]
    rows: list[Row] = field(default_factory=list)
    over: dict[UUID, Incident] = field(default_factory=dict)
    subject_of: dict[UUID, Subject] = field(default_factory=dict)
    # targets that refuse everything for good, and where that is said instead
    gone: set[str] = field(default_factory=set)
    fallback: Lane = FALLBACK
    # what each target got, in order
    sent: list[tuple[datetime, Row]] = field(default_factory=list)

    @property
    def lanes(self) -> tuple[Lane, ...]:
        return lanes_of(self.home, OWNER)

    def incident(self, incident_id: UUID) -> Incident:
        live = self.subject_of[incident_id].incident
        if live is not None and live.incident_id == incident_id:
            return live
        return self.over[incident_id]

    def judge(self, subject: Subject, verdict: Verdict, *, notify: bool = True) -> None:
        taken = steps(subject.incident, verdict)
        for step in taken:
            if subject.incident is None:
                begun = Incident(uuid4(), "rule", step.to_state, step.level, self.now, None, 1)
                subject.incident = begun
                self.subject_of[begun.incident_id] = subject
            else:
                subject.incident = after(subject.incident, step, self.now)
            self.keep_up(subject, notify=notify, is_unsteady=verdict.is_unsteady)
            if not subject.incident.state.is_live:
                self.over[subject.incident.incident_id] = subject.incident
                subject.incident = None
        ended = self._end_snooze(subject, notify=notify)
        if not taken and not ended:
            self.keep_up(subject, notify=notify, is_unsteady=verdict.is_unsteady, reminders=True)

    def retire(self, subject: Subject) -> None:
        incident = subject.incident
        if incident is not None:
            subject.incident = after(incident, retirement(incident), self.now)
            self.keep_up(subject)
            self.over[incident.incident_id] = subject.incident
            subject.incident = None

    def press(self, subject: Subject, action: Action, until: datetime | None = None) -> None:
        incident = subject.incident
        if incident is None:
            return
        handling = handle(incident, action, self.now, until, uuid4())
        if handling is not None:
            subject.incident = handling.incident
            self.keep_up(subject)

    def keep_up(
        self,
        subject: Subject,
        *,
        notify: bool = True,
        is_unsteady: bool = False,
        reminders: bool = False,
    ) -> None:
        incident = subject.incident
        if incident is None:
            return
        told = notify and incident.level.rank >= Level.WARNING.rank
        rows = list(self.lane_rows(incident.incident_id))
        planned = plan(incident, rows, self.lanes, notify=told)
        if planned.is_empty and told and reminders:
            planned = remind(incident, rows, self.lanes, self.now, policy=self.policy)
        self.write(incident, planned, is_unsteady=is_unsteady)

    def write(self, incident: Incident, planned: NotificationPlan, *, is_unsteady: bool) -> None:
        for row in self.rows:
            if row.notification_id in planned.cancel:
                self.cancel(row, is_over=not incident.state.is_live)
        for new in planned.add:
            level = incident.level if new.kind.is_alarming else Level.NONE
            self.append(
                incident.incident_id, new, level, self._hold(incident, new, is_unsteady=is_unsteady)
            )

    def append(
        self, incident_id: UUID, new: NewNotification, severity: Level, hold: Hold | None
    ) -> Row:
        assert all(
            row.sequence < new.sequence
            for row in self.rows
            if (row.incident, row.lane) == (incident_id, new.lane)
        )
        row = Row(
            incident_id,
            new.lane,
            new.sequence,
            new.kind,
            severity,
            self.now,
            hold,
            self.now if hold is None else None,
        )
        self.rows.append(row)
        return row

    def cancel(self, row: Row, *, is_over: bool) -> None:
        assert row.state == "pending"
        row.state = "cancelled"
        if row.hold is not None and not (row.hold.reason is Reason.FLOOD and is_over):
            row.hold = None

    def _hold(self, incident: Incident, new: NewNotification, *, is_unsteady: bool) -> Hold | None:
        usual = hold_of(new.kind, incident.level, self.now, home=self.home, policy=self.policy)
        flood = flood_of(
            new.kind,
            incident.level,
            self.subject_of[incident.incident_id].name,
            self.now,
            released=self.released(new.lane),
            is_unsteady=is_unsteady,
            policy=self.policy,
        )
        if flood is None or (usual is not None and usual.until > flood.until):
            return usual
        return flood

    def released(self, target: Lane) -> list[Released]:
        return [
            Released(row.released_at, self.subject_of[row.incident].name, row.kind)
            for row in self.rows
            if row.lane == target
            and row.released_at is not None
            and self.now - row.released_at < DAY
            and row.kind is not NotificationKind.CLEAR
            and (row.state != "cancelled" or row.attempts > 0)
        ]

    def keep_quiet(self) -> None:
        """What is late and not urgent waits for the morning, as the evaluator has it wait."""
        morning = night_of(self.now, home=self.home, policy=self.policy)
        if morning is None:
            return
        for row in self.rows:
            if not self._is_kept(row):
                continue
            is_whole = row.attempts > 0 or row.fallback_of is not None or self.tells_more(row)
            if not is_whole and row.kind is not NotificationKind.SUMMARY:
                row.hold, row.released_at = Hold(morning, Reason.QUIET), None

    def _is_kept(self, row: Row) -> bool:
        """Return whether a row that was let go may not go by night."""
        return (
            row.state == "pending"
            and row.hold is None
            and row.kind is not NotificationKind.CLEAR
            and (not self.policy.is_urgent(row.severity) or row.kind is NotificationKind.REMINDER)
        )

    def tells_more(self, row: Row) -> bool:
        """Return whether a row tells of others, itself or in the place of another."""
        return any(one.bundled_in is (row.fallback_of or row) for one in self.rows)

    def release(self) -> None:
        self.keep_quiet()
        for target in {row.lane for row in self.rows if row.hold is not None}:
            waiting = [self._waiting(row) for row in self._held(target)]
            decision = decide(
                waiting, self.released(target), self.now, home=self.home, policy=self.policy
            )
            for one in decision.release:
                row = self._row(one)
                row.was_held_at_release = one.reason
                row.hold, row.released_at = None, self.now
            for one in decision.wait:
                self._row(one).hold = decision.hold
            for bundle in decision.bundles:
                self._bundle(bundle)

    def _held(self, target: Lane) -> list[Row]:
        return [
            row
            for row in self.rows
            if row.lane == target and row.hold is not None and row.hold.until <= self.now
        ]

    def _bundle(self, bundle: Bundle) -> None:
        for one in bundle.cleared:
            row = self._row(one)
            clear = self._next(row, NotificationKind.CLEAR)
            self.append(row.incident, clear, Level.NONE, None)
        head = self._row(bundle.head)
        new = self.append(head.incident, self._next(head, bundle.kind), bundle.severity, None)
        for one in bundle.told:
            row = self._row(one)
            row.state, row.hold, row.bundled_in = "cancelled", None, new

    def _next(self, row: Row, kind: NotificationKind) -> NewNotification:
        own = [
            one.sequence
            for one in self.rows
            if (one.incident, one.lane) == (row.incident, row.lane)
        ]
        return NewNotification(row.lane, max(own, default=0) + 1, kind)

    def _waiting(self, row: Row) -> Waiting:
        assert row.hold is not None
        subject = self.subject_of[row.incident]
        return Waiting(
            notification_id=row.notification_id,
            incident_id=row.incident,
            transition_id=row.sequence,
            lane=row.lane,
            place=subject.name.partition("/")[0],
            kind=row.kind,
            severity=row.severity,
            reason=row.hold.reason,
            title=subject.name,
            is_pending=row.state == "pending",
            is_over=not self.incident(row.incident).state.is_live,
            is_shown=any(
                one.attempts > 0
                for one in self.rows
                if (one.incident, one.lane) == (row.incident, row.lane)
            ),
        )

    def _row(self, waiting: Waiting) -> Row:
        return next(row for row in self.rows if row.notification_id == waiting.notification_id)

    def send(self, *, accepted: bool = True, refused: bool = False) -> None:
        """Send what may go, in the order of the lanes.

        Refused, or where the answer is lost, it waits for another try.
        """
        is_night = night_of(self.now, home=self.home, policy=self.policy) is not None
        for row in self.rows:
            if is_night and self._is_kept(row):
                continue
            lane = [
                one for one in self.rows if (one.incident, one.lane) == (row.incident, row.lane)
            ]
            is_first = not any(
                one.state == "pending" for one in lane if one.sequence < row.sequence
            )
            if row.state == "pending" and row.hold is None and is_first:
                row.attempts += 1
                if row.lane.target in self.gone:
                    row.state = "failed"
                    continue
                if refused:
                    continue
                self.sent.append((self.now, row))
                if accepted:
                    row.state = "sent"
                else:
                    row.is_unknown = True

    def hand_over(self) -> None:
        """Say by the fallback what failed elsewhere, is the last word there, and still matters."""
        for row in [one for one in self.rows if one.state == "failed"]:
            newer = self._followers(row)
            told = self.told_in(row)
            matters = row.kind is NotificationKind.SUMMARY or any(
                incident.state.is_live and not is_handled(incident)
                for incident in map(self.incident, told)
            )
            if row.kind.is_alarming and not newer and matters and not self._is_said(row, told):
                new = self._next(replace(row, lane=self.fallback), row.kind)
                self.append(row.incident, new, row.severity, None).fallback_of = row

    def _followers(self, row: Row) -> list[Row]:
        """Return what came behind a row in its lane, but what was taken back."""
        return [
            one
            for one in self.rows
            if (one.incident, one.lane) == (row.incident, row.lane)
            and one.sequence > row.sequence
            and (one.state != "cancelled" or one.bundled_in is not None)
        ]

    def told_in(self, row: Row) -> set[UUID]:
        """Return the incidents that a notification tells of."""
        return {row.incident, *(one.incident for one in self.rows if one.bundled_in is row)}

    def told_by(self, target: Lane) -> set[UUID]:
        """Return the incidents that a target was told of, also in the place of another."""
        told: set[UUID] = set()
        for _, row in self.sent:
            if row.lane == target and row.kind.is_alarming:
                told |= self.told_in(row.fallback_of or row)
        return told

    def is_tried(self, incident_id: UUID, target: Lane) -> bool:
        """Return whether anything that tells of an incident was tried at a target."""
        return any(
            row.lane == target
            and row.attempts > 0
            and incident_id in self.told_in(row.fallback_of or row)
            for row in self.rows
        )

    def _is_said(self, row: Row, told: set[UUID]) -> bool:
        return any(
            there.fallback_of is row
            or (
                there.fallback_of is not None
                and (there.incident, there.kind) == (row.incident, row.kind)
                and (there.state != "cancelled" or there.attempts > 0)
                # of one transition: what came of an evaluation before is another
                and there.created_at >= row.created_at
                and told <= self.told_in(there.fallback_of)
            )
            for there in self.rows
            if there.lane == self.fallback
        )

    def lane_rows(self, incident_id: UUID) -> Iterator[LaneRow]:
        for row in self.rows:
            if row.incident != incident_id:
                continue
            bundle = row.bundled_in
            stands = bundle is not None and (
                (bundle.state != "cancelled" or bundle.is_unknown)
                and not self._is_lost(row, bundle)
                and (
                    bundle.kind is NotificationKind.SUMMARY
                    or self.incident(bundle.incident).state.is_live
                )
            )
            yield LaneRow(
                row.notification_id,
                row.lane,
                row.sequence,
                row.state == "pending",
                row.attempts,
                row.state == "cancelled",
                kind=row.kind,
                severity=row.severity,
                at=row.released_at or (row.hold.until if row.hold else row.created_at),
                is_told_elsewhere=stands,
                is_tried_elsewhere=bundle is not None and bundle.attempts > 0,
                is_fallback=row.fallback_of is not None,
                tried_another_way=(
                    self.fallback
                    if bundle is not None
                    and any(one.fallback_of is bundle and one.attempts > 0 for one in self.rows)
                    else None
                ),
            )

    def _is_lost(self, row: Row, bundle: Row) -> bool:
        """Return whether one told in another that failed will be said nowhere."""
        own = [one for one in self.rows if one.incident == row.incident]
        said_by = [one for one in [*own, *(one.bundled_in for one in own)] if one is not None]
        instead = [one for one in self.rows if one.fallback_of is bundle]
        return (
            bundle.state == "failed"
            and (self._followers(bundle) != [] or any(_is_withdrawn(one) for one in instead))
            and not any(
                there.fallback_of in said_by
                and there.created_at >= row.created_at
                and not _is_withdrawn(there)
                for there in self.rows
            )
        )

    def _end_snooze(self, subject: Subject, *, notify: bool) -> bool:
        incident = subject.incident
        ended = None if incident is None else end_of_snooze(incident, self.now)
        if ended is None:
            return False
        subject.incident = ended.incident
        self.keep_up(subject, notify=notify)
        return True

    def advance(self, delta: timedelta) -> None:
        self.now += delta

    def shown(self, target: Lane) -> dict[UUID, NotificationKind]:
        """Return what a phone shows of each incident: the newest, unless it was cleared."""
        shown: dict[UUID, NotificationKind] = {}
        for _, row in self.sent:
            # a summary is shown beside everything
            if row.lane == target and row.kind is not NotificationKind.SUMMARY:
                shown[row.incident] = row.kind
        return {
            incident: kind for incident, kind in shown.items() if kind is not NotificationKind.CLEAR
        }

    @property
    def live(self) -> list[Incident]:
        return [one.incident for one in self.subjects if one.incident is not None]


def is_risk_of(incident: Incident | None) -> bool:
    """Say whether an incident is open or recovering."""
    return incident is not None and incident.state.is_risk


def _is_withdrawn(row: Row) -> bool:
    return row.state == "cancelled" and not row.is_unknown


__all__ = ["OWNER", "IncidentState", "Life", "Row", "Subject", "is_risk_of"]
