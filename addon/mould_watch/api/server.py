"""The API: HTTP and the stream, from before the database is there until the process ends."""

import asyncio
import logging
import os
from collections.abc import Sequence
from typing import Final

from aiohttp import web
from pydantic import SecretStr

from mould_watch.api.feed import Feed
from mould_watch.api.forwarded import ForwardedReadings
from mould_watch.api.handling import Handling, IncidentActionsResource
from mould_watch.api.hub import Hub
from mould_watch.api.requests import Requests
from mould_watch.api.room_actions import RoomActions
from mould_watch.api.routes import Resource, Routes
from mould_watch.api.services import Services, ServicesResource
from mould_watch.api.session import SessionLimits
from mould_watch.clock import Clock
from mould_watch.errors import SettingsError
from mould_watch.ports import PartHealth
from mould_watch.settings import ApiSettings
from mould_watch.storage.configuration import ConfigurationStore
from mould_watch.storage.database import Database

_LOGGER: Final = logging.getLogger(__name__)
_SHUTDOWN_S: Final = 2.0


class Api:
    """Listens, and keeps every client up to date."""

    def __init__(
        self,
        *,
        settings: ApiSettings,
        database: Database,
        clock: Clock,
        token: SecretStr,
        parts: Sequence[PartHealth],
        forwarded: ForwardedReadings,
        hub: Hub,
        services: Services,
        resources: Sequence[Resource] = (),
        feed: Feed | None = None,
        limits: SessionLimits | None = None,
    ) -> None:
        """Build it; nothing listens before `run`."""
        self._settings = settings
        self._hub = hub
        self._feed = feed or Feed(database, clock, parts)
        handling = Handling(database, clock)
        told = RoomActions(database, clock)
        requests = Requests(ConfigurationStore(database), forwarded, handling, told)
        self._routes = Routes(
            database=database,
            parts=parts,
            hub=hub,
            feed=self._feed,
            requests=requests,
            token=token,
            limits=limits or SessionLimits(),
            resources=(*resources, IncidentActionsResource(handling), ServicesResource(services)),
            services=services,
        )
        self._port: int | None = None
        self._listening = asyncio.Event()

    @property
    def port(self) -> int:
        """Return the port it listens on; port 0 in the settings lets the system choose one."""
        if self._port is None:
            message = "the API does not listen yet"
            raise RuntimeError(message)
        return self._port

    async def wait_listening(self) -> None:
        """Return once the port answers."""
        await self._listening.wait()

    async def run(self) -> None:
        """Serve, for ever. Raises SettingsError when the port cannot be had."""
        application = self._routes.application()
        application.on_shutdown.append(self._say_goodbye)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self._settings.host, self._settings.port)
            try:
                await site.start()
            except OSError as error:
                reason = os.strerror(error.errno) if error.errno else str(error)
                message = (
                    f"the API cannot listen on {self._settings.host} port {self._settings.port} "
                    f"({reason}). If another program, or another Mould Watch, has the port, end "
                    "it or set MOULD_WATCH_API__PORT to a free one; MOULD_WATCH_API__HOST must be "
                    "an address of this machine."
                )
                raise SettingsError(message, port=self._settings.port) from error
            self._port = int(runner.addresses[0][1])
            self._listening.set()
            _LOGGER.info(
                "The API answers on port %d.",
                self._port,
                extra={"action": "api_listening", "port": self._port},
            )
            await self._feed.run()
        finally:
            await runner.cleanup()

    async def _say_goodbye(self, _application: web.Application) -> None:
        self._hub.close_all()
