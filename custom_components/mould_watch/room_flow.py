"""Adding and changing a room: four fields first, everything else folded away (room_options)."""

from collections.abc import Mapping
from typing import Any, Final, override
from uuid import uuid4

import probatio
from homeassistant.config_entries import SubentryFlowResult
from homeassistant.core import callback
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

from .const import (
    CONF_HUMIDITY,
    CONF_OUTDOOR,
    CONF_PROTECT,
    CONF_RULES,
    CONF_SOURCES,
    CONF_TEMPERATURE,
    DEFAULT_PROTECT,
    METRIC_HUMIDITY,
    PROTECT_CHOICES,
)
from .document import room_as_wire, room_from_wire, rooms_of
from .errors import MouldWatchClientError
from .room_limits import (
    CONF_LIMITS,
    limits_data,
    limits_fault,
    limits_section,
    suggested_limits,
)
from .room_options import (
    CONF_MORE,
    CONF_SURFACE,
    more_section,
    options_data,
    options_error,
    suggested_options,
    surface_section,
    surface_source,
)
from .room_rules import rules_data, rules_section, suggested_rules
from .selectors import source_selector, temperature_source_selector
from .sources import SAME_DEVICE, source_from_choice, source_from_wire
from .subentry_flow import PartFlow, name_error
from .told import CONF_TOLD, suggested_told, told_data, told_section

CONF_ROOM: Final = "room"
CONF_ARCHIVED_ROOM: Final = "room_id"


