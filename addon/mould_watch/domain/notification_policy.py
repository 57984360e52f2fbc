"""How long notifications wait, how often they remind, and how many are too many."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from mould_watch.domain.condition import Level
from mould_watch.domain.configuration import QuietHours

DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
NIGHT: Final = QuietHours(start="22:00", end="07:00")


@dataclass(frozen=True, kw_only=True, slots=True)
class NotificationPolicy:
    """What holds where the household did not say otherwise."""

    # what comes within it is told together, and what is over within it is not told at all
    group_wait: timedelta = timedelta(seconds=60)
    # from one reminder to the next; the last distance repeats; none: no reminders
    reminders: tuple[timedelta, ...] = (4 * HOUR, 12 * HOUR, DAY)
    reminders_from: Level = Level.HIGH
    # from here on nothing waits for company or for the morning
    urgent_from: Level = Level.HIGH
    quiet_hours: QuietHours | None = NIGHT
    # alarms of one rule about one subject within a day, before the rest waits for a summary
    alarms_a_day: int = 3
    urgent_alarms_a_day: int = 6
    # to one target; a phone service takes 500 a day
    hourly_maximum: int = 10
    daily_maximum: int = 400

    def reminder_distance(self, reminded: int) -> timedelta | None:
        """Return how long after the last word the next reminder is due; None: never."""
        if not self.reminders:
            return None
        return self.reminders[min(reminded, len(self.reminders) - 1)]

    def is_urgent(self, level: Level) -> bool:
        """Say whether something of this level waits for nothing."""
        return level.rank >= self.urgent_from.rank
