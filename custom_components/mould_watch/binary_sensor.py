"""A room's mould risk; a watched device's problem and reports; the backend's own trouble."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.binary_sensor import (
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import (
    BackendEntity,
    RoomEntity,
    WatchedDeviceEntity,
    add_backend_entities,
    add_room_entities,
    add_watched_device_entities,
)
from .room_condition import Condition
from .room_sensors import UNRECORDED, evidence
from .runtime import RISK_KEY, MouldWatchConfigEntry
from .watched_devices import CONF_ENABLED, CONF_SILENT, Watched

PARALLEL_UPDATES: Final = 0


@dataclass(frozen=True, kw_only=True)
class RoomBinarySensorDescription(BinarySensorEntityDescription):
    """A binary sensor, and where its state is in a room's condition."""

    is_on_fn: Callable[[Condition], bool | None]
    attributes_fn: Callable[[Condition], Mapping[str, Any] | None] = lambda _: None


def _has_other_trouble(condition: Condition) -> bool | None:
    """Return whether something else than mould is the matter; without data None, never a no."""
    if condition.other_troubles:
        return True
    return None if condition.reason in (None, "no_data", "no_outdoor_data") else False


BINARY_SENSORS: Final = (
    RoomBinarySensorDescription(
        key=RISK_KEY,
        translation_key=RISK_KEY,
        device_class=BinarySensorDeviceClass.PROBLEM,
        # The backend keeps it True while an incident is open, and None without data.
        is_on_fn=lambda condition: condition.at_risk,
        attributes_fn=evidence,
    ),
    RoomBinarySensorDescription(
        key="other_trouble",
        translation_key="other_trouble",
        device_class=BinarySensorDeviceClass.PROBLEM,
        is_on_fn=_has_other_trouble,
        attributes_fn=lambda condition: {"what": list(condition.other_troubles)},
    ),
)


SILENT_RULE: Final = "silent"


@dataclass(frozen=True, kw_only=True)
class DeviceBinarySensorDescription(BinarySensorEntityDescription):
    """A binary sensor of a watched device: the rules it is about, and how they make it."""

    rules_fn: Callable[[Watched], frozenset[str]]
    # its state while an incident of these rules is open
    is_on_in_breach: bool
    # the key of the subentry's data that is False where the user switched these rules off
    switch: str


DEVICE_BINARY_SENSORS: Final = (
    DeviceBinarySensorDescription(
        key="limit",
        translation_key="limit",
        device_class=BinarySensorDeviceClass.PROBLEM,
        rules_fn=Watched.rules,
        is_on_in_breach=True,
        switch=CONF_ENABLED,
    ),
    DeviceBinarySensorDescription(
        key="reports",
        translation_key="reports",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
        rules_fn=lambda _: frozenset({SILENT_RULE}),
        is_on_in_breach=False,
        switch=CONF_SILENT,
    ),
)


BACKEND_BINARY_SENSORS: Final = (
    BinarySensorEntityDescription(
        key="trouble",
        translation_key="trouble",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: MouldWatchConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the binary sensors of every room, of every watched device, and of the backend."""
    del hass
    add_backend_entities(
        entry,
        async_add_entities,
        lambda: [BackendBinarySensor(entry, description) for description in BACKEND_BINARY_SENSORS],
    )
    add_room_entities(
        entry,
        async_add_entities,
        lambda room_id, subentry: [
            RoomBinarySensor(entry, room_id, subentry, description)
            for description in BINARY_SENSORS
        ],
    )
    add_watched_device_entities(
        entry,
        async_add_entities,
        lambda key, subentry: [
            DeviceBinarySensor(entry, key, subentry, description)
            for description in DEVICE_BINARY_SENSORS
            # one that is watched only for its reports has no limit
            if description.key != "limit" or Watched.of(subentry.data).metric is not None
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


class DeviceBinarySensor(WatchedDeviceEntity, BinarySensorEntity):
    """What a watched device's rules say: also without data while an incident is open."""

    entity_description: DeviceBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool | None:
        """Return the state; None when nobody has judged it, nobody shall, or there is no data."""
        rules = self.entity_description.rules_fn(self._watched)
        if rules & self.device.breached_rules:
            return self.entity_description.is_on_in_breach
        if (
            not self.device.judged
            or self._is_off(self.entity_description.switch)
            or rules & self.device.unknown_rules
        ):
            return None
        return not self.entity_description.is_on_in_breach


class BackendBinarySensor(BackendEntity, BinarySensorEntity):
    """Whether something is the matter with the backend itself, also when somebody has seen it."""

    @property
    @override
    def is_on(self) -> bool:
        """Return whether any of its incidents is open."""
        return bool(self.backend.incident_ids)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any]:
        """Return the rules that they are about."""
        return {"rules": list(self.backend.breached_rules)}
