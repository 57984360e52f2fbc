"""Selectors that several forms use."""

from homeassistant.helpers.selector import (
    DeviceFilterSelectorConfig,
    DeviceSelector,
    DeviceSelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

from .const import METRIC_TEMPERATURE, MOBILE_APP
from .sources import SAME_DEVICE, Source, SourceCatalogue

type Bounds = tuple[float, float, float, str | None]
"""Minimum, maximum, step and unit of a number: the backend's own bounds."""


def number(minimum: float, maximum: float, step: float, unit: str | None) -> NumberSelector:
    """Return a selector of a number."""
    config = NumberSelectorConfig(min=minimum, max=maximum, step=step, mode=NumberSelectorMode.BOX)
    if unit is not None:
        config["unit_of_measurement"] = unit
    return NumberSelector(config)


def phone_selector() -> DeviceSelector:
    """Return a selector of phones with the Companion app."""
    return DeviceSelector(
        DeviceSelectorConfig(
            filter=DeviceFilterSelectorConfig(integration=MOBILE_APP), multiple=True
        )
    )


def source_selector(
    catalogue: SourceCatalogue,
    metric: str,
    selected: Source | None = None,
    taken: frozenset[str] = frozenset(),
) -> SelectSelector:
    """Return a selector of the sources of a metric."""
    return SelectSelector(
        SelectSelectorConfig(
            options=catalogue.options(metric, selected, taken), mode=SelectSelectorMode.DROPDOWN
        )
    )


def temperature_source_selector(
    catalogue: SourceCatalogue, selected: Source | None = None
) -> SelectSelector:
    """Return a selector of temperature sources, first the one the humidity comes from."""
    return SelectSelector(
        SelectSelectorConfig(
            options=[
                # its label is its translation
                SelectOptionDict(value=SAME_DEVICE, label=SAME_DEVICE),
                *catalogue.options(METRIC_TEMPERATURE, selected),
            ],
            translation_key="temperature_source",
            mode=SelectSelectorMode.DROPDOWN,
        )
    )
