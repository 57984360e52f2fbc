"""Which notifications an incident has as it stands, lane by lane.

A lane is one incident's way to one target: its rows are delivered in order. An alarm opens a
lane; whatever was tried in a lane is closed there, by a recovery or by clearing it away. All
that is planned follows from how the incident stands, from what its lanes hold, and from who wants
to be told: planning again changes nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from mould_watch.domain.condition import Level
from mould_watch.domain.configuration import PERSISTENT_TARGET, HomeConfiguration
from mould_watch.domain.incident import Incident, IncidentState
from mould_watch.domain.notification_policy import NotificationPolicy

HOME_ASSISTANT_CHANNEL: Final = "home_assistant"
APPRISE_CHANNEL: Final = "apprise"
APPRISE_PREFIX: Final = "apprise:"
"""Before the name of a service, where a target is named."""


class NotificationKind(StrEnum):
    """What a notification says. Same words as the database's notification.kind."""

    ALARM = "alarm"
    # it got worse than what was told
    STEP_UP = "step_up"
    # it is still so
    REMINDER = "reminder"
    RECOVERY = "recovery"
    # nothing to read: what the target shows of the incident goes away
    CLEAR = "clear"
    # several in one
    SUMMARY = "summary"

    @property
    def is_alarming(self) -> bool:
        """Whether it says that something is the matter."""
        return self not in {NotificationKind.RECOVERY, NotificationKind.CLEAR}


class Cleared(StrEnum):
    """What a `clear` takes away: a summary is shown beside everything, and tells of others too."""

    INCIDENT = "incident"
    SUMMARY = "summary"


@dataclass(frozen=True, order=True, slots=True)
class Lane:
    """Where notifications of one incident go. `route` is a Home Assistant instance id."""

    channel: str
    route: str
    target: str


@dataclass(frozen=True, slots=True)
class LaneRow:
    """A notification already written."""

    notification_id: UUID
    lane: Lane
    sequence: int
    is_pending: bool
    attempts: int
    # it will never be sent: withdrawn before the first try, or superseded. What another channel
    # said in its place is not meant: whoever should know of it was told.
    is_cancelled: bool = False
    # it stands for one of another channel, whatever the home's own targets are
    is_fallback: bool = False
    kind: NotificationKind = NotificationKind.ALARM
    # how serious its incident was then
    severity: Level = Level.WARNING
    # when it went to its target, or will
    at: datetime | None = None
    # another notification to the same target says it as well, and that one stands
    is_told_elsewhere: bool = False
    # that other one was tried
    is_tried_elsewhere: bool = False
    # and where another channel was tried in that other's place
    tried_another_way: Lane | None = None

    @property
    def is_untried(self) -> bool:
        """Whether it still waits for its first try: nobody can have seen it."""
        return self.is_pending and self.attempts == 0

    @property
    def is_tried(self) -> bool:
        """Whether its target may have it, by itself or in what tells of others too."""
        return self.attempts > 0 or (self.is_told_elsewhere and self.is_tried_elsewhere)

    @property
    def counts(self) -> bool:
        """Whether its target has been told, or will be."""
        return not self.is_cancelled or self.is_told_elsewhere


@dataclass(frozen=True, slots=True)
class NewNotification:
    """A notification to write."""

    lane: Lane
    sequence: int
    kind: NotificationKind


