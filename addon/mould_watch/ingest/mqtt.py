"""MQTT as a MessageSource: one persistent session, acknowledged by hand.

MQTT 5 with a Receive Maximum of our own: it replaces the broker's default window of 20, with
which an acknowledgement after each commit was measured at 10 messages a second instead of
12,000 (docs/design.md). 3.1.1 where a broker speaks nothing newer.
"""

import asyncio
import logging
import secrets
import ssl
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from itertools import batched
from typing import Any, Final

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from mould_watch.clock import Clock
from mould_watch.errors import BrokerUnavailableError
from mould_watch.ingest.manual_client import ManualClient
from mould_watch.ingest.packets import Publish
from mould_watch.ingest.source import BrokerAddress, Connected, IncomingMessage
from mould_watch.ingest.tls import TlsContexts
from mould_watch.ingest.topics import matches
from mould_watch.ingest.waiting import WaitingMessages
from mould_watch.reachability import network_reason
from mould_watch.settings import OFF, MqttSettings

_LOGGER = logging.getLogger(__name__)

ONLINE: Final = "online"
OFFLINE: Final = "offline"

MARKER_TIMEOUT_S: Final = 60.0
"""A broker whose access rules keep our marker from us must not make every message backlog."""

_CONNECT_TIMEOUT_S: Final = 10.0
_FAREWELL_TIMEOUT_S: Final = 2.0
_WILL_DELAY_S: Final = 10
_QOS: Final = 1
_FILTERS_AT_ONCE: Final = 200
# CONNACK: "unacceptable protocol version" of MQTT 3, "unsupported protocol version" of MQTT 5
_VERSION_REFUSED: Final = frozenset({1, 132})
_TAKEN_OVER: Final = 142
# "bad user name or password" and "not authorised": some brokers say the one, some the other
_NOT_LET_IN: Final = frozenset({4, 5, 134, 135})


