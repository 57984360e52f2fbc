"""An outbox in memory, with a set clock: what is held, released, sent, and handed over.

What the database does is done here by the simplest means.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from mould_watch.domain.condition import Level
from mould_watch.domain.configuration import HomeConfiguration
from mould_watch.domain.holding import Bundle, Hold, Reason, Released, Waiting, decide, night_of
from mould_watch.domain.incident import Incident
from mould_watch.domain.notification import (
    HOME_ASSISTANT_CHANNEL,
    Cleared,
    Lane,
    LaneRow,
    NewNotification,
    NotificationKind,
    is_handled,
)
from mould_watch.domain.notification_policy import DAY, NotificationPolicy
from tests.support.notification_row import Row

FALLBACK = Lane("apprise", "mail", "mail")


@dataclass(eq=False)
class Outbox(ABC):
    """Every notification there is, and what became of it."""

    policy: NotificationPolicy
    home: HomeConfiguration
    now: datetime
    rows: list[Row] = field(default_factory=list, kw_only=True)
    # targets that refuse everything for good, and where that is said instead
    gone: set[str] = field(default_factory=set, kw_only=True)
    fallback: Lane = field(default=FALLBACK, kw_only=True)
    # what each target got, in order
    sent: list[tuple[datetime, Row]] = field(default_factory=list, kw_only=True)

    @abstractmethod
    def incident(self, incident_id: UUID) -> Incident:
        """Return an incident as it is now."""

    @abstractmethod
    def name_of(self, incident_id: UUID) -> str:
        """Return the name of what an incident is about."""

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
            clears=Cleared.INCIDENT if new.kind is NotificationKind.CLEAR else None,
        )
        self.rows.append(row)
        return row

    def cancel(self, row: Row, *, is_over: bool) -> None:
        assert row.state == "pending"
        row.state = "cancelled"
        if row.hold is not None and not (row.hold.reason is Reason.FLOOD and is_over):
            row.hold = None

    def released(self, target: Lane) -> list[Released]:
        return [
            Released(row.released_at, self.name_of(row.incident), row.kind)
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
        name = self.name_of(row.incident)
        return Waiting(
            notification_id=row.notification_id,
            incident_id=row.incident,
            transition_id=row.sequence,
            lane=row.lane,
            place=name.partition("/")[0],
            kind=row.kind,
            severity=row.severity,
            reason=row.hold.reason,
            title=name,
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

    def take_away_summaries(self) -> None:
        """Take from the phones the summaries that tell only of what is over or was handled."""
        for row in list(self.rows):
            if self._may_go(row):
                clear = self._next(row, NotificationKind.CLEAR)
                self.append(row.incident, clear, Level.NONE, None).clears = Cleared.SUMMARY

    def _may_go(self, row: Row) -> bool:
        lane = [one for one in self.rows if (one.incident, one.lane) == (row.incident, row.lane)]
        return (
            row.kind is NotificationKind.SUMMARY
            and row.lane.channel == HOME_ASSISTANT_CHANNEL
            and row.severity is not Level.NONE
            and (row.state == "sent" or row.is_unknown)
            and not any(self.lasts(incident_id) for incident_id in self.told_in(row))
            and not any(
                one.state == "pending"
                for one in self.rows
                if one.lane == row.lane and one.incident in self.told_in(row)
            )
            and not any(
                (one.kind is NotificationKind.SUMMARY and one.attempts > 0)
                or (one.clears is Cleared.SUMMARY and one.state != "cancelled")
                for one in lane
                if one.sequence > row.sequence
            )
        )

    def lasts(self, incident_id: UUID) -> bool:
        """Say whether an incident goes on and nobody has handled it."""
        incident = self.incident(incident_id)
        return incident.state.is_live and not is_handled(incident)

    def summary_shown(self, target: Lane) -> Row | None:
        """Return the summary that a phone shows: the newest, unless that was taken away."""
        shown: Row | None = None
        for _, row in self.sent:
            if row.lane != target:
                continue
            if row.kind is NotificationKind.SUMMARY:
                shown = row
            elif row.clears is Cleared.SUMMARY and shown and shown.incident == row.incident:
                shown = None
        return shown

    def hand_over(self) -> None:
        """Say by the fallback what failed elsewhere, is the last word there, and still matters."""
        for row in [one for one in self.rows if one.state == "failed"]:
            newer = self._followers(row)
            told = self.told_in(row)
            matters = row.kind is NotificationKind.SUMMARY or any(map(self.lasts, told))
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

    def advance(self, delta: timedelta) -> None:
        self.now += delta

    def shown(self, target: Lane) -> dict[UUID, NotificationKind]:
        """Return what a phone shows of each incident: the newest, unless it was cleared."""
        shown: dict[UUID, NotificationKind] = {}
        for _, row in self.sent:
            # a summary is shown beside everything, and goes by itself
            is_of_summary = row.kind is NotificationKind.SUMMARY or row.clears is Cleared.SUMMARY
            if row.lane == target and not is_of_summary:
                shown[row.incident] = row.kind
        return {
            incident: kind for incident, kind in shown.items() if kind is not NotificationKind.CLEAR
        }


def _is_withdrawn(row: Row) -> bool:
    return row.state == "cancelled" and not row.is_unknown
