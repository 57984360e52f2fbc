"""One subject judged, inside one transaction: condition, incidents, notifications."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mould_watch.domain.condition import SubjectCondition
from mould_watch.domain.incident import Incident, retirement, steps
from mould_watch.domain.notification import NotificationKind
from mould_watch.domain.notification_policy import NotificationPolicy
from mould_watch.domain.rules.kinds import kind_of
from mould_watch.domain.texts import Matter
from mould_watch.domain.verdict import Verdict
from mould_watch.domain.wish import NOT_WANTED
from mould_watch.storage import evaluation as storage
from mould_watch.storage import incidents
from mould_watch.storage.database import Connection
from mould_watch.storage.evaluation import PlannedNotification, StoredSubject, Trace
from mould_watch.watch.around import IncidentsAround
from mould_watch.watch.judgement import Judgement
from mould_watch.watch.subjects import JudgedSubject, judge_subject
from mould_watch.watch.transitions import IncidentEvent, IncidentWriter


@dataclass(frozen=True, slots=True)
class _Done:
    """The steps that incidents took, and those of which somebody was told without a step."""

    events: tuple[IncidentEvent, ...] = ()
    kept_up: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What judging a subject brought, to be told of once it is committed."""

    trace: Trace
    events: tuple[IncidentEvent, ...] = ()
    notifications: tuple[PlannedNotification, ...] = ()


async def evaluate(
    connection: Connection, subject_id: int, now: datetime, policy: NotificationPolicy
) -> Evaluated | None:
    """Judge a subject at `now` inside the transaction of `connection`.

    Returns the steps its incidents took; None when another evaluator has it. Raises
    ValidationError when what is stored about it cannot be read, ValueError when it cannot be
    computed with, IllegalTransitionError when somebody else moved one of its incidents.
    """
    if not await storage.lock_subject(connection, subject_id):
        return None
    taken = await storage.take_requests(connection, subject_id)
    done = await _evaluate(connection, subject_id, taken.from_ts, now, policy)
    incident_ids = {event.incident.incident_id for event in done.events} | done.kept_up
    written = (
        await storage.planned_notifications(connection, incident_ids, taken.trace)
        if incident_ids
        else ()
    )
    return Evaluated(taken.trace, done.events, written)


async def _evaluate(
    connection: Connection,
    subject_id: int,
    requested_from: datetime | None,
    now: datetime,
    policy: NotificationPolicy,
) -> _Done:
    stored = await storage.subject(connection, subject_id, now)
    if stored is None:
        return _Done()
    is_due = stored.next_evaluation_at is not None and stored.next_evaluation_at <= now
    if requested_from is None and not is_due:
        return _Done()  # another evaluator has just been here
    judged = await judge_subject(connection, subject_id, stored, now, requested_from)
    if judged is None:
        await storage.remove_condition(connection, subject_id)
        return _Done()
    live = await incidents.live_incidents(connection, subject_id)
    writer = _writer(connection, judged, now, policy)
    if judged.judgement is None:
        await storage.remove_condition(connection, subject_id)
        return _Done(await _retire(writer, live))
    done = await _follow(writer, live, judged.judgement)
    latest = {incident.rule_id: incident for incident in live}
    latest |= {event.incident.rule_id: event.incident for event in done.events}
    await _store(connection, subject_id, stored, judged.judgement, list(latest.values()))
    return done


def _writer(
    connection: Connection, judged: JudgedSubject, now: datetime, policy: NotificationPolicy
) -> IncidentWriter:
    watched, judgement = judged.watched, judged.judgement

    def matter(rule_id: str, kind: NotificationKind) -> Matter:
        return Matter(kind=kind, room=watched.name, rule=kind_of(rule_id))

    return IncidentWriter(
        connection,
        watched,
        now,
        matter=judgement.matter if judgement else matter,
        wish=judgement.wish if judgement else lambda _rule_id: NOT_WANTED,
        policy=policy,
        around=IncidentsAround(connection, watched.subject_id),
        unsteady=frozenset(
            one.rule_id for one in (judgement.verdicts if judgement else ()) if one.is_unsteady
        ),
    )


async def _store(
    connection: Connection,
    subject_id: int,
    stored: StoredSubject,
    judgement: Judgement,
    latest: Sequence[Incident],
) -> None:
    """Store the condition if it is another, and when to judge again."""
    live = {one.rule_id: one for one in sorted(latest, key=_by_rule) if one.state.is_live}
    times = [one.snoozed_until for one in live.values() if one.snoozed_until is not None]
    if live and judgement.next_at_while_open is not None:
        times.append(judgement.next_at_while_open)
    next_at = min([judgement.next_at, *times])
    condition = judgement.condition(live)
    if _is_same(condition, stored):
        await storage.move_next_evaluation(connection, subject_id, next_at)
    else:
        await storage.store_condition(connection, subject_id, condition, next_at)


def _by_rule(incident: Incident) -> str:
    return incident.rule_id


async def _retire(writer: IncidentWriter, live: Sequence[Incident]) -> tuple[IncidentEvent, ...]:
    return tuple([await writer.advance(incident, retirement(incident), None) for incident in live])


async def _follow(writer: IncidentWriter, live: Sequence[Incident], judgement: Judgement) -> _Done:
    """Bring every incident to what its rule says now, and its alarms to who wants them."""
    by_rule = {incident.rule_id: incident for incident in live}
    events: list[IncidentEvent] = []
    still: list[Incident] = []
    for verdict in judgement.verdicts:
        incident = by_rule.pop(verdict.rule_id, None)
        taken = await _take_steps(writer, incident, verdict)
        # after the verdict: who put it off is not reminded of what has just got better
        now_is = taken[-1].incident if taken else incident
        ended = None if now_is is None else await writer.end_snooze(now_is)
        if ended is not None:
            taken.append(ended)
        events += taken
        if incident is not None and not taken:
            still.append(incident)
    # what is left has no rule any more
    events += await _retire(writer, list(by_rule.values()))
    # at last, when it is known which of the others still speak for these
    kept_up = [one.incident_id for one in still if await writer.keep_up(one)]
    return _Done(tuple(events), frozenset(kept_up))


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


def _is_same(condition: SubjectCondition, stored: StoredSubject) -> bool:
    """Say whether the stored condition differs in nothing but when it was judged."""
    if stored.condition is None:
        return False
    moment = {"evaluated_at"}
    now_said = condition.model_dump(mode="json", exclude=moment)
    return now_said == {key: value for key, value in stored.condition.items() if key not in moment}
