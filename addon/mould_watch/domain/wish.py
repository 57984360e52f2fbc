"""What a household wants to hear of one rule: whether, who of it, and as how serious."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from mould_watch.domain.condition import Level
from mould_watch.domain.document import Told
from mould_watch.domain.rules.kinds import threshold_rule_id
from mould_watch.domain.rules.settings import RuleSettings, ThresholdSettings


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of a rule; nothing is said here of what is shown."""

    is_wanted: bool = True
    # None: who is told of the home
    targets: tuple[str, ...] | None = None
    severity: Level | None = None

    def told_level(self, level: Level) -> Level:
        """Return as how serious something of `level` is told.

        Where the user finds it high it is at least that; where less, never more than that,
        however far it has come.
        """
        if self.severity is None:
            return level
        choose = max if self.severity is Level.HIGH else min
        return choose(level, self.severity, key=lambda one: one.rank)


NOT_WANTED: Final = Wish(is_wanted=False)


def wish_of(rule: RuleSettings | ThresholdSettings, part: Told | None = None) -> Wish:
    """Return what is wanted of a rule of a room or device; `part` None: of the backend itself.

    A rule that names nobody is told to those its room or device names.
    """
    return Wish(
        is_wanted=rule.notify and (part is None or part.notify),
        targets=rule.targets or (part.targets if part else None),
        severity=rule.severity,
    )


def threshold_wish(thresholds: Iterable[ThresholdSettings], rule_id: str, part: Told) -> Wish:
    """Return what is wanted of the threshold with this rule's id: nothing, if it is gone."""
    named = (one for one in thresholds if threshold_rule_id(one.rule_id) == rule_id)
    return next((wish_of(one, part) for one in named), NOT_WANTED)