class MqttSource:
    """The broker's client. Puts what it receives into `waiting`."""

    def __init__(self, settings: MqttSettings, clock: Clock, waiting: WaitingMessages) -> None:
        self._settings = settings
        self._clock = clock
        self._waiting = waiting
        self._client: ManualClient | None = None
        self._tls = TlsContexts()
        self._place = "the broker"
        self._generation = 0
        self._session_resumed = False
        self._redelivery_phase = False
        self._backlog = True
        self._marker_payload = b""
        self._marker_back = asyncio.Event()
        self._receives = True
        waiting.on_full = self._stop_reading
        waiting.on_room = self._go_on_reading

    @property
    def marker_topic(self) -> str:
        """Return the topic of our own that the marker is published to."""
        return f"mould-watch/{self._settings.client_id}/marker"

    @asynccontextmanager
    async def connection(self, address: BrokerAddress) -> AsyncGenerator[Connected]:
        """Connect; at the end disconnect, keeping the session at the broker."""
        self._place = f"{address.host}:{address.port}"
        protocol = await self._connect(address)
        client = self._connected_client()
        try:
            yield Connected(self._generation, self._session_resumed, protocol)
        finally:
            self._client = None
            await self._say_goodbye(client)
            await _disconnect(client)

    async def _say_goodbye(self, client: ManualClient) -> None:
        """Tell that we leave, if anybody is there: after a DISCONNECT the broker tells nothing."""
        if not client.is_open:
            return
        if not self._receives:
            # the answer is behind what was left unread, none of which is taken any more
            client.go_on_reading()
        try:
            async with asyncio.timeout(_FAREWELL_TIMEOUT_S):
                await self._tell_status(client, OFFLINE)
        except (aiomqtt.MqttError, OSError, ValueError) as error:
            _LOGGER.debug("Telling the status: %s", error)

    async def _tell_status(self, client: ManualClient, status: str) -> None:
        if self._settings.status_topic != OFF:
            await client.publish(self._settings.status_topic, status, qos=_QOS, retain=True)

    async def subscribe(self, filters: Collection[str], *, kept: Collection[str] = ()) -> list[str]:
        """Subscribe and send the marker; return the filters that the broker refused."""
        # a filter of the user's own may take the marker's topic along
        own = (
            () if any(matches(one, self.marker_topic) for one in filters) else (self.marker_topic,)
        )
        return await self._ask((*filters, *own), (), kept, marker=True)

    async def change(
        self, added: Collection[str], removed: Collection[str], *, kept: Collection[str] = ()
    ) -> list[str]:
        """Subscribe to more topics, unsubscribe from others; return what was refused."""
        return await self._ask(added, removed, kept, marker=False)

    async def _ask(
        self,
        added: Collection[str],
        removed: Collection[str],
        kept: Collection[str],
        *,
        marker: bool,
    ) -> list[str]:
        client = self._connected_client()
        refused: list[str] = []
        try:
            async with asyncio.TaskGroup() as tasks:
                # aiomqtt alone would wait for an answer until its time limit
                lost = tasks.create_task(client.until_disconnected(), name="mqtt.lost")
                for some in batched(sorted(removed), _FILTERS_AT_ONCE, strict=False):
                    await client.unsubscribe(list(some))
                for some in batched(sorted(added), _FILTERS_AT_ONCE, strict=False):
                    codes = await _subscribe(client, some, kept)
                    answered = zip(some, codes, strict=True)
                    refused.extend(one for one, code in answered if _is_failure(code))
                if marker:
                    # QoS 1, so that the broker queues it behind what it has queued for us
                    await client.publish(self.marker_topic, self._marker_payload, qos=_QOS)
                    await self._tell_status(client, ONLINE)
                lost.cancel()
        except* (aiomqtt.MqttError, OSError, ValueError) as errors:
            raise BrokerUnavailableError(
                f"{self._place} takes no subscription ({errors.exceptions[0]})",
                taken_over=client.disconnect_reason() == _TAKEN_OVER,
            ) from errors
        return refused

    async def until_disconnected(self) -> None:
        """Wait until the connection is gone, then raise BrokerUnavailableError."""
        client = self._connected_client()
        async with asyncio.TaskGroup() as tasks:
            marker = tasks.create_task(self._wait_for_marker(), name="mqtt.marker")
            try:
                await client.until_disconnected()
            except (aiomqtt.MqttError, OSError) as error:
                marker.cancel()
                taken_over = client.disconnect_reason() == _TAKEN_OVER
                raise BrokerUnavailableError(
                    f"another client with our id has taken the session at {self._place} over"
                    if taken_over
                    else f"the connection to {self._place} is lost",
                    taken_over=taken_over,
                ) from error

    def acknowledge(self, messages: Sequence[IncomingMessage]) -> None:
        """Acknowledge, in this order, those that came over the present connection."""
        client = self._client
        if client is None:
            return
        client.acknowledge(
            message.packet_id
            for message in messages
            if message.qos > 0 and message.generation == self._generation
        )

    def end_receiving(self) -> None:
        """Leave what the broker sends unread from now on; acknowledging goes on."""
        self._receives = False
        self._stop_reading()

    async def _connect(self, address: BrokerAddress) -> str:
        """Connect `self._client`; return the version of MQTT that the broker speaks."""
        tls = None if address.tls is None else await self._tls.context(address.tls)
        try:
            await self._open(address, tls, aiomqtt.ProtocolVersion.V5)
        except _VersionRefusedError:
            pass
        else:
            return "5"
        try:
            await self._open(address, tls, aiomqtt.ProtocolVersion.V311)
        except _VersionRefusedError as error:
            raise BrokerUnavailableError(
                f"{self._place} speaks neither MQTT 5 nor MQTT 3.1.1"
            ) from error
        return "3.1.1"

    async def _open(
        self,
        address: BrokerAddress,
        tls: ssl.SSLContext | None,
        protocol: aiomqtt.ProtocolVersion,
    ) -> None:
        client = ManualClient(
            on_connected=self._on_connected,
            on_received=self._on_received,
            hostname=address.host,
            port=address.port,
            username=address.username,
            password=address.password.get_secret_value() if address.password else None,
            identifier=self._settings.client_id,
            keepalive=self._settings.keepalive_s,
            timeout=_CONNECT_TIMEOUT_S,
            tls_context=tls,
            protocol=protocol,
            will=self._will(protocol),
            **self._session_arguments(protocol),
        )
        connected = False
        # Known from the start: a resumed session's messages come, and may be stored, before
        # the connecting is through with it.
        self._client = client
        try:
            await client.__aenter__()
            if not client.is_open:
                raise BrokerUnavailableError(f"{self._place} has ended the connection at once")
            connected = True
        except MqttConnectError as error:
            code = error.rc.value if isinstance(error.rc, ReasonCode) else error.rc
            if code in _VERSION_REFUSED:
                raise _VersionRefusedError(str(error)) from error
            if code in _NOT_LET_IN:
                raise BrokerUnavailableError(_not_let_in(address)) from error
            raise BrokerUnavailableError(f"{self._place} refuses: {error}") from error
        except (aiomqtt.MqttError, OSError, ValueError) as error:
            raise BrokerUnavailableError(_reason(client.failure or error, address)) from error
        finally:
            if not connected:
                self._client = None
                client.abandon()

    def _will(self, protocol: aiomqtt.ProtocolVersion) -> aiomqtt.Will | None:
        """Return what the broker says of us when we are gone without a word."""
        if self._settings.status_topic == OFF:
            return None
        properties = None
        if protocol is aiomqtt.ProtocolVersion.V5:
            # not when we, or the process that takes our place, are back before
            properties = Properties(PacketTypes.WILLMESSAGE)
            properties.WillDelayInterval = _WILL_DELAY_S
        return aiomqtt.Will(
            self._settings.status_topic, OFFLINE, qos=_QOS, retain=True, properties=properties
        )

    def _session_arguments(self, protocol: aiomqtt.ProtocolVersion) -> dict[str, Any]:
        if protocol is not aiomqtt.ProtocolVersion.V5:
            return {"clean_session": False}
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = self._settings.session_expiry_s
        properties.ReceiveMaximum = self._settings.receive_maximum
        return {"clean_start": False, "properties": properties}

    def _on_connected(self, session_present: bool) -> None:  # noqa: FBT001 - a callback
        self._generation += 1
        self._session_resumed = session_present
        self._redelivery_phase = session_present
        self._backlog = True
        self._marker_payload = secrets.token_hex(8).encode()
        self._marker_back.clear()

    def _on_received(self, message: Publish) -> None:
        if not self._receives:
            return  # not acknowledged, so it comes again
        # no broker lets bad UTF-8 pass; if one does, the message is a dead letter or is counted
        topic = message.topic.decode(errors="replace")
        if message.qos > 0 and not message.dup:
            self._redelivery_phase = False
        is_marker = topic == self.marker_topic
        if is_marker and message.payload == self._marker_payload:
            self._backlog = False
            self._marker_back.set()
        self._waiting.put(
            IncomingMessage(
                topic=topic,
                payload=message.payload,
                qos=message.qos,
                retain=message.retain,
                dup=message.dup,
                packet_id=message.packet_id,
                received_at=self._clock.now(),
                received_monotonic_s=self._clock.monotonic_s(),
                generation=self._generation,
                session_resumed=self._session_resumed,
                redelivery_phase=self._redelivery_phase,
                backlog=self._backlog,
                marker=is_marker,
            )
        )

    async def _wait_for_marker(self) -> None:
        try:
            async with asyncio.timeout(MARKER_TIMEOUT_S):
                await self._marker_back.wait()
        except TimeoutError:
            self._backlog = False
            _LOGGER.warning(
                "The broker does not give back what is published to %s: what waited there cannot "
                "be told from what is new. Allow this topic to %s.",
                self.marker_topic,
                self._settings.client_id,
                extra={"action": "marker_missing", "topic": self.marker_topic},
            )

    def _connected_client(self) -> ManualClient:
        if self._client is None:
            raise BrokerUnavailableError("there is no connection")
        return self._client

    def _stop_reading(self) -> None:
        if self._client is not None:
            self._client.stop_reading()

    def _go_on_reading(self) -> None:
        if self._client is not None and self._receives:
            self._client.go_on_reading()


