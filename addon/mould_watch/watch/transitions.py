"""Writing the steps of an incident, each with the notifications it brings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from mould_watch.domain.condition import Level
from mould_watch.domain.configuration import HomeConfiguration
from mould_watch.domain.incident import Incident, Step
from mould_watch.domain.incident_action import end_of_snooze
from mould_watch.domain.notification import (
    Lane,
    LaneRow,
    NotificationKind,
    NotificationPlan,
    lanes_of,
    plan,
    plan_again,
)
from mould_watch.domain.precedence import Related, superseded_by
from mould_watch.domain.texts import Matter, text
from mould_watch.storage import incidents
from mould_watch.storage.database import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """A subject and the home it is in, as far as notifications concern it."""

    subject_id: int
    name: str
    home: HomeConfiguration
    # the Home Assistant instance that configured it, and gets its notifications
    owner: str
    # None: a device, or the backend itself
    room_id: UUID | None = None
    # what it sends comes over the broker, at least some of it
    hears_broker: bool = True


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """A step an incident took, to be told of once it is committed."""

    subject: Watched
    incident: Incident
    step: Step


@dataclass(frozen=True, slots=True)
class IncidentWriter:
    """Writes one subject's incidents in the transaction of `connection`, at the time `now`."""

    connection: Connection
    subject: Watched
    now: datetime
    # what a notification of a kind, about a rule, is about
    matter: Callable[[str, NotificationKind], Matter]
    # whether anybody wants to be told of a rule
    wants: Callable[[str], bool]

    async def begin(
        self, rule_id: str, step: Step, *, breach_since: datetime, evidence: Mapping[str, Any]
    ) -> IncidentEvent:
        """Write the first step of a new incident."""
        incident, transition_id = await incidents.begin_incident(
            self.connection,
            self.subject.subject_id,
            rule_id,
            step,
            breach_since=breach_since,
            at=self.now,
            evidence=evidence,
        )
        await self._notify(incident, step, transition_id)
        return IncidentEvent(self.subject, incident, step)

    async def advance(
        self, incident: Incident, step: Step, evidence: Mapping[str, Any] | None
    ) -> IncidentEvent:
        """Write a further step. Raises IllegalTransitionError if somebody else moved it."""
        after, transition_id = await incidents.advance_incident(
            self.connection, incident, step, at=self.now, evidence=evidence
        )
        await self._notify(after, step, transition_id)
        return IncidentEvent(self.subject, after, step)

    async def end_snooze(self, incident: Incident) -> IncidentEvent | None:
        """Write that the time has come until which an incident was put off; None: it has not.

        Raises IllegalTransitionError if somebody else moved it.
        """
        handling = end_of_snooze(incident, self.now)
        if handling is None:
            return None
        transition_id = await incidents.write_handling(
            self.connection, incident, handling, at=self.now
        )
        await self._notify(handling.incident, handling.step, transition_id)
        return IncidentEvent(self.subject, handling.incident, handling.step)

    async def follow_wishes(self, incident: Incident) -> None:
        """Bring the alarms of an incident that took no step in line with who wants them now."""
        if not incident.state.is_risk:
            return
        is_told = await self._is_told(incident)
        planned = plan_again(
            incident.state, await self._rows(incident), self._lanes, notify=is_told
        )
        if not planned.cancel and not planned.add:
            return
        # now with the rows locked, so that a worker claims none of them meanwhile
        planned = plan_again(
            incident.state,
            await self._rows(incident, lock=True),
            self._lanes,
            notify=is_told,
        )
        opening_id = await incidents.opening_transition_id(self.connection, incident.incident_id)
        await self._write(incident, planned, opening_id, "no longer wanted there")

    async def _notify(self, incident: Incident, step: Step, transition_id: int) -> None:
        planned = plan(
            step,
            await self._rows(incident, lock=True),
            self._lanes,
            notify=await self._is_told(incident),
        )
        reason = "no longer wanted there" if incident.state.is_live else "its incident ended"
        await self._write(incident, planned, transition_id, reason)

    async def _is_told(self, incident: Incident) -> bool:
        """Say whether an incident may be told of: wanted, serious enough, and not explained."""
        if not incident.state.is_risk or not self.wants(incident.rule_id):
            return False
        if incident.level.rank < Level.WARNING.rank:
            return False
        related = Related(
            await incidents.related_incidents(self.connection, self.subject.subject_id),
            hears_broker=self.subject.hears_broker,
        )
        return superseded_by(incident, related) is None

    @property
    def _lanes(self) -> tuple[Lane, ...]:
        return lanes_of(self.subject.home, self.subject.owner)

    async def _rows(self, incident: Incident, *, lock: bool = False) -> list[LaneRow]:
        return await incidents.lane_rows(self.connection, incident.incident_id, lock=lock)

    async def _write(
        self, incident: Incident, planned: NotificationPlan, transition_id: int, reason: str
    ) -> None:
        await incidents.cancel_notifications(self.connection, planned.cancel, reason)
        if planned.kind is None:
            return
        said = text(self.matter(incident.rule_id, planned.kind), self.subject.home.language)
        await incidents.insert_notifications(
            self.connection,
            incident.incident_id,
            transition_id,
            planned.add,
            # a closing message is no warning
            severity=incident.level if planned.kind is NotificationKind.ALARM else Level.NONE,
            message={
                "room_id": self.subject.room_id and str(self.subject.room_id),
                "room": self.subject.name,
                "title": said.title,
                "body": said.body,
                "buttons": [],
            },
        )
