"""The values of a device that may be judged by: what is stored, without its sensor's faults."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mould_watch.domain.climate import GAP, Metric, Sample
from mould_watch.domain.fault_patterns import (
    LOOKBACK,
    HourBand,
    HourFaults,
    Place,
    hour_faults,
    kinds_of,
    needs_others,
)
from mould_watch.domain.hourly import hour_start
from mould_watch.domain.plausibility import JUMP_BEFORE, plausible_samples
from mould_watch.storage import plausibility, readings
from mould_watch.storage.database import Connection


@dataclass(frozen=True, slots=True)
class KnownBands[Key]:
    """Hours that need not be read again: every one of [start, until), by device."""

    start: datetime
    until: datetime
    bands: Mapping[Key, Sequence[HourBand]] = field(default_factory=dict)


class PlausibleReadings[Key]:
    """The readings of some devices in a window of time, each device with its faults.

    What is returned for a time depends on what is stored around it, not on the window.
    """

    def __init__(
        self,
        samples: Mapping[int, Sequence[Sample]],
        members: Mapping[Key, Collection[int]],
        *,
        bands: Mapping[Key, Sequence[HourBand]],
        faults: Mapping[Key, HourFaults],
        places: Mapping[Key, Place],
        window: tuple[datetime, datetime],
    ) -> None:
        """Use `PlausibleReadings.read`."""
        self._window = window
        self.bands = bands
        # the first hour whose band is read
        self.bands_from = hour_start(window[0] - LOOKBACK)
        self._samples = samples
        self._members = members
        self._faults = faults
        self._places = places

    @classmethod
    async def read(
        cls,
        connection: Connection,
        members: Mapping[Key, Collection[int]],
        places: Mapping[Key, Place],
        window: tuple[datetime, datetime],
        now: datetime,
        *,
        known: KnownBands[Key] | None = None,
    ) -> PlausibleReadings[Key]:
        """Read [start, end] of a window, and around it what says whether it can be true.

        `members` are the ids of each device, `places` where each is (inside when not named),
        `known` the hours that are there already.
        """
        start, end = window
        ids = {one for devices in members.values() for one in devices}
        samples = await readings.window_samples(
            connection, ids, start - JUMP_BEFORE, end + GAP, now
        )
        bands = await _bands(connection, members, hour_start(start - LOOKBACK), end + GAP, known)
        faults = {}
        for key, own in members.items():
            of_device = bands.get(key, [])
            moved = (
                await plausibility.moved_bins(connection, own, start - LOOKBACK, end + GAP)
                if needs_others(of_device)
                else frozenset[datetime]()
            )
            faults[key] = hour_faults(of_device, places.get(key, Place.INSIDE), moved)
        return cls(samples, members, bands=bands, faults=faults, places=places, window=window)

    def has_faults(self, key: Key, metric: Metric, hour: datetime) -> bool:
        """Say whether a device's metric is faulty in an hour."""
        return bool(kinds_of(self._faults[key], metric).get(hour))

    def has(self, key: Key, metric: Metric) -> bool:
        """Say whether a device measured a metric at all in the window."""
        return any(
            getattr(sample, metric) is not None
            for one in self._members[key]
            for sample in self._samples.get(one, ())
        )

    def is_left_out(self, key: Key, metric: Metric, until: datetime) -> bool:
        """Say whether there are values up to a time, and none of them may be judged by."""
        stored = any(
            sample.ts <= until and getattr(sample, metric) is not None
            for one in self._members[key]
            for sample in self._samples.get(one, ())
        )
        return stored and not any(sample.ts <= until for sample in self.samples(key, metric))

    def samples(self, key: Key, metric: Metric) -> list[Sample]:
        """Return a device's values of one metric in the window, one for each time, in order."""
        start, end = self._window
        judged = plausible_samples(
            [sample for one in self._members[key] for sample in self._samples.get(one, ())],
            metric,
            self._places.get(key, Place.INSIDE),
            kinds_of(self._faults[key], metric),
        )
        return [sample for sample in judged if start <= sample.ts <= end]


async def _bands[Key](
    connection: Connection,
    members: Mapping[Key, Collection[int]],
    start: datetime,
    end: datetime,
    known: KnownBands[Key] | None,
) -> dict[Key, list[HourBand]]:
    """Return the bands of the hours from `start` to `end`; read are those not known yet."""
    if known is None or not known.start <= start < known.until:
        return await plausibility.hour_bands(connection, members, start, end)
    read = await plausibility.hour_bands(connection, members, known.until, end)
    return {
        key: [
            *(band for band in known.bands.get(key, ()) if start <= band.start < known.until),
            *read.get(key, ()),
        ]
        for key in members
    }
