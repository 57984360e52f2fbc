"""Where a measurement comes from: a device of the backend, or an entity of Home Assistant.

The form's choice, the stored configuration and the wire all say the same thing, in three
spellings; this module translates. The identity of an entity is its registry id.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, unquote

from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.const import ATTR_DEVICE_CLASS
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import SelectOptionDict

from .const import (
    DOMAIN,
    METRIC_BATTERY,
    METRIC_CO2,
    METRIC_HUMIDITY,
    METRIC_ILLUMINANCE,
    METRIC_MOISTURE,
    METRIC_PRESSURE,
    METRIC_TEMPERATURE,
)
from .models import Device

METRIC_CLASSES: Mapping[str, frozenset[str]] = {
    METRIC_TEMPERATURE: frozenset({SensorDeviceClass.TEMPERATURE}),
    METRIC_HUMIDITY: frozenset({SensorDeviceClass.HUMIDITY}),
    METRIC_PRESSURE: frozenset(
        {SensorDeviceClass.PRESSURE, SensorDeviceClass.ATMOSPHERIC_PRESSURE}
    ),
    METRIC_CO2: frozenset({SensorDeviceClass.CO2}),
    METRIC_ILLUMINANCE: frozenset({SensorDeviceClass.ILLUMINANCE}),
    METRIC_MOISTURE: frozenset({SensorDeviceClass.MOISTURE}),
    METRIC_BATTERY: frozenset({SensorDeviceClass.BATTERY}),
}
_FORWARDED = "ha:"
# what marks a device that the backend hears itself
_HEARD = " (MQTT)"
# the form's choice: whatever device the humidity comes from
SAME_DEVICE = "same_device"


@dataclass(frozen=True, slots=True)
class DeviceSource:
    """A device the backend hears itself."""

    source_instance: str
    native_id: str

    def as_wire(self) -> dict[str, str]:
        """Return the document's spelling, which is the stored one too."""
        return {
            "kind": "device",
            "source_instance": self.source_instance,
            "native_id": self.native_id,
        }

    @property
    def choice(self) -> str:
        """Return the form's spelling."""
        return f"device:{quote(self.source_instance, safe='')}:{quote(self.native_id, safe='')}"


@dataclass(frozen=True, slots=True)
class EntitySource:
    """An entity whose states are forwarded."""

    registry_id: str

    def as_wire(self) -> dict[str, str]:
        """Return the document's spelling, which is the stored one too."""
        return {"kind": "entity", "registry_id": self.registry_id}

    @property
    def choice(self) -> str:
        """Return the form's spelling."""
        return f"entity:{self.registry_id}"


type Source = DeviceSource | EntitySource


def source_from_wire(data: Mapping[str, Any]) -> Source:
    """Read a source as stored or as the backend sent it."""
    if data["kind"] == "entity":
        return EntitySource(data["registry_id"])
    return DeviceSource(data["source_instance"], data["native_id"])


def source_from_choice(choice: str) -> Source:
    """Read what the form returned."""
    kind, _, identity = choice.partition(":")
    if kind == "entity":
        return EntitySource(identity)
    source_instance, _, native_id = identity.partition(":")
    return DeviceSource(unquote(source_instance), unquote(native_id))


