"""Watching a single device: what of it, and from where on it is too much or too little."""

from collections.abc import Mapping
from typing import Any, Final

import probatio
from homeassistant.config_entries import SubentryFlowResult
from homeassistant.core import callback
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
from homeassistant.helpers.translation import async_get_translations

from .const import DOMAIN, METRIC_TEMPERATURE, METRIC_UNITS
from .rule_choice import (
    USUAL,
    USUAL_OF_A_LIMIT,
    limit_selector,
    rule_choice,
    rule_selector,
    rule_settings,
)
from .subentry_flow import PartFlow, name_error
from .told import CONF_TOLD, suggested_told, told_data, told_section
from .units import delta_from_kelvin, delta_to_kelvin, from_celsius, to_celsius_if_changed
from .watched_devices import (
    CONF_ABOVE,
    CONF_BELOW,
    CONF_COUNT,
    CONF_MARGIN,
    CONF_METRIC,
    CONF_MINUTES,
    CONF_SEVERITY,
    CONF_SILENT,
    CONF_SILENT_HOURS,
    CONF_SILENT_SEVERITY,
    CONF_SOURCE,
    Watched,
    watched_of,
)

CONF_WHAT: Final = "what"
CONF_NAME: Final = "name"
CONF_MORE: Final = "more"


