"""A room's mould risk: on at warning or above."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.binary_sensor import (
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import RoomEntity, add_room_entities
from .room_condition import Condition
from .room_sensors import UNRECORDED, evidence
from .runtime import RISK_KEY, MouldWatchConfigEntry

PARALLEL_UPDATES: Final = 0


@dataclass(frozen=True, kw_only=True)
class RoomBinarySensorDescription(BinarySensorEntityDescription):
    """A binary sensor, and where its state is in a room's condition."""

    is_on_fn: Callable[[Condition], bool | None]
    attributes_fn: Callable[[Condition], Mapping[str, Any] | None] = lambda _: None


BINARY_SENSORS: Final = (
    RoomBinarySensorDescription(
        key=RISK_KEY,
        translation_key=RISK_KEY,
        device_class=BinarySensorDeviceClass.PROBLEM,
        # The backend keeps it True while an incident is open, and None without data.
        is_on_fn=lambda condition: condition.at_risk,
        attributes_fn=evidence,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: MouldWatchConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the binary sensors of every room."""
    del hass
    add_room_entities(
        entry,
        async_add_entities,
        lambda room_id, subentry: [
            RoomBinarySensor(entry, room_id, subentry, description)
            for description in BINARY_SENSORS
        ],
    )


class RoomBinarySensor(RoomEntity, BinarySensorEntity):
    """A yes, a no, or unknown: missing data is never a no."""

    entity_description: RoomBinarySensorDescription
    _unrecorded_attributes = UNRECORDED

    @property
    @override
    def is_on(self) -> bool | None:
        """Return the state; None when it is not known."""
        return self.entity_description.is_on_fn(self.condition)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """Return the numbers behind the state."""
        return self.entity_description.attributes_fn(self.condition)
