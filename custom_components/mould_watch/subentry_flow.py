"""What the flows of a room and of a watched device share."""

from collections.abc import Awaitable, Mapping
from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState, ConfigSubentryFlow

from .document import told_of_home
from .errors import MouldWatchClientError, RefusedError
from .runtime import MouldWatchConfigEntry
from .sources import SourceCatalogue
from .told import CONF_TOLD, Told, known_services, shown_services, told_fault

NAME_MAXIMUM: Final = 120
CONNECTION_TIMEOUT_S: Final = 10.0

type Errors = tuple[dict[str, str], dict[str, str]]
"""The form's errors, and what their texts name."""


class PartFlow(ConfigSubentryFlow):
    """A part of the entry that the backend has a say in before it is saved."""

    @property
    def _entry(self) -> MouldWatchConfigEntry:
        return self._get_entry()

    @property
    def _catalogue(self) -> SourceCatalogue:
        return SourceCatalogue.of(
            self.hass, self._entry.runtime_data.coordinator.data.devices.values()
        )

    async def _obstacle(self) -> str | None:
        """Return why nothing can be added or changed now, None when it can."""
        if self._entry.state is not ConfigEntryState.LOADED:
            return "entry_not_loaded"
        runtime = self._entry.runtime_data
        if not await runtime.client.wait_ready(CONNECTION_TIMEOUT_S):
            return "not_connected"
        return "read_only" if runtime.configuration.reader else None

    @property
    def _home_told(self) -> Told:
        """Return who is told of the home."""
        return told_of_home(self._entry.options)

    async def _known_services(self) -> tuple[str, ...] | None:
        """Return the services that the backend knows; None when it does not say."""
        return await known_services(self.hass, *self._entry.runtime_data.address)

    async def _told_fault(
        self, user_input: Mapping[str, Any], stored: Mapping[str, Any]
    ) -> Errors | None:
        """Return what is wrong with the section that says who is told."""
        known = await self._known_services()
        fault = told_fault(user_input[CONF_TOLD], stored, self._home_told, known)
        return None if fault is None else ({"base": fault}, {"services": shown_services(known)})

    async def _objection(self, check: Awaitable[str | None], refused: str) -> Errors | None:
        """Return what the backend has against a part as errors, `refused` with its words."""
        try:
            objection = await check
        except RefusedError as err:
            # A conflict over the whole document is settled by its own repair.
            return ({"base": "read_only"}, {}) if err.code == "other_owner" else None
        except MouldWatchClientError:
            return {"base": "not_connected"}, {}
        return None if objection is None else ({"base": refused}, {"message": objection})


def name_error(name: str, field: str) -> Errors | None:
    """Return the error of a name that is empty or too long."""
    return None if 0 < len(name) <= NAME_MAXIMUM else ({field: "name_length"}, {})
