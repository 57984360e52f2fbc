"""Home Assistant's own HTTP and WebSocket interfaces, as a browser uses them."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp

_OK_MAXIMUM = 299
_TIMEOUT = aiohttp.ClientTimeout(total=60)

type Json = dict[str, Any]


class HomeAssistantError(Exception):
    """Home Assistant refused a request."""


class HomeAssistantApi:
    """One signed-in user of one instance."""

    def __init__(self, address: str) -> None:
        """Describe the instance; `onboard` or `log_in` comes next."""
        self.address = address
        self.client_id = f"{address}/"
        self.tokens: Json = {}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Use as a context, to close it in the end."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    # ------------------------------------------------------------------ signing in

    async def is_new(self) -> bool:
        """Tell whether nobody has been registered yet."""
        async with self._http().get(f"{self.address}/api/onboarding") as answer:
            if answer.status > _OK_MAXIMUM:
                return False
            steps = await answer.json()
        return any(step["step"] == "user" and not step["done"] for step in steps)

    async def onboard(self, name: str, password: str) -> None:
        """Register the first user and finish the steps that a browser would show."""
        answer = await self._send(
            "POST",
            "/api/onboarding/users",
            {
                "name": name.capitalize(),
                "username": name,
                "password": password,
                "client_id": self.client_id,
                "language": "en",
            },
        )
        await self._exchange(answer["auth_code"])
        steps = await self.get("/api/onboarding")
        page = {"client_id": self.client_id, "redirect_uri": self.client_id}
        for step in steps:
            if not step["done"]:
                body = page if step["step"] == "integration" else None
                await self.post(f"/api/onboarding/{step['step']}", body)

    async def log_in(self, name: str, password: str) -> None:
        """Sign in by name and password, the way the login page does."""
        flow = await self._send(
            "POST",
            "/auth/login_flow",
            {
                "client_id": self.client_id,
                "handler": ["homeassistant", None],
                "redirect_uri": self.client_id,
            },
        )
        step = await self._send(
            "POST",
            f"/auth/login_flow/{flow['flow_id']}",
            {"client_id": self.client_id, "username": name, "password": password},
        )
        if step.get("type") != "create_entry":
            raise HomeAssistantError(f"signing in as {name} failed: {step.get('errors')}")
        await self._exchange(step["result"])

    async def refresh(self) -> None:
        """Get a new access token (they last half an hour)."""
        form = {"grant_type": "refresh_token", "refresh_token": self.tokens["refresh_token"]}
        self.tokens |= await self._token(form)

    async def _exchange(self, code: str) -> None:
        self.tokens = await self._token({"grant_type": "authorization_code", "code": code})

    async def _token(self, form: Mapping[str, str]) -> Json:
        data = {"client_id": self.client_id, **form}
        async with self._http().post(f"{self.address}/auth/token", data=data) as answer:
            body: Json = await answer.json()
            if answer.status > _OK_MAXIMUM:
                raise HomeAssistantError(f"no token: {body}")
        return body

    # ------------------------------------------------------------------ requests

    async def get(self, path: str) -> Any:  # noqa: ANN401 - whatever JSON it answers
        """Return what a GET answers."""
        return await self._send("GET", path)

    async def post(self, path: str, body: object = None) -> Any:  # noqa: ANN401
        """Return what a POST answers."""
        return await self._send("POST", path, {} if body is None else body)

    async def delete(self, path: str) -> Any:  # noqa: ANN401
        """Return what a DELETE answers."""
        return await self._send("DELETE", path)

    async def states(self) -> dict[str, Json]:
        """Return every entity's state by entity id."""
        return {state["entity_id"]: state for state in await self.get("/api/states")}

    async def call(self, domain: str, action: str, data: Json | None = None) -> None:
        """Perform an action."""
        await self.post(f"/api/services/{domain}/{action}", data or {})

    async def command(self, kind: str, **data: object) -> Any:  # noqa: ANN401
        """Send one WebSocket command and return its result."""
        async with self.socket() as socket:
            return await socket.command(kind, **data)

    @asynccontextmanager
    async def socket(self) -> AsyncIterator[HomeAssistantSocket]:
        """Open a signed-in WebSocket."""
        address = f"{self.address.replace('http', 'ws', 1)}/api/websocket"
        async with self._http().ws_connect(address, max_msg_size=64 * 1024 * 1024) as connection:
            await connection.receive_json()
            await connection.send_json(
                {"type": "auth", "access_token": self.tokens["access_token"]}
            )
            answer = await connection.receive_json()
            if answer["type"] != "auth_ok":
                raise HomeAssistantError(f"the WebSocket refused the token: {answer}")
            socket = HomeAssistantSocket(connection)
            reader = asyncio.create_task(socket.read(), name="home_assistant.socket")
            try:
                yield socket
            finally:
                reader.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await reader

    async def running(self) -> bool:
        """Tell whether it has finished starting."""
        try:
            return bool((await self.get("/api/config"))["state"] == "RUNNING")
        except aiohttp.ClientError, TimeoutError, HomeAssistantError:
            return False

    # ------------------------------------------------------------------ phones and rooms

    async def register_phone(
        self, name: str, push_url: str, app_device_id: str | None = None
    ) -> tuple[str, str]:
        """Register a phone as the companion app does; return its device id and its webhook.

        `app_device_id` is the app's own id, which tells phones of one name apart.
        """
        before = {device["id"] for device in await self.devices()}
        registration = await self.post(
            "/api/mobile_app/registrations",
            {
                "app_id": "io.homeassistant.companion.android",
                "app_name": "Home Assistant",
                "app_version": "2026.11.1",
                "device_name": name,
                "device_id": app_device_id or name.lower().replace(" ", "-"),
                "manufacturer": "Fairphone",
                "model": "FP5",
                "os_name": "Android",
                "os_version": "16",
                "supports_encryption": False,
                "app_data": {"push_token": f"token-of-{name}", "push_url": push_url},
            },
        )
        async with asyncio.timeout(20):
            while True:
                for device in await self.devices():
                    if (
                        device["id"] not in before
                        and (device["name_by_user"] or device["name"]) == name
                    ):
                        return str(device["id"]), str(registration["webhook_id"])
                await asyncio.sleep(0.1)

    async def update_phone(self, name: str, webhook_id: str, push_url: str) -> None:
        """Tell where a phone's push service is now, as the companion app does when it changes."""
        registration = {
            "app_version": "2026.11.1",
            "device_name": name,
            "manufacturer": "Fairphone",
            "model": "FP5",
            "os_version": "16",
            "app_data": {"push_token": f"token-of-{name}", "push_url": push_url},
        }
        await self.post(
            f"/api/webhook/{webhook_id}", {"type": "update_registration", "data": registration}
        )

    async def area(self, name: str) -> str:
        """Return the id of an area, made if there is none of that name."""
        for area in await self.command("config/area_registry/list"):
            if area["name"] == name:
                return str(area["area_id"])
        return str((await self.command("config/area_registry/create", name=name))["area_id"])

    async def devices(self) -> list[Json]:
        """Return the device registry."""
        devices: list[Json] = await self.command("config/device_registry/list")
        return devices

    async def entities(self) -> list[Json]:
        """Return the entity registry."""
        entities: list[Json] = await self.command("config/entity_registry/list")
        return entities

    async def entries(self, domain: str) -> list[Json]:
        """Return the configuration entries of an integration."""
        entries: list[Json] = await self.command("config_entries/get", domain=domain)
        return entries

    async def subentries(self, entry_id: str) -> list[Json]:
        """Return the subentries of an entry."""
        subentries: list[Json] = await self.command(
            "config_entries/subentries/list", entry_id=entry_id
        )
        return subentries

    # ------------------------------------------------------------------

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        return self._session

    async def _send(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        answer = await self._request(method, path, body)
        if answer is None and "refresh_token" in self.tokens:
            await self.refresh()
            answer = await self._request(method, path, body)
        if answer is None:
            raise HomeAssistantError(f"{method} {path}: not signed in")
        return answer[0]

    async def _request(self, method: str, path: str, body: object) -> tuple[Any] | None:
        """Send one request; None when the token has run out."""
        headers = {}
        if "access_token" in self.tokens:
            headers["Authorization"] = f"Bearer {self.tokens['access_token']}"
        async with self._http().request(
            method, f"{self.address}{path}", json=body, headers=headers
        ) as answer:
            if answer.status == 401:  # noqa: PLR2004
                return None
            is_json = answer.content_type == "application/json"
            content = await answer.json() if is_json else await answer.text()
            if answer.status > _OK_MAXIMUM:
                raise HomeAssistantError(f"{method} {path} answered {answer.status}: {content}")
            return (content,)


class HomeAssistantSocket:
    """A signed-in WebSocket: commands with their results, events as they come."""

    def __init__(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        """Wrap an authenticated connection."""
        self._connection = connection
        self._ids = itertools.count(1)
        self._results: dict[int, asyncio.Future[Any]] = {}
        self._listeners: dict[int, Callable[[Json], None]] = {}

    async def command(self, kind: str, **data: object) -> Any:  # noqa: ANN401
        """Send one command and return its result."""
        return await self._command(next(self._ids), kind, data)

    async def listen(self, event_type: str) -> list[Json]:
        """Return a list to which every coming event of a type is added."""
        events: list[Json] = []
        number = next(self._ids)
        self._listeners[number] = events.append
        await self._command(number, "subscribe_events", {"event_type": event_type})
        return events

    async def _command(self, number: int, kind: str, data: Mapping[str, object]) -> Any:  # noqa: ANN401
        result = asyncio.get_running_loop().create_future()
        self._results[number] = result
        await self._connection.send_json({"id": number, "type": kind, **data})
        async with asyncio.timeout(60):
            answer = await result
        if not answer["success"]:
            raise HomeAssistantError(f"{kind}: {answer['error']}")
        return answer["result"]

    async def read(self) -> None:
        """Receive until the connection ends."""
        try:
            async for message in self._connection:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue
                content = message.json()
                for part in content if isinstance(content, list) else [content]:
                    self._take(part)
        finally:
            for result in self._results.values():
                if not result.done():
                    result.set_exception(HomeAssistantError("the WebSocket was closed"))

    def _take(self, part: Json) -> None:
        if part["type"] == "result" and (result := self._results.pop(part["id"], None)):
            if not result.done():
                result.set_result(part)
        elif part["type"] == "event" and (listener := self._listeners.get(part["id"])):
            listener(part["event"])
