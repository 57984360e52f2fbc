"""One WebSocket to the backend: requests with answers, and messages.

Speaks docs/protocol.md.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import aiohttp
from yarl import URL

from .asking import HTTP_TIMEOUT_S, Message, headers
from .const import API_VERSION, CLIENT_NAME, CLIENT_VERSION
from .errors import (
    BackendTooNewError,
    BackendTooOldError,
    CannotConnectError,
    InvalidAuthError,
    MouldWatchClientError,
    NotMouldWatchError,
    RefusedError,
    ReplacedError,
)

if TYPE_CHECKING:
    from collections.abc import Generator

REQUEST_TIMEOUT_S: Final = 30.0
HEARTBEAT_S: Final = 20.0
MESSAGE_MAXIMUM_BYTES: Final = 16 * 1024 * 1024
_CLOSE_REPLACED: Final = 4001


class Stream:
    """One open WebSocket: requests with answers, and messages."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Take the socket."""
        self._socket = socket
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._last_id = 0

    async def send(self, message: Message) -> None:
        """Send one message; raises CannotConnectError when the connection is gone."""
        try:
            await self._socket.send_json(message)
        except (aiohttp.ClientError, OSError) as err:
            raise CannotConnectError("the connection to the backend was lost") from err

    async def request(self, message_type: str, **payload: object) -> Message:
        """Ask, and return the result.

        Raises RefusedError with the backend's reason, CannotConnectError when the connection
        goes or no answer comes in time.
        """
        self._last_id += 1
        request_id = self._last_id
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = answer
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                await self.send({"type": message_type, "id": request_id, **payload})
                result = await answer
        except TimeoutError as err:
            raise CannotConnectError(f"the backend did not answer {message_type}") from err
        finally:
            del self._waiting[request_id]
        if result.get("success"):
            return result.get("result") or {}
        error = result.get("error") or {}
        raise RefusedError(
            str(error.get("code", "unknown")), str(error.get("message", "")), error.get("data")
        )

    async def read(self, handle: Callable[[Message], None]) -> None:
        """Hand over every message that is not an answer; ends only by an error."""
        try:
            async for frame in self._socket:
                if frame.type is aiohttp.WSMsgType.TEXT:
                    self._take(frame.data, handle)
        finally:
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(CannotConnectError("the connection was lost"))
        if self._socket.close_code == _CLOSE_REPLACED:
            raise ReplacedError("a newer connection of this Home Assistant took over")
        raise CannotConnectError(f"the backend closed the connection ({self._socket.close_code})")

    def _take(self, text: str, handle: Callable[[Message], None]) -> None:
        try:
            message = json.loads(text)
            message_type = message["type"]
        except (ValueError, KeyError, TypeError) as err:
            raise NotMouldWatchError("the backend sent something that is no message") from err
        if message_type == "refused":
            error = (
                BackendTooOldError
                if message.get("code") == "backend_too_old"
                else BackendTooNewError
            )
            raise error(str(message.get("message", "")))
        if message_type != "result":
            handle(message)
            return
        answer = self._waiting.get(message.get("id"))
        if answer is not None and not answer.done():
            answer.set_result(message)


@asynccontextmanager
async def open_stream(
    session: aiohttp.ClientSession, url: str, token: str, instance_id: str
) -> AsyncGenerator[Stream]:
    """Connect and say hello. Raises as `fetch_info` does."""
    try:
        async with asyncio.timeout(HTTP_TIMEOUT_S):
            socket = await session.ws_connect(
                URL(url) / "v1" / "stream",
                headers=headers(token),
                heartbeat=HEARTBEAT_S,
                max_msg_size=MESSAGE_MAXIMUM_BYTES,
            )
    except aiohttp.WSServerHandshakeError as err:
        if err.status == HTTPStatus.UNAUTHORIZED:
            raise InvalidAuthError("the backend does not know this token") from err
        if err.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise CannotConnectError(f"the backend answers {err.status}") from err
        raise NotMouldWatchError(f"{url} answers {err.status}") from err
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as err:
        raise CannotConnectError(f"{url} cannot be reached: {err!r}") from err
    async with socket:
        stream = Stream(socket)
        await stream.send(
            {
                "type": "hello",
                "api_version": API_VERSION,
                "client": CLIENT_NAME,
                "client_version": CLIENT_VERSION,
                "instance_id": instance_id,
            }
        )
        yield stream


async def request_once(
    session: aiohttp.ClientSession, url: str, token: str, instance_id: str, message_type: str
) -> Message:
    """Open a stream for one question. Not while an entry holds a stream of its own."""
    welcomed = asyncio.Event()

    def handle(message: Message) -> None:
        if message["type"] == "welcome":
            welcomed.set()

    result: Message = {}
    try:
        with first_of_group():
            async with (
                asyncio.timeout(REQUEST_TIMEOUT_S),
                open_stream(session, url, token, instance_id) as stream,
                asyncio.TaskGroup() as group,
            ):
                reader = group.create_task(stream.read(handle), name="mould_watch read once")
                await welcomed.wait()
                result = await stream.request(message_type)
                reader.cancel()
    except TimeoutError as err:
        raise CannotConnectError(f"the backend did not answer {message_type}") from err
    return result


@contextmanager
def first_of_group() -> Generator[None]:
    """Raise the client's error alone, out of the group a TaskGroup makes of it."""
    try:
        yield
    except* MouldWatchClientError as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None
