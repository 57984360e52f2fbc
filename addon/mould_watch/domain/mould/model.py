"""The VTT mould growth model: what a material lets grow, how fast, and how slowly it declines.

Hukka and Viitanen 1999; classes of materials and decline of Ojanen et al. 2010. Temperature in °C
and relative humidity in % are those **at the surface**. Everything is per hour: the papers give
growth in weeks and decline in hours.
"""

from dataclasses import dataclass
from enum import Enum
from math import exp, log
from typing import Final

from mould_watch.domain.critical_humidity import (
    DEFAULT_CLASS,
    MaterialClass,
    critical_humidity_pct,
    floor_humidity_pct,
    grows_at,
)
from mould_watch.domain.psychrometrics import HUMIDITY_MAXIMUM_PCT, is_temperature_computable

HOURS_PER_WEEK: Final = 168.0
SATURATION_STEEPNESS: Final = 2.3
"""How sharply growth slows down towards the greatest index: the `b` of k2."""
GERMINATION_INDEX: Final = 1.0
"""Growth has begun (under a microscope); from here it goes on at another pace."""
GREATEST_INDEX: Final = 6.0
"""The end of the scale: the whole surface is covered."""


class Decline(float, Enum):
    """How a dry surface loses mould, relative to pine (the C_mat of Ojanen et al. 2010)."""

    STRONG = 1.0
    SIGNIFICANT = 0.5
    RELATIVELY_LOW = 0.25
    ALMOST_NONE = 0.1


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The constants of a class of materials.

    `pace_before` and `pace_after` are the k1 below and from index 1, relative to pine sapwood;
    the greatest index that conditions allow is A + B x - C x².
    """

    pace_before: float
    pace_after: float
    maximum_a: float
    maximum_b: float
    maximum_c: float


_SENSITIVITIES: Final = {
    MaterialClass.VERY_SENSITIVE: Sensitivity(1.0, 2.0, 1.0, 7.0, 2.0),
    MaterialClass.SENSITIVE: Sensitivity(0.578, 0.386, 0.3, 6.0, 1.0),
    MaterialClass.MEDIUM_RESISTANT: Sensitivity(0.072, 0.097, 0.0, 5.0, 1.5),
    MaterialClass.RESISTANT: Sensitivity(0.033, 0.014, 0.0, 3.0, 1.0),
}


@dataclass(frozen=True, slots=True)
class MouldModel:
    """A surface that mould may grow on: how readily it grows, how slowly it goes."""

    material: MaterialClass = DEFAULT_CLASS
    decline: Decline = Decline.RELATIVELY_LOW

    def __post_init__(self) -> None:
        """Accept a plain number as decline. Raises ValueError for any but 1, 0.5, 0.25, 0.1."""
        object.__setattr__(self, "material", MaterialClass(self.material))
        object.__setattr__(self, "decline", Decline(self.decline))

    @property
    def sensitivity(self) -> Sensitivity:
        """The constants of its class."""
        return _SENSITIVITIES[self.material]

    @property
    def floor_pct(self) -> float:
        """The surface humidity below which nothing grows at any temperature, in %."""
        return floor_humidity_pct(self.material)


def check_surface(surface_temperature_c: float, surface_humidity_pct: float) -> None:
    """Raise ValueError unless both are numbers the formulas hold for: -80..100 °C, 0..105 %."""
    if not is_temperature_computable(surface_temperature_c):
        message = f"surface temperature {surface_temperature_c!r} °C is outside -80..100 °C"
        raise ValueError(message)
    if not 0.0 <= surface_humidity_pct <= HUMIDITY_MAXIMUM_PCT:
        message = f"surface humidity {surface_humidity_pct!r} % is outside 0..105 %"
        raise ValueError(message)


def growth_conditions(
    surface_temperature_c: float, surface_humidity_pct: float, model: MouldModel
) -> tuple[float, float] | None:
    """Return the greatest index these conditions allow, and the pace per hour on pine sapwood.

    None where nothing grows: too dry, at or below 0 °C, at or above 50 °C. Above 100 % counts
    as 100. The pace is 1 / (168 t_m), t_m the weeks until growth begins; times `pace_before` or
    `pace_after` it is that of the material far below the greatest index.
    """
    if not grows_at(surface_temperature_c):
        return None
    humidity_pct = min(surface_humidity_pct, 100.0)
    critical_pct = critical_humidity_pct(surface_temperature_c, model.material)
    if humidity_pct < critical_pct:
        return None
    # just above 0 °C critical is 100 in floating point: then the air is as damp as it gets
    share = (critical_pct - humidity_pct) / (critical_pct - 100.0) if critical_pct < 100.0 else 1.0  # noqa: PLR2004
    constants = _SENSITIVITIES[model.material]
    maximum = constants.maximum_a + share * (constants.maximum_b - share * constants.maximum_c)
    weeks_reciprocal = exp(0.68 * log(surface_temperature_c) + 13.9 * log(humidity_pct) - 66.02)
    return maximum, weeks_reciprocal / HOURS_PER_WEEK
