"""Temperatures in forms: in the home's unit there, in °C everywhere else."""

from homeassistant.const import UnitOfTemperature
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
)
from homeassistant.util.unit_conversion import (
    TemperatureConverter,
    TemperatureDeltaConverter,
)


def to_celsius(hass: HomeAssistant, value: float) -> float:
    """Return a temperature of the home's unit in °C."""
    unit = hass.config.units.temperature_unit
    return round(TemperatureConverter.convert(value, unit, UnitOfTemperature.CELSIUS), 2)


def to_celsius_if_changed(hass: HomeAssistant, shown: float, kept: float | None) -> float:
    """Return a temperature that a form gave back in °C: shown rounded, left alone it stays."""
    is_unchanged = kept is not None and from_celsius(hass, kept) == shown
    return kept if is_unchanged and kept is not None else to_celsius(hass, shown)


def from_celsius(hass: HomeAssistant, value_c: float) -> float:
    """Return a temperature in the home's unit."""
    unit = hass.config.units.temperature_unit
    return round(TemperatureConverter.convert(value_c, UnitOfTemperature.CELSIUS, unit), 1)


def temperature_selector(hass: HomeAssistant, minimum_c: float, maximum_c: float) -> NumberSelector:
    """Return a selector of a temperature between two bounds in °C."""
    return NumberSelector(
        NumberSelectorConfig(
            min=from_celsius(hass, minimum_c),
            max=from_celsius(hass, maximum_c),
            step=0.1,
            unit_of_measurement=hass.config.units.temperature_unit,
            mode=NumberSelectorMode.BOX,
        )
    )


def delta_to_kelvin(hass: HomeAssistant, value: float) -> float:
    """Return a difference of temperatures of the home's unit in K."""
    unit = hass.config.units.temperature_unit
    return round(TemperatureDeltaConverter.convert(value, unit, UnitOfTemperature.KELVIN), 2)


def delta_from_kelvin(hass: HomeAssistant, value_k: float) -> float:
    """Return a difference of temperatures in the home's unit."""
    unit = hass.config.units.temperature_unit
    return round(TemperatureDeltaConverter.convert(value_k, UnitOfTemperature.KELVIN, unit), 1)
