"""One room judged: its climate read, each of its rules asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mould_watch.domain.advice import airing
from mould_watch.domain.climate import Climate
from mould_watch.domain.condition import RoomCondition
from mould_watch.domain.configuration import RoomConfiguration
from mould_watch.domain.incident import Incident
from mould_watch.domain.next_evaluation import next_evaluation_at
from mould_watch.domain.notification import NotificationKind
from mould_watch.domain.room_condition import room_condition
from mould_watch.domain.rules.kinds import RuleKind, kind_of, threshold_rule_id
from mould_watch.domain.rules.listening import Parts
from mould_watch.domain.sources import devices_of
from mould_watch.domain.surface import surface_of
from mould_watch.domain.surface_damp import (
    RULE_ID,
    Assessment,
    SurfaceDampRule,
    assess,
    verdict,
)
from mould_watch.domain.texts import AIRING_MINUTES, Matter
from mould_watch.domain.verdict import Verdict
from mould_watch.storage import incidents
from mould_watch.storage.database import Connection
from mould_watch.watch.judgement import Judgement, crossed_in
from mould_watch.watch.room_climate import room_climate
from mould_watch.watch.room_rules import RoomUnderWatch, side_rules
from mould_watch.watch.transitions import Watched


async def judge_room(
    connection: Connection, room: Watched, under_watch: RoomUnderWatch, parts: Parts
) -> Judgement:
    """Ask every rule of a room for its verdict at the time of `parts`."""
    now, config = parts.now, under_watch.config
    rule = SurfaceDampRule.of(config)
    devices = devices_of(config, room.home.outdoor, room.owner)
    climate = await room_climate(connection, devices, now, rule.lookback)
    resolved_at = await incidents.last_resolved_at(connection, room.subject_id, RULE_ID)
    assessment = assess(climate, surface_of(config), rule, now, resolved_at)
    others = await side_rules(connection, under_watch, devices, climate, parts)
    verdicts = (verdict(assessment), *(one.verdict for one in others))
    judged = _JudgedRoom(room.name, under_watch, climate, assessment, now, verdicts)
    next_at = next_evaluation_at(climate, assessment, rule, now)
    return Judgement(
        verdicts=verdicts,
        next_at=min([next_at, *(at for one in others for at in one.due if at > now)]),
        condition=judged.condition,
        matter=judged.matter,
        wants=judged.wants,
    )


@dataclass(frozen=True, slots=True)
class _JudgedRoom:
    """What the rules of a room were told, for what is shown and written about them."""

    name: str
    under_watch: RoomUnderWatch
    climate: Climate
    assessment: Assessment
    now: datetime
    verdicts: tuple[Verdict, ...]

    def condition(self, live: Mapping[str, Incident]) -> RoomCondition:
        """Return the room as it is shown, with its live incidents by rule."""
        return room_condition(
            self.under_watch.room_id,
            self.now,
            self.climate,
            self.assessment,
            live.get(RULE_ID),
            incidents=tuple(live.values()),
        )

    def matter(self, rule_id: str, kind: NotificationKind) -> Matter:
        """Return what a notification is about."""
        surface = self.assessment.surface
        advice = airing(self.climate, self.now)
        return Matter(
            kind=kind,
            room=self.name,
            rule=kind_of(rule_id),
            protect=self.under_watch.config.protect,
            damp_hours=self.assessment.evidence.damp_hours,
            airing=advice.effect,
            airing_minutes=advice.minutes or AIRING_MINUTES,
            surface_temperature_c=None if surface is None else surface.temperature_c,
            temperature_unit=self.under_watch.home.temperature_unit,
            crossed=crossed_in(self.verdicts, rule_id),
        )

    def wants(self, rule_id: str) -> bool:
        """Say whether its user wants to be told of a rule."""
        config = self.under_watch.config
        return config.notify and _is_told_of(config, rule_id)


def _is_told_of(config: RoomConfiguration, rule_id: str) -> bool:
    match kind_of(rule_id):
        case RuleKind.CONDENSATION:
            return config.rules.condensation.notify
        case RuleKind.NO_DATA:
            return config.rules.no_data.notify
        case RuleKind.THRESHOLD:
            return any(
                one.notify
                for one in config.metric_thresholds
                if threshold_rule_id(one.rule_id) == rule_id
            )
        case _:
            return config.rules.mould_level.notify
