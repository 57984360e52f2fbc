"""A backend that speaks docs/protocol.md over real sockets, and does as the test says."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from aiohttp import WSCloseCode, WSMsgType, web

from tests.home_assistant.messages import Message, condition, device
from tests.support.waiting import until

TOKEN = "the-token-of-the-tests"


class Backend:
    """State, and a record of what was asked."""

    def __init__(self) -> None:
        self.token = TOKEN
        self.backend_id: str | None = str(uuid4())
        self.api = {"minimum": 1, "maximum": 1}
        self.owner: str | None = None
        self.revision: int | None = None
        self.document: Message | None = None
        self.archived: list[Message] = []
        self.devices: list[Message] = [device("0x01", "Bathroom sensor")]
        self.conditions: dict[str, Message] = {}
        self.health: Message = {"database": "ready", "broker": "ready", "dead_letters": 0}
        # request type -> error; taken away by the test
        self.refusals: dict[str, Message] = {}
        self.room_errors: dict[str, str] = {}
        self.device_errors: dict[str, str] = {}
        # request type -> a result of the test's own; taken away by the test
        self.answers: dict[str, Message] = {}
        # request type -> taken at once, and answered when this is set
        self.answered_when: dict[str, asyncio.Event] = {}
        # the names of those it can tell beside phones; None: it does not say
        self.services: list[str] | None = ["chat", "mail"]
        # what is wrong with one of them, by its name
        self.service_faults: dict[str, str] = {}
        # what is the matter with itself; None: it is too old to say
        self.own: Message | None = None
        self.info: Any = None
        self.refuse_hello: Message | None = None
        self.welcomes = True
        # answers no request
        self.silent = False
        self.stream_status: int | None = None
        self.received: list[Message] = []
        self.connections = 0
        self.sockets: list[web.WebSocketResponse] = []
        self._runner: web.AppRunner | None = None
        self._place = _place()

    @property
    def port(self) -> int:
        """Return where it answers, or will when it has started again."""
        return int(self._place.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        application = web.Application()
        application.router.add_get("/v1/info", self._info)
        application.router.add_get("/v1/devices", self._devices)
        application.router.add_post("/v1/services/{name}/test", self._test_service)
        application.router.add_get("/v1/stream", self._stream)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()

    def move(self) -> None:
        """Answer at another port from the next start on."""
        before, self._place = self._place, _place()
        before.close()

    def close(self) -> None:
        """Leave the port to others."""
        self._place.close()

    async def stop(self) -> None:
        await self.drop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def drop(self, code: int = WSCloseCode.GOING_AWAY) -> None:
        """Close every connection."""
        sockets, self.sockets = self.sockets, []
        for one in sockets:
            await one.close(code=code)

    async def send(self, message: Mapping[str, Any]) -> None:
        """Send to the newest connection."""
        await self.sockets[-1].send_json(message)

    async def tell_condition(self, room_id: str, **values: object) -> None:
        """Give a room a new condition and say so."""
        self.conditions[room_id] = condition(room_id, **values)
        await self.send({"type": "room", "room": self._room(self._config(room_id))})

    async def tell_device(self, native_id: str, **values: object) -> None:
        """Change a device and say so."""
        for known in self.devices:
            if known["native_id"] == native_id:
                known.update(values)
                await self.send({"type": "device", "device": known})

    async def notify(self, message: Message) -> Message:
        """Send a notification and return the answer to it."""
        before = len(self.results(message["notification_id"]))
        await self.send({"type": "notify", "notification": message})
        await until(lambda: len(self.results(message["notification_id"])) > before)
        return self.results(message["notification_id"])[-1]

    def results(self, notification_id: str) -> list[Message]:
        return [
            message
            for message in self.of("notification_result")
            if message["notification_id"] == notification_id
        ]

    def of(self, message_type: str) -> list[Message]:
        """Return the messages of a type received so far."""
        return [message for message in self.received if message["type"] == message_type]

    async def wait_for(
        self, message_type: str, match: Callable[[Message], bool] = lambda _: True
    ) -> Message:
        """Wait for a message and return the newest that matches."""
        found: list[Message] = []

        def arrived() -> bool:
            found[:] = [message for message in self.of(message_type) if match(message)]
            return bool(found)

        await until(arrived)
        return found[-1]

    def readings(self) -> list[Message]:
        """Return every reading forwarded, in order."""
        return [reading for message in self.of("readings") for reading in message["readings"]]

    def _authorized(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {self.token}"

    async def _info(self, request: web.Request) -> web.Response:
        if not self._authorized(request):
            return web.json_response({"error": {"code": "unauthorized"}}, status=401)
        if self.info is not None:
            return web.json_response(self.info)
        return web.json_response(
            {
                "backend_id": self.backend_id,
                "backend_version": "0.1.0",
                "api": self.api,
                "owner": self.owner,
                "rooms": len(self.document["rooms"]) if self.document else 0,
                "services": self.services,
            }
        )

    async def _test_service(self, request: web.Request) -> web.Response:
        if not self._authorized(request):
            return web.json_response({"error": {"code": "unauthorized"}}, status=401)
        name = request.match_info["name"]
        self.received.append({"type": "service_test", "name": name, **await request.json()})
        fault = self.service_faults.get(name)
        return web.json_response({"delivered": fault is None, "code": None, "message": fault})

    async def _devices(self, request: web.Request) -> web.Response:
        if not self._authorized(request):
            return web.json_response({"error": {"code": "unauthorized"}}, status=401)
        if "devices" in self.refusals:
            return web.json_response({"error": self.refusals["devices"]}, status=503)
        return web.json_response({"devices": self.devices})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if not self._authorized(request):
            return web.json_response({"error": {"code": "unauthorized"}}, status=401)
        if self.stream_status is not None:
            return web.Response(status=self.stream_status)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.connections += 1
        hello = await socket.receive_json()
        self.received.append(hello)
        if self.refuse_hello is not None:
            await socket.send_json({"type": "refused", "message": "no", **self.refuse_hello})
            await socket.close(code=4002)
            return socket
        self.sockets.append(socket)
        await socket.send_json({"type": "health", "health": self.health})
        if self.welcomes:
            await self._welcome(socket, hello["instance_id"])
        async for frame in socket:
            if frame.type is WSMsgType.TEXT:
                await self._take(socket, frame.json())
        return socket

    async def _welcome(self, socket: web.WebSocketResponse, instance_id: str) -> None:
        role = "owner" if self.owner == instance_id else "reader"
        await socket.send_json(
            {
                "type": "welcome",
                "api_version": 1,
                "backend_id": self.backend_id,
                "backend_version": "0.1.0",
                "owner": self.owner,
                "revision": self.revision,
                "role": "unclaimed" if self.owner is None else role,
            }
        )
        await socket.send_json(
            {
                "type": "snapshot",
                "rooms": [self._room(room) for room in self._rooms()],
                "devices": self.devices,
                "health": self.health,
                **({} if self.own is None else {"backend": self.own}),
            }
        )

    async def _take(self, socket: web.WebSocketResponse, message: Message) -> None:
        self.received.append(message)
        if "id" not in message or self.silent:
            return
        answer: Message = {"type": "result", "id": message["id"]}
        error = self.refusals.get(message["type"])
        if error is not None and message.get("choice") is None:
            await socket.send_json({**answer, "success": False, "error": error})
            return
        if message["type"] in self.answers:
            result = self.answers[message["type"]]
            await socket.send_json({**answer, "success": True, "result": result})
            return
        result = getattr(self, f"_on_{message['type']}")(message)
        if (when := self.answered_when.get(message["type"])) is not None:
            await when.wait()
        await socket.send_json({**answer, "success": True, "result": result})
        if message["type"] == "configure":
            for room in self._rooms():
                await socket.send_json({"type": "room", "room": self._room(room)})

    def _on_configure(self, message: Message) -> Message:
        document = message["document"]
        if message["choice"] is not None:
            self.refusals.pop("configure", None)
        present = {room["room_id"]: room for room in self._rooms()}
        wanted = {room["room_id"] for room in document["rooms"]}
        self.archived = [room for room in self.archived if room["room_id"] not in wanted]
        self.archived += [room for room_id, room in present.items() if room_id not in wanted]
        self.document = document
        self.owner = document["owner"]
        self.revision = document["revision"]
        return {
            "revision": self.revision,
            "rooms": self._room_results(document),
            "devices": self._device_results(document),
        }

    def _on_check_configuration(self, message: Message) -> Message:
        document = message["document"]
        return {
            "revision": document["revision"],
            "rooms": self._room_results(document),
            "devices": self._device_results(document),
        }

    def _on_restore(self, message: Message) -> Message:
        del message
        return {"document": self.document, "archived": self.archived}

    def _on_readings(self, message: Message) -> Message:
        return {"results": [{"status": "stored"} for _ in message["readings"]]}

    def _on_availability(self, message: Message) -> Message:
        del message
        return {}

    def _on_ready_to_deliver(self, message: Message) -> Message:
        del message
        return {}

    def _on_incident_action(self, message: Message) -> Message:
        repeated = [one for one in self.of("incident_action") if one != message]
        is_repeated = any(one["action_id"] == message["action_id"] for one in repeated)
        return {"outcome": "done", "is_repeated": is_repeated, "incident": None}

    def _on_notification_receipt(self, message: Message) -> Message:
        del message
        return {"is_known": True}

    def _room_results(self, document: Message) -> Message:
        return {
            room["room_id"]: (
                {"ok": False, "code": "bad", "message": self.room_errors[room["name"]]}
                if room["name"] in self.room_errors
                else {"ok": True}
            )
            for room in document["rooms"]
        }

    def _device_results(self, document: Message) -> list[Message]:
        return [
            {"ok": False, "code": "invalid_device", "message": self.device_errors[device["name"]]}
            if device["name"] in self.device_errors
            else {"ok": True}
            for device in document["devices"]
        ]

    def _rooms(self) -> list[Message]:
        return self.document["rooms"] if self.document else []

    def _config(self, room_id: str) -> Message:
        return next(room for room in self._rooms() if room["room_id"] == room_id)

    def _room(self, config: Message) -> Message:
        return {
            "room_id": config["room_id"],
            "name": config["name"],
            "config": config,
            "archived": False,
            "condition": self.conditions.get(config["room_id"]),
        }


def _place() -> socket.socket:
    """Return what keeps a port: while nobody listens there, any connection could be given it."""
    place = socket.socket()
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    place.bind(("127.0.0.1", 0))
    return place


@asynccontextmanager
async def running_backend() -> AsyncGenerator[Backend]:
    """Run a backend on a free port of the loopback interface."""
    backend = Backend()
    await backend.start()
    try:
        yield backend
    finally:
        async with asyncio.timeout(10):
            await backend.stop()
        backend.close()
