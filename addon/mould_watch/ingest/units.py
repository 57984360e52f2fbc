"""Units that sensors send their values in, and how they become those of the columns of readings.

The names are those that Home Assistant knows; tests/home_assistant/test_units.py compares the
factors with Home Assistant's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_DECIMALS: Final = 6
"""Of a converted value: far finer than any sensor, and without the noise of the conversion."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: the value in the column's own is (value + offset) * factor."""

    factor: float = 1.0
    offset: float = 0.0

    def convert(self, value: float) -> float:
        """Return a value of this unit in that of its column."""
        if self == _OWN:
            return value
        return round((value + self.offset) * self.factor, _DECIMALS)


_OWN: Final = Unit()
_FAHRENHEIT: Final = Unit(5 / 9, -32)
_PERCENT: Final = {"%": _OWN}

UNITS: Final[Mapping[str, Mapping[str, Unit]]] = {
    "temperature_c": {
        "°C": _OWN,
        "C": _OWN,
        "°F": _FAHRENHEIT,
        "F": _FAHRENHEIT,
        "K": Unit(offset=-273.15),
    },
    "humidity_pct": _PERCENT,
    "pressure_hpa": {
        "hPa": _OWN,
        "mbar": _OWN,
        "mPa": Unit(1e-5),
        "Pa": Unit(0.01),
        "kPa": Unit(10),
        "cbar": Unit(10),
        "bar": Unit(1000),
        "mmHg": Unit(1.33322),
        "inHg": Unit(33.86389),
        "inH₂O": Unit(2.4908891),
        "psi": Unit(68.94757),
        "atm": Unit(1013.25),
    },
    "co2_ppm": {"ppm": _OWN},
    "illuminance_lx": {"lx": _OWN, "lux": _OWN},
    "moisture_pct": _PERCENT,
    "battery_pct": _PERCENT,
}
"""Column of readings -> name of a unit -> the unit."""

COLUMNS: Final[Mapping[str, str]] = {
    "temperature": "temperature_c",
    "humidity": "humidity_pct",
    "pressure": "pressure_hpa",
    "co2": "co2_ppm",
    "illuminance": "illuminance_lx",
    "moisture": "moisture_pct",
    "battery": "battery_pct",
}
"""What people call a metric -> its column of readings."""


def unit_of(column: str, name: str) -> Unit | None:
    """Return the unit of this name for a column, None when it is not one of its units."""
    return UNITS[column].get(name)
