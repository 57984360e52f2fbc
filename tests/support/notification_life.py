"""Incidents and their notifications in memory: the pure parts put together, with a set clock.

What the database does is done here by the simplest means, so that every order of everything can be
tried quickly: verdicts, presses, the release of what waits, sending, other phones.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import override
from uuid import UUID, uuid4

from mould_watch.domain.condition import Level
from mould_watch.domain.holding import Hold, flood_of, hold_of
from mould_watch.domain.incident import Incident, after, retirement, steps
from mould_watch.domain.incident_action import Action, end_of_snooze, handle
from mould_watch.domain.notification import (
    Lane,
    NewNotification,
    NotificationPlan,
    lanes_of,
    plan,
    remind,
)
from mould_watch.domain.verdict import Verdict
from tests.support.outbox_in_memory import Outbox

OWNER = "home-1"


@dataclass(eq=False)
class Subject:
    """A room with one rule."""

    name: str
    incident: Incident | None = None


@dataclass(eq=False)
class Life(Outbox):
    """Everything that is, and the clock."""

    subjects: list[Subject]
    over: dict[UUID, Incident] = field(default_factory=dict)
    subject_of: dict[UUID, Subject] = field(default_factory=dict)

    @property
    def lanes(self) -> tuple[Lane, ...]:
        return lanes_of(self.home, OWNER)

    @override
    def incident(self, incident_id: UUID) -> Incident:
        live = self.subject_of[incident_id].incident
        if live is not None and live.incident_id == incident_id:
            return live
        return self.over[incident_id]

    @override
    def name_of(self, incident_id: UUID) -> str:
        return self.subject_of[incident_id].name

    def judge(self, subject: Subject, verdict: Verdict, *, notify: bool = True) -> None:
        taken = steps(subject.incident, verdict)
        for step in taken:
            if subject.incident is None:
                begun = Incident(uuid4(), "rule", step.to_state, step.level, self.now, None, 1)
                subject.incident = begun
                self.subject_of[begun.incident_id] = subject
            else:
                subject.incident = after(subject.incident, step, self.now)
            self.keep_up(subject, notify=notify, is_unsteady=verdict.is_unsteady)
            if not subject.incident.state.is_live:
                self.over[subject.incident.incident_id] = subject.incident
                subject.incident = None
        ended = self._end_snooze(subject, notify=notify)
        if not taken and not ended:
            self.keep_up(subject, notify=notify, is_unsteady=verdict.is_unsteady, reminders=True)

    def retire(self, subject: Subject) -> None:
        incident = subject.incident
        if incident is not None:
            subject.incident = after(incident, retirement(incident), self.now)
            self.keep_up(subject)
            self.over[incident.incident_id] = subject.incident
            subject.incident = None

    def press(self, subject: Subject, action: Action, until: datetime | None = None) -> None:
        incident = subject.incident
        if incident is None:
            return
        handling = handle(incident, action, self.now, until, uuid4())
        if handling is not None:
            subject.incident = handling.incident
            self.keep_up(subject)

    def keep_up(
        self,
        subject: Subject,
        *,
        notify: bool = True,
        is_unsteady: bool = False,
        reminders: bool = False,
    ) -> None:
        incident = subject.incident
        if incident is None:
            return
        told = notify and incident.level.rank >= Level.WARNING.rank
        rows = list(self.lane_rows(incident.incident_id))
        planned = plan(incident, rows, self.lanes, notify=told)
        if planned.is_empty and told and reminders:
            planned = remind(incident, rows, self.lanes, self.now, policy=self.policy)
        self.write(incident, planned, is_unsteady=is_unsteady)

    def write(self, incident: Incident, planned: NotificationPlan, *, is_unsteady: bool) -> None:
        for row in self.rows:
            if row.notification_id in planned.cancel:
                self.cancel(row, is_over=not incident.state.is_live)
        for new in planned.add:
            level = incident.level if new.kind.is_alarming else Level.NONE
            self.append(
                incident.incident_id, new, level, self._hold(incident, new, is_unsteady=is_unsteady)
            )

    def _hold(self, incident: Incident, new: NewNotification, *, is_unsteady: bool) -> Hold | None:
        usual = hold_of(new.kind, incident.level, self.now, home=self.home, policy=self.policy)
        flood = flood_of(
            new.kind,
            incident.level,
            self.name_of(incident.incident_id),
            self.now,
            released=self.released(new.lane),
            is_unsteady=is_unsteady,
            policy=self.policy,
        )
        if flood is None or (usual is not None and usual.until > flood.until):
            return usual
        return flood

    def _end_snooze(self, subject: Subject, *, notify: bool) -> bool:
        incident = subject.incident
        ended = None if incident is None else end_of_snooze(incident, self.now)
        if ended is None:
            return False
        subject.incident = ended.incident
        self.keep_up(subject, notify=notify)
        return True

    @property
    def live(self) -> list[Incident]:
        return [one.incident for one in self.subjects if one.incident is not None]


def is_risk_of(incident: Incident | None) -> bool:
    """Say whether an incident is open or recovering."""
    return incident is not None and incident.state.is_risk
