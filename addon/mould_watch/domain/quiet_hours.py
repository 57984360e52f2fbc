"""The hours in which a household is not to be disturbed."""

from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mould_watch.domain.configuration import QuietHours

LONGEST_QUIET: Final = timedelta(hours=26)
"""A day of quiet hours in which the clocks go back. A flood lasts no longer than a day."""


def quiet_until(at: datetime, quiet: QuietHours | None, time_zone: str) -> datetime | None:
    """Return when the quiet hours around `at` end, in UTC; None: they are not now.

    `time_zone` is a name of the IANA database; an unknown one counts as UTC. Hours that begin
    when they end are none.
    """
    if quiet is None or quiet.start == quiet.end:
        return None
    zone = _zone(time_zone)
    start, end = time.fromisoformat(quiet.start), time.fromisoformat(quiet.end)
    local = at.astimezone(zone)
    # those that began yesterday may last until today
    for day in (local.date() - timedelta(days=1), local.date()):
        begins = datetime.combine(day, start, zone).astimezone(UTC)
        last_day = day if start < end else day + timedelta(days=1)
        ends = datetime.combine(last_day, end, zone).astimezone(UTC)
        if begins <= at < ends:
            return ends
    return None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError, ValueError, OSError:  # also what is no name at all
        return ZoneInfo("UTC")
