"""What stands in a cell: a number with comma or point, a time in one of many ways of writing."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from math import isfinite
from typing import Final

from mould_watch.backtest.columns import Unit
from mould_watch.errors import RecordingError

_MISSING: Final = frozenset(
    ("", "-", "--", "---", "unavailable", "unknown", "none", "null", "nan", "n/a", "na", "nil")
)
_NUMBER: Final = re.compile(
    r"^([+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?)\s*([^\d\s.,].*)?$"
)
_FORMATS: Final = (
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%y %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M %p",
    "%d-%m-%Y %H:%M:%S",
    "%d-%m-%Y %H:%M",
    "%Y-%m-%d %I:%M:%S %p",
    "%Y-%m-%d %I:%M %p",
    "%d %b %Y %H:%M:%S",
    "%b %d, %Y %I:%M:%S %p",
)
_MILLISECONDS_FROM: Final = 1e11
_EPOCH: Final = "epoch"
_ISO: Final = "iso"


class UnreadableError(ValueError):
    """A cell holds something that is neither a value nor one of the words for none."""


def number(text: str) -> float | None:
    """Return the number in a cell; None for an empty one and the words for "no value".

    A unit behind it is skipped. NaN and infinities are no values. Raises UnreadableError.
    """
    stripped = text.strip().strip('"').replace("\xa0", " ").strip()
    if stripped.lower() in _MISSING:
        return None
    found = _NUMBER.match(stripped)
    if found is None:
        if stripped.lower().lstrip("+-") in {"inf", "infinity"}:
            return None
        raise UnreadableError(text)
    value = float(found[1].replace(",", "."))
    return value if isfinite(value) else None


def celsius(value: float, unit: Unit) -> float:
    """Return a temperature in °C."""
    if unit is Unit.FAHRENHEIT:
        return (value - 32.0) / 1.8
    return value - 273.15 if unit is Unit.KELVIN else value


class TimeReader:
    """Reads the times of one file, all written in the way that its first ones are.

    Where day and month cannot be told apart, the reading is taken by which these times lie closer
    together. A time without a zone is in `zone`; in the hour that comes twice when clocks are set
    back, the second is meant where the first would be before the time of the row before.
    """

    def __init__(self, sample: Sequence[str], zone: tzinfo) -> None:
        """Find out how times are written. Raises RecordingError where they cannot be read."""
        self._zone = zone
        self._format = _format_of(sample)
        self.is_naive = False
        self.repeated_hours = 0

    def seconds(self, text: str, previous_s: float | None) -> float:
        """Return the time in seconds since 1970 (UTC). Raises UnreadableError."""
        moment = _parse(text, self._format)
        if moment is None:
            raise UnreadableError(text)
        if moment.tzinfo is not None:
            return moment.timestamp()
        self.is_naive = True
        first_s = moment.replace(tzinfo=self._zone).timestamp()
        if previous_s is not None and first_s <= previous_s:
            second_s = moment.replace(tzinfo=self._zone, fold=1).timestamp()
            if second_s > first_s:
                self.repeated_hours += 1
                return second_s
        return first_s


def _format_of(sample: Sequence[str]) -> str:
    texts = [text for text in sample if text.strip()]
    if not texts:
        raise RecordingError("there is no row with a time")
    fitting: list[tuple[timedelta, str]] = []
    for one in (_EPOCH, _ISO, *_FORMATS):
        moments = [_parse(text, one) for text in texts]
        known = [moment.replace(tzinfo=None) for moment in moments if moment is not None]
        # a stray line must not decide how all the others are read
        if len(known) >= 0.9 * len(texts):
            fitting.append((max(known) - min(known), one))
            if one in {_ISO, _EPOCH}:
                break
    if not fitting:
        raise RecordingError(
            f"the time {texts[0]!r} is in none of the ways of writing known here: "
            "2024-01-31 18:00:00 is one",
            time=texts[0],
        )
    return min(fitting, key=lambda one: one[0])[1]


def _parse(text: str, written: str) -> datetime | None:
    stripped = text.strip().strip('"')
    try:
        if written == _ISO:
            return datetime.fromisoformat(stripped)
        if written == _EPOCH:
            value = float(stripped)
            return datetime.fromtimestamp(
                value / 1000 if value >= _MILLISECONDS_FROM else value, tz=UTC
            )
        return datetime.strptime(stripped, written)  # noqa: DTZ007 - the zone is the caller's
    except ValueError, OverflowError, OSError:
        return None
