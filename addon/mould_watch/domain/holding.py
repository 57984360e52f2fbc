"""Which notifications wait, and what becomes of them when their time has come.

They wait for company (the group wait: what comes together is told together, what is over is not
told), for the end of the quiet hours, or, in a flood, for its end. What waited for the morning or
in a flood is told to each target in one summary.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from mould_watch.domain.condition import Level
from mould_watch.domain.configuration import HomeConfiguration, QuietHours
from mould_watch.domain.notification import Lane, NotificationKind
from mould_watch.domain.notification_policy import DAY, HOUR, NotificationPolicy
from mould_watch.domain.quiet_hours import quiet_until


class Reason(StrEnum):
    """What a notification waits for. Same words as the database's notification.held_for."""

    GROUP = "group"
    QUIET = "quiet"
    FLOOD = "flood"


@dataclass(frozen=True, slots=True)
class Hold:
    """Until when a notification waits, and what for."""

    until: datetime
    reason: Reason


@dataclass(frozen=True, slots=True)
class Released:
    """A notification that was let go to a target. `source` is the rule and subject it is about."""

    at: datetime
    source: str
    kind: NotificationKind
    # the same again, for want of a receipt: the service counts it, nobody is told a second thing
    is_repetition: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A notification whose waiting is over.

    `place` is the room it is about, or the device or backend itself.
    """

    notification_id: UUID
    incident_id: UUID
    transition_id: int
    lane: Lane
    place: str
    kind: NotificationKind
    severity: Level
    reason: Reason
    title: str
    # False: cancelled while a flood kept it back
    is_pending: bool
    # its incident has ended
    is_over: bool
    # something of its incident was tried there, and may be seen there
    is_shown: bool


@dataclass(frozen=True, slots=True)
class Bundle:
    """Several notifications told as one, in the lane of the first, the gravest."""

    kind: NotificationKind
    told: tuple[Waiting, ...]
    # it follows a flood
    is_of_a_flood: bool = False

    @property
    def head(self) -> Waiting:
        """The gravest of them."""
        return self.told[0]

    @property
    def severity(self) -> Level:
        """How serious it is now: what is over is not."""
        lasting = [one.severity for one in self.told if not one.is_over and one.kind.is_alarming]
        return max(lasting, key=lambda level: level.rank, default=Level.NONE)

    @property
    def cleared(self) -> tuple[Waiting, ...]:
        """Recoveries told elsewhere than where the alarm is shown: that must go away.

        A summary is shown beside everything, not in the place of its first.
        """
        return tuple(
            one
            for one in self.told
            if one.kind is NotificationKind.RECOVERY
            and one.is_shown
            and (self.kind is NotificationKind.SUMMARY or one is not self.head)
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one target's notifications whose waiting is over."""

    release: tuple[Waiting, ...] = ()
    bundles: tuple[Bundle, ...] = ()
    # these wait on
    wait: tuple[Waiting, ...] = ()
    hold: Hold | None = None


def hold_of(
    kind: NotificationKind,
    level: Level,
    now: datetime,
    *,
    home: HomeConfiguration,
    policy: NotificationPolicy,
) -> Hold | None:
    """Return what a new notification waits for; None: nothing."""
    if kind is NotificationKind.CLEAR or _is_urgent_news(kind, level, policy):
        return None
    is_urgent = kind.is_alarming and policy.is_urgent(level)
    soon = now if is_urgent else now + policy.group_wait
    morning = quiet_until(soon, _quiet_hours(home, policy), home.time_zone)
    if morning is not None:
        return Hold(morning, Reason.QUIET)
    return None if is_urgent else Hold(soon, Reason.GROUP)


def night_of(
    now: datetime, *, home: HomeConfiguration, policy: NotificationPolicy
) -> datetime | None:
    """Return until when nobody is to be disturbed by what is not urgent; None: it may go."""
    return quiet_until(now, _quiet_hours(home, policy), home.time_zone)


