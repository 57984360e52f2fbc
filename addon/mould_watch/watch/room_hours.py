"""Bringing the hourly climate of a room up to date: what new, late and lost readings changed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

from mould_watch.domain.climate import GAP, Climate, Metric
from mould_watch.domain.drying import moisture_of, showers
from mould_watch.domain.fault_patterns import LOOKBACK, HourBand
from mould_watch.domain.hourly import AirHour, air_hours, hour_start
from mould_watch.domain.next_evaluation import REGULARLY
from mould_watch.domain.room_eras import Era, first_difference
from mould_watch.domain.sources import DeviceIdentity, RoomDevices, devices_of
from mould_watch.storage import readings
from mould_watch.storage import room_hours as storage
from mould_watch.storage.database import Connection
from mould_watch.storage.retention import frozen_until_of
from mould_watch.storage.room_hours import Progress, Steps
from mould_watch.storage.showers import replace_showers
from mould_watch.watch.plausible import KnownBands, PlausibleReadings
from mould_watch.watch.room_climate import Members, Window, climate_of, places_of

REACH: Final = 2 * GAP
"""How far before a reading it can change hours: the value before it may turn out to have been
faulty, and the line to it began up to 6 h earlier."""

CHUNK: Final = timedelta(days=14)
"""So many days are done in one evaluation; the rest of a long history follows in the next."""

_BANDS_KEPT: Final = LOOKBACK + REACH + GAP + timedelta(hours=3)
_SHOWER_BEFORE: Final = timedelta(hours=2)
"""So far back a shower may have begun of which another would be a part."""

_EVERY_METRIC: Final[tuple[Metric, Metric]] = ("temperature_c", "humidity_pct")


@dataclass(frozen=True, slots=True)
class HoursDone:
    """How far the hours are done.

    `changed_from` is the first hour that is another than before; None: none is. `is_behind`: not
    all that is known is in them yet.
    """

    progress: Progress
    changed_from: datetime | None
    bands: KnownBands[DeviceIdentity] | None
    is_behind: bool


class RoomHours:
    """The hours of one room, in one evaluation."""

    def __init__(
        self, connection: Connection, subject_id: int, eras: Sequence[Era], now: datetime
    ) -> None:
        """Work inside the transaction of `connection`, for what the room was in its eras."""
        self._connection = connection
        self._subject_id = subject_id
        self._eras = [(era.start, devices_of(era.config, era.outdoor, era.owner)) for era in eras]
        self._now = now
        self._current = hour_start(now)
        self._members: Members = {}

    async def update(self, before: Progress | None, requested_from: datetime | None) -> HoursDone:
        """Recompute the hours that readings from `requested_from` on may have changed."""
        named = set(chain.from_iterable(devices.all() for _, devices in self._eras))
        self._members = await readings.device_members(self._connection, sorted(named))
        sources = self._sources()
        requested_from, pending_from = self._come_of_age(before, requested_from)
        until = await self._done_until(before, sources, requested_from)
        frozen_until = await frozen_until_of(self._connection)
        if frozen_until is not None:
            # what those hours were made of is gone: they stay as they are
            until = min(self._current, max(until, frozen_until))
        bands_from = None if before is None or before.sources != sources else before.bands_from
        known = await self._known_bands(bands_from, until)
        base = Progress(
            hours_until=until,
            sources=sources,
            models=before.models if before else (),
            episodes=before.episodes if before else (),
            bands_from=bands_from,
            settled_at=before.settled_at if before else None,
            counts=before.counts if before else {},
            pending_from=pending_from,
        )
        if until >= self._current:
            return HoursDone(base, None, known, is_behind=False)
        end = min(self._current, until + CHUNK)
        changed_from, windows = await self._recompute(until, end, known)
        bands = await self._keep_bands(windows[-1], known, until, end)
        done = replace(base, hours_until=end, bands_from=bands.start)
        if end == self._current:
            settled_at, counts = await self._settle(windows[-1])
            done = replace(done, settled_at=settled_at, counts=counts)
        return HoursDone(done, changed_from, bands, is_behind=end < self._current)

    def _come_of_age(
        self, before: Progress | None, requested_from: datetime | None
    ) -> tuple[datetime | None, datetime | None]:
        """Return from when on readings count, and from when on those of a clock ahead will."""
        asked = [requested_from, before.pending_from if before else None]
        due = [at for at in asked if at is not None and at <= self._now]
        ahead = [at for at in asked if at is not None and at > self._now]
        return min(due, default=None), min(ahead, default=None)

    async def _done_until(
        self, before: Progress | None, sources: Steps, requested_from: datetime | None
    ) -> datetime:
        """Return before which hour everything is as it will be."""
        if before is None:
            return await self._first_hour()
        until = min(before.hours_until, self._current)
        if before.sources != sources:
            differs_from = first_difference(before.sources, sources)
            if differs_from is not None:
                kept = await storage.first_hour(self._connection, self._subject_id)
                first = min(await self._first_hour(), kept or self._current)
                until = min(until, max(differs_from, first))
        if requested_from is not None and not await self._is_settled(before, requested_from):
            until = min(until, hour_start(requested_from - REACH))
        return until

    async def _first_hour(self) -> datetime:
        """Return the hour of the oldest reading of the room's own devices; else the present."""
        own = {
            one
            for _, devices in self._eras
            for device in (devices.temperature, devices.humidity)
            for one in self._members[device]
        }
        first = await storage.first_reading(self._connection, own)
        return self._current if first is None else min(self._current, hour_start(first))

    async def _is_settled(self, before: Progress, requested_from: datetime) -> bool:
        """Say whether readings from then on, in order, can change no hour that is over."""
        if (
            before.settled_at is None
            or requested_from <= before.settled_at
            or hour_start(before.settled_at) != self._current
            or before.hours_until != self._current
        ):
            return False
        if not before.counts:
            return True
        members = {
            _name(device): ids
            for device, ids in self._members.items()
            if _name(device) in before.counts
        }
        counts = await storage.counts(self._connection, members, self._current)
        return counts == dict(before.counts)

    async def _known_bands(
        self, bands_from: datetime | None, until: datetime
    ) -> KnownBands[DeviceIdentity] | None:
        if bands_from is None or bands_from >= until:
            return None
        found = await storage.bands(self._connection, self._subject_id, bands_from, until)
        return KnownBands(bands_from, until, found)

    async def _recompute(
        self, start: datetime, end: datetime, known: KnownBands[DeviceIdentity] | None
    ) -> tuple[datetime | None, list[Window]]:
        hours: list[AirHour] = []
        windows: list[Window] = []
        for devices, from_hour, until_hour in self._parts(start, end):
            # up to the present where the hours are: that also says what is settled
            reach = min(until_hour + GAP, self._now) + REGULARLY
            window = await PlausibleReadings.read(
                self._connection,
                {device: self._members[device] for device in devices.all()},
                places_of(devices),
                (from_hour - GAP, reach),
                self._now,
                known=known,
            )
            climate = climate_of(window, devices)
            hours += air_hours(climate, from_hour, until_hour, self._now)
            await self._note_showers(climate, from_hour, until_hour)
            windows.append(window)
        known_hours = [hour for hour in hours if hour.coverage > 0.0]
        changed_from = await storage.write_hours(
            self._connection, self._subject_id, known_hours, start, end
        )
        return changed_from, windows

    async def _note_showers(self, climate: Climate, start: datetime, end: datetime) -> None:
        """Note the showers that began in [start, end); how each dried shows in the hour after."""
        found = showers(moisture_of(climate, start - _SHOWER_BEFORE, self._now))
        within = [one for one in found if start <= one.started_at < end]
        await replace_showers(self._connection, self._subject_id, within, start, end)

    def _parts(
        self, start: datetime, end: datetime
    ) -> Iterator[tuple[RoomDevices, datetime, datetime]]:
        """Yield the devices of each era within [start, end), and its hours there."""
        ends = [at for at, _ in self._eras[1:]]
        for (era_start, devices), era_end in zip(self._eras, [*ends, end], strict=True):
            first, last = max(start, era_start), min(end, era_end)
            if first < last:
                yield devices, first, last

    async def _keep_bands(
        self,
        window: Window,
        known: KnownBands[DeviceIdentity] | None,
        start: datetime,
        end: datetime,
    ) -> KnownBands[DeviceIdentity]:
        """Keep what the hours that are over say of faults; return it."""
        kept_from = max(end - _BANDS_KEPT, window.bands_from)
        bands: Mapping[DeviceIdentity, Sequence[HourBand]] = {
            device: [band for band in of_device if kept_from <= band.start < end]
            for device, of_device in window.bands.items()
        }
        is_kept = known is not None and known.start <= kept_from
        new_from = start if is_kept else kept_from
        await storage.keep_bands(
            self._connection,
            self._subject_id,
            {
                device: [band for band in of_device if band.start >= new_from]
                for device, of_device in bands.items()
            },
            (kept_from, new_from),
        )
        return KnownBands(kept_from, end, bands)

    async def _settle(self, window: Window) -> tuple[datetime, dict[str, int]]:
        """Return after which reading those that follow in order change no hour before this one.

        That is the second accepted value of this hour, of each device; where there is none, or
        a fault, any other number of readings may change something.
        """
        settled_at = self._current
        unsettled: dict[str, frozenset[int]] = {}
        for device in window.bands:
            for metric in _EVERY_METRIC:
                samples = [
                    sample.ts
                    for sample in window.samples(device, metric)
                    if self._current <= sample.ts <= self._now
                ]
                if window.has_faults(device, metric, self._current) or (
                    len(samples) < 2 and window.has(device, metric)  # noqa: PLR2004
                ):
                    unsettled[_name(device)] = self._members[device]
                elif samples:
                    settled_at = max(settled_at, samples[1])
        counts = (
            await storage.counts(self._connection, unsettled, self._current) if unsettled else {}
        )
        return settled_at, counts

    def _sources(self) -> Steps:
        """Return what the hours are made of, and from when on."""
        found: list[tuple[datetime, str]] = []
        for start, devices in self._eras:
            members = [
                f"{_name(device)}={sorted(self._members[device])}" for device in devices.all()
            ]
            key = f"{devices!r} {members!r}"
            if not found or found[-1][1] != key:
                found.append((start, key))
        return tuple(found)


def _name(device: DeviceIdentity) -> str:
    return f"{device.source_instance} {device.native_id}"
