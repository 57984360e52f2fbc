"""What a rule says of its subject at one moment: all that the incident machine ever hears."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mould_watch.domain.condition import Level


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What one rule says now.

    Between `is_breach` and `is_clear` lies the hysteresis, where both are False and nothing
    changes its mind. Both answer for this very moment; the others for the time until now.
    Raises ValueError when the answers contradict each other.
    """

    rule_id: str
    # whether there is data for this moment: without, nothing begins, moves or ends
    is_known: bool
    # how serious what happened is; NONE: nothing worth an incident
    level: Level = Level.NONE
    # beyond the threshold now
    is_breach: bool = False
    # beyond it for as long and as often as the rule asks
    is_verified: bool = False
    # below the recovery threshold now, and for as long as it takes to say so
    is_clear: bool = False
    # clear for as long as the rule asks
    is_recovered: bool = False
    # when the breach that counts began; None: there is none
    breach_since: datetime | None = None
    # it swings about its threshold: one more breach is no news
    is_unsteady: bool = False
    # the numbers behind it, as JSON has them, units in the names
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what would send an incident round in circles."""
        if self.is_breach and self.is_clear:
            raise ValueError(f"rule {self.rule_id} says both breached and clear")
        if self.is_recovered and not self.is_clear:
            raise ValueError(f"rule {self.rule_id} says recovered but not clear")
        if self.is_verified and (self.level is Level.NONE or self.breach_since is None):
            raise ValueError(f"rule {self.rule_id} has verified what it does not name")


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, and the times at which it may change though nothing new comes."""

    verdict: Verdict
    due: tuple[datetime, ...] = ()
