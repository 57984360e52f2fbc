"""What all entities of a room share, all of a watched device, and all of the backend."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import override

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import callback
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .const import DOMAIN, MANUFACTURER, MODEL_BACKEND, MODEL_DEVICE, MODEL_ROOM
from .coordinator import MouldWatchCoordinator
from .document import rooms_of
from .models import Backend, Device, Room
from .room_condition import Condition
from .runtime import MouldWatchConfigEntry
from .watched_devices import CONF_SILENT, Watched, watched_of


class PartEntity[Shown](CoordinatorEntity[MouldWatchCoordinator]):
    """An entity of a part of the entry: there while the backend is and knows the part."""

    _attr_has_entity_name = True

    def __init__(
        self,
        entry: MouldWatchConfigEntry,
        key: str,
        name: str,
        description: EntityDescription,
        model: str,
    ) -> None:
        """Belong to a part, by what identifies it."""
        super().__init__(entry.runtime_data.coordinator)
        self.entity_description = description
        self._entry = entry
        self._shown: tuple[bool, Shown | None] | None = None
        self._attr_unique_id = f"{key}_{description.key}"
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, key)},
            name=name,
            manufacturer=MANUFACTURER,
            model=model,
            entry_type=DeviceEntryType.SERVICE,
        )

    @abstractmethod
    def _told(self) -> Shown | None:
        """Return what the backend told last of the part; None: it does not know it."""

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write the state when this part has news, not at the news of every other one."""
        shown = (self.available, self._told())
        if shown != self._shown:
            self._shown = shown
            super()._handle_coordinator_update()

    @property
    @override
    def available(self) -> bool:
        """Return whether the backend is there and knows the part."""
        return super().available and self._told() is not None


class ConfiguredEntity[Shown](PartEntity[Shown]):
    """An entity of a part that a subentry configures."""

    def __init__(
        self,
        entry: MouldWatchConfigEntry,
        key: str,
        subentry: ConfigSubentry,
        description: EntityDescription,
        model: str,
    ) -> None:
        """Belong to the part of a subentry, by its unique id."""
        super().__init__(entry, key, subentry.title, description, model)
        self._subentry_id = subentry.subentry_id


class RoomEntity(ConfiguredEntity[Room]):
    """An entity of a room."""

    def __init__(
        self,
        entry: MouldWatchConfigEntry,
        room_id: str,
        subentry: ConfigSubentry,
        description: EntityDescription,
    ) -> None:
        """Belong to a room, by the room's own id."""
        super().__init__(entry, room_id, subentry, description, MODEL_ROOM)
        self._room_id = room_id

    @override
    async def async_added_to_hass(self) -> None:
        """Let a new room be put into its area once all its entities are there."""
        await super().async_added_to_hass()
        self._entry.runtime_data.async_place_room(self._room_id)

    @override
    def _told(self) -> Room | None:
        return self.coordinator.data.rooms.get(self._room_id)

    @property
    def condition(self) -> Condition:
        """Return the room as it is; only asked of an available entity."""
        room = self._told()
        return Condition() if room is None else room.condition


class WatchedDeviceEntity(ConfiguredEntity[Device]):
    """An entity of a watched device."""

    def __init__(
        self,
        entry: MouldWatchConfigEntry,
        key: str,
        subentry: ConfigSubentry,
        description: EntityDescription,
    ) -> None:
        """Belong to what a subentry watches, by its unique id."""
        super().__init__(entry, key, subentry, description, MODEL_DEVICE)
        self._watched = Watched.of(subentry.data)
        self._device_key = self._watched.key(entry.runtime_data.instance_id)

    @override
    async def async_added_to_hass(self) -> None:
        """Show at once what the user switches off or on."""
        await super().async_added_to_hass()
        runtime = self._entry.runtime_data
        self.async_on_remove(runtime.async_add_subentry_listener(self.async_write_ha_state))

    @override
    def _told(self) -> Device | None:
        return self.coordinator.data.devices.get(self._device_key)

    def _is_off(self, switch: str) -> bool:
        """Say whether the user switched a rule off, for this or for all that the device measures.

        `switch`: a key of the data of a subentry, which is False then.
        """
        source = self._watched.source
        return any(
            subentry.data.get(switch) is False
            for subentry in watched_of(self._entry).values()
            if subentry.subentry_id == self._subentry_id
            or (switch == CONF_SILENT and Watched.of(subentry.data).source == source)
        )

    @property
    def device(self) -> Device:
        """Return the device as it is; only asked of an available entity."""
        return self.coordinator.data.devices[self._device_key]


class BackendEntity(PartEntity[Backend]):
    """An entity of the backend itself."""

    def __init__(self, entry: MouldWatchConfigEntry, description: EntityDescription) -> None:
        """Belong to the backend of an entry, by the entry's id: it may get another backend."""
        super().__init__(entry, entry.entry_id, MANUFACTURER, description, MODEL_BACKEND)

    @override
    def _told(self) -> Backend | None:
        return self.coordinator.data.backend

    @property
    def backend(self) -> Backend:
        """Return the backend as it is; only asked of an available entity."""
        return self._told() or Backend()


@callback
def add_backend_entities(
    entry: MouldWatchConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    make: Callable[[], Iterable[Entity]],
) -> None:
    """Add the entities of the backend itself, as soon as it says how it is."""
    coordinator = entry.runtime_data.coordinator
    is_added = False

    @callback
    def add() -> None:
        nonlocal is_added
        if not is_added and coordinator.data.backend is not None:
            is_added = True
            async_add_entities(make())

    entry.async_on_unload(coordinator.async_add_listener(add))
    add()


@callback
def add_room_entities(
    entry: MouldWatchConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    make: Callable[[str, ConfigSubentry], Iterable[Entity]],
) -> None:
    """Add the entities of every room, now and whenever a room is added."""

    def make_room(room_id: str, subentry: ConfigSubentry) -> Iterable[Entity]:
        entry.runtime_data.async_expect_room(room_id)
        return make(room_id, subentry)

    _add_entities(entry, async_add_entities, lambda: rooms_of(entry), make_room)


@callback
def add_watched_device_entities(
    entry: MouldWatchConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    make: Callable[[str, ConfigSubentry], Iterable[Entity]],
) -> None:
    """Add the entities of every watched device, now and whenever one is added."""
    _add_entities(entry, async_add_entities, lambda: watched_of(entry), make)


@callback
def _add_entities(
    entry: MouldWatchConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    subentries: Callable[[], Mapping[str, ConfigSubentry]],
    make: Callable[[str, ConfigSubentry], Iterable[Entity]],
) -> None:
    added: set[str] = set()

    @callback
    def add_new() -> None:
        for key, subentry in subentries().items():
            if subentry.subentry_id not in added:
                added.add(subentry.subentry_id)
                async_add_entities(make(key, subentry), config_subentry_id=subentry.subentry_id)

    add_new()
    entry.async_on_unload(entry.runtime_data.async_add_subentry_listener(add_new))
