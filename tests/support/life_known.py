"""What a rule says of a subject, and what a person knows to be the matter with it."""

from dataclasses import dataclass
from datetime import datetime

from mould_watch.domain.condition import Level
from mould_watch.domain.verdict import Verdict
from tests.support.climate import NOON

NONE, WATCH, WARNING, HIGH, _ = Level

WAVERING = Verdict(rule_id="rule", is_known=True, is_clear=True)
"""Clear now, and not for as long as the rule asks."""


def suspicion(level: Level) -> Verdict:
    """Return what a rule says that must last before it counts."""
    return Verdict(rule_id="rule", is_known=True, level=level, is_breach=True, breach_since=NOON)


def verdict(level: Level, *, unsteady: bool = False) -> Verdict:
    is_breach = level is not NONE
    return Verdict(
        rule_id="rule",
        is_known=True,
        level=level,
        is_breach=is_breach,
        is_verified=is_breach,
        is_clear=not is_breach,
        is_recovered=not is_breach,
        breach_since=NOON if is_breach else None,
        is_unsteady=unsteady,
    )


@dataclass
class Known:
    """What a person knows to be the matter. `seen_at` is the level at which they said so."""

    level: Level = NONE
    seen_at: Level | None = None
    put_off_until: datetime | None = None
    # when the time had come until which it was put off last
    back_at: datetime | None = None

    def become(self, level: Level, now: datetime) -> None:
        self.pass_time(now)
        if level is NONE or (self.seen_at is not None and level.rank > self.seen_at.rank):
            self.seen_at = self.put_off_until = None
        self.level = level
        if level is NONE:
            self.back_at = None

    def pass_time(self, now: datetime) -> None:
        if self.put_off_until is not None and now >= self.put_off_until:
            self.back_at = self.put_off_until
            self.seen_at = self.put_off_until = None
