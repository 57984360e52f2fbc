"""Moist air: vapour pressure, dew point, absolute humidity, mixing ratio, enthalpy.

Magnus' formula over water with the constants of WMO-No. 8, also below 0 °C: weather services
and humidity sensors report relative humidity over water. Within 0.31 % of IAPWS-95 for
0..50 °C. Everything here is per point in time; nothing is averaged.
"""

from math import exp, inf, log
from typing import Final

MAGNUS_PA: Final = 611.2
MAGNUS_A: Final = 17.62
MAGNUS_B_C: Final = 243.12
# 1000 times the ratio of a molar mass of water to the gas constant, in g K / J
VAPOUR_G_K_J: Final = 2.16679
# the ratio of the molar masses
WATER_TO_DRY_AIR: Final = 0.62198
STANDARD_PRESSURE_PA: Final = 101_325.0

TEMPERATURE_MINIMUM_C: Final = -80.0
TEMPERATURE_MAXIMUM_C: Final = 100.0
HUMIDITY_MAXIMUM_PCT: Final = 105.0
"""Saturated sensors read a little above 100: up to here it means 100, beyond it is an error."""


def is_temperature_computable(temperature_c: float) -> bool:
    """Say whether `temperature_c` is a number the formulas hold for, -80..100 °C."""
    return TEMPERATURE_MINIMUM_C <= temperature_c <= TEMPERATURE_MAXIMUM_C


def is_humidity_computable(humidity_pct: float) -> bool:
    """Say whether `humidity_pct` is a relative humidity, above 0 and at most 105 %."""
    return 0.0 < humidity_pct <= HUMIDITY_MAXIMUM_PCT


def saturation_pressure_pa(temperature_c: float) -> float:
    """Return the vapour pressure of saturated air over water, in Pa.

    Raises ValueError for a temperature outside -80..100 °C, and for NaN.
    """
    if not is_temperature_computable(temperature_c):
        message = f"temperature {temperature_c!r} °C is outside -80..100 °C"
        raise ValueError(message)
    return MAGNUS_PA * exp(MAGNUS_A * temperature_c / (MAGNUS_B_C + temperature_c))


def vapour_pressure_pa(temperature_c: float, humidity_pct: float) -> float:
    """Return the vapour pressure of air in Pa; `humidity_pct` of 100..105 counts as 100.

    Raises ValueError for a temperature outside -80..100 °C, a humidity outside 0..105 %, NaN.
    """
    if not 0.0 <= humidity_pct <= HUMIDITY_MAXIMUM_PCT:
        message = f"relative humidity {humidity_pct!r} % is outside 0..105 %"
        raise ValueError(message)
    return min(humidity_pct, 100.0) / 100.0 * saturation_pressure_pa(temperature_c)


def dew_point_c(temperature_c: float, humidity_pct: float) -> float | None:
    """Return the dew point in °C; None for perfectly dry air (0 %), which has none.

    Raises ValueError as `vapour_pressure_pa` does.
    """
    return saturation_temperature_c(vapour_pressure_pa(temperature_c, humidity_pct))


def saturation_temperature_c(vapour_pa: float) -> float | None:
    """Return the temperature in °C at which this vapour pressure saturates; None for none.

    The inverse of `saturation_pressure_pa`.
    """
    if vapour_pa <= 0.0:
        return None
    exponent = log(vapour_pa / MAGNUS_PA)
    return MAGNUS_B_C * exponent / (MAGNUS_A - exponent)


def absolute_humidity_g_m3(temperature_c: float, humidity_pct: float) -> float:
    """Return the mass of water in a cubic metre of air, in g.

    Raises ValueError as `vapour_pressure_pa` does.
    """
    return VAPOUR_G_K_J * vapour_pressure_pa(temperature_c, humidity_pct) / (temperature_c + 273.15)


def mixing_ratio(
    temperature_c: float, humidity_pct: float, pressure_pa: float = STANDARD_PRESSURE_PA
) -> float:
    """Return the mass of water to that of dry air, in kg/kg.

    Raises ValueError as `vapour_pressure_pa` does, and where the air would be nothing but steam.
    """
    vapour_pa = vapour_pressure_pa(temperature_c, humidity_pct)
    if not vapour_pa < pressure_pa < inf:
        message = f"at {pressure_pa!r} Pa there is no air with {vapour_pa:.0f} Pa of vapour"
        raise ValueError(message)
    return WATER_TO_DRY_AIR * vapour_pa / (pressure_pa - vapour_pa)


def enthalpy_kj_kg(
    temperature_c: float, humidity_pct: float, pressure_pa: float = STANDARD_PRESSURE_PA
) -> float:
    """Return the heat in the air beyond dry air at 0 °C, in kJ per kg of dry air.

    Raises ValueError as `mixing_ratio` does.
    """
    ratio = mixing_ratio(temperature_c, humidity_pct, pressure_pa)
    return 1.006 * temperature_c + ratio * (2501.0 + 1.86 * temperature_c)
