"""What people do with incidents and phones say of notifications, over the stream and over HTTP."""

import logging
from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID, uuid5

from aiohttp import web

from mould_watch.api.answers import answer, failure, json_object
from mould_watch.api.messages import IncidentAction
from mould_watch.api.requests import RequestError, checked
from mould_watch.clock import Clock
from mould_watch.domain.incident_action import ActionOutcome, ActionResult
from mould_watch.storage import receipts
from mould_watch.storage.database import Database
from mould_watch.storage.incident_actions import (
    about,
    apply_action,
    forgotten,
    is_told,
    told_with,
)

_LOGGER: Final = logging.getLogger(__name__)


class Handling:
    """Takes presses, each once, and receipts."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Write to `database`, at the time that `clock` says."""
        self._database = database
        self._clock = clock

    async def forgotten(self, incident_ids: Collection[UUID]) -> list[str]:
        """Return those that the database does not know: it is an earlier one, or another.

        Raises DatabaseUnavailableError.
        """
        async with self._database.connection() as connection:
            unknown = await forgotten(connection, incident_ids)
        if unknown:
            _LOGGER.warning(
                "Home Assistant shows %d incidents that are not in this database, which is an "
                "earlier one or another; they are taken away.",
                len(unknown),
                extra={
                    "action": "incidents_forgotten",
                    "incident_ids": [str(incident_id) for incident_id in unknown],
                },
            )
        return [str(incident_id) for incident_id in unknown]

    async def act(self, asked: IncidentAction) -> dict[str, Any]:
        """Let an action be taken and return its result (docs/protocol.md).

        What was pressed on a notification that tells of several incidents is done to all of
        them, one after another: a press that was cut short is sent again, and goes on.
        Raises RequestError `invalid_until` when it is put off until no time that fits, and
        DatabaseUnavailableError.
        """
        result = await self._apply(asked)
        for incident_id in await self._told_with(asked):
            await self._apply(
                asked.model_copy(
                    update={
                        "incident_id": incident_id,
                        # the same whenever the press is sent again
                        "action_id": uuid5(asked.action_id, str(incident_id)),
                    }
                )
            )
        incident = result.incident
        return {
            "outcome": result.outcome.value,
            "is_repeated": result.is_repeated,
            "incident": None if incident is None else incident.summary.model_dump(mode="json"),
        }

    async def _told_with(self, asked: IncidentAction) -> list[UUID]:
        if asked.notification_id is None:
            return []
        async with self._database.connection() as connection:
            return await told_with(connection, asked.notification_id, asked.incident_id)

    async def _apply(self, asked: IncidentAction) -> ActionResult:
        try:
            async with self._database.transaction() as connection:
                result = await apply_action(
                    connection,
                    asked.incident_id,
                    asked.action,
                    asked.until,
                    asked.action_id,
                    at=self._clock.now(),
                )
                place = await about(connection, asked.incident_id, result.transition_id)
        except ValueError as error:
            raise RequestError("invalid_until", f"Not taken: {error}.") from error
        _LOGGER.info(
            "%s: somebody answered with %s: %s.",
            place.name if place else "No incident",
            asked.action.value,
            result.outcome.value,
            extra={
                "action": "incident_action_taken",
                "room": place and place.name,
                "incident_id": str(asked.incident_id),
                "pressed": asked.action.value,
                "outcome": result.outcome.value,
                "action_id": str(asked.action_id),
                "is_repeated": result.is_repeated,
                "correlation_id": place and place.correlation_id and str(place.correlation_id),
            },
        )
        return result

    async def was_asked(self, asked: IncidentAction, instance_id: str) -> bool:
        """Say whether an action is the button of a notification for a phone of an instance.

        Raises DatabaseUnavailableError.
        """
        if asked.notification_id is None:
            return False
        async with self._database.connection() as connection:
            return await is_told(connection, asked.notification_id, asked.incident_id, instance_id)

    async def receive(self, notification_id: UUID, instance_id: str) -> dict[str, Any]:
        """Record that a notification arrived at a phone of an instance.

        One that went elsewhere is not known there. Raises DatabaseUnavailableError.
        """
        async with self._database.transaction() as connection:
            is_known = await receipts.record_receipt(connection, notification_id, instance_id)
        _LOGGER.info(
            "A phone has notification %s.",
            notification_id,
            extra={
                "action": "notification_received",
                "notification_id": str(notification_id),
                "is_known": is_known,
            },
        )
        return {"is_known": is_known}


class IncidentActionsResource:
    """`POST /v1/incidents/{incident_id}/actions`."""

    def __init__(self, handling: Handling) -> None:
        """Let `handling` take them."""
        self._handling = handling

    def routes(self) -> Sequence[web.RouteDef]:
        """Return the paths it answers."""
        return [web.post("/v1/incidents/{incident_id}/actions", self._post)]

    async def _post(self, request: web.Request) -> web.Response:
        body = await json_object(request)
        asked = checked(IncidentAction, body | dict(request.match_info))
        result = await self._handling.act(asked)
        if result["outcome"] == ActionOutcome.UNKNOWN.value:
            return failure(404, "unknown_incident", "There is no such incident.")
        return answer(result)
