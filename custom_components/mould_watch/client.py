"""The way to the backend: one question over HTTP, everything else over one WebSocket.

Speaks docs/protocol.md. The client keeps one connection for ever: a lost one is made anew
after a jittered, growing wait.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from random import Random
from typing import TYPE_CHECKING, Any, Final, Protocol

import aiohttp
from yarl import URL

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
from .models import BackendInfo, Device, Welcome

if TYPE_CHECKING:
    from collections.abc import Generator

_LOGGER = logging.getLogger(__name__)

HTTP_TIMEOUT_S: Final = 10.0
REQUEST_TIMEOUT_S: Final = 30.0
# longer than the backend waits for a service
SERVICE_TIMEOUT_S: Final = 40.0
HEARTBEAT_S: Final = 20.0
BACKOFF_INITIAL_S: Final = 1.0
BACKOFF_MAXIMUM_S: Final = 60.0
REPLACED_BACKOFF_S: Final = 30.0
MESSAGE_MAXIMUM_BYTES: Final = 16 * 1024 * 1024
_CLOSE_REPLACED: Final = 4001

type Message = Mapping[str, Any]


async def fetch_info(session: aiohttp.ClientSession, url: str, token: str) -> BackendInfo:
    """Return what the backend says of itself.

    Raises CannotConnectError, InvalidAuthError, NotMouldWatchError, BackendTooOldError or
    BackendTooNewError.
    """
    answer = await _get(session, url, token, "info")
    try:
        info = BackendInfo.from_wire(answer)
    except (KeyError, TypeError, ValueError) as err:
        raise NotMouldWatchError(f"{url} answers in an unknown way: {err!r}") from err
    if info.maximum_api < API_VERSION:
        raise BackendTooOldError(f"the backend {info.version} speaks up to {info.maximum_api}")
    if info.minimum_api > API_VERSION:
        raise BackendTooNewError(f"the backend {info.version} speaks from {info.minimum_api}")
    return info


async def fetch_devices(session: aiohttp.ClientSession, url: str, token: str) -> list[Device]:
    """Return the devices the backend knows; raises as `fetch_info` does."""
    answer = await _get(session, url, token, "devices")
    try:
        return [Device.from_wire(device) for device in answer["devices"]]
    except (KeyError, TypeError, ValueError) as err:
        raise NotMouldWatchError(f"{url} answers in an unknown way: {err!r}") from err


async def say_to_service(
    session: aiohttp.ClientSession, url: str, token: str, name: str, words: Mapping[str, str]
) -> str | None:
    """Let the backend say `title` and `body` to a service of its own; return what went wrong.

    Raises as `fetch_info` does.
    """
    path = f"services/{name}/test"
    answer = await _ask(
        session, url, token, path, method="POST", body=words, timeout_s=SERVICE_TIMEOUT_S
    )
    return None if answer.get("delivered") else str(answer.get("message") or answer.get("code"))


async def _get(session: aiohttp.ClientSession, url: str, token: str, path: str) -> Message:
    return await _ask(session, url, token, path)


async def _ask(
    session: aiohttp.ClientSession,
    url: str,
    token: str,
    path: str,
    *,
    method: str = "GET",
    body: Mapping[str, str] | None = None,
    timeout_s: float = HTTP_TIMEOUT_S,
) -> Message:
    try:
        async with (
            asyncio.timeout(timeout_s),
            session.request(
                method, URL(url) / "v1" / path, headers=_headers(token), json=body
            ) as response,
        ):
            if response.status == HTTPStatus.UNAUTHORIZED:
                raise InvalidAuthError("the backend does not know this token")
            if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise CannotConnectError(f"the backend answers {response.status}")
            if response.status != HTTPStatus.OK:
                raise NotMouldWatchError(f"{url} answers {response.status}")
            body = await response.json(content_type=None)
    except json.JSONDecodeError as err:
        raise NotMouldWatchError(f"{url} does not answer in JSON") from err
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as err:
        raise CannotConnectError(f"{url} cannot be reached: {err!r}") from err
    if not isinstance(body, dict):
        raise NotMouldWatchError(f"{url} answers in an unknown way")
    return body


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
                headers=_headers(token),
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
        with _first_of_group():
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


class StreamListener(Protocol):
    """Who is told what happens on the client's connection."""

    def on_snapshot(self, welcome: Welcome, snapshot: Message) -> None:
        """Take the state whole: the connection is complete."""
        ...

    def on_message(self, message: Message) -> None:
        """Take a change or a notification."""
        ...

    async def on_connected(self, stream: Stream, welcome: Welcome) -> None:
        """Use the connection; cancelled when it goes."""
        ...

    def on_lost(self, error: MouldWatchClientError) -> None:
        """Take that there is no connection, and why."""
        ...


