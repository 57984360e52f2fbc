"""The rules about the backend itself: broker, spool, dead letters, failed notifications.

A trouble of the backend hides all others, so it is watched like a room. What is known comes
from the database, so that any replica can judge it.
"""

from datetime import datetime, timedelta
from typing import Final

from mould_watch.domain.condition import Level
from mould_watch.domain.rules.crossing import Crossing, Patience, due, judge
from mould_watch.domain.rules.kinds import RuleKind
from mould_watch.domain.rules.listening import PartReport
from mould_watch.domain.verdict import Judged, Verdict

BROKER_MINUTES: Final = 15.0

SPOOL_WARNING_SHARE: Final = 0.5
SPOOL_HIGH_SHARE: Final = 0.8
SPOOL_CLEAR_SHARE: Final = 0.3

DEAD_LETTERS_LEAST: Final = 10
"""A sensor that starts up may send a word of nonsense: so many within a day are news."""

DEAD_LETTERS_RECENT: Final = timedelta(hours=1)
DEAD_LETTERS_QUIET: Final = timedelta(hours=24)

FAILED_RECENT: Final = timedelta(hours=24)
"""How long a notification that failed is news, if nobody has it tried again."""


def judge_broker_away(
    broker: PartReport | None,
    now: datetime,
    *,
    severity: Level,
    minutes: float = BROKER_MINUTES,
    counted_from: datetime | None = None,
) -> Judged:
    """Judge how long the broker has been away; `broker` None: nobody says how it is."""
    patience = Patience(duration=timedelta(minutes=minutes))
    if broker is None:
        crossing = Crossing(None)
    elif broker.is_well:
        crossing = Crossing(1.0, clear_since=broker.since)
    else:
        crossing = Crossing(0.0, breach_since=broker.since, breach_count=1)
    evidence = {
        "away_since": None if broker is None or broker.is_well else broker.since.isoformat(),
        "required_minutes": minutes,
    }
    verdict = judge(
        RuleKind.BROKER_AWAY.value,
        severity,
        crossing,
        patience,
        now,
        counted_from=counted_from,
        evidence=evidence,
    )
    return Judged(verdict, tuple(due(crossing, patience, now, counted_from)))


def judge_spool_filling(share: float | None, now: datetime) -> Judged:
    """Judge how full the spool is, 0..1; None: nobody says.

    Above a half it is a warning, above four fifths high: what does not fit is refused.
    """
    level = Level.NONE
    if share is not None and share >= SPOOL_WARNING_SHARE:
        level = Level.HIGH if share >= SPOOL_HIGH_SHARE else Level.WARNING
    is_full = level is not Level.NONE
    is_clear = share is not None and share < SPOOL_CLEAR_SHARE
    verdict = Verdict(
        rule_id=RuleKind.SPOOL_FILLING.value,
        is_known=share is not None,
        level=level,
        is_breach=is_full,
        is_verified=is_full,
        is_clear=is_clear,
        is_recovered=is_clear,
        breach_since=now if is_full else None,
        evidence={"share": None if share is None else round(share, 2)},
    )
    return Judged(verdict, ())


def judge_dead_letters(
    newest: datetime | None, count: int, now: datetime, *, severity: Level
) -> Judged:
    """Judge the messages that could not be understood: the newest, and how many within a day."""
    age = None if newest is None else now - newest
    is_arriving = age is not None and age < DEAD_LETTERS_RECENT and count >= DEAD_LETTERS_LEAST
    is_quiet = age is None or age >= DEAD_LETTERS_RECENT
    is_over = age is None or age >= DEAD_LETTERS_QUIET
    verdict = Verdict(
        rule_id=RuleKind.DEAD_LETTERS.value,
        is_known=True,
        level=severity if is_arriving else Level.NONE,
        is_breach=is_arriving,
        is_verified=is_arriving,
        is_clear=is_quiet,
        is_recovered=is_over,
        breach_since=newest if is_arriving else None,
        evidence={
            "newest_at": None if newest is None else newest.isoformat(),
            "count_last_day": count,
        },
    )
    ahead = (DEAD_LETTERS_RECENT, DEAD_LETTERS_QUIET) if newest is not None else ()
    return Judged(verdict, tuple(newest + one for one in ahead if newest and newest + one > now))


def judge_failed_notifications(
    newest: datetime | None, count: int, now: datetime, *, severity: Level
) -> Judged:
    """Judge the notifications that could not be delivered within a day, and the newest of them.

    Those that tell of just this are none of them: what fails is told of once.
    """
    is_failing = newest is not None and now - newest < FAILED_RECENT
    verdict = Verdict(
        rule_id=RuleKind.NOTIFICATIONS_FAILED.value,
        is_known=True,
        level=severity if is_failing else Level.NONE,
        is_breach=is_failing,
        is_verified=is_failing,
        is_clear=not is_failing,
        is_recovered=not is_failing,
        breach_since=newest if is_failing else None,
        evidence={
            "newest_at": None if newest is None else newest.isoformat(),
            "count_last_day": count,
        },
    )
    return Judged(verdict, (newest + FAILED_RECENT,) if newest is not None and is_failing else ())
