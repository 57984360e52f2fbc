"""A small Home Assistant Supervisor: the broker it offers, and the discoveries it was told.

Run it in a test (`async with FakeSupervisor() as supervisor`) or as a program of its own:
`python -m tests.support.supervisor --port N`; then GET /test/requests returns what it was asked.
"""

import argparse
import hmac
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self

from aiohttp import web

type _Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

TOKEN = "the-supervisors-token"


class FakeSupervisor:
    """Answers as the Supervisor does, and records every request.

    `mqtt` is the broker on offer, None for none; `failing` the number of discoveries it still
    refuses before it takes one.
    """

    def __init__(
        self, token: str = TOKEN, mqtt: Mapping[str, Any] | None = None, failing: int = 0
    ) -> None:
        self.token = token
        self.mqtt = mqtt
        self.failing = failing
        # method, path, whether the token was right, body
        self.requests: list[dict[str, Any]] = []
        self.discoveries: list[dict[str, Any]] = []
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Return where it answers."""
        return f"http://127.0.0.1:{self._port}"

    def application(self) -> web.Application:
        """Return the aiohttp application."""
        application = web.Application(middlewares=[self._record])
        application.router.add_get("/services/mqtt", self._services_mqtt)
        application.router.add_post("/discovery", self._discovery)
        application.router.add_get("/test/requests", self._requests)
        return application

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 lets the system choose."""
        self._runner = web.AppRunner(self.application(), access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self._port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    @web.middleware
    async def _record(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        if request.path.startswith("/test/"):
            return await handler(request)
        offered = request.headers.get("Authorization", "").removeprefix("Bearer ")
        is_authorized = hmac.compare_digest(offered.encode(), self.token.encode())
        body = await request.json() if request.can_read_body else None
        self.requests.append(
            {
                "method": request.method,
                "path": request.path,
                "authorized": is_authorized,
                "body": body,
            }
        )
        if not is_authorized:
            return _refusal(401, "Unauthorized")
        return await handler(request)

    async def _services_mqtt(self, _request: web.Request) -> web.Response:
        if self.mqtt is None:
            return _refusal(400, "Service not enabled")
        return web.json_response({"result": "ok", "data": dict(self.mqtt)})

    async def _discovery(self, request: web.Request) -> web.Response:
        if self.failing > 0:
            self.failing -= 1
            return _refusal(400, "The Supervisor is starting")
        body = await request.json()
        if not isinstance(body.get("service"), str) or not isinstance(body.get("config"), dict):
            return _refusal(400, "Missing service or config")
        self.discoveries.append(body)
        return web.json_response({"result": "ok", "data": {"uuid": "0" * 32}})

    async def _requests(self, _request: web.Request) -> web.Response:
        return web.json_response({"requests": self.requests, "discoveries": self.discoveries})


def _refusal(status: int, message: str) -> web.Response:
    return web.json_response({"result": "error", "message": message}, status=status)


def main() -> None:
    """Run it as a program, for tests whose backend is in another process or container."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--mqtt-host")
    parser.add_argument("--mqtt-port", type=int, default=1883)
    arguments = parser.parse_args()
    mqtt = (
        {"host": arguments.mqtt_host, "port": arguments.mqtt_port, "ssl": False}
        if arguments.mqtt_host
        else None
    )
    supervisor = FakeSupervisor(arguments.token, mqtt)
    web.run_app(supervisor.application(), host=arguments.host, port=arguments.port, access_log=None)


if __name__ == "__main__":
    main()
