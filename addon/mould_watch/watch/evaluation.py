"""One subject judged, inside one transaction: condition, incidents, notifications."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from mould_watch.domain.condition import RoomCondition
from mould_watch.domain.configuration import HomeConfiguration, RoomConfiguration
from mould_watch.domain.incident import Incident, retirement, steps
from mould_watch.domain.notification import NotificationKind
from mould_watch.domain.texts import Matter
from mould_watch.domain.verdict import Verdict
from mould_watch.storage import evaluation as storage
from mould_watch.storage import incidents
from mould_watch.storage.database import Connection
from mould_watch.storage.evaluation import StoredSubject
from mould_watch.watch.judgement import Judgement
from mould_watch.watch.room import judge_room
from mould_watch.watch.transitions import IncidentEvent, IncidentWriter, WatchedRoom


async def evaluate(
    connection: Connection, subject_id: int, now: datetime
) -> tuple[IncidentEvent, ...] | None:
    """Judge a subject at `now` inside the transaction of `connection`.

    Returns the steps its incidents took; None when another evaluator has it. Raises
    ValidationError when what is stored about it cannot be read, ValueError when it cannot be
    computed with, IllegalTransitionError when somebody else moved one of its incidents.
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
    live = await incidents.live_incidents(connection, subject_id)
    if stored.is_archived:
        # its configuration need not be readable any more to end what it had begun
        await storage.remove_condition(connection, subject_id)
        return await _retire(_writer(connection, room, now), live)
    config = RoomConfiguration.model_validate(stored.config)
    room = replace(room, notify=config.notify)
    judgement = await judge_room(connection, room, config, now)
    writer = _writer(connection, room, now, judgement)
    events = await _follow(writer, live, judgement)
    latest = {incident.rule_id: incident for incident in live}
    latest |= {event.incident.rule_id: event.incident for event in events}
    latest = {key: incident for key, incident in latest.items() if incident.state.is_live}
    snoozes = [one.snoozed_until for one in latest.values() if one.snoozed_until is not None]
    next_at = min([judgement.next_at, *snoozes])
    condition = judgement.condition(latest)
    if _is_same(condition, stored):
        await storage.move_next_evaluation(connection, subject_id, next_at)
    else:
        await storage.store_condition(connection, subject_id, condition, next_at)
    return events


def _writer(
    connection: Connection, room: WatchedRoom, now: datetime, judgement: Judgement | None = None
) -> IncidentWriter:
    def matter(_rule_id: str, kind: NotificationKind) -> Matter:
        return Matter(kind=kind, room=room.name)

    return IncidentWriter(connection, room, now, judgement.matter if judgement else matter)


async def _retire(writer: IncidentWriter, live: Sequence[Incident]) -> tuple[IncidentEvent, ...]:
    return tuple([await writer.advance(incident, retirement(incident), None) for incident in live])


async def _follow(
    writer: IncidentWriter, live: Sequence[Incident], judgement: Judgement
) -> tuple[IncidentEvent, ...]:
    """Bring every incident to what its rule says now, and its alarms to who wants them."""
    by_rule = {incident.rule_id: incident for incident in live}
    events: list[IncidentEvent] = []
    for snoozed in live:
        ended = await writer.end_snooze(snoozed)
        if ended is not None:
            by_rule[snoozed.rule_id] = ended.incident
            events.append(ended)
    for verdict in judgement.verdicts:
        incident = by_rule.pop(verdict.rule_id, None)
        taken = await _take_steps(writer, incident, verdict)
        events += taken
        if incident is not None and not taken:
            await writer.follow_wishes(incident)
    # what is left has no rule any more
    events += await _retire(writer, list(by_rule.values()))
    return tuple(events)


async def _take_steps(
    writer: IncidentWriter, incident: Incident | None, verdict: Verdict
) -> list[IncidentEvent]:
    events: list[IncidentEvent] = []
    for step in steps(incident, verdict):
        if incident is None:
            event = await writer.begin(
                verdict.rule_id,
                step,
                breach_since=verdict.breach_since or writer.now,
                evidence=verdict.evidence,
            )
        else:
            event = await writer.advance(incident, step, verdict.evidence)
        incident = event.incident
        events.append(event)
    return events


def _is_same(condition: RoomCondition, stored: StoredSubject) -> bool:
    """Say whether the stored condition differs in nothing but when it was judged."""
    if stored.condition is None:
        return False
    moment = {"evaluated_at"}
    now_said = condition.model_dump(mode="json", exclude=moment)
    return now_said == {key: value for key, value in stored.condition.items() if key not in moment}
