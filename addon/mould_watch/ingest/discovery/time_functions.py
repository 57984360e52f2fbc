"""Functions of templates about times. This program knows no zone but UTC."""

from datetime import UTC, date, datetime, time
from typing import Any

from mould_watch.ingest.discovery.defaults import MISSING, NOT_A_NUMBER, fall_back


def as_datetime(value: Any, default: Any = MISSING) -> Any:  # noqa: ANN401
    """Return a time from a time stamp, a date or ISO 8601."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    try:
        return datetime.fromtimestamp(float(value), UTC)
    except NOT_A_NUMBER:
        pass
    try:
        return datetime.fromisoformat(value)
    except ValueError, TypeError:
        if default is MISSING and isinstance(value, str):
            return None
        return fall_back("as_datetime", value, default)


def as_timestamp(value: Any, default: Any = MISSING) -> Any:  # noqa: ANN401
    """Return the seconds since 1970 of a time."""
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return as_local(at).timestamp()
    except ValueError, TypeError:
        return fall_back("as_timestamp", value, default)


def timestamp_custom(
    value: Any,  # noqa: ANN401
    date_format: str = "%Y-%m-%d %H:%M:%S",
    local: bool = True,  # noqa: FBT001, FBT002
    default: Any = MISSING,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    """Return a time stamp in a format of the template's own."""
    del local  # this program knows no zone but UTC
    try:
        return datetime.fromtimestamp(value, UTC).strftime(date_format)
    except NOT_A_NUMBER:
        return fall_back("timestamp_custom", value, default)


def timestamp_utc(value: Any, default: Any = MISSING) -> Any:  # noqa: ANN401
    """Return a time stamp as ISO 8601."""
    try:
        return datetime.fromtimestamp(value, UTC).isoformat()
    except NOT_A_NUMBER:
        return fall_back("timestamp_utc", value, default)


def strptime(text: str, date_format: str, default: Any = MISSING) -> Any:  # noqa: ANN401
    """Return the time that a text in a given format names."""
    try:
        return datetime.strptime(text, date_format)  # noqa: DTZ007 - as documented
    except ValueError, TypeError:
        return fall_back("strptime", text, default)


def as_local(value: datetime) -> datetime:
    """Return the time with a zone."""
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