@dataclass(frozen=True, slots=True)
class NotificationPlan:
    """What to write: rows to cancel, then rows to add."""

    cancel: tuple[UUID, ...] = ()
    add: tuple[NewNotification, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self.cancel and not self.add


def lanes_of(
    home: HomeConfiguration, owner: str, targets: Collection[str] | None = None
) -> tuple[Lane, ...]:
    """Return the lanes of a home, or those of `targets`, where a room or device has its own.

    Without any there is a notification inside Home Assistant.
    """
    named = home.phones if targets is None else targets
    return tuple(dict.fromkeys(_lane(target, owner) for target in named or (PERSISTENT_TARGET,)))


def _lane(target: str, owner: str) -> Lane:
    if target.startswith(APPRISE_PREFIX):
        name = target.removeprefix(APPRISE_PREFIX)
        return Lane(APPRISE_CHANNEL, name, name)
    return Lane(HOME_ASSISTANT_CHANNEL, owner, target)


def plan(
    incident: Incident, rows: Sequence[LaneRow], lanes: Collection[Lane], *, notify: bool
) -> NotificationPlan:
    """Return what brings the lanes of an incident in line with how it stands.

    `rows` are its notifications so far, `lanes` those of who is to be told now, `notify` whether
    anybody wants to be. At the end whatever still waits is cancelled, and each lane in which
    anything was tried gets a closing message, also one no longer wanted: the target may show
    the alarm. While it lasts, what nobody wants any more is withdrawn if it was never tried. What
    goes another way is not: it stands for one that was tried, or that nobody came for.
    What a person has seen or put off is cleared away wherever it may be shown, and only speaks
    again when it got worse or its time has come.
    """
    match incident.state:
        case IncidentState.RESOLVED:
            return _closing(rows, NotificationKind.RECOVERY)
        case IncidentState.RETIRED:
            return _closing(rows, NotificationKind.CLEAR)
        case IncidentState.OPEN | IncidentState.RECOVERING:
            if is_handled(incident):
                return _hushed(rows)
            return _alarming(incident, rows, lanes if notify else ())
        case _:
            return NotificationPlan()


def remind(
    incident: Incident,
    rows: Sequence[LaneRow],
    lanes: Collection[Lane],
    now: datetime,
    *,
    policy: NotificationPolicy,
    counted_from: datetime | None = None,
) -> NotificationPlan:
    """Return the reminders that are due at `now` in the lanes of who wants to be told.

    At growing distances, of what is open, serious enough and nobody has seen. A reminder that
    still waits is replaced: its words are old. Time before `counted_from` is no distance: the
    clock was wrong.
    """
    if (
        incident.state is not IncidentState.OPEN
        or is_handled(incident)
        or incident.level.rank < policy.reminders_from.rank
    ):
        return NotificationPlan()
    cancel: list[UUID] = []
    add: list[NewNotification] = []
    for lane in lanes:
        loud = _loud(rows, lane)
        waiting = [row for row in loud if row.is_untried]
        if not loud or any(row.kind is not NotificationKind.REMINDER for row in waiting):
            continue
        # what was said in the future was said by a clock that was ahead, and is no beginning
        times = [row.at for row in loud if row.at is not None and (row.is_untried or row.at <= now)]
        if counted_from is not None:
            times.append(counted_from)
        told = sum(row.kind is NotificationKind.REMINDER and not row.is_untried for row in loud)
        distance = policy.reminder_distance(told)
        if times and distance is not None and now - max(times) >= distance:
            cancel += [row.notification_id for row in waiting]
            add.append(NewNotification(lane, _next_sequence(rows, lane), NotificationKind.REMINDER))
    return NotificationPlan(tuple(cancel), tuple(add))


def is_handled(incident: Incident) -> bool:
    """Say whether a person has seen the incident, or put it off."""
    return incident.acknowledged_at is not None or incident.snoozed_until is not None


def _alarming(
    incident: Incident, rows: Sequence[LaneRow], wanted: Collection[Lane]
) -> NotificationPlan:
    is_open = incident.state is IncidentState.OPEN
    # words about another level that nobody has heard are said anew
    stale = {
        row.notification_id
        for row in rows
        if row.is_untried
        and row.kind.is_alarming
        # what goes another way goes there once, and where it came from counts as told
        and not row.is_fallback
        and (row.lane not in wanted or (is_open and row.severity is not incident.level))
    }
    kept = [row for row in rows if row.notification_id not in stale]
    add = []
    for lane in wanted if is_open else ():
        kind = _due_kind(incident, kept, lane)
        if kind is not None:
            add.append(NewNotification(lane, _next_sequence(rows, lane), kind))
    return NotificationPlan(
        cancel=tuple(row.notification_id for row in rows if row.notification_id in stale),
        add=tuple(add),
    )


def _due_kind(incident: Incident, rows: Sequence[LaneRow], lane: Lane) -> NotificationKind | None:
    """Return what a lane is to be told of an open incident now; None: it knows."""
    ever = [row for row in rows if row.lane == lane and row.kind.is_alarming and row.counts]
    if not ever:
        return NotificationKind.ALARM
    loud = _loud(rows, lane)
    told = max(row.severity.rank for row in loud or ever)
    if incident.level.rank > told:
        return NotificationKind.STEP_UP
    return None if loud else NotificationKind.REMINDER


def _hushed(rows: Sequence[LaneRow]) -> NotificationPlan:
    """Clear wherever it may be known, also by what told of others too: it may speak again there."""
    waiting = [row for row in rows if row.is_pending and row.kind.is_alarming]
    return NotificationPlan(
        cancel=tuple(row.notification_id for row in waiting),
        add=tuple(
            NewNotification(lane, _next_sequence(rows, lane), NotificationKind.CLEAR)
            for lane in sorted({row.lane for row in rows})
            if any(row.is_tried for row in _loud(rows, lane))
        ),
    )


def _closing(rows: Sequence[LaneRow], kind: NotificationKind) -> NotificationPlan:
    told = {row.lane for row in rows if row.attempts > 0}
    if kind is NotificationKind.RECOVERY:
        told |= {row.lane for row in rows if row.is_tried_elsewhere}
        told |= {row.tried_another_way for row in rows if row.tried_another_way is not None}
    # Never tried: nobody needs to hear of it. Tried and waiting for another try: the closing
    # message says more, and replaces it on the phone should it have arrived after all.
    return NotificationPlan(
        cancel=tuple(row.notification_id for row in rows if row.is_pending),
        add=tuple(NewNotification(lane, _next_sequence(rows, lane), kind) for lane in sorted(told)),
    )


def _loud(rows: Sequence[LaneRow], lane: Lane) -> list[LaneRow]:
    """Return what a lane was told since it was last cleared, and counts."""
    own = [row for row in rows if row.lane == lane]
    clears = [row for row in own if row.kind is NotificationKind.CLEAR and not row.is_cancelled]
    cleared = max((row.sequence for row in clears), default=0)
    return [
        row
        for row in own
        if row.sequence > cleared and row.kind.is_alarming and (row.counts or row.attempts > 0)
    ]


def _next_sequence(rows: Sequence[LaneRow], lane: Lane) -> int:
    return max((row.sequence for row in rows if row.lane == lane), default=0) + 1