@dataclass(frozen=True, slots=True)
class SourceCatalogue:
    """What can be chosen: the backend's devices and Home Assistant's sensors."""

    hass: HomeAssistant
    devices: tuple[Device, ...]

    @classmethod
    def of(cls, hass: HomeAssistant, devices: Iterable[Device]) -> Self:
        """Keep the devices the backend hears itself; forwarded ones are offered as entities."""
        return cls(
            hass,
            tuple(
                sorted(
                    (d for d in devices if not d.source_instance.startswith(_FORWARDED)),
                    key=lambda device: device.name.casefold(),
                )
            ),
        )

    @callback
    def options(
        self, metric: str, selected: Source | None = None, taken: frozenset[str] = frozenset()
    ) -> list[SelectOptionDict]:
        """Return the choices for a metric: devices first, then entities, by name.

        The choices `taken` come last: a form begins with its first. `selected` stays among them
        though it is gone, so that a form never loses it.
        """
        found = [
            SelectOptionDict(value=DeviceSource(*device.key).choice, label=_device_label(device))
            for device in self.devices
            if metric in device.metrics
        ]
        found += sorted(
            (
                SelectOptionDict(
                    value=EntitySource(entity.id).choice,
                    label=f"{self._entity_name(entity)} ({entity.entity_id})",
                )
                for entity in self._entities(metric)
            ),
            key=lambda option: option["label"].casefold(),
        )
        if selected is not None and selected.choice not in {o["value"] for o in found}:
            found.append(SelectOptionDict(value=selected.choice, label=self.label(selected)))
        return sorted(found, key=lambda option: option["value"] in taken)

    @callback
    def everything(self, names: Mapping[str, str]) -> list[SelectOptionDict]:
        """Return every metric of every source as a choice, by the name of the metric.

        The choices are spelt as watched_devices spells them. The name "" is for a device as a
        whole: whether it reports.
        """
        found: dict[str, SelectOptionDict] = {}
        for device in self.devices:
            source = DeviceSource(*device.key)
            for metric in (*sorted(device.metrics), ""):
                if metric in names or metric not in METRIC_CLASSES:
                    label = f"{_device_label(device)}: {names.get(metric, metric)}"
                    value = f"{source.choice}|{metric}"
                    found[value] = SelectOptionDict(value=value, label=label)
        for metric in METRIC_CLASSES:
            for option in self.options(metric):
                value = f"{option['value']}|{metric}"
                if value not in found:
                    label = f"{option['label']}: {names.get(metric, metric)}"
                    found[value] = SelectOptionDict(value=value, label=label)
        return sorted(found.values(), key=lambda option: option["label"].casefold())

    @callback
    def found_in(self, area: ar.AreaEntry, metric: str, taken: frozenset[str]) -> str | None:
        """Return the choice that is in an area, or is named after it; None when none seems so."""
        free = [option for option in self.options(metric) if option["value"] not in taken]
        registry = er.async_get(self.hass)
        for option in free:
            source = source_from_choice(option["value"])
            if isinstance(source, EntitySource):
                entity = registry.entities.get_entry(source.registry_id)
                if entity is not None and self._area_id(entity) == area.id:
                    return option["value"]
        name = area.name.casefold()
        return next((o["value"] for o in free if name in o["label"].casefold()), None)

    @callback
    def companion(self, source: Source, metric: str) -> Source | None:
        """Return the source of `metric` on the same device, None when there is not one."""
        if isinstance(source, DeviceSource):
            return next(
                (
                    source
                    for device in self.devices
                    if device.key == (source.source_instance, source.native_id)
                    and metric in device.metrics
                ),
                None,
            )
        registry = er.async_get(self.hass)
        entity = registry.entities.get_entry(source.registry_id)
        if entity is None or entity.device_id is None:
            return None
        siblings = sorted(
            (e for e in self._entities(metric) if e.device_id == entity.device_id),
            # a device's own reading before a diagnostic one of its electronics
            key=lambda e: (e.entity_category is not None, e.entity_id),
        )
        return EntitySource(siblings[0].id) if siblings else None

    @callback
    def temperature(self, choice: str, humidity: Source) -> Source | None:
        """Return the temperature source the form means; None when the device has none."""
        if choice == SAME_DEVICE:
            return self.companion(humidity, METRIC_TEMPERATURE)
        return source_from_choice(choice)

    @callback
    def temperature_choice(self, temperature: Source, humidity: Source) -> str:
        """Return the form's spelling of a temperature source beside its humidity source."""
        if temperature == self.companion(humidity, METRIC_TEMPERATURE):
            return SAME_DEVICE
        return temperature.choice

    @callback
    def label(self, source: Source) -> str:
        """Return a name for people."""
        if isinstance(source, EntitySource):
            entity = er.async_get(self.hass).entities.get_entry(source.registry_id)
            return source.registry_id if entity is None else self._entity_name(entity)
        for device in self.devices:
            if device.key == (source.source_instance, source.native_id):
                return _device_label(device)
        return source.native_id

    @callback
    def place(self, source: Source) -> str:
        """Return what the place of a source may be called: the name of its device."""
        if isinstance(source, DeviceSource):
            return self.label(source).removesuffix(_HEARD)
        entity = er.async_get(self.hass).entities.get_entry(source.registry_id)
        if entity is not None and entity.device_id is not None:
            device = dr.async_get(self.hass).async_get(entity.device_id)
            if device is not None and (name := device.name_by_user or device.name):
                return name
        return self.label(source)

    def _area_id(self, entity: er.RegistryEntry) -> str | None:
        if entity.area_id is not None or entity.device_id is None:
            return entity.area_id
        device = dr.async_get(self.hass).async_get(entity.device_id)
        return None if device is None else device.area_id

    def _entities(self, metric: str) -> list[er.RegistryEntry]:
        """Return the registered sensors of the metric's device classes."""
        classes = METRIC_CLASSES[metric]
        return [
            entity
            for entity in er.async_get(self.hass).entities.values()
            if entity.domain == "sensor"
            and entity.platform != DOMAIN
            and entity.disabled_by is None
            and self._device_class(entity) in classes
        ]

    def _device_class(self, entity: er.RegistryEntry) -> str | None:
        if entity.device_class or entity.original_device_class:
            return entity.device_class or entity.original_device_class
        state = self.hass.states.get(entity.entity_id)
        return None if state is None else state.attributes.get(ATTR_DEVICE_CLASS)

    def _entity_name(self, entity: er.RegistryEntry) -> str:
        state = self.hass.states.get(entity.entity_id)
        if state is not None:
            return state.name
        return entity.name or entity.original_name or entity.entity_id


def _device_label(device: Device) -> str:
    """Return the device's name with where it is heard."""
    return f"{device.name}{_HEARD}"
