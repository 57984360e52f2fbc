"""The rules of a room beside mould: condensation, missing data, thresholds on its sources."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from mould_watch.domain.climate import Climate, MeasuredSeries, Point, Series
from mould_watch.domain.configuration import (
    DeviceConfiguration,
    HomeConfiguration,
    RoomConfiguration,
)
from mould_watch.domain.rules.condensation import (
    DEFAULT_MINUTES,
    DEFAULT_SEVERITY,
    judge_condensation,
)
from mould_watch.domain.rules.listening import Parts
from mould_watch.domain.rules.no_data import DEFAULT_SEVERITY as NO_DATA_SEVERITY
from mould_watch.domain.rules.no_data import NeededSource, judge_no_data
from mould_watch.domain.rules.settings import SilentSettings
from mould_watch.domain.rules.silent import BATTERY
from mould_watch.domain.rules.threshold import judge_threshold, lookback
from mould_watch.domain.sources import DeviceIdentity, RoomDevices
from mould_watch.domain.surface import surface_of
from mould_watch.domain.verdict import Judged
from mould_watch.storage import device_subjects
from mould_watch.storage.database import Connection
from mould_watch.storage.device_subjects import SourceFacts
from mould_watch.watch.device import silence_limit_of
from mould_watch.watch.room_climate import room_climate


@dataclass(frozen=True, slots=True)
class RoomUnderWatch:
    """A room, what it was told to be, and since when it is that."""

    room_id: UUID
    config: RoomConfiguration
    valid_from: datetime
    home: HomeConfiguration


async def side_rules(
    connection: Connection,
    room: RoomUnderWatch,
    devices: RoomDevices,
    climate: Climate,
    parts: Parts,
) -> list[Judged]:
    """Ask the rules of a room that know nothing of mould for their verdicts."""
    rules, now = room.config.rules, parts.now
    judged: list[Judged] = []
    if rules.condensation.enabled:
        minutes = rules.condensation.minutes
        judged.append(
            judge_condensation(
                climate,
                surface_of(room.config),
                now,
                severity=rules.condensation.severity or DEFAULT_SEVERITY,
                minutes=DEFAULT_MINUTES if minutes is None else minutes,
                counted_from=parts.counted_from,
            )
        )
    if rules.no_data.enabled:
        facts = await device_subjects.sources(connection, devices.all())
        judged.append(
            judge_no_data(
                _needed(room, devices, climate, facts, parts),
                room.valid_from,
                now,
                severity=rules.no_data.severity or NO_DATA_SEVERITY,
            )
        )
    judged += await _thresholds(connection, room, devices, climate, parts)
    return judged


async def _thresholds(
    connection: Connection,
    room: RoomUnderWatch,
    devices: RoomDevices,
    climate: Climate,
    parts: Parts,
) -> list[Judged]:
    wanted = [one for one in room.config.metric_thresholds if one.enabled]
    if not wanted:
        return []
    longest = max(lookback(one) for one in wanted)
    if longest > timedelta(hours=24):
        climate = await room_climate(connection, devices, parts.now, longest)
    return [
        judge_threshold(
            one,
            _points(climate.temperature if one.metric == "temperature_c" else climate.humidity),
            parts.now,
            parts.counted_from,
        )
        for one in wanted
    ]


def _points(series: MeasuredSeries) -> list[Point]:
    return [Point(ts, value) for ts, value in zip(series.times, series.values, strict=True)]


def _needed(
    room: RoomUnderWatch,
    devices: RoomDevices,
    climate: Climate,
    facts: Mapping[DeviceIdentity, SourceFacts],
    parts: Parts,
) -> list[NeededSource]:
    """Return the metrics the room is judged by, with what is known of their devices."""
    asked: list[tuple[str, DeviceIdentity, Series]] = [
        ("temperature", devices.temperature, climate.temperature),
        ("humidity", devices.humidity, climate.humidity),
    ]
    outdoor = climate.outdoor_temperature
    if (
        surface_of(room.config).needs_outdoor
        and devices.outdoor_temperature is not None
        and outdoor is not None
    ):
        asked.append(("outdoor_temperature", devices.outdoor_temperature, outdoor))
    needed = []
    for name, identity, series in asked:
        newest = series.newest(parts.now)
        needed.append(
            NeededSource(
                name=name,
                newest=None if newest is None else newest.ts,
                limit=_limit(facts.get(identity)),
                listening=parts.listening(identity.source_instance),
            )
        )
    return needed


def _limit(facts: SourceFacts | None) -> timedelta:
    if facts is None:
        return BATTERY
    settings = (
        SilentSettings()
        if facts.config is None
        else DeviceConfiguration.model_validate(facts.config).rules.silent
    )
    return silence_limit_of(facts, settings)
