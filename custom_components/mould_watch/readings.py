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
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
    UnitOfRatio,
    UnitOfTemperature,
)
from homeassistant.core import State
from homeassistant.util.unit_conversion import TemperatureConverter

from .const import METRIC_HUMIDITY, METRIC_TEMPERATURE


def metrics_of(state: State | None, wanted: frozenset[str]) -> dict[str, float]:
    """Return the wanted metrics that a state carries, in °C and %.

    Empty when it carries none: unknown, unavailable, not a number, or in a unit that is not
    one of the metric's. The unit is read from this very state: it may change at any time.
    """
    if state is None or state.state in (STATE_UNKNOWN, STATE_UNAVAILABLE):
        return {}
    if state.domain == WEATHER_DOMAIN:
        found = {
            METRIC_TEMPERATURE: _temperature_c(
                state.attributes.get(ATTR_WEATHER_TEMPERATURE),
                state.attributes.get(ATTR_WEATHER_TEMPERATURE_UNIT),
            ),
            # the weather model has no unit for humidity: it is always %
            METRIC_HUMIDITY: _number(state.attributes.get(ATTR_WEATHER_HUMIDITY)),
        }
    else:
        unit = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)
        found = {
            METRIC_TEMPERATURE: _temperature_c(state.state, unit),
            METRIC_HUMIDITY: _number(state.state) if unit == UnitOfRatio.PERCENTAGE else None,
        }
    return _known(found, wanted)


def _known(found: Mapping[str, float | None], wanted: frozenset[str]) -> dict[str, float]:
    return {
        metric: value for metric, value in found.items() if metric in wanted and value is not None
    }


def _temperature_c(value: object, unit: object) -> float | None:
    number = _number(value)
    if number is None or unit not in TemperatureConverter.VALID_UNITS:
        return None
    celsius = TemperatureConverter.convert(number, str(unit), UnitOfTemperature.CELSIUS)
    # Conversion must not invent digits: 68 °F is 20 °C, not 19.999999999999996.
    return round(celsius, 6)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