class DeviceFlow(PartFlow):
    """A watched device: added, or changed."""

    _what: Watched

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask what to watch."""
        if reason := await self._obstacle():
            return self.async_abort(reason=reason)
        if user_input is not None:
            self._what = Watched.from_choice(user_input[CONF_WHAT])
            return await self.async_step_limits()
        catalogue = self._catalogue
        options = catalogue.everything(await self._metric_names())
        taken = watched_of(self._entry)
        options = [option for option in options if option["value"] not in taken]
        if not options:
            return self.async_abort(reason="nothing_to_watch")
        schema = probatio.Schema(
            {
                probatio.Required(CONF_WHAT): SelectSelector(
                    SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN)
                )
            }
        )
        return self.async_show_form(step_id="user", data_schema=schema)

    async def async_step_limits(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for the limits of a new one."""
        if user_input is None:
            name = self._catalogue.place(self._what.source)
            proposed = {CONF_NAME: name, CONF_TOLD: suggested_told({}, self._home_told)}
            return await self._form("limits", proposed, {})
        data, errors, placeholders = await self._validate(user_input, {})
        if data is None:
            return await self._form("limits", user_input, {}, errors, placeholders)
        return self.async_create_entry(
            title=_name(user_input), data=data, unique_id=self._what.choice
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change the limits; what is watched stays: another one is another watch."""
        if reason := await self._obstacle():
            return self.async_abort(reason=reason)
        subentry = self._get_reconfigure_subentry()
        self._what = Watched.of(subentry.data)
        if user_input is None:
            suggested = self._suggested(subentry.title, subentry.data)
            return await self._form("reconfigure", suggested, subentry.data)
        data, errors, placeholders = await self._validate(user_input, subentry.data)
        if data is None:
            return await self._form("reconfigure", user_input, subentry.data, errors, placeholders)
        return self.async_update_and_abort(
            self._entry, subentry, title=_name(user_input), data=data
        )

    async def _metric_names(self) -> dict[str, str]:
        """Return what people call the metrics, and only whether a device reports ("")."""
        texts = await async_get_translations(
            self.hass, self.hass.config.language, "selector", {DOMAIN}
        )
        prefix = f"component.{DOMAIN}.selector.metric.options."
        names = {key.removeprefix(prefix): t for key, t in texts.items() if key.startswith(prefix)}
        return {"" if key == "reports" else key: text for key, text in names.items()}

    async def _validate(
        self, user_input: Mapping[str, Any], stored: Mapping[str, Any]
    ) -> tuple[dict[str, Any] | None, dict[str, str], dict[str, str]]:
        """Return the data, or None with errors and what their texts name."""
        name = _name(user_input)
        if errors := name_error(name, CONF_NAME):
            return None, *errors
        above, below = user_input.get(CONF_ABOVE), user_input.get(CONF_BELOW)
        if self._what.metric is not None and above is None and below is None:
            return None, {"base": "limit_missing"}, {}
        if above is not None and below is not None and above <= below:
            return None, {"base": "limits_crossed"}, {}
        if fault := await self._told_fault(user_input, stored):
            return None, *fault
        data = self._data(user_input, stored)
        check = self._entry.runtime_data.configuration.check_device(self._what.choice, name, data)
        if objection := await self._objection(check, "device_refused"):
            return None, *objection
        return data, {}, {}

    def _data(self, user_input: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values the user set; what is left empty is the default, and not stored."""
        more = user_input[CONF_MORE]
        data: dict[str, Any] = {CONF_SOURCE: self._what.source.as_wire()}
        if self._what.metric is not None:
            data[CONF_METRIC] = self._what.metric
        for key in (CONF_ABOVE, CONF_BELOW):
            if (shown := user_input.get(key)) is not None:
                data[key] = self._own(shown, stored.get(key))
        if (margin := more.get(CONF_MARGIN)) is not None:
            data[CONF_MARGIN] = self._own_margin(margin, stored.get(CONF_MARGIN))
        return data | _as_set(more) | told_data(user_input[CONF_TOLD])

    @property
    def _is_temperature(self) -> bool:
        return self._what.metric == METRIC_TEMPERATURE

    def _own(self, shown: float, kept: float | None) -> float:
        """Return a value in the metric's unit."""
        return to_celsius_if_changed(self.hass, shown, kept) if self._is_temperature else shown

    def _own_margin(self, shown: float, kept: float | None) -> float:
        if not self._is_temperature:
            return shown
        unchanged = kept is not None and delta_from_kelvin(self.hass, kept) == shown
        return kept if unchanged and kept is not None else delta_to_kelvin(self.hass, shown)

    @callback
    def _suggested(self, title: str, stored: Mapping[str, Any]) -> dict[str, Any]:
        """Return the form's values of a stored one."""
        shown: dict[str, Any] = {CONF_NAME: title}
        for key in (CONF_ABOVE, CONF_BELOW):
            if key in stored:
                value = stored[key]
                shown[key] = from_celsius(self.hass, value) if self._is_temperature else value
        more = {
            key: stored[key]
            for key in (CONF_COUNT, CONF_MINUTES, CONF_SILENT_HOURS)
            if key in stored
        }
        if (margin := stored.get(CONF_MARGIN)) is not None:
            more[CONF_MARGIN] = (
                delta_from_kelvin(self.hass, margin) if self._is_temperature else margin
            )
        more |= {
            CONF_SEVERITY: rule_choice(stored, USUAL_OF_A_LIMIT),
            CONF_SILENT: rule_choice(
                {
                    "enabled": stored.get(CONF_SILENT, True),
                    "severity": stored.get(CONF_SILENT_SEVERITY),
                }
            ),
        }
        return {**shown, CONF_MORE: more, CONF_TOLD: suggested_told(stored, self._home_told)}

    async def _form(
        self,
        step_id: str,
        suggested: Mapping[str, Any],
        stored: Mapping[str, Any],
        errors: dict[str, str] | None = None,
        placeholders: Mapping[str, str] | None = None,
    ) -> SubentryFlowResult:
        unit = METRIC_UNITS.get(self._what.metric or "")
        if self._is_temperature:
            unit = self.hass.config.units.temperature_unit
        fields: dict[Any, Any] = {probatio.Required(CONF_NAME): TextSelector()}
        more: dict[Any, Any] = {}
        if self._what.metric is not None:
            fields[probatio.Optional(CONF_ABOVE)] = _any_number(unit)
            fields[probatio.Optional(CONF_BELOW)] = _any_number(unit)
            more = {
                probatio.Optional(CONF_MARGIN): _any_number(unit, minimum=0),
                probatio.Optional(CONF_COUNT): _any_number(None, minimum=1, maximum=100, step=1),
                probatio.Optional(CONF_MINUTES): _any_number("min", minimum=0, maximum=10080),
                probatio.Required(CONF_SEVERITY, default=USUAL_OF_A_LIMIT): limit_selector(),
            }
        more[probatio.Required(CONF_SILENT, default=USUAL)] = rule_selector()
        more[probatio.Optional(CONF_SILENT_HOURS)] = _any_number("h", minimum=0.25, maximum=744)
        fields[probatio.Required(CONF_MORE)] = section(probatio.Schema(more), {"collapsed": True})
        fields[probatio.Required(CONF_TOLD)] = told_section(
            await self._known_services(), stored, self._home_told, (errors or {}).get("base")
        )
        metric = self._what.metric or ""
        # a device may send what has no name here
        measured = (await self._metric_names()).get(metric, metric)
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(probatio.Schema(fields), suggested),
            errors=errors,
            description_placeholders={
                "source": f"{self._catalogue.label(self._what.source)}: {measured}",
                **(placeholders or {}),
            },
        )


def _as_set(more: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was set and is not the default."""
    numbers = (CONF_MINUTES, CONF_SILENT_HOURS)
    data = {key: more[key] for key in numbers if more.get(key) is not None}
    if more.get(CONF_COUNT) is not None:
        data[CONF_COUNT] = int(more[CONF_COUNT])
    data |= rule_settings(more.get(CONF_SEVERITY, USUAL_OF_A_LIMIT), USUAL_OF_A_LIMIT)
    silent = rule_settings(more[CONF_SILENT])
    if "enabled" in silent:
        data[CONF_SILENT] = False
    if "severity" in silent:
        data[CONF_SILENT_SEVERITY] = silent["severity"]
    return data


def _name(user_input: Mapping[str, Any]) -> str:
    return str(user_input[CONF_NAME]).strip()


def _any_number(
    unit: str | None,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    step: float | None = None,
) -> NumberSelector:
    config = NumberSelectorConfig(step=step or "any", mode=NumberSelectorMode.BOX)
    if minimum is not None:
        config["min"] = minimum
    if maximum is not None:
        config["max"] = maximum
    if unit is not None:
        config["unit_of_measurement"] = unit
    return NumberSelector(config)
