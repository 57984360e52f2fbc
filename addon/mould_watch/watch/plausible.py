"""The values of a device that may be judged by: what is stored, without its sensor's faults."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from mould_watch.domain.climate import GAP, Metric, Sample
from mould_watch.domain.fault_patterns import (
    LOOKBACK,
    HourFaults,
    Place,
    hour_faults,
    kinds_of,
    needs_others,
)
from mould_watch.domain.plausibility import JUMP_BEFORE, plausible_samples
from mould_watch.storage import plausibility, readings
from mould_watch.storage.database import Connection


class PlausibleReadings[Key]:
    """The readings of some devices in a window of time, each device with its faults.

    What is returned for a time depends on what is stored around it, not on the window.
    """

    def __init__(
        self,
        samples: Mapping[int, Sequence[Sample]],
        members: Mapping[Key, Collection[int]],
        faults: Mapping[Key, HourFaults],
        places: Mapping[Key, Place],
        window: tuple[datetime, datetime],
    ) -> None:
        """Use `PlausibleReadings.read`."""
        self._window = window
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
    ) -> PlausibleReadings[Key]:
        """Read [start, end] of a window, and around it what says whether it can be true.

        `members` are the ids of each device, `places` where each is (inside when not named).
        """
        start, end = window
        ids = {one for devices in members.values() for one in devices}
        samples = await readings.window_samples(
            connection, ids, start - JUMP_BEFORE, end + GAP, now
        )
        bands = await plausibility.hour_bands(connection, members, start - LOOKBACK, end + GAP)
        faults = {}
        for key, own in members.items():
            of_device = bands.get(key, [])
            moved = (
                await plausibility.moved_bins(connection, own, start - LOOKBACK, end + GAP)
                if needs_others(of_device)
                else frozenset[datetime]()
            )
            faults[key] = hour_faults(of_device, places.get(key, Place.INSIDE), moved)
        return cls(samples, members, faults, places, window)

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
