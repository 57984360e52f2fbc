"""The rule "silent": a device has sent nothing for longer than it ever leaves one waiting."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mould_watch.domain.condition import Level
from mould_watch.domain.rules.kinds import RuleKind
from mould_watch.domain.rules.listening import Listening
from mould_watch.domain.verdict import Judged, Verdict

BATTERY: Final = timedelta(hours=25)
"""A sensor that sleeps reports once a day at the least; after that it is silent."""

LEAST: Final = timedelta(hours=1)
MISSED: Final = 4
"""Reports missed in a row by a device with mains power."""

MISSED_SLEEPING: Final = 2
"""Reports missed in a row by a sensor that sleeps for longer than half a day."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What is known about how a device reports.

    `interval_s` None: not learned yet. `is_mains` only where that is sure: everything else may
    sleep.
    """

    interval_s: float | None
    is_mains: bool


def silence_limit(habits: Habits, hours: float | None = None) -> timedelta:
    """Return after how long a device is silent; `hours` is what the user set."""
    if hours is not None:
        return timedelta(hours=hours)
    interval = None if habits.interval_s is None else timedelta(seconds=habits.interval_s)
    if habits.is_mains and interval is not None:
        return max(LEAST, MISSED * interval)
    return BATTERY if interval is None else max(BATTERY, MISSED_SLEEPING * interval)


def judge_silent(
    last: datetime | None,
    first: datetime,
    now: datetime,
    *,
    limit: timedelta,
    listening: Listening,
    severity: Level,
) -> Judged:
    """Judge a device heard last at `last`, and known since `first`.

    A device is back when it was heard, not when somebody began to listen anew.
    """
    since = listening.silent_since(last, first)
    silent_for = now - since
    is_silent = silent_for >= limit
    is_heard = last is not None and now - last < limit
    verdict = Verdict(
        rule_id=RuleKind.SILENT.value,
        is_known=listening.is_known,
        level=severity if is_silent else Level.NONE,
        is_breach=is_silent,
        is_verified=is_silent,
        is_clear=is_heard,
        is_recovered=is_heard,
        breach_since=since if is_silent else None,
        evidence={
            "last_seen_at": None if last is None else last.isoformat(),
            "limit_hours": round(limit / timedelta(hours=1), 2),
        },
    )
    return Judged(verdict, () if is_silent else (since + limit,))
