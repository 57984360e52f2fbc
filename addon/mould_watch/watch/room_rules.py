"""The rules of a room beside mould: condensation, missing data, thresholds on its sources."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from mould_watch.domain.climate import Climate, MeasuredSeries, Point, Series
from mould_watch.domain.condition import AiringEffect
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
from mould_watch.domain.rules.condensation import lookback as condensation_lookback
from mould_watch.domain.rules.listening import Parts
from mould_watch.domain.rules.no_data import DEFAULT_SEVERITY as NO_DATA_SEVERITY
from mould_watch.domain.rules.no_data import NeededSource, judge_no_data
from mould_watch.domain.rules.settings import SilentSettings
from mould_watch.domain.rules.silent import BATTERY
from mould_watch.domain.rules.threshold import judge_threshold, lookback
from mould_watch.domain.sources import DeviceIdentity, RoomDevices
from mould_watch.domain.surface import SurfaceModel
from mould_watch.domain.verdict import Judged
from mould_watch.storage import device_subjects
from mould_watch.storage.database import Connection
from mould_watch.storage.device_subjects import SourceFacts
from mould_watch.watch.device import silence_limit_of


@dataclass(frozen=True, slots=True)
class TouchedSurface:
    """A room's climate and the surface it touches.

    `felt` is the climate as the surface feels it: one that follows the mean of days outside
    knows nothing of the present there.
    """

    climate: Climate
    model: SurfaceModel
    felt: Climate


@dataclass(frozen=True, slots=True)
class RoomUnderWatch:
    """A room, what it was told to be, and since when it is that."""

    subject_id: int
    room_id: UUID
    config: RoomConfiguration
    valid_from: datetime
    # since when there is the room
    created_at: datetime | None
    home: HomeConfiguration
    # what airing was last said to do
    previous_airing: AiringEffect = AiringEffect.UNKNOWN

    @property
    def lookback(self) -> timedelta:
        """How far back the rules of the room beside mould look."""
        spans = [lookback(one) for one in self.config.metric_thresholds if one.enabled]
        if self.config.rules.condensation.enabled:
            spans.append(condensation_lookback(self.condensation_minutes))
        return max(spans, default=timedelta(0))

    @property
    def condensation_minutes(self) -> float:
        """For how long it must condense."""
        minutes = self.config.rules.condensation.minutes
        return DEFAULT_MINUTES if minutes is None else minutes


async def side_rules(
    connection: Connection,
    room: RoomUnderWatch,
    devices: RoomDevices,
    touching: TouchedSurface,
    parts: Parts,
) -> list[Judged]:
    """Ask the rules of a room that know nothing of mould for their verdicts."""
    rules, now, climate = room.config.rules, parts.now, touching.climate
    judged: list[Judged] = []
    if rules.condensation.enabled:
        severity = rules.condensation.severity or DEFAULT_SEVERITY
        judged.append(
            judge_condensation(
                touching.felt,
                touching.model,
                now,
                severity=severity,
                minutes=room.condensation_minutes,
                counted_from=parts.counted_since(room.created_at, severity),
            )
        )
    if rules.no_data.enabled:
        facts = await device_subjects.sources(connection, devices.all())
        judged.append(
            judge_no_data(
                _needed(touching, devices, facts, parts),
                room.valid_from,
                now,
                severity=rules.no_data.severity or NO_DATA_SEVERITY,
            )
        )
    return judged + [
        judge_threshold(
            one,
            _points(climate.temperature if one.metric == "temperature_c" else climate.humidity),
            now,
            parts.counted_since(room.created_at, one.severity),
        )
        for one in room.config.metric_thresholds
        if one.enabled
    ]


def _points(series: MeasuredSeries) -> list[Point]:
    return [Point(ts, value) for ts, value in zip(series.times, series.values, strict=True)]


def _needed(
    touching: TouchedSurface,
    devices: RoomDevices,
    facts: Mapping[DeviceIdentity, SourceFacts],
    parts: Parts,
) -> list[NeededSource]:
    """Return the metrics the room is judged by, with what is known of their devices."""
    climate = touching.climate
    asked: list[tuple[str, DeviceIdentity, Series]] = [
        ("temperature", devices.temperature, climate.temperature),
        ("humidity", devices.humidity, climate.humidity),
    ]
    outdoor = climate.outdoor_temperature
    if (
        touching.model.needs_outdoor
        and devices.outdoor_temperature is not None
        and outdoor is not None
    ):
        asked.append(("outdoor_temperature", devices.outdoor_temperature, outdoor))
    if (
        touching.model.is_measured
        and devices.surface_temperature is not None
        and climate.surface_temperature is not None
    ):
        on_surface = climate.surface_temperature
        asked.append(("surface_temperature", devices.surface_temperature, on_surface))
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