def flood_of(
    kind: NotificationKind,
    level: Level,
    source: str,
    now: datetime,
    *,
    released: Iterable[Released],
    is_unsteady: bool,
    policy: NotificationPolicy,
) -> Hold | None:
    """Return the flood that a new notification to a target is part of; None: there is none.

    `released` is what that target got within a day, `is_unsteady` whether the value swings
    about its threshold. The first word is always said, and a recovery of what was told.
    """
    today = [one for one in released if now - one.at < DAY]
    if kind is NotificationKind.CLEAR:
        return None
    if len(today) >= policy.daily_maximum:
        return Hold(min(one.at for one in today) + DAY, Reason.FLOOD)
    if not kind.is_alarming:
        return None
    alarms = [
        one.at
        for one in today
        if one.source == source and one.kind.is_alarming and not one.is_repetition
    ]
    most = policy.urgent_alarms_a_day if policy.is_urgent(level) else policy.alarms_a_day
    if len(alarms) >= (1 if is_unsteady and not policy.is_urgent(level) else most):
        return Hold(min(alarms) + DAY, Reason.FLOOD)
    return None


def decide(
    waiting: Sequence[Waiting],
    released: Iterable[Released],
    now: datetime,
    *,
    home: HomeConfiguration,
    policy: NotificationPolicy,
) -> Decision:
    """Return what becomes of one target's `waiting`, given what it got within a day."""
    if not waiting:
        return Decision()
    today = [one for one in released if now - one.at < DAY]
    if len(today) >= policy.daily_maximum:
        end = min(one.at for one in today) + DAY
        return Decision(wait=tuple(waiting), hold=Hold(end, Reason.FLOOD))
    is_flood = any(one.reason is Reason.FLOOD for one in waiting)
    morning = quiet_until(now, _quiet_hours(home, policy), home.time_zone)
    is_urgent = any(_is_urgent_news(one.kind, one.severity, policy) for one in waiting)
    if morning is not None and not is_urgent:
        reason = Reason.FLOOD if is_flood else Reason.QUIET
        return Decision(wait=tuple(waiting), hold=Hold(morning, reason))
    if is_flood:
        return _together(waiting, is_of_a_flood=True)
    lately = [one.at for one in today if now - one.at < HOUR and not one.is_repetition]
    if len(lately) >= policy.hourly_maximum:
        return Decision(wait=tuple(waiting), hold=Hold(min(lately) + HOUR, Reason.FLOOD))
    if any(one.reason is Reason.QUIET for one in waiting):
        return _together(waiting)
    return _by_place(waiting, policy.hourly_maximum - len(lately), now)


def _is_urgent_news(kind: NotificationKind, level: Level, policy: NotificationPolicy) -> bool:
    """Say whether it is worth waking somebody: nobody is woken to be reminded."""
    return kind.is_alarming and kind is not NotificationKind.REMINDER and policy.is_urgent(level)


def _quiet_hours(home: HomeConfiguration, policy: NotificationPolicy) -> QuietHours | None:
    return policy.quiet_hours if home.quiet_hours is None else home.quiet_hours


def _together(waiting: Sequence[Waiting], *, is_of_a_flood: bool = False) -> Decision:
    if len(waiting) == 1 and waiting[0].is_pending:
        return Decision(release=tuple(waiting))
    told = _gravest_first(waiting)
    return Decision(bundles=(Bundle(NotificationKind.SUMMARY, told, is_of_a_flood),))


def _by_place(waiting: Sequence[Waiting], room: int, now: datetime) -> Decision:
    """Return one notification for each place, the gravest first, as many as there is room for."""
    places: dict[str, list[Waiting]] = {}
    for one in _gravest_first(waiting):
        places.setdefault(one.place, []).append(one)
    release: list[Waiting] = []
    bundles: list[Bundle] = []
    wait: list[Waiting] = []
    for number, group in enumerate(places.values()):
        if number >= room:
            wait += group
        elif len(group) == 1:
            release += group
        else:
            bundles.append(Bundle(group[0].kind, tuple(group)))
    hold = Hold(now + HOUR, Reason.FLOOD) if wait else None
    return Decision(tuple(release), tuple(bundles), tuple(wait), hold)


def _gravest_first(waiting: Iterable[Waiting]) -> tuple[Waiting, ...]:
    return tuple(
        sorted(
            waiting,
            key=lambda one: (
                one.is_over,
                not one.kind.is_alarming,
                -one.severity.rank,
                one.transition_id,
            ),
        )
    )
