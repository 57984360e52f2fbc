"""Limits of a room's own air, whatever its surface: a folded section of its form.

The document has them as thresholds, each with its own id. The form shows one for each side of
each value; what it does not show of them, and further ones, stay as they are.
"""

from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

import probatio
from homeassistant.core import HomeAssistant, callback
from homeassistant.data_entry_flow import section

from .const import CONF_THRESHOLDS, METRIC_HUMIDITY, METRIC_TEMPERATURE
from .rule_choice import USUAL_OF_A_LIMIT, limit_selector, rule_choice, rule_settings
from .selectors import Bounds, number
from .units import from_celsius, temperature_selector, to_celsius_if_changed

CONF_LIMITS: Final = "limits"
LIMITS_FAULT: Final = "limits_crossed"
_METRICS: Final = {"humidity": METRIC_HUMIDITY, "temperature": METRIC_TEMPERATURE}
_SIDES: Final = ("above", "below")
FIELDS: Final = tuple(
    f"{name}_{field}" for name in _METRICS for field in (*_SIDES, "minutes", "severity")
)
_PERCENT: Final[Bounds] = (1, 100, 0.5, "%")
_MINIMUM_C: Final = -40
_MAXIMUM_C: Final = 60
_MINUTES: Final[Bounds] = (0, 10080, 1, "min")


@callback
def limits_section(hass: HomeAssistant, fault: str | None = None) -> section:
    """Return the section, folded away unless `fault` is its own."""
    limit = {
        "humidity": number(*_PERCENT),
        "temperature": temperature_selector(hass, _MINIMUM_C, _MAXIMUM_C),
    }
    fields: dict[Any, Any] = {}
    for name in _METRICS:
        fields |= {probatio.Optional(f"{name}_{side}"): limit[name] for side in _SIDES}
        fields[probatio.Optional(f"{name}_minutes")] = number(*_MINUTES)
        severity = probatio.Required(f"{name}_severity", default=USUAL_OF_A_LIMIT)
        fields[severity] = limit_selector()
    return section(probatio.Schema(fields), {"collapsed": fault != LIMITS_FAULT})


@callback
def suggested_limits(hass: HomeAssistant, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the section's values of a stored room."""
    shown: dict[str, Any] = {}
    for name, metric in _METRICS.items():
        found = {side: one for side in _SIDES if (one := _shown_of(stored, metric, side))}
        for side, one in found.items():
            limit = one["threshold"]
            is_temperature = metric == METRIC_TEMPERATURE
            shown[f"{name}_{side}"] = from_celsius(hass, limit) if is_temperature else limit
        # both sides of a value have these in common
        first: Mapping[str, Any] = next(iter(found.values()), {})
        shown[f"{name}_severity"] = rule_choice(first, USUAL_OF_A_LIMIT)
        if first.get("minutes"):
            shown[f"{name}_minutes"] = first["minutes"]
    return shown


@callback
def limits_fault(values: Mapping[str, Any]) -> str | None:
    """Return the error of limits between which nothing is right."""
    for name in _METRICS:
        above, below = values.get(f"{name}_above"), values.get(f"{name}_below")
        if above is not None and below is not None and above <= below:
            return LIMITS_FAULT
    return None


def limits_data(
    hass: HomeAssistant, values: Mapping[str, Any], stored: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the section adds to the room's data."""
    before = suggested_limits(hass, stored)
    shown: list[Mapping[str, Any]] = []
    limits: list[dict[str, Any]] = []
    for name, metric in _METRICS.items():
        for side in _SIDES:
            known = _shown_of(stored, metric, side)
            if known is not None:
                shown.append(known)
            if (limit := values.get(f"{name}_{side}")) is None:
                continue
            if metric == METRIC_TEMPERATURE:
                limit = to_celsius_if_changed(hass, limit, (known or {}).get("threshold"))
            one = dict(known or {"rule_id": str(uuid4()), "metric": metric, "direction": side})
            _move(one, limit)
            keys = [f"{name}_{key}" for key in ("minutes", "severity")]
            if known is None or any(values.get(key) != before.get(key) for key in keys):
                minutes, severity = (values.get(key) for key in keys)
                _say(one, minutes, severity or USUAL_OF_A_LIMIT)
            limits.append(one)
    limits += [dict(one) for one in stored.get(CONF_THRESHOLDS, ()) if one not in shown]
    return {CONF_THRESHOLDS: limits} if limits else {}


def _shown_of(stored: Mapping[str, Any], metric: str, side: str) -> Mapping[str, Any] | None:
    """Return the threshold that the form shows for a side of a value."""
    thresholds: list[Mapping[str, Any]] = stored.get(CONF_THRESHOLDS, [])
    found = (one for one in thresholds if (one["metric"], one["direction"]) == (metric, side))
    return next(found, None)


def _move(one: dict[str, Any], limit: float) -> None:
    """Set a limit; how far it must come back stays as it is."""
    if (recovery := one.get("recovery_threshold")) is not None:
        one["recovery_threshold"] = round(recovery + limit - one["threshold"], 2)
    one["threshold"] = limit


def _say(one: dict[str, Any], minutes: float | None, severity: str) -> None:
    """Set for how long a limit must be crossed, and how serious that is."""
    for key in ("minutes", "enabled", "severity"):
        one.pop(key, None)
    if minutes:
        one["minutes"] = minutes
    one |= rule_settings(severity, USUAL_OF_A_LIMIT)
