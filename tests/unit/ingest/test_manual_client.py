"""The contract with aiomqtt and paho: what the shim reaches for is there, in these versions."""

import inspect
import socket
from importlib.metadata import version

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from mould_watch.ingest.manual_client import ManualClient
from mould_watch.ingest.packets import Publish


def test_the_versions_are_those_the_shim_was_written_for() -> None:
    assert version("aiomqtt") == "2.5.1"
    assert version("paho-mqtt").split(".")[:2] == ["2", "1"]


def test_paho_sends_what_it_is_given() -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    assert list(inspect.signature(client._packet_queue).parameters)[:4] == [
        "command",
        "packet",
        "mid",
        "qos",
    ]
    assert paho.ConnectFlags(session_present=True).session_present
    assert callable(client._sock_close)
    # of a DISCONNECT, when the callback is called: its reason is the first byte
    assert "packet" in client._in_packet


async def test_aiomqtt_has_the_callbacks_and_futures_that_are_replaced_and_read() -> None:
    told: list[bool] = []
    client = ManualClient(
        hostname="localhost", on_connected=told.append, on_received=lambda _message: None
    )
    assert isinstance(client._client, paho.Client)
    # bound at construction: those of the subclass
    assert client._client.on_connect == client._on_connect
    assert not client._connected.done()
    assert not client._disconnected.done()
    assert client._client.on_disconnect == client._on_disconnect
    for name in ("_on_connect", "_on_disconnect"):
        ours = inspect.signature(getattr(ManualClient, name)).parameters
        theirs = inspect.signature(getattr(aiomqtt.Client, name)).parameters
        assert list(ours) == list(theirs)


async def test_the_socket_is_read_here_and_what_is_no_message_goes_to_paho() -> None:
    received: list[Publish] = []
    present: list[bool] = []
    client = ManualClient(
        hostname="localhost",
        on_connected=present.append,
        on_received=received.append,
        protocol=aiomqtt.ProtocolVersion.V5,
    )
    near, far = socket.socketpair()
    near.setblocking(False)  # noqa: FBT003 - its only argument
    with near, far:
        client._client._sock = near
        connack = b"\x20\x03\x01\x00\x00"
        message = b"\x3a\x07\x00\x01t\x00\x09\x00p"
        far.sendall(connack + message[:4])
        assert client._receive() == 0
        assert present == [True]
        assert received == []
        far.sendall(message[4:] + message)
        assert client._receive() == 0
        expected = Publish(topic=b"t", payload=b"p", qos=1, retain=False, dup=True, packet_id=9)
        assert received == [expected, expected]
        assert client._queue.qsize() == 0
        client.acknowledge([9, 10])
        client._client.loop_write()
        assert far.recv(100) == b"\x40\x02\x00\x09\x40\x02\x00\x0a"
        far.close()
        assert client._receive() == paho.MQTT_ERR_CONN_LOST
        client._client._sock = None


async def test_the_connecting_thread_hands_the_socket_over_before_anything_is_read() -> None:
    ours = inspect.signature(ManualClient._on_socket_open).parameters
    theirs = inspect.signature(aiomqtt.Client._on_socket_open).parameters
    assert list(ours) == list(theirs)
    client = ManualClient(
        hostname="localhost", on_connected=lambda _: None, on_received=lambda _: None
    )
    assert client._client.on_socket_open == client._on_socket_open
    for name in ("_in_packet", "_last_msg_in", "_packet_handle", "_loop_rc_handle", "_sock_recv"):
        assert hasattr(client._client, name)
    assert callable(client._misc_loop)
    assert client._misc_task is None
