"""Which device a configured source is, and what the outdoor air is read from."""

from dataclasses import dataclass

from mould_watch.domain.configuration import (
    DeviceSource,
    EntitySource,
    FixedOutdoor,
    MeasuredOutdoor,
    Outdoor,
    RoomConfiguration,
    Source,
    WeatherOutdoor,
)
from mould_watch.domain.surface import surface_of


@dataclass(frozen=True, order=True, slots=True)
class DeviceIdentity:
    """What makes a device the same one for ever (design, "Identity and keys")."""

    source_instance: str
    native_id: str


def identity_of(source: Source, owner: str) -> DeviceIdentity:
    """Return the device of a source; `owner` is the Home Assistant instance that says so."""
    match source:
        case DeviceSource(source_instance=source_instance, native_id=native_id):
            return DeviceIdentity(source_instance, native_id)
        case EntitySource(registry_id=registry_id):
            return DeviceIdentity(f"ha:{owner}", registry_id)


@dataclass(frozen=True, slots=True)
class RoomDevices:
    """The devices a room's climate is read from; a fixed outdoor climate is no device."""

    temperature: DeviceIdentity
    humidity: DeviceIdentity
    outdoor_temperature: DeviceIdentity | None = None
    outdoor_humidity: DeviceIdentity | None = None
    # a sensor on the surface itself
    surface_temperature: DeviceIdentity | None = None
    fixed_outdoor: FixedOutdoor | None = None

    def all(self) -> tuple[DeviceIdentity, ...]:
        """Return each device once, in a stable order."""
        named = (
            self.temperature,
            self.humidity,
            self.outdoor_temperature,
            self.outdoor_humidity,
            self.surface_temperature,
        )
        return tuple(sorted({device for device in named if device is not None}))


def devices_of(room: RoomConfiguration, outdoor: Outdoor | None, owner: str) -> RoomDevices:
    """Return the devices that tell the air of a room and outside, and its surface if measured."""
    temperature = identity_of(room.sources.temperature, owner)
    humidity = identity_of(room.sources.humidity, owner)
    on_surface = room.sources.surface_temperature
    surface = (
        identity_of(on_surface, owner)
        if on_surface is not None and surface_of(room).is_measured
        else None
    )
    match outdoor:
        case WeatherOutdoor(weather=weather):
            device = identity_of(weather, owner)
            return RoomDevices(temperature, humidity, device, device, surface)
        case MeasuredOutdoor() as measured:
            return RoomDevices(
                temperature,
                humidity,
                identity_of(measured.temperature, owner),
                identity_of(measured.humidity, owner),
                surface,
            )
        case fixed:
            return RoomDevices(
                temperature, humidity, surface_temperature=surface, fixed_outdoor=fixed
            )
