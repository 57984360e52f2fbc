"""What judging one subject comes to, whatever kind it is of."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mould_watch.domain.condition import SubjectCondition
from mould_watch.domain.incident import Incident
from mould_watch.domain.notification import NotificationKind
from mould_watch.domain.rules.kinds import RuleKind, kind_of
from mould_watch.domain.texts import Crossed, Matter
from mould_watch.domain.verdict import Verdict
from mould_watch.domain.wish import Wish

SOON: Final = timedelta(seconds=30)
"""The soonest a device or the backend is judged again without a reading."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """The verdicts of every rule of a subject, and what follows from them.

    A live incident of a rule without a verdict here is retired: the rule was taken away.
    """

    verdicts: tuple[Verdict, ...]
    # when it may turn out differently although nothing new has come
    next_at: datetime
    # the same while an incident lasts, where no reading asks for an evaluation
    next_at_while_open: datetime | None = None
    # the condition to show, given the live incidents by rule, in the order of the rules
    condition: Callable[[Mapping[str, Incident]], SubjectCondition]
    # what a notification of a kind, about a rule, is about
    matter: Callable[[str, NotificationKind], Matter]
    # what the household wants to hear of a rule
    wish: Callable[[str], Wish]


def crossed_in(verdicts: Iterable[Verdict], rule_id: str) -> Crossed | None:
    """Return the value and threshold of a threshold rule; None: it is not one, or is gone."""
    if kind_of(rule_id) is not RuleKind.THRESHOLD:
        return None
    evidence = next((one.evidence for one in verdicts if one.rule_id == rule_id), None)
    return None if evidence is None else Crossed.of(evidence)
