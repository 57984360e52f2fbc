"""The composition root: builds every part, supervises them, ends them in order.

A part that dies ends the process: half a watch is worse than none, and whoever started the
process (the app's init loop, systemd, Docker) starts it again.
"""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from mould_watch import __version__
from mould_watch.api.dead_letters import DeadLettersResource
from mould_watch.api.hub import Hub
from mould_watch.api.notifications import NotificationsResource
from mould_watch.api.readings import ReadingsResource
from mould_watch.api.server import Api
from mould_watch.clock import Clock
from mould_watch.clock_trust import ClockTrust, kernel_is_synchronised
from mould_watch.errors import MouldWatchError
from mould_watch.ingest.forwarded import ForwardedIngest
from mould_watch.ingest.service import Ingestion
from mould_watch.ingest.submissions import Submissions
from mould_watch.notify.channels.apprise import AppriseChannel
from mould_watch.notify.channels.home_assistant import HomeAssistantChannel
from mould_watch.notify.repetition import Repetitions
from mould_watch.notify.worker import NotificationWorker
from mould_watch.observability.logs import Secrets
from mould_watch.settings import Settings
from mould_watch.storage.connections import host_and_port
from mould_watch.storage.database import Database
from mould_watch.storage.retention import Retention
from mould_watch.supervisor.client import SupervisorClient
from mould_watch.watch.evaluator import Evaluator
from mould_watch.wiring import (
    BrokerLookup,
    ForwardedToIngestion,
    SubmittedToIngestion,
    TestedServices,
)

_LOGGER: Final = logging.getLogger(__name__)

STOP_S: Final = 9.5
"""How long an orderly end may take; then the process leaves as it is."""

_STAGE_S: Final = 4.0


class PartEndedError(MouldWatchError):
    """A part that runs for ever came to its end."""

    code = "part_ended"


@dataclass(frozen=True)
class Part:
    """Something that runs for as long as the process."""

    name: str
    run: Callable[[], Awaitable[None]]


class Announcement:
    """Tells Home Assistant through the Supervisor where the API answers."""

    def __init__(self, supervisor: SupervisorClient, api: Api, token: SecretStr) -> None:
        """Announce `api` with the token that opens it."""
        self._supervisor = supervisor
        self._api = api
        self._token = token

    async def run(self) -> None:
        """Announce once the port answers; then there is nothing left to do."""
        await self._api.wait_listening()
        await self._supervisor.announce(
            socket.gethostname(), self._api.port, self._token.get_secret_value()
        )
        await asyncio.Event().wait()


class Service:
    """One backend process."""

    def __init__(
        self,
        settings: Settings,
        token: SecretStr,
        clock: Clock,
        secrets: Secrets,
        *,
        is_synchronised: Callable[[], bool] = kernel_is_synchronised,
    ) -> None:
        """Build every part; nothing starts before `run`. What is learned goes to `secrets`.

        `is_synchronised` says whether `clock` is kept right by somebody.
        """
        self._settings = settings
        supervisor = (
            SupervisorClient(settings.supervisor_url, settings.supervisor_token, clock)
            if settings.supervisor_token  # an empty one is none
            else None
        )
        broker = BrokerLookup(
            settings.mqtt, supervisor.mqtt_service if supervisor else None, secrets.add
        )
        database = Database(settings, clock)
        hub = Hub()
        trust = ClockTrust(
            clock, is_synchronised=is_synchronised, settles_s=settings.clock_settles_s
        )
        ingestion = Ingestion(settings, database, clock, broker, trust=trust)
        submissions = Submissions(settings.ingest, database, clock, ingestion.states, trust)
        apprise = AppriseChannel(settings.notify.apprise, settings.notify.channel_timeout_s)
        worker = NotificationWorker(
            settings.notify,
            database,
            clock,
            [HomeAssistantChannel(hub, settings.notify.channel_timeout_s), apprise],
            f"{socket.gethostname()}:{os.getpid()}",
        )
        api = Api(
            settings=settings.api,
            database=database,
            clock=clock,
            token=token,
            parts=(database, ingestion, worker),
            forwarded=ForwardedToIngestion(ForwardedIngest(database, submissions)),
            services=TestedServices(settings.notify.apprise, apprise),
            hub=hub,
            resources=(
                ReadingsResource(SubmittedToIngestion(submissions)),
                DeadLettersResource(database, ingestion.replay),
                NotificationsResource(database),
            ),
        )
        # in the order in which they end: nothing new comes in, what is there is finished
        self._parts = [
            Part("ingestion", ingestion.run),
            Part(
                "evaluator",
                _once_trusted(trust, Evaluator(database, clock, settings.plan.policy).run),
            ),
            Part(
                "repetitions",
                _once_trusted(trust, Repetitions(settings.notify, database, clock).run),
            ),
            Part(
                "retention",
                _once_trusted(trust, Retention(settings.readings, database, clock).run),
            ),
            Part("notifications", worker.run),
            Part("api", api.run),
            Part("database", database.run),
        ]
        if supervisor is not None:
            self._parts.insert(0, Part("announcement", Announcement(supervisor, api, token).run))

    async def run(self) -> int:
        """Run until a signal ends it or a part dies; return the process's exit code."""
        _LOGGER.info(
            "Mould Watch %s starts with the database %s.",
            __version__,
            _database_place(self._settings),
            extra={"action": "starting", "version": __version__},
        )
        return await supervise(self._parts)


