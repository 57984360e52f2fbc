"""From a state of Home Assistant to metrics, event by event."""

import math
from collections.abc import Mapping

from homeassistant.components.weather.const import (
    ATTR_WEATHER_HUMIDITY,
    ATTR_WEATHER_TEMPERATURE,
    ATTR_WEATHER_TEMPERATURE_UNIT,
)
from homeassistant.components.weather.const import (
    DOMAIN as WEATHER_DOMAIN,
)
from homeassistant.const import (
    ATTR_UNIT_OF_MEASUREMENT,
    LIGHT_LUX,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
    UnitOfPressure,
    UnitOfRatio,
    UnitOfTemperature,
)
from homeassistant.core import State
from homeassistant.util.unit_conversion import (
    BaseUnitConverter,
    PressureConverter,
    TemperatureConverter,
)

from .const import (
    METRIC_BATTERY,
    METRIC_CO2,
    METRIC_HUMIDITY,
    METRIC_ILLUMINANCE,
    METRIC_MOISTURE,
    METRIC_PRESSURE,
    METRIC_TEMPERATURE,
)

# what can be converted: the converter, and the metric's own unit
_CONVERTED: Mapping[str, tuple[type[BaseUnitConverter], str]] = {
    METRIC_TEMPERATURE: (TemperatureConverter, UnitOfTemperature.CELSIUS),
    METRIC_PRESSURE: (PressureConverter, UnitOfPressure.HPA),
}
# what comes in one unit only
_AS_IT_IS: Mapping[str, str] = {
    METRIC_HUMIDITY: UnitOfRatio.PERCENTAGE,
    METRIC_MOISTURE: UnitOfRatio.PERCENTAGE,
    METRIC_BATTERY: UnitOfRatio.PERCENTAGE,
    METRIC_CO2: UnitOfRatio.PARTS_PER_MILLION,
    METRIC_ILLUMINANCE: LIGHT_LUX,
}


def metrics_of(state: State | None, wanted: frozenset[str]) -> dict[str, float]:
    """Return the wanted metrics that a state carries, each in its own unit (°C, %, hPa, ...).

    Empty when it carries none: unknown, unavailable, not a number, or in a unit that is not
    one of the metric's. The unit is read from this very state: it may change at any time.
    """
    if state is None or state.state in (STATE_UNKNOWN, STATE_UNAVAILABLE):
        return {}
    if state.domain == WEATHER_DOMAIN:
        temperature_c = _converted(
            METRIC_TEMPERATURE,
            state.attributes.get(ATTR_WEATHER_TEMPERATURE),
            state.attributes.get(ATTR_WEATHER_TEMPERATURE_UNIT),
        )
        # the weather model has no unit for humidity: it is always %
        humidity_pct = _number(state.attributes.get(ATTR_WEATHER_HUMIDITY))
        found = {METRIC_TEMPERATURE: temperature_c, METRIC_HUMIDITY: humidity_pct}
    else:
        unit = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)
        found = {metric: _converted(metric, state.state, unit) for metric in wanted}
    return {
        metric: value for metric, value in found.items() if metric in wanted and value is not None
    }


def _converted(metric: str, value: object, unit: object) -> float | None:
    """Return a value in the metric's unit; None when it is in none of the metric's."""
    number = _number(value)
    if number is None or metric not in _CONVERTED:
        return number if _AS_IT_IS.get(metric) == unit else None
    converter, own = _CONVERTED[metric]
    if unit not in converter.VALID_UNITS:
        return None
    # Conversion must not invent digits: 68 °F is 20 °C, not 19.999999999999996.
    return round(converter.convert(number, str(unit), own), 6)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
