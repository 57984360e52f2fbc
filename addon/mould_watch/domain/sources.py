"""Which device a configured source is, and what the outdoor air is read from."""

from dataclasses import dataclass

from mould_watch.domain.configuration import (
    DeviceSource,
    EntitySource,
    FixedOutdoor,
    HomeConfiguration,
    MeasuredOutdoor,
    RoomConfiguration,
    Source,
    WeatherOutdoor,
)


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
    fixed_outdoor: FixedOutdoor | None = None

    def all(self) -> tuple[DeviceIdentity, ...]:
        """Return each device once, in a stable order."""
        named = (
            self.temperature,
            self.humidity,
            self.outdoor_temperature,
            self.outdoor_humidity,
        )
        return tuple(sorted({device for device in named if device is not None}))


def devices_of(room: RoomConfiguration, home: HomeConfiguration, owner: str) -> RoomDevices:
    """Return the devices that tell the air of a room and outside."""
    temperature = identity_of(room.sources.temperature, owner)
    humidity = identity_of(room.sources.humidity, owner)
    match home.outdoor:
        case WeatherOutdoor(weather=weather):
            outdoor = identity_of(weather, owner)
            return RoomDevices(temperature, humidity, outdoor, outdoor)
        case MeasuredOutdoor() as measured:
            return RoomDevices(
                temperature,
                humidity,
                identity_of(measured.temperature, owner),
                identity_of(measured.humidity, owner),
            )
        case fixed:
            return RoomDevices(temperature, humidity, fixed_outdoor=fixed)
