"""aiomqtt 2.5.1 with what its public API lacks; the only module that reaches inside it.

Missing there: acknowledging by hand, DUP and session_present, and a way to stop reading; and
messages enter a queue that may drop what paho, below it, has acknowledged. So the socket is read
here. A message goes straight to `on_received`, in the loop's thread, and whatever else comes goes
to paho (`Client._packet_handle`). Acknowledgements leave a batch at a time. Both versions are
pinned; tests/unit/ingest/test_manual_client.py fails when one no longer has what is used here.
"""

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from mould_watch.ingest.packets import (
    PacketSplitter,
    Publish,
    acknowledgements,
    is_publish,
    parse_publish,
)

_READ_BYTES: Final = 64 * 1024


class ManualClient(aiomqtt.Client):
    """A client whose messages are acknowledged by hand."""

    def __init__(
        self,
        *,
        on_connected: Callable[[bool], None],
        on_received: Callable[[Publish], None],
        **arguments: Any,  # noqa: ANN401 - those of aiomqtt.Client, whatever they are
    ) -> None:
        """Take the callbacks and aiomqtt's own arguments.

        `on_connected` is told whether the broker still had the session, before any message
        of the connection is received.
        """
        super().__init__(**arguments)
        self._tell_connected = on_connected
        self._tell_received = on_received
        self._connecting = False
        self._abandoned = False
        self._splitter = PacketSplitter()
        # why the socket could not be read, where that is known
        self.failure: OSError | None = None
        self._broker_reason: int | None = None

    def acknowledge(self, packet_ids: Iterable[int]) -> None:
        """Send the PUBACKs of messages of QoS 1, in this order."""
        packets = acknowledgements(packet_ids)
        if packets:
            # one "packet" to paho, which looks into none that it sends
            self._client._packet_queue(paho.PUBACK, packets, 0, 1)  # noqa: SLF001

    def stop_reading(self) -> None:
        """Leave what the broker sends in the socket, so that the broker waits."""
        sock = self._client.socket()
        if sock is not None:
            self._loop.remove_reader(sock.fileno())

    def go_on_reading(self) -> None:
        """Undo `stop_reading`."""
        sock = self._client.socket()
        if sock is not None:
            self._loop.add_reader(sock.fileno(), self._read)
            # TLS may hold decrypted bytes that the socket will not announce again
            self._loop.call_soon(self._read)

    async def until_disconnected(self) -> None:
        """Wait for the end of the connection, then raise aiomqtt.MqttError.

        The queue that is iterated over stays empty.
        """
        async for _ in self.messages:
            logging.getLogger(__name__).error("a message went past the manual acknowledgement")

    @property
    def speaks_5(self) -> bool:
        """Return whether this is MQTT 5."""
        return self._client.protocol == paho.MQTTv5

    @property
    def is_open(self) -> bool:
        """Return whether there is a connection.

        aiomqtt forgets a loss between CONNACK and the end of its connecting.
        """
        return self._client.socket() is not None

    def disconnect_reason(self) -> int | None:
        """Return the reason code of a disconnection, if the broker gave one."""
        if self._broker_reason is not None:
            return self._broker_reason
        if not self._disconnected.done() or self._disconnected.cancelled():
            return None
        error = self._disconnected.exception()
        code = error.rc if isinstance(error, aiomqtt.MqttCodeError) else None
        return code.value if isinstance(code, ReasonCode) else code

    def abandon(self) -> None:
        """Close the socket without a word, if it is open: after a connect that failed.

        A connect that was cancelled goes on in its thread: its socket is closed when that ends.
        """
        # looked at, or asyncio complains that nobody ever did
        self.disconnect_reason()
        self._abandoned = True
        if not self._connecting:
            self._client._sock_close()  # noqa: SLF001 - aiomqtt leaves it open

    def _client_connect(self) -> None:
        # in a thread of aiomqtt's making
        self._connecting = True
        try:
            super()._client_connect()
        finally:
            # after what aiomqtt has asked of the loop for the new socket
            self._loop.call_soon_threadsafe(self._connect_ended)

    def _connect_ended(self) -> None:
        self._connecting = False
        if self._abandoned:
            self.abandon()

    def _on_connect(
        self,
        client: paho.Client,
        userdata: Any,  # noqa: ANN401 - as in aiomqtt
        flags: paho.ConnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        if not self._connected.done() and not reason_code.is_failure:
            self._tell_connected(flags.session_present)
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_disconnect(
        self,
        client: paho.Client,
        userdata: Any,  # noqa: ANN401 - as in aiomqtt
        flags: paho.DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            # paho reads the reason only where properties follow it, which they seldom do
            packet = self._client._in_packet["packet"]  # noqa: SLF001
            self._broker_reason = packet[0] if packet else None
        if not self._connected.done():
            # aiomqtt would wait for the CONNACK until its time limit
            self._connected.set_exception(
                aiomqtt.MqttCodeError(reason_code, "disconnected before it was connected")
            )
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _on_socket_open(
        self,
        client: paho.Client,
        userdata: Any,  # noqa: ANN401 - as in aiomqtt
        sock: Any,  # noqa: ANN401 - a socket, with or without TLS
    ) -> None:
        # As aiomqtt does, from the connecting thread; but it is read by `_read`, from the first
        # byte on: paho must never have half of a packet.
        del client, userdata

        def begin_misc() -> None:
            self._misc_task = self._loop.create_task(self._misc_loop())

        self._loop.call_soon_threadsafe(self._loop.add_reader, sock.fileno(), self._read)
        self._loop.call_soon_threadsafe(begin_misc)

    def _read(self) -> None:
        try:
            code = self._receive()
            if code:
                self._client._loop_rc_handle(code)  # noqa: SLF001 - closes, and tells
        except Exception as error:  # noqa: BLE001 - as in aiomqtt: any failure ends the connection
            if not self._disconnected.done():
                self._disconnected.set_exception(error)

    def _receive(self) -> MQTTErrorCode:
        """Take what the socket has; return paho's code of the failure that ends it, or success."""
        client = self._client
        while True:
            try:
                data = client._sock_recv(_READ_BYTES)  # noqa: SLF001
            except BlockingIOError:
                return paho.MQTT_ERR_SUCCESS
            except OSError as error:
                self.failure = error
                data = b""
            if not data:
                return paho.MQTT_ERR_CONN_LOST
            client._last_msg_in = time.monotonic()  # noqa: SLF001 - it sends no PING meanwhile
            for first, body in self._splitter.feed(data):
                if is_publish(first):
                    self._tell_received(parse_publish(first, body, speaks_5=self.speaks_5))
                elif code := self._hand_to_paho(first, body):
                    return code
            sock = client.socket()
            # TLS may hold decrypted bytes that the socket will not announce
            if sock is None or not hasattr(sock, "pending") or sock.pending() == 0:
                return paho.MQTT_ERR_SUCCESS

    def _hand_to_paho(self, first: int, body: bytes) -> MQTTErrorCode:
        """Let paho handle a packet that is no message, as if it had read it itself."""
        self._client._in_packet = {  # noqa: SLF001
            "command": first,
            "have_remaining": 1,
            "remaining_count": [],
            "remaining_mult": 1,
            "remaining_length": len(body),
            "packet": bytearray(body),
            "to_process": 0,
            "pos": 0,
        }
        return self._client._packet_handle()  # noqa: SLF001