class BackendClient:
    """Keeps one connection to the backend, for ever."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        token: str,
        instance_id: str,
        listener: StreamListener,
    ) -> None:
        """Keep where to connect to and whom to tell."""
        self._session = session
        self._url = url
        self._token = token
        self._instance_id = instance_id
        self._listener = listener
        self._random = Random()  # noqa: S311 - jitter, not a secret
        self._failures = 0
        self._stream: Stream | None = None
        self._ready = asyncio.Event()

    @property
    def stream(self) -> Stream:
        """Return the complete connection; raises CannotConnectError without one."""
        if self._stream is None:
            raise CannotConnectError("the backend is not connected")
        return self._stream

    async def wait_ready(self, timeout_s: float) -> bool:
        """Wait until the connection is complete; return whether it is."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Connect, and connect again, until cancelled."""
        while True:
            try:
                with _first_of_group():
                    await self._connect_once()
            except MouldWatchClientError as err:
                self._stream = None
                self._ready.clear()
                self._listener.on_lost(err)
                delay_s = self._next_delay_s(err)
                _LOGGER.debug("Connecting again in %.1f s: %s", delay_s, err)
                await asyncio.sleep(delay_s)

    async def _connect_once(self) -> None:
        welcome: Welcome | None = None
        async with (
            open_stream(self._session, self._url, self._token, self._instance_id) as stream,
            asyncio.TaskGroup() as group,
        ):

            def handle(message: Message) -> None:
                nonlocal welcome
                if message["type"] == "welcome":
                    welcome = Welcome.from_wire(message)
                elif message["type"] == "snapshot" and welcome is not None:
                    self._listener.on_snapshot(welcome, message)
                    self._failures = 0
                    self._stream = stream
                    self._ready.set()
                    group.create_task(self._use(stream, welcome), name="mould_watch connected")
                else:
                    self._listener.on_message(message)

            def handle_known(message: Message) -> None:
                try:
                    handle(message)
                except (AttributeError, KeyError, TypeError, ValueError) as err:
                    raise NotMouldWatchError(
                        f"the backend's message {message['type']} is not understood: {err!r}"
                    ) from err

            group.create_task(stream.read(handle_known), name="mould_watch read")

    async def _use(self, stream: Stream, welcome: Welcome) -> None:
        """Let the listener use the connection; an answer nobody understands ends it."""
        try:
            await self._listener.on_connected(stream, welcome)
        except* (AttributeError, KeyError, TypeError, ValueError) as group:
            raise NotMouldWatchError(
                f"the backend's answer is not understood: {group.exceptions[0]!r}"
            ) from group

    def _next_delay_s(self, error: MouldWatchClientError) -> float:
        """Return the wait before the next try: half to all of a growing ceiling."""
        if isinstance(error, InvalidAuthError | BackendTooOldError | BackendTooNewError):
            ceiling_s = BACKOFF_MAXIMUM_S
        else:
            ceiling_s = min(BACKOFF_MAXIMUM_S, BACKOFF_INITIAL_S * 2.0 ** min(self._failures, 16))
        self._failures += 1
        delay_s = ceiling_s * self._random.uniform(0.5, 1.0)
        if isinstance(error, ReplacedError):
            return REPLACED_BACKOFF_S + delay_s
        return delay_s


def _headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@contextmanager
def _first_of_group() -> Generator[None]:
    """Raise the client's error alone, out of the group a TaskGroup makes of it."""
    try:
        yield
    except* MouldWatchClientError as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None
