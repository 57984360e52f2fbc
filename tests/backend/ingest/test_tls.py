"""The connection to a broker that wants TLS."""

import asyncio
import gc
import os
import shutil
import socket
import ssl
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import SecretStr

from demo_flat.processes import free_port
from mould_watch.clock import SystemClock
from mould_watch.errors import BrokerUnavailableError
from mould_watch.ingest.service import BrokerAddress, Ingestion
from mould_watch.ingest.tls import TlsContexts, TlsFiles
from mould_watch.settings import IngestSettings, MqttSettings, Settings
from mould_watch.storage.database import Database
from mould_watch.wiring import BrokerLookup
from tests.support.ingestion import Stored, now, payload
from tests.support.mosquitto import Mosquitto, publisher
from tests.support.running import running
from tests.support.waiting import until

TOPIC = "mould-watch/readings/bath"


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 that signs itself; return it and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    certificate, key = tmp_path / "broker.pem", tmp_path / "broker.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1",
         "-addext", "keyUsage=digitalSignature,keyCertSign",
         "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return certificate, key


def _tls(certificate: tuple[Path, Path], port: int) -> list[str]:
    return [
        f"listener {port} 127.0.0.1",
        f"certfile {certificate[0]}",
        f"keyfile {certificate[1]}",
    ]


def _ingestion(
    database: Database, tmp_path: Path, address: BrokerAddress, ingest: IngestSettings
) -> Ingestion:
    async def broker() -> BrokerAddress:
        return address

    settings = Settings(data_dir=tmp_path, ingest=ingest)
    return Ingestion(settings, database, SystemClock(), broker)


async def test_messages_come_through_tls_also_when_the_reading_was_stopped(
    database: Database, stored: Stored, tmp_path: Path, certificate: tuple[Path, Path]
) -> None:

    port = free_port()
    async with Mosquitto(tmp_path / "broker", options=_tls(certificate, port)) as broker:
        address = BrokerAddress("127.0.0.1", port, tls=TlsFiles(certificate[0]))
        ingest = IngestSettings(waiting_maximum_bytes=100_000, batch_maximum=2)
        ingestion = _ingestion(database, tmp_path, address, ingest)
        async with (
            running(ingestion.run(), "ingestion"),
            publisher(broker) as sensor,
        ):
            await until(lambda: ingestion.health()["ready"])
            for n in range(30):
                await sensor.publish(TOPIC, payload(timestamp=now(), temperature=n, x="x" * 30_000))
            await stored.has("readings", 30)


async def test_a_certificate_nobody_vouches_for_is_refused_and_said_so(
    database: Database, tmp_path: Path, certificate: tuple[Path, Path]
) -> None:

    port = free_port()
    async with Mosquitto(tmp_path / "broker", options=_tls(certificate, port)):
        address = BrokerAddress("127.0.0.1", port, tls=TlsFiles())
        ingestion = _ingestion(database, tmp_path, address, IngestSettings())
        async with running(ingestion.run(), "ingestion"):
            await until(lambda: ingestion.health()["state"] == "away")
            assert "certificate" in ingestion.health()["detail"].lower()


def _open_sockets(port: int) -> list[ssl.SSLSocket]:
    """Return the sockets to `port` that nobody has closed."""
    return [
        one
        for one in gc.get_objects()
        if isinstance(one, ssl.SSLSocket) and one.fileno() != -1 and _peer_port(one) == port
    ]


def _peer_port(one: ssl.SSLSocket) -> int | None:
    try:
        port: int = one.getpeername()[1]
    except OSError:
        return None
    return port


