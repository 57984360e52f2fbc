"""A room's surface, and how its mould is judged: two folded sections of its form.

Only what the user changed is stored: a better default of a later version reaches everyone else.
"""

from collections.abc import Mapping
from typing import Any, Final

import probatio
from homeassistant.core import HomeAssistant, callback
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

from .const import APPLIES_FROM, CONF_SOURCES
from .selectors import Bounds, number, source_selector
from .sources import SourceCatalogue, source_from_choice, source_from_wire
from .units import from_celsius, temperature_selector, to_celsius_if_changed

CONF_SURFACE: Final = "surface"
CONF_MORE: Final = "more"
CONF_CALIBRATION_FACTOR: Final = "calibration_factor"
CONF_SURFACE_SENSOR: Final = "surface_sensor"
CONF_SURFACE_TEMPERATURE: Final = "surface_temperature"
CONF_MATERIAL: Final = "material"
CONF_VISIBLE_MOULD: Final = "visible_mould"
CONF_APPLIES_FROM: Final = "applies_from"
CONF_DECLINE: Final = "decline"
# in `sources` of the stored room
SURFACE_SOURCE: Final = "surface_temperature"

_FACTOR_KEY: Final = "f_rsi"
_U_VALUE_KEY: Final = "u_value_w_m2_k"
_TEMPERATURE_KEY: Final = "surface_temperature_c"
_MEAN_DAYS_KEY: Final = "surface_mean_days"
_SURFACE_MINIMUM_C: Final = -10
_SURFACE_MAXIMUM_C: Final = 40
_KIND_KEY: Final = "surface_kind"
_KINDS: Final[Mapping[str, str]] = {_U_VALUE_KEY: "u_value", _MEAN_DAYS_KEY: "slow"}
# what does not go by the factor has no use for a mean of the weather
_NO_FACTOR: Final = (CONF_SURFACE_SENSOR, CONF_SURFACE_TEMPERATURE, _U_VALUE_KEY)
MATERIALS: Final = ("very_sensitive", "sensitive", "medium_resistant", "resistant")
VISIBLE_MOULD: Final = ("none", "spots", "a_lot")
# the document's numbers: how a dry surface loses mould, beside bare pine
DECLINES: Final[Mapping[str, float]] = {
    "strong": 1.0,
    "significant": 0.5,
    "relatively_low": 0.25,
    "almost_none": 0.1,
}

_SURFACE_FAULTS: Final = ("surface_twice", "mean_without_factor")
_MORE_FAULTS: Final = ("damage_below_high",)

_FACTOR: Final[Bounds] = (0.2, 1.0, 0.01, None)
_CALIBRATION: Final[Bounds] = (1.0, 5.0, 0.01, None)
_U_VALUE: Final[Bounds] = (0.1, 6.0, 0.05, "W/(m²·K)")
_MEAN_DAYS: Final[Bounds] = (1, 365, 1, "d")
NUMBERS: Final[Mapping[str, Bounds]] = {
    "humidity_uncertainty_pct": (0, 10, 0.5, "%"),
    "recovery_margin_pct": (1, 20, 0.5, "%"),
    "recovery_hours": (1, 48, 0.5, "h"),
}
USUAL_HIGH_INDEX: Final = 1.0
USUAL_DAMAGE_INDEX: Final = 3.0
LEVELS: Final[Mapping[str, Bounds]] = {
    "damp_pct": (60, 95, 1, "%"),
    "damp_hours": (1, 24, 0.5, "h"),
    "damp_days": (1, 7, 1, "d"),
    "warning_weeks": (1, 26, 1, "w"),
    "high_index": (0.2, 5.9, 0.1, None),
    "damage_index": (0.3, 6, 0.1, None),
}


@callback
def surface_section(
    hass: HomeAssistant,
    catalogue: SourceCatalogue,
    stored: Mapping[str, Any],
    fault: str | None = None,
) -> section:
    """Return the section about the surface, folded away unless `fault` is one of its own.

    What was seen is asked of a new room, since when it is so of a changed one.
    """
    chosen = stored.get(CONF_SOURCES, {}).get(SURFACE_SOURCE)
    surface: dict[Any, Any] = {
        probatio.Optional(_FACTOR_KEY): number(*_FACTOR),
        probatio.Optional(CONF_CALIBRATION_FACTOR): number(*_CALIBRATION),
        probatio.Optional(_U_VALUE_KEY): number(*_U_VALUE),
        probatio.Optional(CONF_SURFACE_SENSOR): source_selector(
            catalogue, "temperature_c", source_from_wire(chosen) if chosen else None
        ),
        probatio.Optional(CONF_SURFACE_TEMPERATURE): temperature_selector(
            hass, _SURFACE_MINIMUM_C, _SURFACE_MAXIMUM_C
        ),
        probatio.Optional(_MEAN_DAYS_KEY): number(*_MEAN_DAYS),
        probatio.Optional(CONF_MATERIAL): _choice(CONF_MATERIAL, MATERIALS),
        probatio.Optional(CONF_VISIBLE_MOULD): _choice(CONF_VISIBLE_MOULD, VISIBLE_MOULD),
        probatio.Optional(CONF_APPLIES_FROM): _choice(CONF_APPLIES_FROM, APPLIES_FROM),
    }
    # a field that makes no sense here is none: what is seen begins a room's history, and from
    # when a change counts is a matter of a room that has one
    needless = CONF_VISIBLE_MOULD if stored else CONF_APPLIES_FROM
    surface = {key: field for key, field in surface.items() if str(key) != needless}
    return section(probatio.Schema(surface), {"collapsed": fault not in _SURFACE_FAULTS})


