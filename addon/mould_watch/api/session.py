"""One client on the stream: hello, welcome, snapshot, then requests and changes.

Three tasks: one always reads (pings are answered only while reading), one answers the requests
in order, one sends. Whichever ends, ends the session.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import WSMsgType, web
from pydantic import ValidationError
from pydantic_core import from_json

from mould_watch import __version__
from mould_watch.api.feed import Feed, View, backend_wire, encode
from mould_watch.api.hub import Hub, Member
from mould_watch.api.messages import (
    API_VERSION_MAXIMUM,
    API_VERSION_MINIMUM,
    Hello,
    NotificationResult,
)
from mould_watch.api.outbox import Farewell, Outbox, OutboxFullError
from mould_watch.api.requests import Requests, faults
from mould_watch.errors import MouldWatchError

_LOGGER: Final = logging.getLogger(__name__)

CLOSE_BAD_FRAME: Final = 4000
CLOSE_REFUSED: Final = 4002
CLOSE_NO_HELLO: Final = 4003


@dataclass(frozen=True)
class SessionLimits:
    """How patient and how generous the backend is with one client."""

    hello_s: float = 10.0
    send_s: float = 30.0
    requests_waiting: int = 64
    outbox_messages: int = 10_000
    outbox_characters: int = 16 * 1024 * 1024


class _SessionEndedError(Exception):
    """Ends the session's tasks."""


