"""The climate of a room, read from the readings of the devices it is configured with."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from mould_watch.domain.climate import (
    GAP,
    Climate,
    ConstantSeries,
    MeasuredSeries,
    Metric,
    Series,
)
from mould_watch.domain.fault_patterns import Place
from mould_watch.domain.next_evaluation import REGULARLY
from mould_watch.domain.sources import DeviceIdentity, RoomDevices
from mould_watch.storage import readings
from mould_watch.storage.database import Connection
from mould_watch.watch.plausible import KnownBands, PlausibleReadings

type Members = Mapping[DeviceIdentity, frozenset[int]]
type Window = PlausibleReadings[DeviceIdentity]


async def room_climate(
    connection: Connection,
    devices: RoomDevices,
    now: datetime,
    lookback: timedelta,
    known: KnownBands[DeviceIdentity] | None = None,
) -> Climate:
    """Return the climate of the time from `lookback` before `now` on.

    Each metric has the value it held when that time began. One with no value lately has its
    newest older one: it is shown, not judged by. Readings of a clock slightly ahead of ours are
    in it, for when they come of age. `known`: see PlausibleReadings.
    """
    members = await readings.device_members(connection, devices.all())
    ids = {one for of_device in members.values() for one in of_device}
    begin = now - lookback
    start = await readings.start_of_window(connection, ids, begin)

    async def read(start: datetime) -> Window:
        return await PlausibleReadings.read(
            connection, members, places_of(devices), (start, now + REGULARLY), now, known=known
        )

    window = await read(start)
    wanted = _wanted(devices)
    if any(window.is_left_out(device, metric, begin) for _, device, metric in wanted):
        # what was held then may be older than the few values that were all faulty
        window = await read(begin - GAP)
    climate = climate_of(window, devices)
    older: dict[str, MeasuredSeries] = {}
    for name, device, metric in wanted:
        series: MeasuredSeries = getattr(climate, name)
        if series.newest(now) is None and members[device]:
            samples = await readings.newest_samples(connection, members[device], metric, start)
            older[name] = MeasuredSeries([*window.samples(device, metric), *samples], metric)
    return replace(climate, **older)


def _wanted(devices: RoomDevices) -> list[tuple[str, DeviceIdentity, Metric]]:
    """Return the series of a climate that are measured: their names, from what, which metric."""
    series: tuple[tuple[str, DeviceIdentity | None, Metric], ...] = (
        ("temperature", devices.temperature, "temperature_c"),
        ("humidity", devices.humidity, "humidity_pct"),
        ("outdoor_temperature", devices.outdoor_temperature, "temperature_c"),
        ("outdoor_humidity", devices.outdoor_humidity, "humidity_pct"),
        ("surface_temperature", devices.surface_temperature, "temperature_c"),
    )
    return [(name, device, metric) for name, device, metric in series if device is not None]


def climate_of(window: Window, devices: RoomDevices) -> Climate:
    """Return what a window of readings says of a room's climate."""

    def optional(device: DeviceIdentity | None, metric: Metric) -> MeasuredSeries | None:
        return None if device is None else MeasuredSeries(window.samples(device, metric), metric)

    outdoor_temperature: Series | None = optional(devices.outdoor_temperature, "temperature_c")
    outdoor_humidity: Series | None = optional(devices.outdoor_humidity, "humidity_pct")
    if devices.fixed_outdoor is not None:
        outdoor_temperature = ConstantSeries(devices.fixed_outdoor.temperature_c)
        outdoor_humidity = ConstantSeries(devices.fixed_outdoor.humidity_pct)
    temperature, humidity = devices.temperature, devices.humidity
    return Climate(
        temperature=MeasuredSeries(window.samples(temperature, "temperature_c"), "temperature_c"),
        humidity=MeasuredSeries(window.samples(humidity, "humidity_pct"), "humidity_pct"),
        outdoor_temperature=outdoor_temperature,
        outdoor_humidity=outdoor_humidity,
        surface_temperature=optional(devices.surface_temperature, "temperature_c"),
    )


def places_of(devices: RoomDevices) -> dict[DeviceIdentity, Place]:
    """Return which devices are outside; one that is used for both counts as inside."""
    outside = {devices.outdoor_temperature, devices.outdoor_humidity}
    inside = {devices.temperature, devices.humidity, devices.surface_temperature}
    return {
        device: Place.OUTSIDE
        for device in devices.all()
        if device in outside and device not in inside
    }
