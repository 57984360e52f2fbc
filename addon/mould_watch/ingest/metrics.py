"""The metrics this program knows, and what must be a number.

Whether a temperature or humidity can be true is not judged here (domain/plausibility.py): a number
is kept whatever it says.
"""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mould_watch.errors import UndecodableMessageError
from mould_watch.ingest.json_payload import dump
from mould_watch.ingest.units import Unit, unit_of

_LARGEST: Final = sys.float_info.max
_PLAIN_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?\s*", re.ASCII)
_PLAIN_NUMBER_MAXIMUM_CHARACTERS: Final = 400

AIR: Final = frozenset({"temperature_c", "humidity_pct"})
"""The two metrics everything rests on: one that is no number condemns the whole message. An odd
value of another does not: it stays with what else was sent."""

UNWATCHED_ALONE: Final = frozenset({"battery_pct"})
"""Alone it makes no reading: a button sends its battery as well."""

_LIMITS: Final[Mapping[str, tuple[float, float]]] = {
    "temperature_c": (-_LARGEST, _LARGEST),
    "humidity_pct": (-_LARGEST, _LARGEST),
    "pressure_hpa": (300, 1200),
    "co2_ppm": (0, 100_000),
    "illuminance_lx": (0, 1_000_000),
    "moisture_pct": (0, 100),
    "battery_pct": (0, 100),
}


@dataclass(frozen=True, slots=True)
class Named:
    """A name under which values of a column are sent."""

    key: str
    column: str
    # as in units.py
    unit: Unit = field(default_factory=Unit)


def named(key: str, column: str, unit: str) -> Named:
    """Return a name for values of a column in a unit of units.py."""
    known = unit_of(column, unit)
    assert known is not None, (column, unit)  # noqa: S101 - the decoders' own tables
    return Named(key, column, known)


PLAIN_NAMES: Final = (
    Named("temperature", "temperature_c"),
    Named("humidity", "humidity_pct"),
    Named("pressure", "pressure_hpa"),
    Named("co2", "co2_ppm"),
    # of old Zigbee2MQTT "illuminance" is a raw value beside the true one
    Named("illuminance_lux", "illuminance_lx"),
    Named("illuminance", "illuminance_lx"),
    Named("soil_moisture", "moisture_pct"),
    Named("moisture", "moisture_pct"),
    Named("battery", "battery_pct"),
)
"""The names of Zigbee2MQTT and of plain JSON, in the columns' own units; preferred ones first."""


@dataclass(frozen=True, slots=True)
class Values:
    """A payload's values, split."""

    metrics: dict[str, float]
    # the rest, as JSON
    extra: str | None

    @property
    def watched(self) -> bool:
        """Return whether they make a reading."""
        return not UNWATCHED_ALONE.issuperset(self.metrics)


def read_values(
    fields: Mapping[str, Any],
    names: Sequence[Named] = PLAIN_NAMES,
    *,
    without: Iterable[str] = (),
    numbers_as_text: bool = False,
) -> Values:
    """Split a JSON object into metrics and the rest; keys in `without` belong to neither.

    `numbers_as_text`: the sender writes some numbers as texts. Raises UndecodableMessageError when
    temperature or humidity is not a number (`temperature_wrong_type`) or one beyond double
    precision (`humidity_out_of_range`).
    """
    metrics: dict[str, float] = {}
    used = set(without)
    for name in names:
        value = fields.get(name.key)
        if numbers_as_text and isinstance(value, str) and is_plain_number(value):
            value = float(value)
        if name.column in AIR:
            # what is not used of two names for it stays with the rest
            if value is None:
                used.add(name.key)
                continue
            if name.column in metrics:
                continue
            metrics[name.column] = name.unit.convert(_air_value(name, value))
            used.add(name.key)
        elif name.column not in metrics:
            number = number_of(name.column, value, name.unit)
            if number is not None:
                metrics[name.column] = number
                used.add(name.key)
    rest = {key: value for key, value in fields.items() if key not in used}
    return Values(metrics, dump(rest) if rest else None)


def number_of(column: str, value: object, unit: Unit | None = None) -> float | None:
    """Return a value in the unit of its column; None when it is none that the column can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    least, most = _LIMITS[column]
    # compared before it is converted: an integer may be larger than any float
    if not -_LARGEST <= value <= _LARGEST:
        return None
    number = float(value) if unit is None else unit.convert(float(value))
    return number if least <= number <= most else None


def plain_number(payload: bytes) -> float:
    """Read a payload that is nothing but a decimal number.

    Raises UndecodableMessageError: `not_a_number`, or `number_not_finite` for one beyond double
    precision. Neither NaN nor Infinity, underscores nor other scripts' digits are numbers here.
    """
    text = payload.decode("ascii", "replace")
    if not is_plain_number(text):
        raise UndecodableMessageError("not_a_number", "the payload is not a decimal number")
    number = float(text)
    if not -_LARGEST <= number <= _LARGEST:
        raise UndecodableMessageError("number_not_finite", "the number is beyond every measure")
    return number


def is_plain_number(text: str) -> bool:
    """Return whether a text is a decimal number, and of a length that one has."""
    return (
        len(text) <= _PLAIN_NUMBER_MAXIMUM_CHARACTERS and _PLAIN_NUMBER.fullmatch(text) is not None
    )


def fault_of(column: str, value: float) -> str | None:
    """Return why a value of a known column cannot be stored, or None when it can.

    The answer is a machine word: `unknown_metric` or `out_of_range`.
    """
    if column not in _LIMITS:
        return "unknown_metric"
    return None if number_of(column, value) is not None else "out_of_range"


def _air_value(name: Named, value: object) -> float:
    metric = name.column.partition("_")[0]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UndecodableMessageError(
            f"{metric}_wrong_type", f"{name.key} is {type(value).__name__}, not a number"
        )
    # an integer beyond every float is a number nevertheless
    if not -_LARGEST <= value <= _LARGEST:
        raise UndecodableMessageError(
            f"{metric}_out_of_range", f"{name.key} is beyond every measure"
        )
    return float(value)
