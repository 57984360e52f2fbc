"""The surface humidity from which mould can grow.

VTT model (Hukka and Viitanen 1999; classes of Ojanen et al. 2010): a polynomial of the surface
temperature, never below the floor of the material's class.
"""

from enum import StrEnum
from typing import Final


class MaterialClass(StrEnum):
    """How readily mould grows on a material."""

    VERY_SENSITIVE = "very_sensitive"
    SENSITIVE = "sensitive"
    MEDIUM_RESISTANT = "medium_resistant"
    RESISTANT = "resistant"


# Never "resistant": real surfaces carry dust.
DEFAULT_CLASS: Final = MaterialClass.SENSITIVE

_FLOOR_PCT: Final = {
    MaterialClass.VERY_SENSITIVE: 80.0,
    MaterialClass.SENSITIVE: 80.0,
    MaterialClass.MEDIUM_RESISTANT: 85.0,
    MaterialClass.RESISTANT: 85.0,
}
_POLYNOMIAL_MAXIMUM_C: Final = 20.0
GROWTH_ABOVE_C: Final = 0.0
GROWTH_BELOW_C: Final = 50.0


def grows_at(surface_temperature_c: float) -> bool:
    """Say whether mould grows at all at this temperature: above 0 and below 50 °C."""
    return GROWTH_ABOVE_C < surface_temperature_c < GROWTH_BELOW_C


def floor_humidity_pct(material: MaterialClass = DEFAULT_CLASS) -> float:
    """Return the surface humidity in % below which nothing grows at any temperature."""
    return _FLOOR_PCT[material]


def critical_humidity_pct(
    surface_temperature_c: float, material: MaterialClass = DEFAULT_CLASS
) -> float:
    """Return the relative humidity at the surface, 80..100 %, from which mould can grow.

    Where none grows whatever the humidity (`grows_at`) the answer is 100.
    """
    if not grows_at(surface_temperature_c):
        return 100.0
    floor_pct = _FLOOR_PCT[material]
    if surface_temperature_c > _POLYNOMIAL_MAXIMUM_C:
        return floor_pct
    t = surface_temperature_c
    return max(floor_pct, -0.00267 * t**3 + 0.160 * t**2 - 3.13 * t + 100.0)