@callback
def more_section(fault: str | None = None) -> section:
    """Return the section about how mould is judged, folded away unless `fault` is its own."""
    more: dict[Any, Any] = {
        probatio.Optional(key): number(*bounds) for key, bounds in {**LEVELS, **NUMBERS}.items()
    }
    more[probatio.Optional(CONF_DECLINE)] = _choice(CONF_DECLINE, tuple(DECLINES))
    return section(probatio.Schema(more), {"collapsed": fault not in _MORE_FAULTS})


def options_error(user_input: Mapping[str, Any]) -> dict[str, str]:
    """Return what does not go together, as the form's errors."""
    surface = user_input[CONF_SURFACE]
    ways = (
        _FACTOR_KEY,
        CONF_CALIBRATION_FACTOR,
        _U_VALUE_KEY,
        CONF_SURFACE_SENSOR,
        CONF_SURFACE_TEMPERATURE,
    )
    if sum(surface.get(way) is not None for way in ways) > 1:
        return {"base": "surface_twice"}
    if surface.get(_MEAN_DAYS_KEY) is not None and any(surface.get(way) for way in _NO_FACTOR):
        return {"base": "mean_without_factor"}
    levels = user_input[CONF_MORE]
    # an empty field is the backend's usual value, and that must fit the other one
    high = levels.get("high_index", USUAL_HIGH_INDEX)
    if levels.get("damage_index", USUAL_DAMAGE_INDEX) <= high:
        return {"base": "damage_below_high"}
    return {}


def options_data(
    hass: HomeAssistant, user_input: Mapping[str, Any], stored: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the sections add to the room's data."""
    more = user_input[CONF_MORE]
    data = _surface_data(hass, user_input[CONF_SURFACE], stored)
    data |= {key: more[key] for key in NUMBERS if more.get(key) is not None}
    if levels := {key: _whole(key, more[key]) for key in LEVELS if more.get(key) is not None}:
        data["levels"] = levels
    if (decline := more.get(CONF_DECLINE)) is not None:
        data[CONF_DECLINE] = DECLINES[decline]
    return data


def _surface_data(
    hass: HomeAssistant, surface: Mapping[str, Any], stored: Mapping[str, Any]
) -> dict[str, Any]:
    data = {key: surface[key] for key in (_FACTOR_KEY, *_KINDS, CONF_MATERIAL) if key in surface}
    for key, kind in (*_KINDS.items(), (CONF_SURFACE_SENSOR, "sensor")):
        # the others follow from the values themselves
        if surface.get(key) is not None:
            data[_KIND_KEY] = kind
    if (factor := surface.get(CONF_CALIBRATION_FACTOR)) is not None:
        # mold_indicator's factor is the other way up
        data[_FACTOR_KEY] = round(1 / factor, 4)
    if (shown := surface.get(CONF_SURFACE_TEMPERATURE)) is not None:
        data[_TEMPERATURE_KEY] = to_celsius_if_changed(hass, shown, stored.get(_TEMPERATURE_KEY))
    if (seen := surface.get(CONF_VISIBLE_MOULD, stored.get(CONF_VISIBLE_MOULD))) is not None:
        data[CONF_VISIBLE_MOULD] = seen
    if surface.get(CONF_APPLIES_FROM) == "always":
        data[CONF_APPLIES_FROM] = "always"
    return data


def surface_source(user_input: Mapping[str, Any]) -> dict[str, Any]:
    """Return the source of the surface's temperature by its key, if one was chosen."""
    choice = user_input[CONF_SURFACE].get(CONF_SURFACE_SENSOR)
    return {SURFACE_SOURCE: source_from_choice(choice).as_wire()} if choice else {}


@callback
def suggested_options(hass: HomeAssistant, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sections' values of a stored room."""
    surface = {key: stored[key] for key in (_FACTOR_KEY, *_KINDS, CONF_MATERIAL) if key in stored}
    if (surface_c := stored.get(_TEMPERATURE_KEY)) is not None:
        surface[CONF_SURFACE_TEMPERATURE] = from_celsius(hass, surface_c)
    if source := stored[CONF_SOURCES].get(SURFACE_SOURCE):
        surface[CONF_SURFACE_SENSOR] = source_from_wire(source).choice
    # whatever a former change was about
    surface[CONF_APPLIES_FROM] = "now"
    more = {key: stored[key] for key in NUMBERS if key in stored}
    more |= dict(stored.get("levels", {}))
    if (decline := stored.get(CONF_DECLINE)) is not None:
        more[CONF_DECLINE] = next(word for word, one in DECLINES.items() if one == decline)
    return {CONF_SURFACE: surface, CONF_MORE: more}


def _whole(key: str, value: float) -> float:
    return int(value) if LEVELS[key][2] == 1 else value


def _choice(key: str, options: tuple[str, ...]) -> SelectSelector:
    return SelectSelector(
        SelectSelectorConfig(
            options=list(options), translation_key=key, mode=SelectSelectorMode.DROPDOWN
        )
    )
