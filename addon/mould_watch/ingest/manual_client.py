"""aiomqtt 2.5.1 with what its public API lacks; the only module that reaches inside it.

Missing there: acknowledging by hand, DUP and session_present, and a way to stop reading. paho,
below it, has all of them (`Client.manual_ack_set`, `Client.ack`, `MQTTMessage.dup`,
`ConnectFlags.session_present`). Both versions are pinned; tests/unit/ingest/
test_manual_client.py fails when a release no longer has what is used here.

Messages never enter aiomqtt's own queue, which may drop what paho will acknowledge: they go
straight to `on_received`, in the loop's thread.
"""

import logging
from collections.abc import Callable
from typing import Any

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode


class ManualClient(aiomqtt.Client):
    """A client whose messages are acknowledged by hand."""

    def __init__(
        self,
        *,
        on_connected: Callable[[bool], None],
        on_received: Callable[[paho.MQTTMessage], None],
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
        self._client.manual_ack_set(on=True)

    def acknowledge(self, packet_id: int) -> None:
        """Send the PUBACK of a message of QoS 1; they leave in the order of the calls."""
        self._client.ack(packet_id, 1)

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
        if not self._connected.done():
            # aiomqtt would wait for the CONNACK until its time limit
            self._connected.set_exception(
                aiomqtt.MqttCodeError(reason_code, "disconnected before it was connected")
            )
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _on_message(
        self,
        client: paho.Client,
        userdata: Any,  # noqa: ANN401 - as in aiomqtt
        message: paho.MQTTMessage,
    ) -> None:
        del client, userdata
        self._tell_received(message)

    def _read(self) -> None:
        # What aiomqtt's own reader does, which is a closure that cannot be had again.
        try:
            while True:
                self._client.loop_read()
                sock = self._client.socket()
                if sock is None or not hasattr(sock, "pending") or sock.pending() == 0:
                    break
        except Exception as error:  # noqa: BLE001 - as in aiomqtt: any failure ends the connection
            if not self._disconnected.done():
                self._disconnected.set_exception(error)
