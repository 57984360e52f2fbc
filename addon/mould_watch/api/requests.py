"""What a client may ask on the stream, each request answered once."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final, Protocol
from uuid import UUID

from pydantic import BaseModel, ValidationError

from mould_watch.api.forwarded import ForwardedReadings, ReadingOutcome
from mould_watch.api.messages import (
    Availability,
    CheckConfiguration,
    Configure,
    Episodes,
    ForwardedReading,
    IncidentAction,
    NotificationReceipt,
    Readings,
    ReadyToDeliver,
    RecordColdSpot,
    StartEpisode,
)
from mould_watch.errors import MouldWatchError
from mould_watch.storage.configuration import Applied, ConfigurationStore
from mould_watch.storage.document import PartResult


class RequestError(MouldWatchError):
    """A request cannot be answered as it was asked."""

    def __init__(self, code: str, message: str, **data: object) -> None:
        """Keep the word for programs."""
        super().__init__(message, **data)
        self.code = code


class Client(Protocol):
    """Who asks."""

    instance_id: str
    # whether a document of this connection was applied already
    has_configured: bool

    def ready_to_deliver(self) -> None:
        """Take notifications from now."""
        ...


class Handled(Protocol):
    """Takes what people do with incidents, and what phones say of notifications."""

    async def act(self, asked: IncidentAction) -> dict[str, Any]:
        """Let an action be taken once; raises RequestError and DatabaseUnavailableError."""
        ...

    async def was_asked(self, asked: IncidentAction, instance_id: str) -> bool:
        """Say whether it is a button of an instance; raises DatabaseUnavailableError."""
        ...

    async def forgotten(self, incident_ids: Collection[UUID]) -> list[str]:
        """Return those that the database does not know; raises DatabaseUnavailableError."""
        ...

    async def receive(self, notification_id: UUID, instance_id: str) -> dict[str, Any]:
        """Record that a notification arrived; raises DatabaseUnavailableError."""
        ...


class Told(Protocol):
    """Takes what people tell of a room; see `api/room_actions.py`."""

    async def record_cold_spot(self, asked: RecordColdSpot) -> dict[str, Any]:
        """Take a reading of the cold spot."""
        ...

    async def start_episode(self, asked: StartEpisode) -> dict[str, Any]:
        """Let the index of a room begin anew."""
        ...

    async def episodes(self, asked: Episodes) -> dict[str, Any]:
        """Return the episodes of a room."""
        ...


type _Handler = Callable[[Client, Mapping[str, Any]], Awaitable[dict[str, Any]]]


class Requests:
    """Answers requests by their `type`."""

    def __init__(
        self,
        store: ConfigurationStore,
        forwarded: ForwardedReadings,
        handled: Handled,
        told: Told,
    ) -> None:
        """Use the configuration in the database, and ingestion for what is forwarded."""
        self._told = told
        self._store = store
        self._forwarded = forwarded
        self._handled = handled
        self._handlers: Final[Mapping[str, _Handler]] = {
            "configure": self._configure,
            "check_configuration": self._check_configuration,
            "restore": self._restore,
            "readings": self._readings,
            "availability": self._availability,
            "ready_to_deliver": self._ready_to_deliver,
            "incident_action": self._incident_action,
            "notification_receipt": self._notification_receipt,
            "record_cold_spot": self._record_cold_spot,
            "start_episode": self._start_episode,
            "episodes": self._episodes,
        }

    async def answer(self, client: Client, message: Mapping[str, Any]) -> dict[str, Any]:
        """Return the result of a request; raises MouldWatchError with the reason's code."""
        handler = self._handlers.get(str(message["type"]))
        if handler is None:
            text = "This backend does not know such a request."
            raise RequestError("unknown_type", text, type=message["type"])
        try:
            return await handler(client, message)
        except ValidationError as error:
            raise _ill_formed(error) from error

    async def _configure(self, client: Client, message: Mapping[str, Any]) -> dict[str, Any]:
        request = Configure.model_validate(message)
        _refuse_foreign(client, request.document)
        applied = await self._store.apply(
            request.document,
            is_first=not client.has_configured,
            use_this=request.choice == "use_this",
        )
        client.has_configured = True
        return _result(applied)

    async def _check_configuration(
        self, client: Client, message: Mapping[str, Any]
    ) -> dict[str, Any]:
        request = CheckConfiguration.model_validate(message)
        _refuse_foreign(client, request.document)
        applied = await self._store.apply(
            request.document, is_first=not client.has_configured, use_this=False, dry_run=True
        )
        return _result(applied)

    async def _restore(self, _client: Client, _message: Mapping[str, Any]) -> dict[str, Any]:
        document, archived = await self._store.restore()
        return {"document": document, "archived": archived}

    async def _readings(self, client: Client, message: Mapping[str, Any]) -> dict[str, Any]:
        request = Readings.model_validate(message)
        outcomes: list[ReadingOutcome | None] = []
        readings: list[ForwardedReading] = []
        for raw in request.readings:
            try:
                readings.append(ForwardedReading.model_validate(raw))
                outcomes.append(None)
            except ValidationError as error:
                text = f"The reading is not well formed: {faults(error)}."
                outcomes.append(ReadingOutcome("rejected", "invalid_reading", text))
        # with nothing well formed there is nothing to store
        stored = iter(await self._forwarded.store(client.instance_id, readings) if readings else ())
        return {
            "results": [
                {
                    "status": outcome.status,
                    "code": outcome.code,
                    "message": outcome.message,
                }
                for outcome in (outcome or next(stored) for outcome in outcomes)
            ]
        }

    async def _availability(self, client: Client, message: Mapping[str, Any]) -> dict[str, Any]:
        request = Availability.model_validate(message)
        if request.entities:
            await self._forwarded.availability(client.instance_id, request.entities)
        return {}

    async def _ready_to_deliver(self, client: Client, message: Mapping[str, Any]) -> dict[str, Any]:
        # whatever becomes of the question, notifications may come
        client.ready_to_deliver()
        shown = ReadyToDeliver.model_validate(message).incidents
        return {"forgotten": await self._handled.forgotten(shown) if shown else []}

    async def _incident_action(self, client: Client, message: Mapping[str, Any]) -> dict[str, Any]:
        asked = IncidentAction.model_validate(message)
        # who was told may answer, also when another Home Assistant has taken over since
        if not await self._handled.was_asked(asked, client.instance_id):
            await self._refuse_reader(client)
        return await self._handled.act(asked)

    async def _notification_receipt(
        self, client: Client, message: Mapping[str, Any]
    ) -> dict[str, Any]:
        receipt = NotificationReceipt.model_validate(message)
        return await self._handled.receive(receipt.notification_id, client.instance_id)

    async def _record_cold_spot(self, client: Client, message: Mapping[str, Any]) -> dict[str, Any]:
        asked = RecordColdSpot.model_validate(message)
        await self._refuse_reader(client)
        return await self._told.record_cold_spot(asked)

    async def _start_episode(self, client: Client, message: Mapping[str, Any]) -> dict[str, Any]:
        asked = StartEpisode.model_validate(message)
        await self._refuse_reader(client)
        return await self._told.start_episode(asked)

    async def _episodes(self, _client: Client, message: Mapping[str, Any]) -> dict[str, Any]:
        return await self._told.episodes(Episodes.model_validate(message))

    async def _refuse_reader(self, client: Client) -> None:
        """Raise RequestError `other_owner` for whoever only reads here.

        Asked anew each time: another may have taken over since the welcome.
        """
        owner = await self._store.owner()
        if owner not in (None, client.instance_id):
            text = "Another Home Assistant decides what this backend watches; this one only reads."
            raise RequestError("other_owner", text, owner=owner)


def checked[Model: BaseModel](model: type[Model], body: Mapping[str, Any]) -> Model:
    """Return a request as its model has it; raises RequestError with what is wrong."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise _ill_formed(error) from error


def faults(error: ValidationError) -> str:
    """Return what is wrong, without the values that were sent."""
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
        for fault in error.errors(include_input=False, include_url=False)
    )


def _ill_formed(error: ValidationError) -> RequestError:
    return RequestError("invalid_message", f"The request is not well formed: {faults(error)}.")


def _refuse_foreign(client: Client, document: Mapping[str, Any]) -> None:
    if document.get("owner") != client.instance_id:
        text = "The document's owner is not the Home Assistant that sends it."
        raise RequestError("invalid_document", text)


def _result(applied: Applied) -> dict[str, Any]:
    return {
        "revision": applied.revision,
        "rooms": {room_id: _part(result) for room_id, result in applied.rooms.items()},
        "devices": [_part(result) for result in applied.devices],
    }


def _part(result: PartResult) -> dict[str, Any]:
    if result.ok:
        return {"ok": True}
    return {"ok": False, "code": result.code, "message": result.message}