async def test_a_connect_that_is_cancelled_in_its_handshake_leaves_no_socket_open(
    database: Database, tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    """The handshake goes on in its thread, and then succeeds with nobody waiting for it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        address = BrokerAddress("127.0.0.1", port, tls=TlsFiles(certificate[0]))
        ingestion = _ingestion(database, tmp_path, address, IngestSettings())
        async with running(ingestion.run(), "ingestion"):
            accepted, _ = await asyncio.to_thread(listening.accept)
        with accepted:
            accepted.settimeout(20)
            shaken = await asyncio.to_thread(context.wrap_socket, accepted, server_side=True)
            # at most its CONNECT, then the end: it has closed its side
            with shaken, suppress(ConnectionError, ssl.SSLEOFError):
                while await asyncio.to_thread(shaken.recv, 4096):
                    pass
    assert _open_sockets(port) == []


@pytest.fixture
def client_certificate(tmp_path: Path, certificate: tuple[Path, Path]) -> tuple[Path, Path]:
    """Make a certificate for a client, signed by the broker's; return it and its locked key."""
    asked, made, key = (tmp_path / f"client.{end}" for end in ("csr", "pem", "key"))
    for arguments in (
        ["openssl", "req", "-newkey", "rsa:2048", "-subj", "/CN=mould-watch",
         "-keyout", str(key), "-out", str(asked), "-passout", "pass:a key's password"],
        ["openssl", "x509", "-req", "-in", str(asked), "-days", "2", "-CAcreateserial",
         "-CA", str(certificate[0]), "-CAkey", str(certificate[1]), "-out", str(made)],
    ):  # fmt: skip
        subprocess.run(arguments, check=True, capture_output=True)
    return made, key


async def test_a_broker_that_asks_for_a_client_certificate_gets_it(
    database: Database,
    stored: Stored,
    tmp_path: Path,
    certificate: tuple[Path, Path],
    client_certificate: tuple[Path, Path],
) -> None:
    """From the settings on, as they come from the environment or the app's options."""
    port = free_port()
    options = [
        *_tls(certificate, port),
        f"cafile {certificate[0]}",
        "require_certificate true",
    ]
    mqtt = MqttSettings.model_validate(
        {
            "host": "127.0.0.1",
            "port": port,
            "tls": True,
            "ca_file": str(certificate[0]),
            "client_certificate_file": str(client_certificate[0]),
            "client_key_file": str(client_certificate[1]),
            "client_key_password": "a key's password",
        }
    )
    secrets: list[SecretStr] = []
    address = await BrokerLookup(mqtt, None, secrets.append)()
    assert [secret.get_secret_value() for secret in secrets] == ["a key's password"]
    async with Mosquitto(tmp_path / "broker", options=options) as broker:
        ingestion = _ingestion(database, tmp_path, address, IngestSettings())
        async with running(ingestion.run(), "ingestion"), publisher(broker) as sensor:
            await until(lambda: ingestion.health()["ready"])
            await sensor.publish(TOPIC, payload(timestamp=now(), temperature=21))
            await stored.has("readings", 1)
        without = BrokerAddress("127.0.0.1", port, tls=TlsFiles(certificate[0]))
        ingestion = _ingestion(database, tmp_path, without, IngestSettings())
        async with running(ingestion.run(), "ingestion"):
            await until(lambda: ingestion.health()["state"] == "away")
            assert "certificate required" in ingestion.health()["detail"]


async def test_files_that_cannot_be_used_are_named_and_why(
    tmp_path: Path, certificate: tuple[Path, Path], client_certificate: tuple[Path, Path]
) -> None:
    made, key = client_certificate
    nowhere = tmp_path / "nowhere.pem"
    none = tmp_path / "none.pem"
    none.write_text("no certificate", encoding="utf-8")
    for files, words in (
        (TlsFiles(nowhere), f"{nowhere} cannot be used: No such file"),
        (TlsFiles(certificate[0], nowhere), f"{nowhere} cannot be used: No such file"),
        (TlsFiles(certificate[0], none), f"{none} cannot be used: "),
        (TlsFiles(certificate[0], made, key), f"with the key {key} cannot be used: "),
        (
            TlsFiles(certificate[0], made, key, SecretStr("another password")),
            f"with the key {key} cannot be used: ",
        ),
        (TlsFiles(certificate[0], made, certificate[1]), "key values mismatch"),
    ):
        with pytest.raises(BrokerUnavailableError) as refusal:
            await TlsContexts().context(files)
        assert words in str(refusal.value)
        assert "another password" not in str(refusal.value)


async def test_a_renewed_certificate_is_read_with_the_next_connection(
    certificate: tuple[Path, Path],
) -> None:
    contexts, files = TlsContexts(), TlsFiles(certificate[0])
    first = await contexts.context(files)
    assert await contexts.context(files) is first
    os.utime(certificate[0], (1, 1))
    assert await contexts.context(files) is not first
