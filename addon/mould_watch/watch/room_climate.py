"""The climate of a room, read from the readings of the devices it is configured with."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from mould_watch.domain.climate import (
    GAP,
    Climate,
    ConstantSeries,
    MeasuredSeries,
    Metric,
    Sample,
    Series,
)
from mould_watch.domain.next_evaluation import REGULARLY
from mould_watch.domain.sources import DeviceIdentity, RoomDevices
from mould_watch.storage import readings
from mould_watch.storage.database import Connection


async def room_climate(
    connection: Connection, devices: RoomDevices, now: datetime, lookback: timedelta
) -> Climate:
    """Return the climate of the time from `lookback` before `now` on.

    Where a metric has no value in that time its newest older one is in it too: it is shown, not
    judged by. Readings of a clock slightly ahead of ours are in it, for when they come of age.
    """
    members = await readings.device_members(connection, devices.all())
    reader = _Reader(connection, members, now, now - lookback - GAP)
    await reader.read_window()
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
    )


class _Reader:
    """One window of readings, all devices in one query."""

    def __init__(
        self,
        connection: Connection,
        members: Mapping[DeviceIdentity, frozenset[int]],
        now: datetime,
        start: datetime,
    ) -> None:
        self._connection = connection
        self._members = members
        self._now = now
        self._start = start
        self._samples: Mapping[int, Sequence[Sample]] = {}

    async def read_window(self) -> None:
        """Read the samples of the window, with those that come of age before the next look."""
        ids = frozenset[int]().union(*self._members.values())
        self._samples = await readings.window_samples(
            self._connection, ids, self._start, self._now + REGULARLY, self._now
        )

    async def optional(self, device: DeviceIdentity | None, metric: Metric) -> Series | None:
        """Return the series of a device, None without one."""
        return None if device is None else await self.series(device, metric)

    async def series(self, device: DeviceIdentity, metric: Metric) -> MeasuredSeries:
        """Return the series of a device, with its newest older value if it has none lately."""
        ids = self._members[device]
        samples = [sample for one in ids for sample in self._samples.get(one, ())]
        series = MeasuredSeries(samples, metric)
        if series.newest(self._now) is None and ids:
            samples += await readings.newest_samples(self._connection, ids, metric, self._start)
            series = MeasuredSeries(samples, metric)
        return series
