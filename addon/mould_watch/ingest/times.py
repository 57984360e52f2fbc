"""The time of a reading: from its payload when that can be, else from its receipt."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from mould_watch.errors import UndecodableMessageError

type TimeQuality = Literal["payload", "receipt", "backlog", "device_clock_wrong"]

# Every civil time is a multiple of 15 minutes from UTC, between -12 and +14 hours.
_QUARTER: Final = timedelta(minutes=15)
_LEAST_QUARTERS: Final = -12 * 4
_MOST_QUARTERS: Final = 14 * 4
# Epoch values from here on are milliseconds: in seconds they would lie beyond the year 5000.
_FIRST_MILLISECONDS: Final = 1e11
_SHOWN_CHARACTERS: Final = 60
_DATE_AND_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:?\d{2}")


@dataclass(frozen=True, slots=True)
class SettledTime:
    """The time under which a reading is stored."""

    ts: datetime
    quality: TimeQuality
    # a redelivery, received later, would be given another one
    from_receipt: bool


def parse_time(value: object) -> datetime:
    """Read a payload's time: ISO 8601 with date and time, or epoch in seconds or milliseconds.

    Returns an aware time in UTC, or a naive one when the text has no zone. Raises
    UndecodableMessageError (`time_invalid`).
    """
    try:
        match value:
            case bool():
                pass
            case int() | float():
                seconds = value / 1000 if abs(value) >= _FIRST_MILLISECONDS else value
                return datetime.fromtimestamp(seconds, UTC)
            case str() if _DATE_AND_TIME.match(value):
                parsed = datetime.fromisoformat(value)
                return parsed if parsed.tzinfo is None else parsed.astimezone(UTC)
            case _:
                pass
    except ValueError, OverflowError, OSError:
        pass
    raise UndecodableMessageError("time_invalid", f"{_shown(value)} is no time")


def nearest_utc(naive: datetime, received_at: datetime) -> datetime:
    """Return the UTC time that a zoneless time most likely meant: the one nearest to receipt."""
    as_utc = naive.replace(tzinfo=UTC)
    quarters = round((as_utc - received_at) / _QUARTER)
    offset = min(max(quarters, _LEAST_QUARTERS), _MOST_QUARTERS) * _QUARTER
    try:
        return as_utc - offset
    except OverflowError:
        # the first or last day of the calendar: no plausible time either way
        return as_utc


def settle(
    at: datetime | None,
    received_at: datetime,
    *,
    backlog: bool,
    retained: bool,
    future_maximum_s: float,
    age_maximum_s: float,
) -> SettledTime | None:
    """Decide the time of a reading; None: a retained message whose time nobody knows.

    Plausibility is always judged against the original receipt, never against now.
    """
    if at is not None:
        zoneless = at.tzinfo is None
        ts = nearest_utc(at, received_at) if zoneless else at
        ahead_s = (ts - received_at).total_seconds()
        if -age_maximum_s <= ahead_s <= future_maximum_s:
            return SettledTime(ts, "payload", from_receipt=zoneless)
    if retained:
        return None
    if backlog:
        return SettledTime(received_at, "backlog", from_receipt=True)
    quality: TimeQuality = "receipt" if at is None else "device_clock_wrong"
    return SettledTime(received_at, quality, from_receipt=True)


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
