"""Finds the time, the temperature and the humidity among the columns of common exports.

Home Assistant's history, Govee, SensorPush, Inkbird, Tuya, RuuviTag, TFA, and what names its
columns plainly, in English or German.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta, timezone
from enum import StrEnum
from typing import Final

from mould_watch.errors import RecordingError


class Unit(StrEnum):
    """The unit of a temperature column."""

    CELSIUS = "°C"
    FAHRENHEIT = "°F"
    KELVIN = "K"


# The better a name says that it is the air's own value, the earlier its pattern stands.
_TEMPERATURE: Final = (
    re.compile(r"^(t|ta|temp|temperature|temperatur|t air|air temperature)( (°?c|°?f|k))?$"),
    re.compile(
        r"^(indoor|inside|room|innen|raum|outdoor|outside|aussen)? ?temp(eratur|erature)?\b"
    ),
    re.compile(r"temp(eratur|erature|érature)?"),
    re.compile(r"^t utc"),
)
_NOT_TEMPERATURE: Final = re.compile(
    r"dew|taupunkt|feels|heat index|wind ?chill|setpoint|target|wet bulb|device|chip|soll|humid"
)
_HUMIDITY: Final = (
    re.compile(
        r"^(rh|hum|humidity|relative humidity|humidite|luftfeuchte|luftfeuchtigkeit)( rh)?$"
    ),
    re.compile(r"\b(relative humidity|rel humidity|luftfeucht\w*|humidity|humidité|feuchte?)\b"),
    re.compile(r"\b(rh|hum)\b|humid|feuchte"),
)
_NOT_HUMIDITY: Final = re.compile(r"abs|g m|soil|boden|dew|specific|mixing|leaf|deficit")
_TIME: Final = (
    re.compile(r"^(time ?stamp|date ?time|zeitstempel|last changed|last updated)\b"),
    re.compile(r"^(date ?/? ?time|datum ?/? ?(uhr)?zeit|t utc.*|time utc.*|utc|ts)$"),
    re.compile(r"^(time|zeit|date|datum)\b"),
    re.compile(r"timestamp|date ?time"),
)
# One file may hold the air of the room and that outside.
_OUTSIDE: Final = re.compile(r"out(door|side)|aussen|außen|exterior|external|weather|wetter")
_DATE: Final = re.compile(r"^(date|datum|day|tag)$")
_CLOCK: Final = re.compile(r"^(time|zeit|uhrzeit|clock)$")
_OFFSET: Final = re.compile(r"(?:utc|gmt)\s*(?:([+-])\s*(\d{1,2})(?::?(\d{2}))?)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns are taken, by their place; `humidity` None where it is not needed.

    `clock` is a second column that holds the time of day beside the date. `offset` is what the
    name of the time column says of its distance from UTC; None: nothing.
    """

    names: tuple[str, ...]
    time: int
    temperature: int
    humidity: int | None
    unit: Unit
    clock: int | None = None
    offset: timezone | None = None

    @property
    def taken(self) -> dict[str, str | None]:
        """The names of the columns that are taken."""
        time = self.names[self.time]
        if self.clock is not None:
            time = f"{time} + {self.names[self.clock]}"
        return {
            "time": time,
            "temperature": self.names[self.temperature],
            "humidity": None if self.humidity is None else self.names[self.humidity],
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """The names that the user gave; None: to be found. `unit` None: as the name says, else °C.

    `is_outside` prefers the columns of the air outside, where a file holds both.
    """

    time: str | None = None
    temperature: str | None = None
    humidity: str | None = None
    unit: Unit | None = None
    needs_humidity: bool = True
    is_outside: bool = False


def looks_like_temperature(name: str) -> bool:
    """Say whether this is the name of a temperature of air."""
    return _best([name], _TEMPERATURE, _NOT_TEMPERATURE) is not None


def looks_like_humidity(name: str) -> bool:
    """Say whether this is the name of a relative humidity."""
    return _best([name], _HUMIDITY, _NOT_HUMIDITY) is not None


def tells_of_outside(name: str) -> bool:
    """Say whether this is the name of something outside."""
    return _OUTSIDE.search(_plain(name)) is not None


def find_columns(names: Sequence[str], wanted: Wanted) -> Columns:
    """Return which of these columns to take.

    Raises RecordingError where one is missing, with the names that are there.
    """
    time = _chosen(names, wanted.time) if wanted.time else _best(names, _TIME)
    temperature = (
        _chosen(names, wanted.temperature)
        if wanted.temperature
        else _best_there(names, _TEMPERATURE, _NOT_TEMPERATURE, time, wanted)
    )
    humidity = (
        _chosen(names, wanted.humidity)
        if wanted.humidity
        else _best_there(names, _HUMIDITY, _NOT_HUMIDITY, time, wanted)
    )
    missing = [
        f"{what} (--{what}-column)"
        for what, place in (("time", time), ("temperature", temperature), ("humidity", humidity))
        if place is None and (what != "humidity" or wanted.needs_humidity)
    ]
    if missing or time is None or temperature is None:
        raise RecordingError(
            f"there is no column for {' and '.join(missing)} among: "
            + (", ".join(name for name in names if name) or "nothing"),
            missing=missing,
            columns=list(names),
        )
    date, clock = _date_and_clock(names, time, wanted)
    return Columns(
        names=tuple(names),
        time=time if date is None else date,
        temperature=temperature,
        humidity=humidity,
        unit=wanted.unit or unit_of(names[temperature]),
        clock=clock,
        offset=offset_of(names[time]),
    )


def unit_of(name: str) -> Unit:
    """Return the unit that a column's name, or the end of a value, says; °C where none is said."""
    lowered = name.lower()
    if "fahrenheit" in lowered or re.search(r"°\s*f|℉|\(f\)|[_ ]f$|\[f\]", lowered):
        return Unit.FAHRENHEIT
    if "kelvin" in lowered or re.search(r"\(k\)|\[k\]|[_ ]k$", lowered):
        return Unit.KELVIN
    return Unit.CELSIUS


def offset_of(name: str) -> timezone | None:
    """Return the distance from UTC that a column's name says, as in `t_UTC+2`; None for none."""
    found = _OFFSET.search(name)
    if found is None:
        return None
    sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    if offset > timedelta(hours=14):
        return None
    return timezone(-offset if sign == "-" else offset)


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-./()\[\],;:+%℃℉°]+", " ", name.lower()).strip()


