"""Since when a silence would have been noticed: nobody is silent while nobody listens."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from mould_watch.domain.condition import Level

STALE: Final = timedelta(minutes=3)
"""A report older than this says nothing any more: whoever made it is gone."""

GRACE: Final = timedelta(minutes=30)
"""A sensor just put up shows the hand that held it, and a room just added is still being set up."""

BROKER: Final = "broker"
SPOOL: Final = "spool"
CLOCK: Final = "clock"
_HOME_ASSISTANT: Final = "home_assistant:"
_FORWARDED: Final = "ha:"


@dataclass(frozen=True, slots=True)
class PartReport:
    """What was said last of a part of the backend."""

    is_well: bool
    since: datetime
    reported_at: datetime
    detail: Mapping[str, Any] = field(default_factory=dict)

    def is_fresh(self, now: datetime) -> bool:
        """Say whether it still counts."""
        return now - self.reported_at <= STALE


@dataclass(frozen=True, slots=True)
class Listening:
    """Whether, and since when, what a device sends would reach the database.

    `since` None: it would not (the broker or Home Assistant is away, what came meanwhile is
    still being stored), and no silence may be judged.
    """

    since: datetime | None

    @property
    def is_known(self) -> bool:
        """Whether a silence may be judged."""
        return self.since is not None

    def silent_since(self, last: datetime | None, first: datetime) -> datetime:
        """Return since when nothing came though somebody listened.

        `last` is the newest reading, `first` when the device or room became known.
        """
        start = first if last is None else last
        return start if self.since is None else max(start, self.since)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the backend at one moment, as far as rules are concerned with them."""

    reports: Mapping[str, PartReport]
    now: datetime
    # since when what was received in an outage is being caught up with
    draining_since: datetime | None = None

    @property
    def counted_from(self) -> datetime | None:
        """When the wall clock last jumped: no duration reaches back beyond it."""
        clock = self.reports.get(CLOCK)
        return None if clock is None else clock.since

    def counted_since(self, first: datetime | None, severity: Level) -> datetime | None:
        """Return from when durations count for what is watched since `first`.

        It has a grace, unless the user calls it urgent. A `first` ahead of now was written by
        another clock and gives none.
        """
        if first is None or first > self.now or severity.rank >= Level.HIGH.rank:
            return self.counted_from
        known = first + GRACE
        return known if self.counted_from is None else max(known, self.counted_from)

    @property
    def is_draining(self) -> bool:
        """Whether messages received earlier are still being stored."""
        return self.draining_since is not None

    def fresh(self, part: str) -> PartReport | None:
        """Return what is known about a part now."""
        report = self.reports.get(part)
        return report if report is not None and report.is_fresh(self.now) else None

    def listening(self, source_instance: str) -> Listening:
        """Return since when devices of a source would have been heard."""
        report = self.fresh(part_of(source_instance))
        if report is None or not report.is_well or self.is_draining:
            return Listening(None)
        since = report.since if self.counted_from is None else max(report.since, self.counted_from)
        return Listening(since)


def part_of(source_instance: str) -> str:
    """Return the part over which the devices of a source are heard."""
    if source_instance.startswith(_FORWARDED):
        return home_assistant(source_instance.removeprefix(_FORWARDED))
    return BROKER


def home_assistant(instance_id: str) -> str:
    """Return the part that is the connection of a Home Assistant instance."""
    return f"{_HOME_ASSISTANT}{instance_id}"
