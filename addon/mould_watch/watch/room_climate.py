"""The climate of a room, read from the readings of the devices it is configured with."""

from collections.abc import Mapping
from dataclasses import dataclass
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
from mould_watch.watch.plausible import PlausibleReadings


async def room_climate(
    connection: Connection, devices: RoomDevices, now: datetime, lookback: timedelta
) -> Climate:
    """Return the climate of the time from `lookback` before `now` on.

    Where a metric has no value in that time its newest older one is in it too: it is shown, not
    judged by. Readings of a clock slightly ahead of ours are in it, for when they come of age.
    """
    members = await readings.device_members(connection, devices.all())
    reader = await _Reader.read(connection, members, _places(devices), now, now - lookback - GAP)
    outdoor_temperature: Series | None
    outdoor_humidity: Series | None
    if devices.fixed_outdoor is not None:
        outdoor_temperature = ConstantSeries(devices.fixed_outdoor.temperature_c)
        outdoor_humidity = ConstantSeries(devices.fixed_outdoor.humidity_pct)
    else:
        outdoor_temperature = await reader.optional(devices.outdoor_temperature, "temperature_c")
        outdoor_humidity = await reader.optional(devices.outdoor_humidity, "humidity_pct")
    return Climate(
        temperature=await reader.series(devices.temperature, "temperature_c"),
        humidity=await reader.series(devices.humidity, "humidity_pct"),
        outdoor_temperature=outdoor_temperature,
        outdoor_humidity=outdoor_humidity,
        surface_temperature=await reader.optional(devices.surface_temperature, "temperature_c"),
    )


def _places(devices: RoomDevices) -> dict[DeviceIdentity, Place]:
    """Return which devices are outside; one that is used for both counts as inside."""
    outside = {devices.outdoor_temperature, devices.outdoor_humidity}
    inside = {devices.temperature, devices.humidity, devices.surface_temperature}
    return {
        device: Place.OUTSIDE
        for device in devices.all()
        if device in outside and device not in inside
    }


@dataclass(frozen=True, slots=True)
class _Reader:
    """One window of readings, all devices together."""

    connection: Connection
    members: Mapping[DeviceIdentity, frozenset[int]]
    now: datetime
    start: datetime
    window: PlausibleReadings[DeviceIdentity]

    @classmethod
    async def read(
        cls,
        connection: Connection,
        members: Mapping[DeviceIdentity, frozenset[int]],
        places: Mapping[DeviceIdentity, Place],
        now: datetime,
        start: datetime,
    ) -> _Reader:
        """Read the samples of the window, with those that come of age before the next look."""
        window = await PlausibleReadings.read(
            connection, members, places, (start, now + REGULARLY), now
        )
        return cls(connection, members, now, start, window)

    async def optional(self, device: DeviceIdentity | None, metric: Metric) -> Series | None:
        """Return the series of a device, None without one."""
        return None if device is None else await self.series(device, metric)

    async def series(self, device: DeviceIdentity, metric: Metric) -> MeasuredSeries:
        """Return the series of a device, with its newest older value if it has none lately."""
        samples = self.window.samples(device, metric)
        series = MeasuredSeries(samples, metric)
        ids = self.members[device]
        if series.newest(self.now) is None and ids:
            samples += await readings.newest_samples(self.connection, ids, metric, self.start)
            series = MeasuredSeries(samples, metric)
        return series
