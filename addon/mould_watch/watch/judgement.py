"""What judging one subject comes to, whatever kind it is of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mould_watch.domain.condition import SubjectCondition
from mould_watch.domain.incident import Incident
from mould_watch.domain.notification import NotificationKind
from mould_watch.domain.texts import Matter
from mould_watch.domain.verdict import Verdict

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
    # whether anybody wants to be told of a rule
    wants: Callable[[str], bool]