class RoomFlow(PartFlow):
    """A room: added, brought back from the archive, or changed."""

    _archived: dict[str, Mapping[str, Any]]

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Begin: a new room, or one of those archived, if there are any."""
        del user_input
        if reason := await self._obstacle():
            return self.async_abort(reason=reason)
        try:
            restored = await self._entry.runtime_data.configuration.restore()
        except MouldWatchClientError:
            # Without the archive a new room can still be added.
            restored = {}
        present = rooms_of(self._entry)
        self._archived = {
            str(room["room_id"]): room
            for room in restored.get("archived", ())
            if room["room_id"] not in present
        }
        if self._archived:
            return self.async_show_menu(step_id="user", menu_options=["new_room", "archived_room"])
        return await self.async_step_new_room()

    async def async_step_new_room(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for a new room."""
        if user_input is not None:
            room_id = str(uuid4())
            data, errors, placeholders = await self._validate(room_id, user_input, {})
            if data is not None:
                return self.async_create_entry(
                    title=_name(user_input), data=data, unique_id=room_id
                )
            return await self._form("new_room", {}, user_input, errors, placeholders)
        proposed = self._proposal() | {CONF_TOLD: suggested_told({}, self._home_told)}
        return await self._form("new_room", {}, proposed, {}, {})

    async def async_step_archived_room(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Bring a room back with its history."""
        if user_input is not None:
            room = self._archived[user_input[CONF_ARCHIVED_ROOM]]
            return self.async_create_entry(
                title=str(room["name"]),
                data=room_from_wire(room),
                unique_id=str(room["room_id"]),
            )
        options = [
            SelectOptionDict(value=room_id, label=str(room["name"]))
            for room_id, room in self._archived.items()
        ]
        return self.async_show_form(
            step_id="archived_room",
            data_schema=probatio.Schema(
                {
                    probatio.Required(CONF_ARCHIVED_ROOM): SelectSelector(
                        SelectSelectorConfig(options=options, mode=SelectSelectorMode.LIST)
                    )
                }
            ),
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change a room."""
        if reason := await self._obstacle():
            return self.async_abort(reason=reason)
        subentry = self._get_reconfigure_subentry()
        stored = subentry.data
        if user_input is None:
            suggested = self._suggested(subentry.title, stored)
            return await self._form("reconfigure", stored, suggested, {}, {})
        data, errors, placeholders = await self._validate(
            str(subentry.unique_id), user_input, stored
        )
        if data is None:
            return await self._form("reconfigure", stored, user_input, errors, placeholders)
        return self.async_update_and_abort(
            self._entry, subentry, title=_name(user_input), data=data
        )

    @override
    async def _obstacle(self) -> str | None:
        """Return why no room can be added or changed now, None when it can."""
        if reason := await super()._obstacle():
            return reason
        return None if self._catalogue.options(METRIC_HUMIDITY) else "no_sensors"

    async def _validate(
        self, room_id: str, user_input: Mapping[str, Any], stored: Mapping[str, Any]
    ) -> tuple[dict[str, Any] | None, dict[str, str], dict[str, str]]:
        """Return the room's data, or None with errors and what their texts name."""
        name = _name(user_input)
        if errors := name_error(name, CONF_ROOM):
            return None, *errors
        humidity = source_from_choice(user_input[CONF_HUMIDITY])
        temperature = self._catalogue.temperature(user_input[CONF_TEMPERATURE], humidity)
        if temperature is None:
            return None, {CONF_TEMPERATURE: "temperature_missing"}, {}
        if faults := options_error(user_input):
            return None, faults, {}
        if crossed := limits_fault(user_input[CONF_LIMITS]):
            return None, {"base": crossed}, {}
        if fault := await self._told_fault(user_input, stored):
            return None, *fault
        data = {
            CONF_SOURCES: {
                CONF_TEMPERATURE: temperature.as_wire(),
                CONF_HUMIDITY: humidity.as_wire(),
                **surface_source(user_input),
            },
            CONF_PROTECT: user_input[CONF_PROTECT],
            **options_data(self.hass, user_input, stored),
            **rules_data(user_input[CONF_RULES], stored),
            **limits_data(self.hass, user_input[CONF_LIMITS], stored),
            **told_data(user_input[CONF_TOLD]),
        }
        check = self._entry.runtime_data.configuration.check(room_as_wire(room_id, name, data))
        if objection := await self._objection(check, "room_refused"):
            return None, *objection
        return data, {}, {}

    @property
    def _taken(self) -> frozenset[str]:
        """Return the choices that rooms or the outdoor air use already."""
        used = [
            source
            for s in rooms_of(self._entry).values()
            for source in s.data[CONF_SOURCES].values()
        ]
        outdoor = self._entry.options.get(CONF_OUTDOOR) or {}
        used += [source for source in outdoor.values() if isinstance(source, Mapping)]
        return frozenset(source_from_wire(source).choice for source in used)

    @callback
    def _areas(self) -> list[ar.AreaEntry]:
        """Return the areas by name, those that are watched already last."""
        watched = {subentry.title for subentry in rooms_of(self._entry).values()}
        areas = ar.async_get(self.hass).async_list_areas()
        return sorted(areas, key=lambda area: (area.name in watched, area.name))

    @callback
    def _proposal(self) -> dict[str, Any]:
        """Return what a new room may be: an area with a sensor that no room uses.

        The frontend fills each required choice with its first option, which would go together
        by accident only. Without an area that fits, the room is named after its sensor.
        """
        catalogue, taken = self._catalogue, self._taken
        watched = {subentry.title for subentry in rooms_of(self._entry).values()}
        for area in self._areas():
            if area.name in watched:
                continue
            if humidity := catalogue.found_in(area, METRIC_HUMIDITY, taken):
                return {CONF_ROOM: area.name, CONF_HUMIDITY: humidity}
        for option in catalogue.options(METRIC_HUMIDITY):
            if option["value"] not in taken:
                name = catalogue.place(source_from_choice(option["value"]))
                return {CONF_ROOM: name, CONF_HUMIDITY: option["value"]}
        return {}

    @callback
    def _suggested(self, title: str, stored: Mapping[str, Any]) -> dict[str, Any]:
        """Return the form's values of a stored room."""
        sources = stored[CONF_SOURCES]
        humidity = source_from_wire(sources[CONF_HUMIDITY])
        temperature = source_from_wire(sources[CONF_TEMPERATURE])
        return {
            CONF_ROOM: title,
            CONF_HUMIDITY: humidity.choice,
            CONF_TEMPERATURE: self._catalogue.temperature_choice(temperature, humidity),
            CONF_PROTECT: stored.get(CONF_PROTECT, DEFAULT_PROTECT),
            **suggested_options(self.hass, stored),
            CONF_RULES: suggested_rules(stored),
            CONF_LIMITS: suggested_limits(self.hass, stored),
            CONF_TOLD: suggested_told(stored, self._home_told),
        }

    async def _form(
        self,
        step_id: str,
        stored: Mapping[str, Any],
        suggested: Mapping[str, Any],
        errors: dict[str, str],
        placeholders: dict[str, str],
    ) -> SubentryFlowResult:
        catalogue = self._catalogue
        chosen = {
            key: source_from_wire(source) for key, source in stored.get(CONF_SOURCES, {}).items()
        }
        areas = [area.name for area in self._areas()]
        # the section that it is about is open
        fault = errors.get("base")
        schema = probatio.Schema(
            {
                probatio.Required(CONF_ROOM): SelectSelector(
                    SelectSelectorConfig(
                        options=areas, custom_value=True, mode=SelectSelectorMode.DROPDOWN
                    )
                ),
                probatio.Required(CONF_HUMIDITY): source_selector(
                    catalogue, METRIC_HUMIDITY, chosen.get(CONF_HUMIDITY), self._taken
                ),
                probatio.Required(
                    CONF_TEMPERATURE, default=SAME_DEVICE
                ): temperature_source_selector(catalogue, chosen.get(CONF_TEMPERATURE)),
                probatio.Required(CONF_PROTECT, default=DEFAULT_PROTECT): SelectSelector(
                    SelectSelectorConfig(
                        options=list(PROTECT_CHOICES),
                        translation_key="protect",
                        mode=SelectSelectorMode.DROPDOWN,
                    )
                ),
                probatio.Required(CONF_SURFACE): surface_section(
                    self.hass, catalogue, stored, fault
                ),
                probatio.Required(CONF_RULES): rules_section(),
                probatio.Required(CONF_TOLD): told_section(
                    await self._known_services(), stored, self._home_told, fault
                ),
                probatio.Required(CONF_LIMITS): limits_section(self.hass, fault),
                probatio.Required(CONF_MORE): more_section(fault),
            }
        )
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, suggested),
            errors=errors,
            description_placeholders=placeholders,
        )


def _name(user_input: Mapping[str, Any]) -> str:
    return str(user_input[CONF_ROOM]).strip()
