"""The HTTP paths of docs/protocol.md."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

from aiohttp import web
from pydantic import SecretStr

from mould_watch import __version__
from mould_watch.api.answers import BODY_MAXIMUM_BYTES, answer, choice, failure
from mould_watch.api.feed import Feed
from mould_watch.api.hub import Hub
from mould_watch.api.messages import API_VERSION_MAXIMUM, API_VERSION_MINIMUM
from mould_watch.api.requests import Requests
from mould_watch.api.services import Services
from mould_watch.api.session import Session, SessionLimits
from mould_watch.api.token import is_token
from mould_watch.errors import DatabaseUnavailableError, MouldWatchError
from mould_watch.ports import PartHealth
from mould_watch.storage import overview
from mould_watch.storage.database import Database

_LOGGER: Final = logging.getLogger(__name__)
_HEARTBEAT_S: Final = 20.0
_CLOSE_HANDSHAKE_S: Final = 1.0
_FRAME_MAXIMUM_BYTES: Final = 4 * 1024 * 1024

type _Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Resource(Protocol):
    """One kind of thing below /v1, with paths of its own."""

    def routes(self) -> Sequence[web.RouteDef]:
        """Return the paths it answers."""
        ...


class Routes:
    """Answers each path."""

    def __init__(
        self,
        *,
        database: Database,
        parts: Sequence[PartHealth],
        hub: Hub,
        feed: Feed,
        requests: Requests,
        token: SecretStr,
        limits: SessionLimits,
        services: Services,
        resources: Sequence[Resource] = (),
    ) -> None:
        """Keep what the answers are made of."""
        self._resources = resources
        self._services = services
        self._database = database
        self._parts = parts
        self._hub = hub
        self._feed = feed
        self._requests = requests
        self._token = token
        self._limits = limits

    def application(self) -> web.Application:
        """Return the aiohttp application."""
        application = web.Application(
            middlewares=[errors_as_json, self._authorize], client_max_size=BODY_MAXIMUM_BYTES
        )
        for resource in self._resources:
            application.add_routes(resource.routes())
        application.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/v1/info", self._info),
                web.get("/v1/devices", self._devices),
                web.get("/v1/rooms", self._rooms),
                web.get("/v1/incidents", self._incidents),
                web.get("/v1/stream", self._stream),
            ]
        )
        return application

    @web.middleware
    async def _authorize(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Let nobody without the token in below /v1; it is taken from the header only."""
        if request.path.startswith("/v1/"):
            scheme, _, offered = request.headers.get("Authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not is_token(offered.strip(), self._token):
                _LOGGER.info(
                    "Refused a request from %s: no token, or a wrong one.",
                    request.remote,
                    extra={"action": "unauthorized", "path": request.path},
                )
                return failure(
                    401,
                    "unauthorized",
                    "The token is missing or wrong.",
                    headers={"WWW-Authenticate": "Bearer"},
                )
        return await handler(request)

    async def _healthz(self, _request: web.Request) -> web.Response:
        return answer({"status": "ok"})

    async def _readyz(self, _request: web.Request) -> web.Response:
        parts = {part.name: dict(part.health()) for part in self._parts}
        waiting_for = [name for name, health in parts.items() if not health["ready"]]
        body = {"ready": not waiting_for, "waiting_for": waiting_for, "parts": parts}
        return answer(body, status=503 if waiting_for else 200)

    async def _info(self, _request: web.Request) -> web.Response:
        body: dict[str, Any] = {
            "backend_id": None,
            "backend_version": __version__,
            "api": {"minimum": API_VERSION_MINIMUM, "maximum": API_VERSION_MAXIMUM},
            "owner": None,
            "rooms": None,
            "services": self._services.names(),
        }
        try:
            async with self._database.connection() as connection:
                backend = await overview.backend(connection)
        except DatabaseUnavailableError:
            return answer(body)
        return answer(body | backend.model_dump(mode="json", exclude={"revision", "incidents"}))

    async def _devices(self, _request: web.Request) -> web.Response:
        async with self._database.connection() as connection:
            devices = await overview.devices(connection)
        return answer({"devices": [device.model_dump(mode="json") for device in devices]})

    async def _rooms(self, _request: web.Request) -> web.Response:
        async with self._database.connection() as connection:
            rooms = await overview.rooms(connection, archived=True)
        return answer({"rooms": [room.model_dump(mode="json") for room in rooms]})

    async def _incidents(self, request: web.Request) -> web.Response:
        live = choice(request, "live", ("true", "false")) == "true"
        async with self._database.connection() as connection:
            incidents = await overview.incidents(connection, live=live)
        return answer({"incidents": [incident.model_dump(mode="json") for incident in incidents]})

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(
            heartbeat=_HEARTBEAT_S,
            timeout=_CLOSE_HANDSHAKE_S,
            max_msg_size=_FRAME_MAXIMUM_BYTES,
            compress=False,
        )
        await socket.prepare(request)

        def abort() -> None:
            if request.transport is not None:
                request.transport.abort()

        await Session(
            socket,
            abort,
            hub=self._hub,
            feed=self._feed,
            requests=self._requests,
            limits=self._limits,
        ).run()
        return socket


@web.middleware
async def errors_as_json(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Answer every refusal as docs/protocol.md says."""
    try:
        return await handler(request)
    except DatabaseUnavailableError as error:
        return failure(503, error.code, "The database is away; try again.")
    except MouldWatchError as error:
        return failure(400, error.code, str(error), data=error.data)
    except web.HTTPNotFound:
        return failure(404, "not_found", "There is nothing at this path.")
    except web.HTTPMethodNotAllowed:
        return failure(405, "method_not_allowed", "This path does not take that method.")
    except web.HTTPRequestEntityTooLarge:
        text = f"The body has more than {BODY_MAXIMUM_BYTES} bytes."
        return failure(413, "body_too_large", text, data={"maximum_bytes": BODY_MAXIMUM_BYTES})
    except web.HTTPClientError as error:
        return failure(error.status, "bad_request", error.reason)
