"""The home step: outdoor air and phones. The entry flow and the options flow share it."""

from abc import abstractmethod
from collections.abc import Collection
from typing import Any, Final

import probatio
from homeassistant.config_entries import ConfigEntryBaseFlow, ConfigFlowResult
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    EntityWithDeviceFilterSelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TimeSelector,
)

from .const import (
    CONF_HUMIDITY,
    CONF_OUTDOOR,
    CONF_PHONES,
    CONF_QUIET_HOURS,
    CONF_RULES,
    CONF_SERVICES,
    CONF_TEMPERATURE,
    METRIC_HUMIDITY,
)
from .document import told_of_home
from .models import Device
from .phones import phone_ids
from .selectors import phone_selector, source_selector, temperature_source_selector
from .sources import (
    SAME_DEVICE,
    EntitySource,
    SourceCatalogue,
    source_from_choice,
    source_from_wire,
)
from .told import Told, known_services, service_selector, shown_services
from .trial import send_trial
from .units import from_celsius, temperature_selector, to_celsius

CONF_OUTDOOR_KIND: Final = "outdoor_kind"
CONF_WEATHER: Final = "weather"
CONF_SEND_TEST: Final = "send_test"
CONF_TELL_TROUBLE: Final = "tell_trouble"
# the rules about the backend itself
BACKEND_RULES: Final = ("broker_away", "spool_filling", "dead_letters", "notifications_failed")
CONF_QUIET_FROM: Final = "quiet_from"
CONF_QUIET_UNTIL: Final = "quiet_until"
# the backend's own, where the document says nothing
USUAL_QUIET_HOURS: Final = {"start": "22:00", "end": "07:00"}
OUTDOOR_KINDS: Final = ("weather", "measured", "fixed", "none")
OUTDOOR_MINIMUM_C: Final = -60
OUTDOOR_MAXIMUM_C: Final = 60


