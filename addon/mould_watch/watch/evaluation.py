"""One subject judged, inside one transaction: condition, incident, notifications."""

from dataclasses import replace
from datetime import datetime
from functools import partial

from mould_watch.domain.advice import airing
from mould_watch.domain.climate import Climate
from mould_watch.domain.condition import RoomCondition
from mould_watch.domain.configuration import HomeConfiguration, RoomConfiguration
from mould_watch.domain.incident import Incident, retirement, steps
from mould_watch.domain.next_evaluation import next_evaluation_at
from mould_watch.domain.notification import NotificationKind
from mould_watch.domain.room_condition import room_condition
from mould_watch.domain.sources import devices_of
from mould_watch.domain.surface import surface_of
from mould_watch.domain.surface_damp import RULE_ID, Assessment, SurfaceDampRule, assess
from mould_watch.domain.texts import Matter
from mould_watch.storage import evaluation as storage
from mould_watch.storage import incidents
from mould_watch.storage.database import Connection
from mould_watch.storage.evaluation import StoredSubject
from mould_watch.watch.room_climate import room_climate
from mould_watch.watch.transitions import IncidentEvent, IncidentWriter, WatchedRoom


async def evaluate(
    connection: Connection, subject_id: int, now: datetime
) -> tuple[IncidentEvent, ...] | None:
    """Judge a subject at `now` inside the transaction of `connection`.

    Returns the steps its incident took; None when another evaluator has it. Raises
    ValidationError when what is stored about it cannot be read, ValueError when it cannot be
    computed with, IllegalTransitionError when somebody else moved its incident.
    """
    if not await storage.lock_subject(connection, subject_id):
        return None
    requested_from = await storage.take_requests(connection, subject_id)
    stored = await storage.subject(connection, subject_id, now)
    if stored is None:
        return ()
    is_due = stored.next_evaluation_at is not None and stored.next_evaluation_at <= now
    if requested_from is None and not is_due:
        return ()  # another evaluator has just been here
    if stored.room_id is None or stored.name is None or stored.owner is None:
        # no rule judges devices, and nothing is judged before Home Assistant said how
        await storage.remove_condition(connection, subject_id)
        return ()
    room = WatchedRoom(
        subject_id=subject_id,
        room_id=stored.room_id,
        name=stored.name,
        home=HomeConfiguration.model_validate(stored.home),
        owner=stored.owner,
        notify=False,
    )
    if stored.is_archived:
        # its configuration need not be readable any more to end what it had begun
        await storage.remove_condition(connection, subject_id)
        return await _retire(connection, room, now)
    config = RoomConfiguration.model_validate(stored.config)
    return await _judge(connection, replace(room, notify=config.notify), config, stored, now)


async def _retire(
    connection: Connection, room: WatchedRoom, now: datetime
) -> tuple[IncidentEvent, ...]:
    incident = await incidents.live_incident(connection, room.subject_id, RULE_ID)
    if incident is None:
        return ()
    writer = IncidentWriter(connection, room, now, partial(Matter, room=room.name))
    return (await writer.advance(incident, retirement(incident.state), None),)


async def _judge(
    connection: Connection,
    room: WatchedRoom,
    config: RoomConfiguration,
    stored: StoredSubject,
    now: datetime,
) -> tuple[IncidentEvent, ...]:
    rule = SurfaceDampRule.of(config)
    devices = devices_of(config, room.home, room.owner)
    climate = await room_climate(connection, devices, now, rule.lookback)
    resolved_at = await incidents.last_resolved_at(connection, room.subject_id, RULE_ID)
    assessment = assess(climate, surface_of(config), rule, now, resolved_at)
    incident = await incidents.live_incident(connection, room.subject_id, RULE_ID)
    writer = IncidentWriter(
        connection,
        room,
        now,
        partial(_matter, room=room, config=config, climate=climate, assessment=assessment, now=now),
    )
    events = await _take_steps(writer, incident, assessment)
    if events:
        last = events[-1].incident
        incident = last if last.state.is_live else None
    elif incident is not None:
        await writer.follow_wishes(incident)
    condition = room_condition(room.room_id, now, climate, assessment, incident)
    next_at = next_evaluation_at(climate, assessment, rule, now)
    if _is_same(condition, stored):
        await storage.move_next_evaluation(connection, room.subject_id, next_at)
    else:
        await storage.store_condition(connection, room.subject_id, condition, next_at)
    return events


async def _take_steps(
    writer: IncidentWriter, incident: Incident | None, assessment: Assessment
) -> tuple[IncidentEvent, ...]:
    events: list[IncidentEvent] = []
    for step in steps(incident.state if incident else None, assessment):
        if incident is None:
            event = await writer.begin(
                RULE_ID,
                step,
                breach_since=assessment.damp_since or writer.now,
                evidence=assessment.evidence,
            )
        else:
            event = await writer.advance(incident, step, assessment.evidence)
        incident = event.incident
        events.append(event)
    return tuple(events)


def _matter(
    kind: NotificationKind,
    *,
    room: WatchedRoom,
    config: RoomConfiguration,
    climate: Climate,
    assessment: Assessment,
    now: datetime,
) -> Matter:
    surface = assessment.surface
    return Matter(
        kind=kind,
        room=room.name,
        protect=config.protect,
        damp_hours=assessment.evidence.damp_hours,
        airing=airing(climate, now),
        surface_temperature_c=None if surface is None else surface.temperature_c,
        temperature_unit=room.home.temperature_unit,
    )


def _is_same(condition: RoomCondition, stored: StoredSubject) -> bool:
    """Say whether the stored condition differs in nothing but when it was judged."""
    if stored.condition is None:
        return False
    moment = {"evaluated_at"}
    now_said = condition.model_dump(mode="json", exclude=moment)
    return now_said == {key: value for key, value in stored.condition.items() if key not in moment}
