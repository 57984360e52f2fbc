"""Writing the steps of an incident, each with the notifications it brings."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from mould_watch.domain.condition import Level
from mould_watch.domain.configuration import HomeConfiguration
from mould_watch.domain.holding import Hold, flood_of, hold_of
from mould_watch.domain.incident import Incident, Step
from mould_watch.domain.incident_action import end_of_snooze
from mould_watch.domain.notification import (
    Cleared,
    Lane,
    LaneRow,
    NewNotification,
    NotificationKind,
    NotificationPlan,
    lanes_of,
    plan,
    remind,
)
from mould_watch.domain.notification_policy import NotificationPolicy
from mould_watch.domain.precedence import Related, heard_in, superseded_by
from mould_watch.domain.texts import Matter, buttons, text
from mould_watch.domain.wish import Wish
from mould_watch.storage import held, incidents
from mould_watch.storage.database import Connection
from mould_watch.watch.around import IncidentsAround


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
    # when the wall clock last jumped: no distance reaches back beyond it
    counted_from: datetime | None = None


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
    # what the household wants to hear of a rule
    wish: Callable[[str], Wish]
    policy: NotificationPolicy
    around: IncidentsAround
    # the rules whose value swings about its threshold
    unsteady: frozenset[str] = frozenset()

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
        await self._notify(incident, transition_id)
        return IncidentEvent(self.subject, incident, step)

    async def advance(
        self, incident: Incident, step: Step, evidence: Mapping[str, Any] | None
    ) -> IncidentEvent:
        """Write a further step. Raises IllegalTransitionError if somebody else moved it."""
        after, transition_id = await incidents.advance_incident(
            self.connection, incident, step, at=self.now, evidence=evidence
        )
        await self._notify(after, transition_id)
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
        await self._notify(handling.incident, transition_id)
        return IncidentEvent(self.subject, handling.incident, handling.step)

    async def keep_up(self, incident: Incident) -> bool:
        """Bring the lanes of an incident that took no step in line with who wants to hear now.

        Reminders that are due are written as well. Returns whether anything was.
        """
        if not incident.state.is_risk:
            return False
        lanes = await self._told_lanes(incident)
        if self._planned(incident, await self._rows(incident), lanes).is_empty:
            return False
        # now with the rows locked, so that a worker claims none of them meanwhile
        planned = self._planned(incident, await self._rows(incident, lock=True), lanes)
        opening_id = await incidents.opening_transition_id(self.connection, incident.incident_id)
        await self._write(incident, planned, opening_id, "no longer wanted there")
        return bool(planned.add)

    def _planned(
        self, incident: Incident, rows: Sequence[LaneRow], lanes: Collection[Lane]
    ) -> NotificationPlan:
        told = self._as_told(incident)
        planned = plan(told, rows, lanes, notify=bool(lanes))
        if not planned.is_empty:
            return planned
        return remind(
            told,
            rows,
            lanes,
            self.now,
            policy=self.policy,
            counted_from=self.subject.counted_from,
        )

    async def _notify(self, incident: Incident, transition_id: int) -> None:
        self.around.note(incident)
        lanes = await self._told_lanes(incident)
        rows = await self._rows(incident, lock=True)
        planned = plan(self._as_told(incident), rows, lanes, notify=bool(lanes))
        reason = "no longer wanted there" if incident.state.is_live else "its incident ended"
        await self._write(incident, planned, transition_id, reason)

    def _as_told(self, incident: Incident) -> Incident:
        """Return the incident as serious as it is told."""
        level = self.wish(incident.rule_id).told_level(incident.level)
        return replace(incident, level=level)

    async def _told_lanes(self, incident: Incident) -> tuple[Lane, ...]:
        """Return who may be told of an incident: it is wanted, serious enough, not explained."""
        wish = self.wish(incident.rule_id)
        if not incident.state.is_risk or not wish.is_wanted:
            return ()
        if self._as_told(incident).level.rank < Level.WARNING.rank:
            return ()
        lanes = lanes_of(self.subject.home, self.subject.owner, wish.targets)
        live = await self.around.live()
        if not self._is_explained(incident, live):
            return lanes
        said = await incidents.said_levels(self.connection, [one.incident_id for one in live])
        return tuple(
            lane
            for lane in lanes
            if not self._is_explained(
                incident,
                heard_in(lane, live, said, is_asked_for=wish.targets is not None),
            )
        )

    def _is_explained(self, incident: Incident, others: tuple[Incident, ...]) -> bool:
        related = Related(others, hears_broker=self.subject.hears_broker)
        return superseded_by(self._as_told(incident), related) is not None

    async def _rows(self, incident: Incident, *, lock: bool = False) -> list[LaneRow]:
        return await incidents.lane_rows(self.connection, incident.incident_id, lock=lock)

    async def _write(
        self, incident: Incident, planned: NotificationPlan, transition_id: int, reason: str
    ) -> None:
        await incidents.cancel_notifications(self.connection, planned.cancel, reason)
        told = self._as_told(incident)
        for new in planned.add:
            await incidents.insert_notification(
                self.connection,
                incident.incident_id,
                transition_id,
                new,
                # a closing message is no warning
                severity=told.level if new.kind.is_alarming else Level.NONE,
                message=self._message(incident, new.kind),
                at=self.now,
                hold=await self._hold(told, new),
            )

    def _message(self, incident: Incident, kind: NotificationKind) -> dict[str, Any]:
        home = self.subject.home
        matter = replace(self.matter(incident.rule_id, kind), level=incident.level)
        said = text(matter, home.language)
        clears = {"clears": Cleared.INCIDENT.value} if kind is NotificationKind.CLEAR else {}
        return {
            "room_id": self.subject.room_id and str(self.subject.room_id),
            "room": self.subject.name,
            "title": said.title,
            "body": said.body,
            "buttons": buttons(home.language) if kind.is_alarming else [],
            **clears,
        }

    async def _hold(self, incident: Incident, new: NewNotification) -> Hold | None:
        """Return what a new notification waits for: the longer of a flood and the usual."""
        usual = hold_of(
            new.kind, incident.level, self.now, home=self.subject.home, policy=self.policy
        )
        if new.kind is NotificationKind.CLEAR:
            return None
        flood = flood_of(
            new.kind,
            incident.level,
            held.source(self.subject.subject_id, incident.rule_id),
            self.now,
            released=await held.released(self.connection, new.lane, self.now),
            is_unsteady=incident.rule_id in self.unsteady,
            policy=self.policy,
        )
        if flood is None or (usual is not None and usual.until > flood.until):
            return usual
        return flood