class HomeSteps(ConfigEntryBaseFlow):
    """The steps; whoever mixes them in says where the devices come from and how it ends."""

    _home: dict[str, Any]
    _kind: str | None = None

    @abstractmethod
    async def _devices(self) -> list[Device]:
        """Return the devices the backend knows."""

    @abstractmethod
    def _backend(self) -> tuple[str, str]:
        """Return the backend's address and its token."""

    @abstractmethod
    async def _finish_home(self) -> ConfigFlowResult:
        """Use `self._home`, the entry's options."""

    async def async_step_home(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for outdoor air and phones."""
        errors: dict[str, str] = {}
        services = await known_services(self.hass, *self._backend())
        placeholders = {"error": "", "services": shown_services(services)}
        if user_input is not None:
            self._home[CONF_PHONES] = user_input.get(CONF_PHONES, [])
            errors = self._take_quiet_hours(user_input)
            errors |= self._take_services(Told.from_form(user_input), services)
            self._take_rules(tell=user_input.get(CONF_TELL_TROUBLE, True))
            self._kind = kind = user_input[CONF_OUTDOOR_KIND]
            if kind == "weather":
                errors |= self._take_weather(user_input.get(CONF_WEATHER))
            elif kind != (self._home.get(CONF_OUTDOOR) or {}).get("kind"):
                self._home.pop(CONF_OUTDOOR, None)
            if not errors and user_input[CONF_SEND_TEST]:
                told = told_of_home(self._home)
                failed = await send_trial(self.hass, told, *self._backend())
                if not failed:
                    return await self.async_step_test_sent()
                errors["base"] = "test_failed"
                placeholders["error"] = failed
            if not errors:
                return await self._after_home(kind)
        suggested = self._suggested() if user_input is None else user_input
        schema = _home_schema(services, told_of_home(self._home).services)
        return self.async_show_form(
            step_id="home",
            data_schema=self.add_suggested_values_to_schema(schema, suggested),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def async_step_test_sent(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether the test notification has arrived."""
        del user_input
        return self.async_show_menu(step_id="test_sent", menu_options=["test_arrived", "home"])

    async def async_step_test_arrived(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Go on."""
        del user_input
        return await self._after_home(self._kind)

    async def async_step_outdoor_measured(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the outdoor sensors."""
        catalogue = SourceCatalogue.of(self.hass, await self._devices())
        errors: dict[str, str] = {}
        if user_input is not None:
            humidity = source_from_choice(user_input[CONF_HUMIDITY])
            temperature = catalogue.temperature(user_input[CONF_TEMPERATURE], humidity)
            if temperature is not None:
                self._home[CONF_OUTDOOR] = {
                    "kind": "measured",
                    CONF_TEMPERATURE: temperature.as_wire(),
                    CONF_HUMIDITY: humidity.as_wire(),
                }
                return await self._finish_home()
            errors[CONF_TEMPERATURE] = "temperature_missing"
        present = self._home.get(CONF_OUTDOOR) or {}
        chosen = {
            key: source_from_wire(present[key])
            for key in (CONF_HUMIDITY, CONF_TEMPERATURE)
            if key in present and present["kind"] == "measured"
        }
        schema = probatio.Schema(
            {
                probatio.Required(CONF_HUMIDITY): source_selector(
                    catalogue, METRIC_HUMIDITY, chosen.get(CONF_HUMIDITY)
                ),
                probatio.Required(
                    CONF_TEMPERATURE, default=SAME_DEVICE
                ): temperature_source_selector(catalogue, chosen.get(CONF_TEMPERATURE)),
            }
        )
        suggested = user_input or {}
        if chosen and not suggested:
            humidity, temperature = chosen[CONF_HUMIDITY], chosen[CONF_TEMPERATURE]
            suggested = {
                CONF_HUMIDITY: humidity.choice,
                CONF_TEMPERATURE: catalogue.temperature_choice(temperature, humidity),
            }
        return self.async_show_form(
            step_id="outdoor_measured",
            data_schema=self.add_suggested_values_to_schema(schema, suggested),
            errors=errors,
        )

    async def async_step_outdoor_fixed(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the outdoor air to calculate with."""
        if user_input is not None:
            self._home[CONF_OUTDOOR] = {
                "kind": "fixed",
                "temperature_c": to_celsius(self.hass, user_input[CONF_TEMPERATURE]),
                "humidity_pct": user_input[CONF_HUMIDITY],
            }
            return await self._finish_home()
        schema = probatio.Schema(
            {
                probatio.Required(CONF_TEMPERATURE): temperature_selector(
                    self.hass, OUTDOOR_MINIMUM_C, OUTDOOR_MAXIMUM_C
                ),
                probatio.Required(CONF_HUMIDITY): NumberSelector(
                    NumberSelectorConfig(
                        min=1, max=100, unit_of_measurement="%", mode=NumberSelectorMode.BOX
                    )
                ),
            }
        )
        present = self._home.get(CONF_OUTDOOR) or {}
        suggested: dict[str, Any] = {}
        if present.get("kind") == "fixed":
            suggested = {
                CONF_TEMPERATURE: from_celsius(self.hass, present["temperature_c"]),
                CONF_HUMIDITY: present["humidity_pct"],
            }
        return self.async_show_form(
            step_id="outdoor_fixed",
            data_schema=self.add_suggested_values_to_schema(schema, suggested),
        )

    async def _after_home(self, kind: str | None) -> ConfigFlowResult:
        match kind:
            case "measured":
                return await self.async_step_outdoor_measured()
            case "fixed":
                return await self.async_step_outdoor_fixed()
        return await self._finish_home()

    @callback
    def _take_quiet_hours(self, user_input: dict[str, Any]) -> dict[str, str]:
        """Take the quiet hours; the usual ones, and none given, are not stored."""
        start, end = user_input.get(CONF_QUIET_FROM), user_input.get(CONF_QUIET_UNTIL)
        if (start is None) is not (end is None):
            return {CONF_QUIET_UNTIL if end is None else CONF_QUIET_FROM: "quiet_incomplete"}
        self._home.pop(CONF_QUIET_HOURS, None)
        if start is not None and end is not None:
            # the frontend's times have seconds
            quiet = {"start": start[:5], "end": end[:5]}
            if quiet != USUAL_QUIET_HOURS:
                self._home[CONF_QUIET_HOURS] = quiet
        return {}

    @callback
    def _take_rules(self, *, tell: bool) -> None:
        """Take whether trouble of the backend itself is told, or only shown."""
        rules = {kind: dict(one) for kind, one in self._home.get(CONF_RULES, {}).items()}
        for kind in BACKEND_RULES:
            one = rules.setdefault(kind, {})
            one.pop("notify", None)
            if not tell:
                one["notify"] = False
        rules = {kind: one for kind, one in rules.items() if one}
        self._home.pop(CONF_RULES, None)
        if rules:
            self._home[CONF_RULES] = rules

    @callback
    def _take_services(self, told: Told, known: Collection[str] | None) -> dict[str, str]:
        """Take the names of services; return the form's errors."""
        if fault := told.service_fault(known):
            return {CONF_SERVICES: fault}
        self._home.pop(CONF_SERVICES, None)
        if told.services:
            self._home[CONF_SERVICES] = list(told.services)
        return {}

    @callback
    def _take_weather(self, entity_id: str | None) -> dict[str, str]:
        """Take the weather entity; return the form's errors."""
        if not entity_id:
            return {CONF_WEATHER: "weather_missing"}
        entity = er.async_get(self.hass).async_get(entity_id)
        if entity is None:
            return {CONF_WEATHER: "not_registered"}
        self._home[CONF_OUTDOOR] = {
            "kind": "weather",
            "weather": EntitySource(entity.id).as_wire(),
        }
        return {}

    @callback
    def _suggested(self) -> dict[str, Any]:
        """Return what the form starts with: what is stored, else what Home Assistant has."""
        outdoor = self._home.get(CONF_OUTDOOR)
        weather = _first_weather(self.hass)
        if outdoor is not None and outdoor["kind"] == "weather":
            entity = er.async_get(self.hass).entities.get_entry(outdoor["weather"]["registry_id"])
            weather = weather if entity is None else entity.entity_id
        if self._kind is not None:
            # back from the test notification
            kind = self._kind
        elif outdoor is not None:
            kind = outdoor["kind"]
        elif self._home:
            kind = "none"
        else:
            kind = "weather" if weather else "measured"
        known = set(phone_ids(self.hass))
        quiet = self._home.get(CONF_QUIET_HOURS, USUAL_QUIET_HOURS)
        return {
            CONF_OUTDOOR_KIND: kind,
            CONF_WEATHER: weather,
            CONF_PHONES: [
                phone
                for phone in self._home.get(CONF_PHONES, phone_ids(self.hass))
                if phone in known
            ],
            CONF_SERVICES: list(self._home.get(CONF_SERVICES, ())),
            CONF_QUIET_FROM: f"{quiet['start']}:00",
            CONF_QUIET_UNTIL: f"{quiet['end']}:00",
            CONF_TELL_TROUBLE: any(
                self._home.get(CONF_RULES, {}).get(kind, {}).get("notify", True)
                for kind in BACKEND_RULES
            ),
            CONF_SEND_TEST: False,
        }


def _first_weather(hass: HomeAssistant) -> str | None:
    registry = er.async_get(hass)
    return next(
        (
            entity_id
            for entity_id in sorted(hass.states.async_entity_ids("weather"))
            if registry.async_get(entity_id) is not None
        ),
        None,
    )


@callback
def _home_schema(known: Collection[str] | None, chosen: Collection[str]) -> probatio.Schema:
    """Return the form; the services that can be chosen are the backend's to say."""
    return probatio.Schema(
        {
            probatio.Required(CONF_OUTDOOR_KIND): SelectSelector(
                SelectSelectorConfig(
                    options=list(OUTDOOR_KINDS),
                    translation_key="outdoor_kind",
                    mode=SelectSelectorMode.LIST,
                )
            ),
            probatio.Optional(CONF_WEATHER): EntitySelector(
                EntitySelectorConfig(filter=EntityWithDeviceFilterSelectorConfig(domain="weather"))
            ),
            probatio.Optional(CONF_PHONES, default=list): phone_selector(),
            probatio.Optional(CONF_SERVICES, default=list): service_selector(known, chosen),
            probatio.Optional(CONF_QUIET_FROM): TimeSelector(),
            probatio.Optional(CONF_QUIET_UNTIL): TimeSelector(),
            probatio.Optional(CONF_TELL_TROUBLE, default=True): BooleanSelector(),
            probatio.Optional(CONF_SEND_TEST, default=False): BooleanSelector(),
        }
    )
