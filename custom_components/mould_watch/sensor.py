"""A room's sensors: what is watched, and what it means for the surface."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import EntityCategory, UnitOfRatio, UnitOfTemperature
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType

from .const import CONF_SOURCES, LEVELS, METRIC_HUMIDITY, METRIC_TEMPERATURE, REASONS
from .entity import RoomEntity, add_room_entities
from .models import Condition, Observation
from .runtime import MouldWatchConfigEntry

PARALLEL_UPDATES: Final = 0


@dataclass(frozen=True, kw_only=True)
class RoomSensorDescription(SensorEntityDescription):
    """A sensor, and where its value is in a room's condition."""

    value_fn: Callable[[Condition], StateType]
    attributes_fn: Callable[[Condition], Mapping[str, Any] | None] = lambda _: None


@dataclass(frozen=True, kw_only=True)
class WatchedSensorDescription(SensorEntityDescription):
    """A sensor that shows what a room's source measures."""

    source: str
    metric: str
    observation_fn: Callable[[Condition], Observation | None]


def _explanation(condition: Condition) -> dict[str, Any]:
    """Return the numbers behind level and reason."""
    return {
        "surface_temperature_c": condition.surface_temperature_c,
        "critical_humidity_pct": condition.critical_humidity_pct,
        "incident_since": condition.incident_since,
        **condition.evidence,
    }


WATCHED: Final = (
    WatchedSensorDescription(
        key="temperature",
        translation_key="temperature",
        device_class=SensorDeviceClass.TEMPERATURE,
        native_unit_of_measurement=UnitOfTemperature.CELSIUS,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        entity_category=EntityCategory.DIAGNOSTIC,
        source="temperature",
        metric=METRIC_TEMPERATURE,
        observation_fn=lambda condition: condition.temperature,
    ),
    WatchedSensorDescription(
        key="humidity",
        translation_key="humidity",
        device_class=SensorDeviceClass.HUMIDITY,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        entity_category=EntityCategory.DIAGNOSTIC,
        source="humidity",
        metric=METRIC_HUMIDITY,
        observation_fn=lambda condition: condition.humidity,
    ),
)

SENSORS: Final = (
    RoomSensorDescription(
        key="dew_point",
        translation_key="dew_point",
        device_class=SensorDeviceClass.TEMPERATURE,
        native_unit_of_measurement=UnitOfTemperature.CELSIUS,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        value_fn=lambda condition: condition.dew_point_c,
    ),
    RoomSensorDescription(
        key="surface_humidity",
        translation_key="surface_humidity",
        device_class=SensorDeviceClass.HUMIDITY,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        value_fn=lambda condition: condition.surface_humidity_pct,
    ),
    RoomSensorDescription(
        key="mould_level",
        translation_key="mould_level",
        device_class=SensorDeviceClass.ENUM,
        options=list(LEVELS),
        value_fn=lambda condition: _of(LEVELS, condition.level),
    ),
    RoomSensorDescription(
        key="reason",
        translation_key="reason",
        device_class=SensorDeviceClass.ENUM,
        options=list(REASONS),
        value_fn=lambda condition: _of(REASONS, condition.reason),
        attributes_fn=_explanation,
    ),
)


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
    _unrecorded_attributes = frozenset(
        {
            "surface_temperature_c",
            "critical_humidity_pct",
            "incident_since",
            "damp_hours",
            "damp_readings",
            "required_damp_hours",
            "required_damp_readings",
            "window_hours",
            "coverage",
        }
    )

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
    def _source_entity(self) -> str | None:
        """Return the registry id of the source; None when the source is a device."""
        subentry = self._entry.subentries.get(self._subentry_id)
        if subentry is None:
            return None
        source = subentry.data[CONF_SOURCES][self.entity_description.source]
        registry_id: str | None = source.get("registry_id")
        return registry_id

    @callback
    def _on_source(self, registry_id: str) -> None:
        if registry_id == self._source_entity:
            self.async_write_ha_state()


def _of(known: tuple[str, ...], word: str | None) -> str | None:
    """Return the word if this version knows it: a newer backend may say more."""
    return word if word in known else None
