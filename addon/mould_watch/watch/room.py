"""One room judged: its hours and index brought up to date, each of its rules asked."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mould_watch.domain.advice import airing
from mould_watch.domain.climate import ConstantSeries
from mould_watch.domain.condition import Level, RoomCondition
from mould_watch.domain.drying import drying
from mould_watch.domain.evidence_words import Reader
from mould_watch.domain.hourly import HOUR, air_hours, hour_start
from mould_watch.domain.incident import Incident
from mould_watch.domain.mould_outlook import MouldOutlook, is_safely_dry, thresholds_of
from mould_watch.domain.next_evaluation import SOONEST, next_evaluation_at
from mould_watch.domain.notification import NotificationKind
from mould_watch.domain.room_condition import RoomView, room_condition
from mould_watch.domain.rules.kinds import RuleKind, kind_of
from mould_watch.domain.rules.listening import Parts
from mould_watch.domain.rules.mould_level import (
    RULE_ID,
    MouldFacts,
    Recovery,
    judge_mould_level,
)
from mould_watch.domain.sources import devices_of
from mould_watch.domain.surface_hours import surface_hour
from mould_watch.domain.surface_state import surface_now
from mould_watch.domain.texts import AIRING_MINUTES, Matter
from mould_watch.domain.verdict import Verdict
from mould_watch.domain.wish import Wish, threshold_wish, wish_of
from mould_watch.storage import incidents
from mould_watch.storage.database import Connection
from mould_watch.storage.showers import newest_showers
from mould_watch.watch.judgement import Judgement, crossed_in
from mould_watch.watch.mould import Before, RoomMould, bring_up_to_date
from mould_watch.watch.room_climate import room_climate
from mould_watch.watch.room_rules import RoomUnderWatch, TouchedSurface, side_rules
from mould_watch.watch.transitions import Watched


async def judge_room(
    connection: Connection,
    room: Watched,
    under_watch: RoomUnderWatch,
    parts: Parts,
    requested_from: datetime | None,
) -> Judgement:
    """Ask every rule of a room for its verdict at the time of `parts`.

    `requested_from`: the time of the oldest reading that is new; None: none is.
    """
    now, config = parts.now, under_watch.config
    mould = await bring_up_to_date(
        connection, under_watch, now, requested_from, await _before(connection, room.subject_id)
    )
    devices = devices_of(config, room.home.outdoor, room.owner)
    lookback = max(under_watch.lookback, now - hour_start(now), timedelta(minutes=1))
    climate = await room_climate(connection, devices, now, lookback, mould.bands)
    felt = (
        replace(climate, outdoor_temperature=_constant(mould.outdoor_mean_c))
        if mould.model.memory
        else climate
    )
    touching = TouchedSurface(climate, mould.model.surface, felt)
    recovery = Recovery.of(config)
    facts = MouldFacts(
        outlook=mould.outlook,
        band=mould.band,
        surface=surface_now(felt.air(now), mould.model.surface, mould.model.mould.material),
        dry_hours=_dry_hours(mould, touching, recovery, now),
        coverage=mould.coverage,
    )
    mould_judged = judge_mould_level(facts, recovery, now)
    judged = [
        *([mould_judged] if config.rules.mould_level.enabled else []),
        *await side_rules(connection, under_watch, devices, touching, parts),
    ]
    view = RoomView(
        room_id=under_watch.room_id,
        now=now,
        climate=climate,
        felt=felt.air(now),
        model=mould.model.surface,
        facts=facts,
        since=mould.since,
        is_told=mould.is_told,
        airing=airing(climate, now, under_watch.previous_airing),
        is_recovered=mould_judged.verdict.is_recovered,
        drying=drying(await newest_showers(connection, room.subject_id)),
        damp_pct=thresholds_of(config).damp_pct,
        reader=Reader(under_watch.home.language, under_watch.home.temperature_unit),
    )
    verdicts = tuple(one.verdict for one in judged)
    shown = _JudgedRoom(room.name, under_watch, view, verdicts)
    next_at = next_evaluation_at(climate, now, [at for one in judged for at in one.due])
    return Judgement(
        verdicts=verdicts,
        next_at=now + SOONEST if mould.outlook is None else next_at,
        condition=shown.condition,
        matter=shown.matter,
        wish=shown.wish,
    )


async def _before(connection: Connection, subject_id: int) -> Before:
    live = await incidents.live_incidents(connection, subject_id)
    held = [one.level for one in live if one.rule_id == RULE_ID and one.state.is_risk]
    return Before(
        held=held[0] if held else None,
        resolved_at=await incidents.last_resolved_at(connection, subject_id, RULE_ID),
    )


def _constant(value: float | None) -> ConstantSeries | None:
    return None if value is None else ConstantSeries(value)


def _dry_hours(
    mould: RoomMould, touching: TouchedSurface, recovery: Recovery, now: datetime
) -> float:
    """Return for how long the surface has been safely dry, with the hour that lasts."""
    before_h = mould.outlook.dry_hours if mould.outlook else 0.0
    start = hour_start(now)
    hours = air_hours(touching.felt, start, start + HOUR, now)
    present = next(iter(hours))
    surface = surface_hour(
        present,
        mould.model.surface,
        present.outdoor_temperature_c,
        present.outdoor_coverage,
    )
    if surface is None:
        return before_h
    is_dry = is_safely_dry(surface, mould.model, recovery.margin_pct)
    return before_h + surface.duration_h if is_dry else 0.0


@dataclass(frozen=True, slots=True)
class _JudgedRoom:
    """What the rules of a room were told, for what is shown and written about them."""

    name: str
    under_watch: RoomUnderWatch
    view: RoomView
    verdicts: tuple[Verdict, ...]

    def condition(self, live: Mapping[str, Incident]) -> RoomCondition:
        """Return the room as it is shown, with its live incidents by rule."""
        return room_condition(self.view, tuple(live.values()), RULE_ID)

    def matter(self, rule_id: str, kind: NotificationKind) -> Matter:
        """Return what a notification is about."""
        surface, outlook = self.view.facts.surface, self.view.facts.outlook
        return Matter(
            kind=kind,
            room=self.name,
            rule=kind_of(rule_id),
            protect=self.under_watch.config.protect,
            damp_hours=_damp_hours(outlook),
            airing=self.view.airing.effect,
            airing_minutes=self.view.airing.minutes or AIRING_MINUTES,
            days=_days(outlook),
            level=(outlook.level if outlook else None) or Level.WARNING,
            surface_temperature_c=None if surface is None else surface.temperature_c,
            temperature_unit=self.under_watch.home.temperature_unit,
            crossed=crossed_in(self.verdicts, rule_id),
        )

    def wish(self, rule_id: str) -> Wish:
        """Return what its household wants to hear of a rule."""
        config = self.under_watch.config
        match kind_of(rule_id):
            case RuleKind.CONDENSATION:
                return wish_of(config.rules.condensation, config)
            case RuleKind.NO_DATA:
                return wish_of(config.rules.no_data, config)
            case RuleKind.THRESHOLD:
                return threshold_wish(config.metric_thresholds, rule_id, config)
            case _:
                return wish_of(config.rules.mould_level, config)


def _damp_hours(outlook: MouldOutlook | None) -> float | None:
    """Return how many of the last 24 hours were damp; None: nothing is known of them."""
    if outlook is None or not outlook.evidence.known_hours:
        return None
    return outlook.evidence.damp_hours


def _days(outlook: MouldOutlook | None) -> tuple[float, float | None] | None:
    """Return in how many days mould could start, least and most; None: not forecast."""
    growth = outlook.first_growth if outlook else None
    if growth is None or growth.days is None or growth.days_low is None:
        return None
    return growth.days_low, growth.days_high
