"""A room's button: the mould was cleaned away, its history begins anew."""

from typing import Final, override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import RoomEntity, add_room_entities
from .runtime import MouldWatchConfigEntry
from .services import start_episode

PARALLEL_UPDATES: Final = 0

BUTTONS: Final = (
    ButtonEntityDescription(
        key="cleaned", translation_key="cleaned", entity_category=EntityCategory.CONFIG
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: MouldWatchConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the button of every room."""
    del hass
    add_room_entities(
        entry,
        async_add_entities,
        lambda room_id, subentry: [
            CleanedButton(entry, room_id, subentry, description) for description in BUTTONS
        ],
    )


class CleanedButton(RoomEntity, ButtonEntity):
    """Tells the backend that the surface is clean again; the old peak stays in history."""

    @property
    @override
    def available(self) -> bool:
        """Return whether it can be pressed: not where another Home Assistant decides."""
        return super().available and not self._entry.runtime_data.configuration.reader

    @override
    async def async_press(self) -> None:
        """Begin a new episode."""
        await start_episode(self._entry, self._room_id)
