"""What judging one subject comes to, whatever kind it is of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from mould_watch.domain.condition import RoomCondition
from mould_watch.domain.incident import Incident
from mould_watch.domain.notification import NotificationKind
from mould_watch.domain.texts import Matter
from mould_watch.domain.verdict import Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """The verdicts of every rule of a subject, and what follows from them.

    A live incident of a rule without a verdict here is retired: the rule was taken away.
    """

    verdicts: tuple[Verdict, ...]
    # when it may turn out differently although nothing new has come
    next_at: datetime
    # the condition to show, given the live incidents by rule
    condition: Callable[[Mapping[str, Incident]], RoomCondition]
    # what a notification of a kind, about a rule, is about
    matter: Callable[[str, NotificationKind], Matter]
