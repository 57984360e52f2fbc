"""A client of the backend's API, as small as the protocol allows, for tests."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

TOKEN = "the-token-of-the-tests"
INSTANCE = "home-1"
_WAIT_S = 60.0

type Message = dict[str, Any]


class StreamClosedError(Exception):
    """The backend closed the stream."""

    def __init__(self, code: int | None, reason: str | None) -> None:
        """Keep the close frame."""
        super().__init__(f"closed with {code} {reason}")
        self.code = code
        self.reason = reason


class Stream:
    """One open stream. What was received and not asked for yet stays for later questions."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Speak over `socket`."""
        self.socket = socket
        self.kept: list[Message] = []
        self._next_id = 0

    async def send(self, message: Mapping[str, Any]) -> None:
        """Send one message."""
        await self.socket.send_json(message)

    async def hello(self, instance_id: str = INSTANCE, **changes: object) -> None:
        """Say hello."""
        await self.send(
            {
                "type": "hello",
                "api_version": 1,
                "client": "home_assistant",
                "client_version": "0.1.0",
                "instance_id": instance_id,
            }
            | changes
        )

    async def open(self, instance_id: str = INSTANCE) -> tuple[Message, Message]:
        """Say hello; return the welcome and the snapshot."""
        await self.hello(instance_id)
        return await self.receive("welcome"), await self.receive("snapshot")

    async def request(self, kind: str, **content: object) -> Message:
        """Ask and return the result, successful or not."""
        self._next_id += 1
        number = self._next_id
        await self.send({"type": kind, "id": number} | content)
        return await self.receive("result", lambda message: message["id"] == number)

    async def receive(
        self, kind: str, fits: Callable[[Message], bool] = lambda _message: True
    ) -> Message:
        """Return the next message of a kind that fits; raises StreamClosedError."""
        for message in self.kept:
            if message["type"] == kind and fits(message):
                self.kept.remove(message)
                return message
        async with asyncio.timeout(_WAIT_S):
            while True:
                frame = await self.socket.receive()
                if frame.type is not aiohttp.WSMsgType.TEXT:
                    reason = frame.extra if isinstance(frame.extra, str) else None
                    raise StreamClosedError(self.socket.close_code, reason)
                message = frame.json()
                if message["type"] == kind and fits(message):
                    return dict(message)
                self.kept.append(message)

    async def closed(self) -> int | None:
        """Return the code with which the backend closes the stream."""
        try:
            await self.receive("nothing of this kind")
        except StreamClosedError as error:
            return error.code
        raise AssertionError


@asynccontextmanager
async def connect(url: str, token: str = TOKEN) -> AsyncGenerator[Stream]:
    """Open the stream of the backend at `url`; it is left without hello."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.ws_connect(f"{url}/v1/stream") as socket,
    ):
        yield Stream(socket)


def room(room_id: object, name: str = "Bathroom", **changes: object) -> Message:
    """Return a room's configuration: an MQTT sensor, things in the room."""
    source = {"kind": "device", "source_instance": "mqtt:zigbee2mqtt", "native_id": "0x01"}
    return {
        "room_id": str(room_id),
        "name": name,
        "sources": {"temperature": source, "humidity": source},
        "protect": "things",
    } | changes


def document(
    *rooms: Message, revision: int = 1, owner: str = INSTANCE, **home: object
) -> dict[str, Any]:
    """Return a configuration document."""
    return {
        "owner": owner,
        "revision": revision,
        "home": home,
        "rooms": list(rooms),
        "devices": [],
    }