class Session:
    """One WebSocket connection."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        abort: Callable[[], None],
        *,
        hub: Hub,
        feed: Feed,
        requests: Requests,
        limits: SessionLimits,
    ) -> None:
        """Serve `socket`; `abort` ends its connection without waiting for the client."""
        self.instance_id = ""
        self.has_configured = False
        self._socket = socket
        self._abort = abort
        self._hub = hub
        self._feed = feed
        self._requests = requests
        self._limits = limits
        self._outbox = Outbox(limits.outbox_messages, limits.outbox_characters)
        self._inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue(limits.requests_waiting)
        self._member: Member | None = None
        self._farewell: Farewell | None = None
        self._is_dropped = False

    async def run(self) -> None:
        """Serve the client until either side ends it."""
        self._hub.connected(self)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read(), name="api session reader")
                group.create_task(self._answer_for_ever(), name="api session answers")
                group.create_task(self._send_for_ever(), name="api session sender")
        except* _SessionEndedError:
            pass
        finally:
            self._feed.leave(self)
            self._hub.disconnected(self)
            if self._member is not None:
                self._hub.leave(self._member)
        if self._farewell is not None:
            # only now: while a task reads, it would take the closing for its own
            await self._socket.close(
                code=self._farewell.code, message=self._farewell.reason.encode()
            )

    def push(self, message: Mapping[str, Any]) -> None:
        """Queue a message; a client too slow to take it is dropped."""
        self.push_text(encode(message))

    def push_text(self, text: str) -> None:
        """Queue an encoded message; a client too slow to take it is dropped."""
        if self._is_dropped:
            return
        try:
            self._outbox.put(text)
        except OutboxFullError:
            self._drop("more waits for it than may")

    def close_with(self, code: int, reason: str) -> None:
        """Close after what is queued."""
        self._outbox.end(Farewell(code, reason))

    def ready_to_deliver(self) -> None:
        """Take notifications from now."""
        if self._member is not None and not self._member.is_gone:
            self._hub.ready(self._member)
            _LOGGER.info(
                "Home Assistant %s takes notifications.",
                self.instance_id,
                extra={"action": "ready_to_deliver", "instance_id": self.instance_id},
            )

    def _drop(self, why: str) -> None:
        """End the connection of a client that does not read; it gets a snapshot when it is back."""
        self._is_dropped = True
        _LOGGER.warning(
            "A client does not read what it is sent (%s); its connection is dropped.",
            why,
            extra={"action": "client_dropped", "instance_id": self.instance_id},
        )
        self._abort()

    async def _send_for_ever(self) -> None:
        while True:
            item = await self._outbox.get()
            if isinstance(item, Farewell):
                self._farewell = item
                raise _SessionEndedError
            try:
                async with asyncio.timeout(self._limits.send_s):
                    await self._socket.send_str(item)
            except TimeoutError:
                self._drop("it took too long")
                raise _SessionEndedError from None
            except ConnectionError as error:
                raise _SessionEndedError from error

    async def _read(self) -> None:
        async for frame in self._socket:
            if frame.type is not WSMsgType.TEXT:
                self.close_with(CLOSE_BAD_FRAME, "frames are JSON text")
                break
            try:
                message = from_json(frame.data, allow_inf_nan=False)
            except ValueError:
                message = None
            if not isinstance(message, dict) or not isinstance(message.get("type"), str):
                self.close_with(CLOSE_BAD_FRAME, "a frame is a JSON object with a type")
                break
            self._take(message)
        else:
            raise _SessionEndedError  # the client closed

    def _take(self, message: dict[str, Any]) -> None:
        """Sort one message: answers of the client at once, requests one after the other."""
        if message["type"] == "notification_result":
            self._take_notification_result(message)
        elif self._inbox.full():
            self._push_failure(
                message, "too_many_requests", "Too many requests wait for their answer."
            )
        else:
            self._inbox.put_nowait(message)

    def _take_notification_result(self, message: Mapping[str, Any]) -> None:
        try:
            result = NotificationResult.model_validate(message)
        except ValidationError as error:
            _LOGGER.warning(
                "Home Assistant answered a notification in a way that is not understood: %s",
                faults(error),
                extra={"action": "notification_answer_invalid", "instance_id": self.instance_id},
            )
            return
        if self._member is not None:
            self._member.answer(result)

    async def _answer_for_ever(self) -> None:
        if not await self._open():
            return  # the farewell is queued
        while True:
            message = await self._inbox.get()
            if "id" not in message:
                continue  # a newer client's word
            if not isinstance(message["id"], int):
                self.close_with(CLOSE_BAD_FRAME, "an id is an integer")
                return
            try:
                result = await self._requests.answer(self, message)
            except MouldWatchError as error:
                self._push_failure(message, error.code, str(error), error.data)
            else:
                self.push(
                    {"type": "result", "id": message["id"], "success": True, "result": result}
                )

    def _push_failure(
        self,
        message: Mapping[str, Any],
        code: str,
        text: str,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        if "id" in message:
            error = {"code": code, "message": text, "data": data or {}}
            self.push({"type": "result", "id": message["id"], "success": False, "error": error})

    async def _open(self) -> bool:
        """Take the hello, send welcome and snapshot; return False when that was refused."""
        try:
            async with asyncio.timeout(self._limits.hello_s):
                message = await self._inbox.get()
        except TimeoutError:
            self.close_with(CLOSE_NO_HELLO, "no hello came")
            return False
        version = message.get("api_version")
        if message["type"] != "hello" or not isinstance(version, int):
            self.close_with(CLOSE_NO_HELLO, "the first message is the hello")
            return False
        if not API_VERSION_MINIMUM <= version <= API_VERSION_MAXIMUM:
            self._refuse_version(version)
            return False
        try:
            hello = Hello.model_validate(message)
        except ValidationError as error:
            self.close_with(CLOSE_NO_HELLO, f"the hello is not well formed: {faults(error)}"[:120])
            return False
        self.instance_id = hello.instance_id
        self._member = self._hub.join(hello.instance_id, self)
        _LOGGER.info(
            "Home Assistant %s connected (%s %s).",
            hello.instance_id,
            hello.client,
            hello.client_version,
            extra={"action": "client_connected", "instance_id": hello.instance_id},
        )
        self._feed.wait(self)
        view = await self._feed.view()
        # nothing may change between the snapshot and the first push: no await from here
        self._welcome(view)
        self._feed.listen(self)
        return True

    def _welcome(self, view: View) -> None:
        owner = view.backend.owner
        self.push(
            {
                "type": "welcome",
                "api_version": API_VERSION_MAXIMUM,
                "backend_id": view.backend.backend_id,
                "backend_version": __version__,
                "owner": owner,
                "revision": view.backend.revision,
                "role": "unclaimed"
                if owner is None
                else "owner"
                if owner == self.instance_id
                else "reader",
            }
        )
        self.push(
            {
                "type": "snapshot",
                "rooms": [room.model_dump(mode="json") for room in view.rooms.values()],
                "devices": [device.model_dump(mode="json") for device in view.devices.values()],
                "backend": backend_wire(view.backend),
                "health": self._feed.health(),
            }
        )

    def _refuse_version(self, version: int) -> None:
        if version > API_VERSION_MAXIMUM:
            code, older = "backend_too_old", "backend"
        else:
            code, older = "client_too_old", "integration"
        text = (
            f"The integration speaks version {version} of the protocol, the backend versions "
            f"{API_VERSION_MINIMUM} to {API_VERSION_MAXIMUM}: the {older} must be updated."
        )
        self.push({"type": "refused", "code": code, "message": text})
        self.close_with(CLOSE_REFUSED, code)
