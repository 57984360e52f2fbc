"""One device judged: whether it is silent, and its thresholds."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from mould_watch.domain.condition import DeviceCondition, Level
from mould_watch.domain.configuration import DeviceConfiguration, HomeConfiguration
from mould_watch.domain.incident import Incident
from mould_watch.domain.notification import NotificationKind
from mould_watch.domain.rules.habits import habits_of
from mould_watch.domain.rules.kinds import RuleKind, kind_of
from mould_watch.domain.rules.listening import Parts
from mould_watch.domain.rules.settings import DeviceRules, SilentSettings
from mould_watch.domain.rules.silent import judge_silent, silence_limit
from mould_watch.domain.rules.threshold import judge_threshold, lookback
from mould_watch.domain.texts import Matter, TemperatureUnit
from mould_watch.domain.verdict import Judged, Verdict
from mould_watch.domain.wish import Wish, threshold_wish, wish_of
from mould_watch.storage import device_subjects as storage
from mould_watch.storage.database import Connection
from mould_watch.storage.device_subjects import DeviceFacts, SourceFacts
from mould_watch.watch.judgement import SOON, Judgement, crossed_in

LONGEST: Final = timedelta(hours=1)
"""No device waits longer to be looked at: it may have begun to send, or a part come back."""


@dataclass(frozen=True, slots=True)
class _JudgedDevice:
    """A device, for what is shown and written about it."""

    name: str
    config: DeviceConfiguration | None
    now: datetime
    verdicts: tuple[Verdict, ...]
    temperature_unit: TemperatureUnit

    def condition(self, live: Mapping[str, Incident]) -> DeviceCondition:
        return DeviceCondition(
            evaluated_at=self.now,
            incidents=tuple(one.summary for one in live.values()),
            unknown_rules=tuple(one.rule_id for one in self.verdicts if not one.is_known),
        )

    def matter(self, rule_id: str, kind: NotificationKind) -> Matter:
        crossed = crossed_in(self.verdicts, rule_id)
        return Matter(
            kind=kind,
            # what is watched may have a name beside that of its device
            room=(crossed and crossed.name) or self.name,
            rule=kind_of(rule_id),
            temperature_unit=self.temperature_unit,
            crossed=crossed and replace(crossed, name=""),
        )

    def wish(self, rule_id: str) -> Wish:
        if self.config is None:
            return Wish()
        if rule_id == RuleKind.SILENT:
            return wish_of(self.config.rules.silent, self.config)
        return threshold_wish(self.config.thresholds, rule_id, self.config)


async def judge_device(
    connection: Connection,
    device: DeviceFacts,
    config: DeviceConfiguration | None,
    home: HomeConfiguration,
    parts: Parts,
) -> Judgement:
    """Ask every rule of a device for its verdict now; `config`: what the user says of it."""
    now = parts.now
    judged = [*_silent(device, config, parts, now)]
    for settings in config.thresholds if config else ():
        if settings.enabled:
            points = await storage.metric_points(
                connection, device.device_id, settings.metric, now - lookback(settings), now
            )
            counted_from = parts.counted_since(device.first_seen_at, settings.severity)
            judged.append(judge_threshold(settings, points, now, counted_from))
    verdicts = tuple(one.verdict for one in judged)
    shown = _JudgedDevice(device_name(device, config), config, now, verdicts, home.temperature_unit)
    due = [at for one in judged for at in one.due if at > now]
    return Judgement(
        verdicts=verdicts,
        # what is open is soon over, once it is heard
        next_at=min([now + LONGEST, *(max(at, now + SOON) for at in due)]),
        next_at_while_open=now + SOON,
        condition=shown.condition,
        matter=shown.matter,
        wish=shown.wish,
    )


def device_name(device: DeviceFacts, config: DeviceConfiguration | None) -> str:
    """Return what people call a device."""
    return config.name if config and config.name else device.name


def _silent(
    device: DeviceFacts, config: DeviceConfiguration | None, parts: Parts, now: datetime
) -> tuple[Judged, ...]:
    """Return the verdict on its silence; none where it is not asked for.

    A device that never sent anything to watch and that nobody named is none of ours. One in no
    room is shown when it is silent, and not pushed.
    """
    settings = (config.rules if config else DeviceRules()).silent
    is_ours = device.is_of_a_room or config is not None or device.last_seen_at is not None
    if not settings.enabled or not is_ours:
        return ()
    return (
        judge_silent(
            device.last_seen_at,
            device.first_seen_at,
            now,
            limit=silence_limit_of(device, settings),
            listening=parts.listening(device.source_instance),
            severity=settings.severity
            or (Level.WARNING if device.is_of_a_room or config is not None else Level.WATCH),
        ),
    )


def silence_limit_of(device: DeviceFacts | SourceFacts, settings: SilentSettings) -> timedelta:
    """Return after how long a device that reports as this one does is silent."""
    habits = habits_of(
        device.source_instance, device.metrics, device.reporting_interval_s, device.power_source
    )
    return silence_limit(habits, settings.hours)