def _chosen(names: Sequence[str], wanted: str) -> int:
    for place, name in enumerate(names):
        if name.strip().lower() == wanted.strip().lower():
            return place
    raise RecordingError(
        f"there is no column {wanted!r} among: {', '.join(name for name in names if name)}",
        missing=[wanted],
        columns=list(names),
    )


def _best_there(
    names: Sequence[str],
    patterns: Sequence[re.Pattern[str]],
    never: re.Pattern[str],
    taken: int | None,
    wanted: Wanted,
) -> int | None:
    """Return the best of the names that tell of the right place, else the best of all."""
    others = {
        place for place, name in enumerate(names) if tells_of_outside(name) != wanted.is_outside
    }
    own = set() if taken is None else {taken}
    best = _best(names, patterns, never, own | others)
    return _best(names, patterns, never, own) if best is None else best


def _best(
    names: Sequence[str],
    patterns: Sequence[re.Pattern[str]],
    never: re.Pattern[str] | None = None,
    taken: Collection[int] = (),
) -> int | None:
    """Return the place of the first name that fits the best pattern; None: none does."""
    for pattern in patterns:
        for place, name in enumerate(names):
            plain = _plain(name)
            if place not in taken and pattern.search(plain) and not (never and never.search(plain)):
                return place
    return None


def _date_and_clock(
    names: Sequence[str], time: int, wanted: Wanted
) -> tuple[int | None, int | None]:
    if wanted.time:
        return None, None
    dates = [place for place, name in enumerate(names) if _DATE.match(_plain(name))]
    clocks = [place for place, name in enumerate(names) if _CLOCK.match(_plain(name))]
    if dates and clocks and time in {dates[0], clocks[0]}:
        return dates[0], clocks[0]
    return None, None
