"""Ingestion: from the broker into the database, by way of the spool when that is away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from mould_watch.clock import Clock
from mould_watch.clock_trust import ClockTrust
from mould_watch.errors import (
    BrokerUnavailableError,
    MouldWatchError,
    SpoolUnusableError,
)
from mould_watch.ingest.device_states import DeviceStates
from mould_watch.ingest.drain import Drain
from mould_watch.ingest.intake import Intake
from mould_watch.ingest.interpret import Interpreter
from mould_watch.ingest.leadership import Leadership, Role
from mould_watch.ingest.mqtt import MqttSource
from mould_watch.ingest.registry import DecoderRegistry
from mould_watch.ingest.replay import ANY_AGE_S, Replay
from mould_watch.ingest.reports import Report, Reports
from mould_watch.ingest.sessions import BrokerSession
from mould_watch.ingest.source import BrokerAddress
from mould_watch.ingest.spool.spool import Spool
from mould_watch.ingest.subscriptions import SHOWN, Subscriptions
from mould_watch.ingest.waiting import WaitingMessages
from mould_watch.ingest.writer import Writer
from mould_watch.retry import Backoff
from mould_watch.settings import Settings
from mould_watch.storage import discovery as discovery_store
from mould_watch.storage.database import Connection, Database
from mould_watch.storage.ingestion import newest_received_at

__all__ = ["BrokerAddress", "Ingestion"]

_LOGGER = logging.getLogger(__name__)

_AFTER_TAKEOVER_S: Final = 30.0

_FLUSH_S: Final = 3.0
"""How long the end waits for what was received to be kept; the process has 10 s in all."""

_DRAINED_AT_START_S: Final = 1.0
"""A spool that is stored so soon is not spooled after."""


class _StandbyError(MouldWatchError):
    """Another process holds the session lock."""

    code = "standby"


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
        trust: ClockTrust | None = None,
        retry_initial_s: float = 1.0,
    ) -> None:
        """Ingest from the `broker` asked for before each connection.

        `trust` None: the clock is right. After a failure it is tried again in at most
        `retry_initial_s` seconds, and each time later up to a minute.
        """
        self._retry_initial_s = retry_initial_s
        self._database = database
        self._clock = clock
        self._broker = broker
        self._trust = trust or ClockTrust.given(clock)
        self._registry = DecoderRegistry.from_settings(settings.mqtt.sensors)
        self._waiting = WaitingMessages(
            settings.ingest.waiting_maximum_messages, settings.ingest.waiting_maximum_bytes
        )
        self._waiting.on_episode = self._tell_dropping
        self._source = MqttSource(settings.mqtt, clock, self._waiting)
        self.states = DeviceStates(database, clock, maximum=settings.ingest.device_states_maximum)
        self._leadership = Leadership(database, clock, settings.mqtt.client_id)
        self._subscriptions = Subscriptions(
            source=self._source,
            registry=self._registry,
            database=database,
            clock=clock,
            client_id=settings.mqtt.client_id,
            leads=lambda: self._leadership.leads,
        )
        self._spool = Spool(
            settings.spool.folder or settings.data_dir / "spool", settings.spool, clock
        )
        session = BrokerSession(
            settings.mqtt.client_id,
            lambda: self._leadership.leads_for_certain,
            self._restore_discovery,
        )
        interpreter = Interpreter(self._registry, settings.ingest)
        writer = Writer(
            database=database,
            clock=clock,
            settings=settings.ingest,
            waiting=self._waiting,
            states=self.states,
        )
        self._drain = Drain(
            database=database,
            clock=clock,
            spool=self._spool,
            session=session,
            leadership=self._leadership,
            trust=self._trust,
            interpreter=interpreter,
            writer=writer,
            batch_maximum=settings.ingest.batch_maximum,
        )
        any_age = settings.ingest.model_copy(update={"age_maximum_s": ANY_AGE_S})
        self.replay = Replay(
            database, clock, self.states, interpreter, Interpreter(self._registry, any_age)
        )
        self._intake = Intake(
            database=database,
            clock=clock,
            settings=settings.ingest,
            interpreter=interpreter,
            writer=writer,
            waiting=self._waiting,
            spool=self._spool,
            drain=self._drain,
            session=session,
            trust=self._trust,
            acknowledge=self._source.acknowledge,
        )
        self._reports = Reports(database, clock, self.report)
        self._state = "connecting"
        self._detail: str | None = "not connected yet"
        self._told_away = False

    def health(self) -> Mapping[str, Any]:
        """Return {"ready", "state", "detail", "waiting", "spool", ...} for `/readyz`."""
        fault = self._intake.fault
        return {
            "ready": self._state == "ready" and fault is None,
            "state": self._state,
            "detail": self._detail if fault is None else f"nothing can be kept: {fault}",
            "clock_trusted": self._trust.is_trusted,
            "waiting": self._waiting.count,
            "qos0_dropped": self._waiting.dropped_ever,
            "spool": dict(self._spool.health()) | {"is_draining": not self._drain.is_through},
        }

    def report(self) -> Report | None:
        """Return how broker and spool are, for the rules about them; None: another says so."""
        if self._leadership.role is Role.STANDBY:
            return None
        health = self.health()
        return Report(is_connected=self._state == "ready", spool=health["spool"])

    def subscribed(self) -> frozenset[str]:
        """Return the topic filters that are listened to by now, those announced among them."""
        return self._subscriptions.filters

    async def run(self) -> None:
        """Ingest, for ever. At the end what was received is kept and acknowledged first."""
        spool = asyncio.create_task(self._spool.run(), name="ingest.spool")
        working = asyncio.create_task(self._work(), name="ingest.work")
        try:
            await asyncio.wait([spool, working], return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self._flush(working)
            raise
        finally:
            # the spool's file is closed last
            for task in (working, spool):
                task.cancel()
                await asyncio.wait([task])
        for task in (working, spool):
            if not task.cancelled():
                task.result()

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._trust.run(self._newest_receipt), name="ingest.clock_trust")
            tasks.create_task(self._leadership.run(), name="ingest.leadership")
            tasks.create_task(self._drain.run(), name="ingest.drain")
            tasks.create_task(self._intake.run(), name="ingest.intake")
            tasks.create_task(self._reports.run(), name="ingest.reports")
            tasks.create_task(self._keep_connected(), name="ingest.broker")
            tasks.create_task(self.states.run(), name="ingest.device_states")

    async def _newest_receipt(self) -> datetime | None:
        async with self._database.connection() as connection:
            return await newest_received_at(connection)

    async def _flush(self, working: asyncio.Task[None]) -> None:
        """Receive no more; keep and acknowledge what was received, while there is time."""
        self._source.end_receiving()
        self._intake.hurry()
        kept = asyncio.create_task(self._waiting.drained(), name="ingest.flush")
        await asyncio.wait([kept, working], timeout=_FLUSH_S, return_when=asyncio.FIRST_COMPLETED)
        if not kept.done():
            kept.cancel()
            _LOGGER.warning(
                "%d message(s) could not be kept in time: the broker still has those of QoS 1.",
                self._waiting.count,
                extra={"action": "flush_incomplete", "count": self._waiting.count},
            )

    async def _keep_connected(self) -> None:
        backoff = Backoff(initial_s=self._retry_initial_s)
        while True:
            while not self._leadership.may_connect:
                self._stand_by()
                await self._leadership.look_again()
            least_s = 0.0
            try:
                await self._serve(backoff)
            except* _StandbyError:
                backoff.reset()
            except* MouldWatchError as errors:
                least_s = self._away(_first(errors))
            await self._clock.sleep(max(backoff.next_delay_s(), least_s))

    async def _serve(self, backoff: Backoff) -> None:
        """Be connected; raise when that ends, or when another process is to be."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._until_standby(), name="ingest.until_standby")
            # What an earlier connection delivered is kept before the broker sends it again.
            await self._waiting.drained()
            await self._spool_known()
            self._set("connecting", self._detail)
            address = await self._address()
            async with self._source.connection(address) as connected:
                await self._intake.begin_session(
                    connected.generation, resumed=connected.session_resumed
                )
                refused = await self._subscriptions.begin()
                self._connected(address, connected.protocol, refused)
                backoff.reset()
                tasks.create_task(self._subscriptions.follow(), name="ingest.follow_discovery")
                tasks.create_task(self._subscriptions.take_back_earlier(), name="ingest.take_back")
                await self._source.until_disconnected()

    async def _spool_known(self) -> None:
        """Wait until it is known what an earlier process left, and a moment until it is stored."""
        await self._spool.tried()
        if self._leadership.leads:
            with suppress(TimeoutError):
                async with asyncio.timeout(_DRAINED_AT_START_S):
                    await self._trust.wait()
                    await self._drain.through()

    async def _restore_discovery(self, connection: Connection) -> None:
        """Know again what was announced, before any message is understood."""
        self._registry.restore(await discovery_store.load(connection))

    async def _address(self) -> BrokerAddress:
        try:
            return await self._broker()
        except OSError as error:
            raise BrokerUnavailableError(f"its address is not known: {error}") from error

    async def _until_standby(self) -> None:
        await self._leadership.until_standby()
        raise _StandbyError("another process uses our client id")

    def _stand_by(self) -> None:
        role = self._leadership.role
        if role is Role.STANDBY:
            self._set("standby", "another process of this backend is connected to the broker")
        else:
            self._set("connecting", "the database is asked whether another process is connected")

    def _connected(self, address: BrokerAddress, protocol: str, refused: list[str]) -> None:
        detail = None
        if refused:
            more = f" and {len(refused) - SHOWN} more" if len(refused) > SHOWN else ""
            detail = f"the broker refuses {', '.join(refused[:SHOWN])}{more}"
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
        if isinstance(error, SpoolUnusableError):
            # not the broker's fault: told by whoever keeps messages
            self._set("away", f"nothing can be kept: the database is away, and the spool: {error}")
            return 0.0
        self._set("away", str(error))
        if not self._told_away:
            self._told_away = True
            _LOGGER.warning(
                "The MQTT broker cannot be used: %s. Trying again until it is back.",
                error,
                extra={"action": "broker_away", "error": type(error).__name__},
            )
        taken_over = isinstance(error, BrokerUnavailableError) and error.data.get("taken_over")
        if not taken_over:
            return 0.0
        self._leadership.taken_over()
        # with the lock it is a stranger, with whom the session is not fought over every second
        return _AFTER_TAKEOVER_S if self._leadership.leads else 0.0

    def _tell_dropping(self) -> None:
        _LOGGER.warning(
            "More messages come than can be kept: those of QoS 0 are dropped and counted.",
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
