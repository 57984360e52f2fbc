"""The temperature factor of a room's coldest surface, from readings of its temperature.

Nobody can guess it, and an error of 0.05 moves the humidity at the surface by about 5 %: it is
the largest uncertainty of all. A cheap infra-red thermometer in the coldest corner, on a cold
day, gives a better one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from mould_watch.domain.psychrometrics import is_temperature_computable
from mould_watch.domain.surface import F_RSI_MAXIMUM, F_RSI_MINIMUM
from mould_watch.errors import ColdSpotRefusedError

DIFFERENCE_MINIMUM_K: Final = 10.0
"""With less between inside and outside, half a degree on the wall would decide everything."""


@dataclass(frozen=True, slots=True)
class ColdSpotReading:
    """Three temperatures in °C of one moment: of the room air, outside, of the cold spot."""

    indoor_c: float
    outdoor_c: float
    surface_c: float

    @property
    def f_rsi(self) -> float:
        """The temperature factor 0.2..1.0 that this reading means.

        Raises ColdSpotRefusedError where it means none.
        """
        for name in ("indoor_c", "outdoor_c", "surface_c"):
            value: float = getattr(self, name)
            if not is_temperature_computable(value):
                raise ColdSpotRefusedError(
                    "temperature_out_of_range",
                    f"{name} {value!r} °C cannot be: it is outside -80..100 °C",
                    **{name: value},
                )
        # rounded: 20.1 - 10.1 are ten
        difference_k = round(self.indoor_c - self.outdoor_c, 6)
        if difference_k < DIFFERENCE_MINIMUM_K:
            raise ColdSpotRefusedError(
                "difference_too_small",
                f"inside is only {difference_k:.1f} K warmer than outside; a reading counts from"
                f" {DIFFERENCE_MINIMUM_K:.0f} K on: try again on a colder day",
                difference_k=difference_k,
                required_k=DIFFERENCE_MINIMUM_K,
            )
        factor = round((self.surface_c - self.outdoor_c) / difference_k, 6)
        if not F_RSI_MINIMUM <= factor <= F_RSI_MAXIMUM:
            raise ColdSpotRefusedError(
                "factor_out_of_range",
                f"a cold spot at {self.surface_c:.1f} °C with {self.indoor_c:.1f} °C inside and"
                f" {self.outdoor_c:.1f} °C outside would be a factor of {factor:.2f}, which no"
                f" wall has ({F_RSI_MINIMUM}..{F_RSI_MAXIMUM}): was it the coldest spot, out of"
                " the sun and away from a radiator?",
                f_rsi=factor,
            )
        return factor


@dataclass(frozen=True, slots=True)
class Calibration:
    """The factor of several readings: their median, the least and the greatest, how many."""

    f_rsi: float
    lowest: float
    highest: float
    readings: int

    @property
    def spread(self) -> float:
        """How far apart the readings' factors are; 0 for a single one says nothing."""
        return self.highest - self.lowest


def calibrate(readings: Sequence[ColdSpotReading]) -> Calibration:
    """Return the factor of these readings.

    Raises ColdSpotRefusedError where there is none, and for the first that means no factor.
    """
    factors = [reading.f_rsi for reading in readings]
    if not factors:
        raise ColdSpotRefusedError("no_readings", "there is no reading of the cold spot yet")
    return Calibration(median(factors), min(factors), max(factors), len(factors))
