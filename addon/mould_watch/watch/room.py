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
from mould_watch.domain.sources import devices_of
from mould_watch.domain.surface import surface_of
from mould_watch.domain.surface_damp import (
    RULE_ID,
    Assessment,
    SurfaceDampRule,
    assess,
    verdict,
)
from mould_watch.domain.texts import Matter
from mould_watch.storage import incidents
from mould_watch.storage.database import Connection
from mould_watch.watch.judgement import Judgement
from mould_watch.watch.room_climate import room_climate
from mould_watch.watch.transitions import WatchedRoom


async def judge_room(
    connection: Connection, room: WatchedRoom, config: RoomConfiguration, now: datetime
) -> Judgement:
    """Ask every rule of a room for its verdict at `now`."""
    rule = SurfaceDampRule.of(config)
    devices = devices_of(config, room.home, room.owner)
    climate = await room_climate(connection, devices, now, rule.lookback)
    resolved_at = await incidents.last_resolved_at(connection, room.subject_id, RULE_ID)
    assessment = assess(climate, surface_of(config), rule, now, resolved_at)
    judged = _JudgedRoom(room, config, climate, assessment, now)
    return Judgement(
        verdicts=(verdict(assessment),),
        next_at=next_evaluation_at(climate, assessment, rule, now),
        condition=judged.condition,
        matter=judged.matter,
    )


@dataclass(frozen=True, slots=True)
class _JudgedRoom:
    """What the rules of a room were told, for what is shown and written about them."""

    room: WatchedRoom
    config: RoomConfiguration
    climate: Climate
    assessment: Assessment
    now: datetime

    def condition(self, live: Mapping[str, Incident]) -> RoomCondition:
        """Return the room as it is shown, with its live incidents by rule."""
        return room_condition(
            self.room.room_id, self.now, self.climate, self.assessment, live.get(RULE_ID)
        )

    def matter(self, _rule_id: str, kind: NotificationKind) -> Matter:
        """Return what a notification is about."""
        surface = self.assessment.surface
        return Matter(
            kind=kind,
            room=self.room.name,
            protect=self.config.protect,
            damp_hours=self.assessment.evidence.damp_hours,
            airing=airing(self.climate, self.now),
            surface_temperature_c=None if surface is None else surface.temperature_c,
            temperature_unit=self.room.home.temperature_unit,
        )
