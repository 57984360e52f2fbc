"""The contract with aiomqtt and paho: what the shim reaches for is there, in these versions."""

import inspect
from importlib.metadata import version

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from mould_watch.ingest.manual_client import ManualClient


def test_the_versions_are_those_the_shim_was_written_for() -> None:
    assert version("aiomqtt") == "2.5.1"
    assert version("paho-mqtt").split(".")[:2] == ["2", "1"]


def test_paho_acknowledges_by_hand() -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.manual_ack_set(on=True)
    assert list(inspect.signature(client.ack).parameters) == ["mid", "qos"]
    assert isinstance(paho.MQTTMessage().dup, bool)
    assert paho.ConnectFlags(session_present=True).session_present
    assert callable(client._sock_close)


async def test_aiomqtt_has_the_callbacks_and_futures_that_are_replaced_and_read() -> None:
    told: list[bool] = []
    client = ManualClient(
        hostname="localhost", on_connected=told.append, on_received=lambda _message: None
    )
    assert isinstance(client._client, paho.Client)
    assert client._client._manual_ack is True
    # bound at construction: those of the subclass
    assert client._client.on_message == client._on_message
    assert client._client.on_connect == client._on_connect
    assert not client._connected.done()
    assert not client._disconnected.done()
    assert client._client.on_disconnect == client._on_disconnect
    for name in ("_on_connect", "_on_disconnect", "_on_message"):
        ours = inspect.signature(getattr(ManualClient, name)).parameters
        theirs = inspect.signature(getattr(aiomqtt.Client, name)).parameters
        assert list(ours) == list(theirs)


async def test_messages_go_past_aiomqtts_queue() -> None:
    received: list[bytes] = []
    client = ManualClient(
        hostname="localhost",
        on_connected=lambda _present: None,
        on_received=lambda message: received.append(message.payload),
    )
    message = paho.MQTTMessage(1, b"t")
    message.payload = b"p"
    client._client._handle_on_message(message)
    assert received == [b"p"]
    assert client._queue.qsize() == 0
