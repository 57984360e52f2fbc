"""`/v1/notifications`: what was sent, how far each got, and trying again (docs/protocol.md)."""

import logging
from collections.abc import Sequence
from typing import Final, Literal
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mould_watch.api.answers import answer, failure
from mould_watch.api.requests import RequestError, faults
from mould_watch.storage import outbox_care, overview
from mould_watch.storage.database import Database
from mould_watch.storage.outbox_care import RetryOutcome
from mould_watch.storage.overview import LIST_MAXIMUM, NotificationFilter

_LOGGER: Final = logging.getLogger(__name__)

_REFUSALS: Final = {
    RetryOutcome.UNKNOWN: (404, "There is no notification with this id."),
    RetryOutcome.NOT_FAILED: (
        409,
        "It has not failed: it is on its way, was sent, or was cancelled.",
    ),
    RetryOutcome.OVERTAKEN: (
        409,
        "A newer notification about the same went the same way: this one would arrive behind it.",
    ),
    RetryOutcome.SAID_ELSEWHERE: (
        409,
        "Another channel has said it in its place, or is about to: it would be told twice.",
    ),
}


class _Query(BaseModel):
    """What a request may ask with."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: Literal["pending", "claimed", "sent", "failed", "cancelled"] | None = None
    incident_id: UUID | None = None
    channel: str | None = None
    target: str | None = None
    kind: str | None = None
    correlation_id: UUID | None = None
    limit: int = Field(default=LIST_MAXIMUM, ge=1, le=LIST_MAXIMUM)


class NotificationsResource:
    """Shows notifications with their steps, and has failed ones tried again."""

    def __init__(self, database: Database) -> None:
        """Read and write in `database`."""
        self._database = database

    def routes(self) -> Sequence[web.RouteDef]:
        """Return the paths it answers."""
        return [
            web.get("/v1/notifications", self._list),
            web.get("/v1/notifications/{id}", self._show),
            web.post("/v1/notifications/{id}/retry", self._retry),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        try:
            query = _Query.model_validate(dict(request.query))
        except ValidationError as error:
            name = str(error.errors()[0]["loc"][0])
            raise RequestError(
                "invalid_parameter", f"The request cannot be read: {faults(error)}.", parameter=name
            ) from error
        meant = NotificationFilter(**query.model_dump(exclude={"limit"}))
        async with self._database.connection() as connection:
            found = await overview.notifications(connection, meant, limit=query.limit)
        return answer({"notifications": [one.model_dump(mode="json") for one in found]})

    async def _show(self, request: web.Request) -> web.Response:
        meant = NotificationFilter(notification_id=_id(request))
        async with self._database.connection() as connection:
            found = await overview.notifications(connection, meant)
        if meant.notification_id is None or not found:
            return _refusal(RetryOutcome.UNKNOWN)
        return answer(found[0].model_dump(mode="json"))

    async def _retry(self, request: web.Request) -> web.Response:
        notification_id = _id(request)
        if notification_id is None:
            return _refusal(RetryOutcome.UNKNOWN)
        async with self._database.transaction() as connection:
            outcome = await outbox_care.retry(connection, notification_id)
        if outcome is not RetryOutcome.DONE:
            return _refusal(outcome)
        _LOGGER.info(
            "A notification that had failed is tried again by hand",
            extra={"action": "notification_retried", "notification_id": str(notification_id)},
        )
        return answer({"notification_id": str(notification_id), "state": "pending"})


def _id(request: web.Request) -> UUID | None:
    try:
        return UUID(request.match_info["id"])
    except ValueError:
        return None


def _refusal(outcome: RetryOutcome) -> web.Response:
    status, message = _REFUSALS[outcome]
    return failure(status, outcome.value, message)
