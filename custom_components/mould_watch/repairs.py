"""Repairs that ask which side is right: Home Assistant or the backend."""

import probatio
from homeassistant.components.repairs import ConfirmRepairFlow, RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from .errors import MouldWatchClientError
from .runtime import MouldWatchConfigEntry


class ChooseSideRepairFlow(RepairsFlow):
    """Choose whose rooms are right; either way this Home Assistant owns the backend then."""

    def __init__(self, entry: MouldWatchConfigEntry) -> None:
        """Belong to an entry."""
        self._entry = entry

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Offer the two sides."""
        del user_input
        return self.async_show_menu(
            step_id="init",
            menu_options=["backend", "home_assistant"],
            description_placeholders={
                key: str(value) for key, value in (self.data or {}).items() if key != "entry_id"
            },
        )

    async def async_step_home_assistant(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Keep the rooms of Home Assistant: the backend archives those missing here."""
        return await self._confirm("home_assistant", user_input)

    async def async_step_backend(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Keep the rooms of the backend: Home Assistant gets them."""
        return await self._confirm("backend", user_input)

    async def _confirm(self, side: str, user_input: dict[str, str] | None) -> RepairsFlowResult:
        if user_input is None:
            return self.async_show_form(step_id=side, data_schema=probatio.Schema({}))
        if self._entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        configuration = self._entry.runtime_data.configuration
        try:
            if side == "home_assistant":
                await configuration.use_home_assistant()
            else:
                await configuration.use_backend()
        except MouldWatchClientError as err:
            return self.async_abort(
                reason="not_solved", description_placeholders={"error": str(err)}
            )
        return self.async_create_entry(data={})


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return the flow for an issue."""
    del issue_id
    entry: MouldWatchConfigEntry | None = hass.config_entries.async_get_entry(
        str((data or {}).get("entry_id"))
    )
    return ConfirmRepairFlow() if entry is None else ChooseSideRepairFlow(entry)
