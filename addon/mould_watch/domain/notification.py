"""Which notifications a transition of an incident brings, lane by lane.

A lane is one incident's way to one target: its rows are delivered in order. An alarm opens a
lane; whatever was tried in a lane is closed there, by a recovery or by clearing it away. Who is
to be alarmed may change while an incident lasts: `plan_again` follows.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from mould_watch.domain.configuration import PERSISTENT_TARGET, HomeConfiguration
from mould_watch.domain.incident import IncidentState, Step

HOME_ASSISTANT_CHANNEL: Final = "home_assistant"
APPRISE_CHANNEL: Final = "apprise"
APPRISE_PREFIX: Final = "apprise:"
"""Before the name of a service, where a target is named."""


class NotificationKind(StrEnum):
    """What a notification says."""

    ALARM = "alarm"
    RECOVERY = "recovery"
    CLEAR = "clear"


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

    @property
    def is_untried(self) -> bool:
        """Whether it still waits for its first try: nobody can have seen it."""
        return self.is_pending and self.attempts == 0


@dataclass(frozen=True, slots=True)
class NewNotification:
    """A notification to write."""

    lane: Lane
    sequence: int
    kind: NotificationKind


@dataclass(frozen=True, slots=True)
class NotificationPlan:
    """What to write with a transition: rows to cancel, then rows to add."""

    cancel: tuple[UUID, ...] = ()
    add: tuple[NewNotification, ...] = ()

    @property
    def kind(self) -> NotificationKind | None:
        """What all that is added says; None: nothing is added."""
        return self.add[0].kind if self.add else None


def lanes_of(home: HomeConfiguration, owner: str) -> tuple[Lane, ...]:
    """Return the lanes of a home: its phones, or a notification inside Home Assistant."""
    targets = dict.fromkeys(home.phones or (PERSISTENT_TARGET,))
    return tuple(Lane(HOME_ASSISTANT_CHANNEL, owner, target) for target in targets)


def plan(
    step: Step, rows: Sequence[LaneRow], lanes: Collection[Lane], *, notify: bool
) -> NotificationPlan:
    """Return what a transition writes.

    `rows` are the incident's notifications so far, `lanes` those of the home now, `notify`
    whether the room's user wants any. Opening alarms; opening again while recovering says
    nothing to whom was told. At the end whatever still waits is cancelled, and each lane in
    which anything was ever tried gets a closing message, also one no longer wanted: the phone
    may show the alarm.
    """
    match step.to_state:
        case IncidentState.RESOLVED:
            return _closing(rows, NotificationKind.RECOVERY)
        case IncidentState.RETIRED:
            return _closing(rows, NotificationKind.CLEAR)
        case state:
            return plan_again(state, rows, lanes, notify=notify)


def plan_again(
    state: IncidentState, rows: Sequence[LaneRow], lanes: Collection[Lane], *, notify: bool
) -> NotificationPlan:
    """Return what brings the alarms of a live incident in line with who wants them now.

    An alarm nobody wants any more is withdrawn if it was never tried. While the incident is
    open, a wanted lane without an alarm gets one; while it recovers, there is nothing new to
    be alarmed about.
    """
    if not state.is_risk:
        return NotificationPlan()
    wanted = lanes if notify else ()
    add: tuple[NewNotification, ...] = ()
    if state is IncidentState.OPEN:
        alarmed = {row.lane for row in rows if not row.is_cancelled}
        add = tuple(
            NewNotification(lane, _next_sequence(rows, lane), NotificationKind.ALARM)
            for lane in wanted
            if lane not in alarmed
        )
    return NotificationPlan(
        cancel=tuple(
            row.notification_id
            for row in rows
            if row.is_untried and row.lane not in wanted and not row.is_fallback
        ),
        add=add,
    )


def _next_sequence(rows: Sequence[LaneRow], lane: Lane) -> int:
    return max((row.sequence for row in rows if row.lane == lane), default=0) + 1


def _closing(rows: Sequence[LaneRow], kind: NotificationKind) -> NotificationPlan:
    tried = sorted({row.lane for row in rows if row.attempts > 0})
    # Never tried: nobody needs to hear of it. Tried and waiting for another try: the closing
    # message says more, and replaces it on the phone should it have arrived after all.
    return NotificationPlan(
        cancel=tuple(row.notification_id for row in rows if row.is_pending),
        add=tuple(NewNotification(lane, _next_sequence(rows, lane), kind) for lane in tried),
    )
