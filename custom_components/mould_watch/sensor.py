"""A room's sensors: what is watched, and what it means for the surface."""

from collections.abc import Mapping
from typing import Any, Final, override

from homeassistant.components.sensor import SensorEntity
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType

from .const import CONF_SOURCES
from .entity import RoomEntity, add_room_entities
from .room_sensors import (
    SENSORS,
    UNRECORDED,
    WATCHED,
    RoomSensorDescription,
    WatchedSensorDescription,
)
from .runtime import MouldWatchConfigEntry

ATTR_QOS: Final = "qos"
PARALLEL_UPDATES: Final = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: MouldWatchConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of every room."""
    del hass

    def make(room_id: str, subentry: ConfigSubentry) -> list[SensorEntity]:
        return [
            *(WatchedSensor(entry, room_id, subentry, description) for description in WATCHED),
            *(RoomSensor(entry, room_id, subentry, description) for description in SENSORS),
        ]

    add_room_entities(entry, async_add_entities, make)


class RoomSensor(RoomEntity, SensorEntity):
    """A value of the room's condition."""

    entity_description: RoomSensorDescription
    # The explanation changes with each evaluation: history keeps the state, not the numbers.
    _unrecorded_attributes = UNRECORDED

    @property
    @override
    def native_value(self) -> StateType:
        """Return the value; None (unknown) when the backend does not know."""
        return self.entity_description.value_fn(self.condition)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """Return the numbers behind the value."""
        return self.entity_description.attributes_fn(self.condition)


class WatchedSensor(RoomEntity, SensorEntity):
    """What the room's source measures.

    An entity of Home Assistant is shown as it is now, also before it has reported since the
    start, and is unknown while it says nothing; a device of the backend is shown as the backend
    last counted it.
    """

    entity_description: WatchedSensorDescription
    _unrecorded_attributes = frozenset({ATTR_QOS})

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the source entity too, if there is one."""
        await super().async_added_to_hass()
        self.async_on_remove(self._entry.runtime_data.forwarder.async_add_listener(self._on_source))

    @property
    @override
    def native_value(self) -> StateType:
        """Return the present value."""
        if (registry_id := self._source_entity) is not None:
            return self._entry.runtime_data.forwarder.present_value(
                registry_id, self.entity_description.metric
            )
        observation = self.entity_description.observation_fn(self.condition)
        return None if observation is None else observation.value

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """Return how the readings of a device arrive: with QoS 0 some may be lost."""
        source = self._source
        key = (source.get("source_instance", ""), source.get("native_id", ""))
        device = self.coordinator.data.devices.get(key)
        return None if device is None else {ATTR_QOS: device.qos}

    @property
    def _source(self) -> Mapping[str, Any]:
        """Return the source as it is stored; empty for a room that is gone."""
        subentry = self._entry.subentries.get(self._subentry_id)
        if subentry is None:
            return {}
        source: Mapping[str, Any] = subentry.data[CONF_SOURCES][self.entity_description.source]
        return source

    @property
    def _source_entity(self) -> str | None:
        """Return the registry id of the source; None when the source is a device."""
        registry_id: str | None = self._source.get("registry_id")
        return registry_id

    @callback
    def _on_source(self, registry_id: str) -> None:
        if registry_id == self._source_entity:
            self.async_write_ha_state()
