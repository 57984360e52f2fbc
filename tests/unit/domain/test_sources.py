from uuid import UUID

from mould_watch.domain.configuration import (
    DeviceSource,
    EntitySource,
    FixedOutdoor,
    MeasuredOutdoor,
    RoomConfiguration,
    RoomSources,
    SurfaceKind,
    WeatherOutdoor,
)
from mould_watch.domain.sources import DeviceIdentity, devices_of, identity_of

SENSOR = DeviceSource(source_instance="mqtt:zigbee2mqtt", native_id="0x1")
ENTITY = EntitySource(registry_id="abc", entity_id="sensor.bath")
ROOM = RoomConfiguration(
    room_id=UUID(int=1), name="Bath", sources=RoomSources(temperature=SENSOR, humidity=ENTITY)
)


def test_an_entity_is_a_device_of_the_home_assistant_that_owns_the_configuration() -> None:
    assert identity_of(ENTITY, "home") == DeviceIdentity("ha:home", "abc")
    assert identity_of(SENSOR, "home") == DeviceIdentity("mqtt:zigbee2mqtt", "0x1")


def test_renaming_an_entity_changes_no_identity() -> None:
    renamed = EntitySource(registry_id="abc", entity_id="sensor.other")
    assert identity_of(renamed, "home") == identity_of(ENTITY, "home")


def test_a_weather_entity_is_one_device_for_both_metrics() -> None:
    outdoor = WeatherOutdoor(weather=EntitySource(registry_id="w"))
    devices = devices_of(ROOM, outdoor, "home")
    assert devices.outdoor_temperature == devices.outdoor_humidity == DeviceIdentity("ha:home", "w")
    assert len(devices.all()) == 3


def test_measured_fixed_and_no_outdoor() -> None:
    measured = devices_of(
        ROOM,
        MeasuredOutdoor(temperature=SENSOR, humidity=ENTITY),
        "home",
    )
    assert measured.outdoor_temperature == identity_of(SENSOR, "home")
    assert measured.outdoor_humidity == identity_of(ENTITY, "home")
    fixed = FixedOutdoor(temperature_c=5, humidity_pct=80)
    assert devices_of(ROOM, fixed, "home").fixed_outdoor == fixed
    none = devices_of(ROOM, None, "home")
    assert none.outdoor_temperature is None
    assert none.fixed_outdoor is None


def test_a_sensor_on_the_surface_is_read_only_where_the_surface_is_measured() -> None:
    with_sensor = ROOM.model_copy(
        update={
            "sources": RoomSources(temperature=SENSOR, humidity=SENSOR, surface_temperature=ENTITY)
        }
    )
    assert devices_of(with_sensor, None, "home").surface_temperature is None
    measured = with_sensor.model_copy(update={"surface_kind": SurfaceKind.SENSOR})
    assert devices_of(measured, None, "home").surface_temperature == identity_of(ENTITY, "home")