def _reason(error: Exception, address: BrokerAddress) -> str:
    """Return why connecting failed, in words for people, with the broker's address."""
    place = f"{address.host}:{address.port}"
    # aiomqtt keeps of what happened only the text, and the error itself as the context
    cause = error if isinstance(error, OSError) else error.__context__
    if isinstance(cause, OSError):
        return network_reason(cause, place, address.host)
    if isinstance(error, aiomqtt.MqttCodeError):
        return f"{place} has ended the connection before it was made ({error})"
    return f"{place} cannot be used ({str(error) or type(error).__name__})"


def _not_let_in(address: BrokerAddress) -> str:
    place = f"{address.host}:{address.port}"
    if address.username is None:
        return f"{place} wants a user name and a password, and none are set"
    return f"the user name or the password is refused by {place}"


class _VersionRefusedError(Exception):
    """The broker does not speak this version of MQTT."""


async def _subscribe(
    client: ManualClient, filters: Collection[str], kept: Collection[str]
) -> Sequence[ReasonCode | int]:
    if client.speaks_5:
        return await client.subscribe([(one, _options(kept=one in kept)) for one in filters])
    return await client.subscribe([(one, _QOS) for one in filters])


def _options(*, kept: bool) -> SubscribeOptions:
    """Return the options of a subscription.

    Retain As Published 0: the flag means "kept by the broker before", not "to be kept".
    Retain Handling 1: kept messages come with a new subscription only, not with each connect;
    0, with each, for what only describes devices: it may have changed while nobody listened.
    """
    return SubscribeOptions(
        qos=_QOS,
        noLocal=False,
        retainAsPublished=False,
        retainHandling=(
            SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE
            if kept
            else SubscribeOptions.RETAIN_SEND_IF_NEW_SUB
        ),
    )


def _is_failure(code: ReasonCode | int) -> bool:
    return (code.value if isinstance(code, ReasonCode) else code) >= 128  # noqa: PLR2004 - MQTT 5, 2.4


async def _disconnect(client: ManualClient) -> None:
    try:
        await client.__aexit__(None, None, None)
    except aiomqtt.MqttError as error:
        _LOGGER.debug("Disconnecting: %s", error)
    finally:
        client.abandon()
