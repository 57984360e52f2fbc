"""The rule "no_data": a room cannot be judged, because something it is judged by says nothing.

It resolves nothing and is quieter than what it may hide: an incident of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mould_watch.domain.climate import GAP
from mould_watch.domain.condition import Level
from mould_watch.domain.rules.kinds import RuleKind
from mould_watch.domain.rules.listening import Listening
from mould_watch.domain.verdict import Judged, Verdict

DEFAULT_SEVERITY: Final = Level.WARNING


@dataclass(frozen=True, slots=True)
class NeededSource:
    """A metric a room is judged by, and the device it comes from.

    `limit` is after how long that device counts as silent; `newest` the time of the newest
    value of the metric, None: there never was one.
    """

    name: str
    newest: datetime | None
    limit: timedelta
    listening: Listening

    def missing_since(self, first: datetime) -> datetime:
        """Return since when there is no value though somebody listened."""
        return self.listening.silent_since(self.newest, first)

    @property
    def patience(self) -> timedelta:
        """How long it may be missing: a value is held for 6 h, and a sensor may sleep."""
        return max(GAP, self.limit)


def judge_no_data(
    sources: Sequence[NeededSource],
    first: datetime,
    now: datetime,
    *,
    severity: Level = DEFAULT_SEVERITY,
) -> Judged:
    """Judge a room that is watched since `first` by the sources it needs."""
    missing = [
        source
        for source in sources
        if source.listening.is_known and now - source.missing_since(first) >= source.patience
    ]
    has_all = all(
        source.newest is not None and now - source.newest < source.patience for source in sources
    )
    since = min((source.missing_since(first) for source in missing), default=None)
    verdict = Verdict(
        rule_id=RuleKind.NO_DATA.value,
        # what is missing for sure is known though nobody hears the others; that all is there too
        is_known=bool(missing) or has_all,
        level=severity if missing else Level.NONE,
        is_breach=bool(missing),
        is_verified=bool(missing),
        is_clear=has_all,
        is_recovered=has_all,
        breach_since=since,
        evidence={
            "missing": [source.name for source in missing],
            "newest": {
                source.name: None if source.newest is None else source.newest.isoformat()
                for source in missing
            },
        },
    )
    due = (source.missing_since(first) + source.patience for source in sources)
    return Judged(verdict, tuple(at for at in due if at > now))
