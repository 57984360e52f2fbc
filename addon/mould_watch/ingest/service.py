"""Ingestion: connected to the broker whenever, and only when, what it sends can be stored."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from mould_watch.clock import Clock
from mould_watch.errors import (
    BrokerUnavailableError,
    DatabaseUnavailableError,
    MouldWatchError,
)
from mould_watch.ingest.device_states import DeviceStates
from mould_watch.ingest.intake import Intake
from mould_watch.ingest.interpret import Interpreter
from mould_watch.ingest.leadership import Leadership
from mould_watch.ingest.mqtt import MqttSource
from mould_watch.ingest.registry import DecoderRegistry
from mould_watch.ingest.replay import ANY_AGE_S, Replay
from mould_watch.ingest.source import BrokerAddress
from mould_watch.ingest.waiting import WaitingMessages
from mould_watch.ingest.writer import Writer
from mould_watch.retry import Backoff
from mould_watch.settings import Settings
from mould_watch.storage.database import Database

__all__ = ["BrokerAddress", "Ingestion"]

_LOGGER = logging.getLogger(__name__)

_AFTER_TAKEOVER_S: Final = 30.0


class Ingestion:
    """The way of a message from the broker into the database. One for each process.

    Raises SettingsError when the topics to listen to are malformed or overlap.
    """

    name = "broker"

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        broker: Callable[[], Awaitable[BrokerAddress]],
        *,
        retry_initial_s: float = 1.0,
    ) -> None:
        """Ingest from the `broker` asked for before each connection.

        After a failure it is tried again in at most `retry_initial_s` seconds, and each time
        later up to a minute.
        """
        self._retry_initial_s = retry_initial_s
        self._database = database
        self._clock = clock
        self._broker = broker
        self._registry = DecoderRegistry.from_settings(settings.mqtt.sensors)
        self._waiting = WaitingMessages(
            settings.ingest.waiting_maximum_messages, settings.ingest.waiting_maximum_bytes
        )
        self._waiting.on_episode = self._tell_dropping
        self._source = MqttSource(settings.mqtt, clock, self._waiting)
        self.states = DeviceStates(database, clock, maximum=settings.ingest.device_states_maximum)
        interpreter = Interpreter(self._registry, settings.ingest)
        any_age = settings.ingest.model_copy(update={"age_maximum_s": ANY_AGE_S})
        self.replay = Replay(
            database, clock, self.states, interpreter, Interpreter(self._registry, any_age)
        )
        self._intake = Intake(
            database=database,
            clock=clock,
            settings=settings.ingest,
            client_id=settings.mqtt.client_id,
            interpreter=interpreter,
            writer=Writer(
                database=database,
                clock=clock,
                settings=settings.ingest,
                waiting=self._waiting,
                states=self.states,
            ),
            waiting=self._waiting,
            acknowledge=self._source.acknowledge,
        )
        self._leadership = Leadership(database, clock, settings.mqtt.client_id)
        self._state = "waiting_for_database"
        self._detail: str | None = "the database is not ready yet"
        self._told_away = False

    def health(self) -> Mapping[str, Any]:
        """Return {"ready", "state", "detail", "waiting"} for `/readyz`."""
        return {
            "ready": self._state == "ready",
            "state": self._state,
            "detail": self._detail,
            "waiting": self._waiting.count,
        }

    async def run(self) -> None:
        """Ingest, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._intake.run(), name="ingest.intake")
            tasks.create_task(self._keep_connected(), name="ingest.broker")
            tasks.create_task(self.states.run(), name="ingest.device_states")

    async def _keep_connected(self) -> None:
        backoff = Backoff(initial_s=self._retry_initial_s)
        while True:
            await self._until_storable()
            least_s = 0.0
            try:
                await self._serve(backoff)
            except* DatabaseUnavailableError as errors:
                # Nothing is taken that cannot be kept: the broker keeps the session meanwhile.
                self._set("waiting_for_database", str(_first(errors)))
            except* MouldWatchError as errors:
                least_s = self._away(_first(errors))
            await self._clock.sleep(max(backoff.next_delay_s(), least_s))

    async def _serve(self, backoff: Backoff) -> None:
        """Be the one process with the client id, and connected; raise when either ends."""
        async with self._leadership.held(self._on_standby), asyncio.TaskGroup() as tasks:
            tasks.create_task(self._leadership.until_lost(), name="ingest.leadership")
            tasks.create_task(self._watch_database(), name="ingest.watch_database")
            # What an earlier connection delivered is stored before the broker sends it again.
            await self._waiting.drained()
            tasks.create_task(self._watch_intake(), name="ingest.watch_intake")
            self._set("connecting", self._detail)
            address = await self._address()
            async with self._source.connection(address) as connected:
                await self._intake.begin_session(
                    connected.generation, resumed=connected.session_resumed
                )
                refused = await self._source.subscribe(self._registry.filters)
                self._connected(address, connected.protocol, refused)
                backoff.reset()
                await self._source.until_disconnected()

    async def _address(self) -> BrokerAddress:
        try:
            return await self._broker()
        except OSError as error:
            raise BrokerUnavailableError(f"its address is not known: {error}") from error

    async def _until_storable(self) -> None:
        while True:
            await self._database.wait_ready()
            if self._intake.works:
                return
            await self._intake.wait_change()

    async def _watch_database(self) -> None:
        while self._database.health()["ready"]:
            await self._database.wait_change()
        raise DatabaseUnavailableError("the database is away")

    async def _watch_intake(self) -> None:
        while self._intake.works:
            await self._intake.wait_change()
        raise DatabaseUnavailableError("messages cannot be stored now")

    def _on_standby(self) -> None:
        self._set("standby", "another process of this backend is connected to the broker")
        _LOGGER.info(
            "Another process uses our client id at the broker; standing by.",
            extra={"action": "ingestion_standby"},
        )

    def _connected(self, address: BrokerAddress, protocol: str, refused: list[str]) -> None:
        detail = f"the broker refuses {', '.join(refused)}" if refused else None
        self._set("ready", detail)
        _LOGGER.log(
            logging.WARNING if refused else logging.INFO,
            "%s the MQTT broker %s:%d (MQTT %s)%s.",
            "Back at" if self._told_away else "Connected to",
            address.host,
            address.port,
            protocol,
            f"; {detail}" if detail else "",
            extra={"action": "broker_connected", "host": address.host, "port": address.port},
        )
        self._told_away = False

    def _away(self, error: MouldWatchError) -> float:
        """Say once that the broker is away; return how long to wait at least, in seconds."""
        self._set("away", str(error))
        if not self._told_away:
            self._told_away = True
            _LOGGER.warning(
                "The MQTT broker cannot be used: %s. Trying again until it is back.",
                error,
                extra={"action": "broker_away", "error": type(error).__name__},
            )
        taken_over = isinstance(error, BrokerUnavailableError) and error.data.get("taken_over")
        return _AFTER_TAKEOVER_S if taken_over else 0.0

    def _tell_dropping(self) -> None:
        _LOGGER.warning(
            "More messages come than can be stored: those of QoS 0 are dropped and counted.",
            extra={"action": "qos0_dropped"},
        )

    def _set(self, state: str, detail: str | None) -> None:
        self._state, self._detail = state, detail


def _first(errors: ExceptionGroup[MouldWatchError]) -> MouldWatchError:
    """Return the first error of a group of groups."""
    error: Exception = errors
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, MouldWatchError)  # noqa: S101 - except* took nothing else
    return error