def _once_trusted(
    trust: ClockTrust, run: Callable[[], Awaitable[None]]
) -> Callable[[], Awaitable[None]]:
    """Let a part that judges by the wall clock begin when that is right."""

    async def begin() -> None:
        await trust.wait()
        await run()

    return begin


def _database_place(settings: Settings) -> str:
    """Return where the database is, for people; nothing of the address but host and port."""
    if settings.database_url is None:
        return f"of its own in {settings.data_dir.absolute()}"
    try:
        host, port = host_and_port(settings.database_url.get_secret_value())
    except ValueError:
        return "that DATABASE_URL names"  # the database says what is wrong with it
    return f"at {host or 'this machine'}:{port}, which DATABASE_URL names"


async def supervise(parts: Sequence[Part]) -> int:
    """Run `parts` until SIGTERM or SIGINT (returns 0) or until one of them dies (returns 1).

    They are ended in the order given. A second signal leaves at once.
    """
    stop = asyncio.Event()
    _hear_signals(stop)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_for_ever(part), name=part.name) for part in parts]
            for task in tasks:
                task.add_done_callback(_tell_of_death)
            await stop.wait()
            _leave_in_time()
            for task in tasks:
                task.cancel()
                await asyncio.wait({task}, timeout=_STAGE_S)
    except ExceptionGroup:
        return 1  # told by _tell_of_death
    _LOGGER.info("Mould Watch ended in order.", extra={"action": "stopped"})
    return 0


async def _for_ever(part: Part) -> None:
    await part.run()
    message = "it ended by itself"
    raise PartEndedError(message, part=part.name)


def _tell_of_death(task: asyncio.Task[None]) -> None:
    """Log why a part died; the others end with it."""
    error = None if task.cancelled() else task.exception()
    if error is None:
        return
    is_understood = isinstance(error, MouldWatchError)
    _LOGGER.error(
        "The part %s died and the process ends with it: %s",
        task.get_name(),
        error if is_understood else repr(error),
        exc_info=None if is_understood else error,
        extra={"action": "part_died", "part": task.get_name()},
    )
    _leave_in_time()


def _hear_signals(stop: asyncio.Event) -> None:
    def hear(number: signal.Signals) -> None:
        if stop.is_set():
            os._exit(128 + number)
        _LOGGER.info(
            "%s received: ending in order; once more ends at once.",
            number.name,
            extra={"action": "stopping", "signal": number.name},
        )
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, hear, number)


def _leave_in_time() -> None:
    """End the process even when a part does not let itself be ended."""

    def leave() -> None:
        _LOGGER.error(
            "Not everything ended within %.0f s; leaving it.",
            STOP_S,
            extra={"action": "stop_overdue"},
        )
        os._exit(1)

    asyncio.get_running_loop().call_later(STOP_S, leave)
