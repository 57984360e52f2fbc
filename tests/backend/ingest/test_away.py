"""A broker that cannot be used: what is said of it names the broker and a plain reason."""

import logging
from pathlib import Path

import pytest
from pydantic import SecretStr

from demo_flat.processes import free_port
from mould_watch.clock import SystemClock
from mould_watch.ingest.service import BrokerAddress, Ingestion
from mould_watch.ingest.tls import TlsFiles
from mould_watch.settings import Settings
from mould_watch.storage.database import Database
from tests.support.mosquitto import Mosquitto
from tests.support.running import running
from tests.support.waiting import until


async def _reason(database: Database, folder: Path, address: BrokerAddress) -> str:
    async def broker() -> BrokerAddress:
        return address

    ingestion = Ingestion(Settings(data_dir=folder), database, SystemClock(), broker)
    async with running(ingestion.run(), "ingestion"):
        await until(lambda: ingestion.health()["state"] == "away")
        return str(ingestion.health()["detail"])


async def test_nothing_that_answers_is_said_with_the_address(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    port = free_port()
    reason = await _reason(database, tmp_path, BrokerAddress("127.0.0.1", port))
    assert reason == f"nothing answers at 127.0.0.1:{port} (connection refused)"
    assert f"The MQTT broker cannot be used: {reason}. Trying again" in caplog.text


async def test_a_name_with_several_addresses_that_all_refuse_is_said_as_one(
    database: Database, tmp_path: Path
) -> None:
    port = free_port()
    reason = await _reason(database, tmp_path, BrokerAddress("localhost", port))
    assert reason == f"nothing answers at localhost:{port} (connection refused)"


async def test_an_unknown_name_is_said_as_one(database: Database, tmp_path: Path) -> None:
    reason = await _reason(database, tmp_path, BrokerAddress("broker.invalid", 1883))
    assert reason in {
        "the name broker.invalid is not known",
        "the name broker.invalid cannot be looked up now",  # no resolver on this machine
    }


@pytest.mark.parametrize(
    ("username", "expected"),
    [
        ("mould", "the user name or the password is refused by {place}"),
        (None, "{place} wants a user name and a password, and none are set"),
    ],
)
async def test_a_refused_password_is_said_and_not_quoted(
    database: Database, tmp_path: Path, username: str | None, expected: str
) -> None:
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o600)
    options = ("listener_allow_anonymous false", f"password_file {passwords}")
    async with Mosquitto(tmp_path / "broker", options=options) as broker:
        address = BrokerAddress(
            broker.host, broker.port, username, SecretStr("the-password") if username else None
        )
        reason = await _reason(database, tmp_path, address)
    assert reason == expected.format(place=f"127.0.0.1:{broker.port}")


async def test_tls_asked_of_a_port_without_it_is_said(database: Database, tmp_path: Path) -> None:
    async with Mosquitto(tmp_path / "broker") as broker:
        address = BrokerAddress(broker.host, broker.port, tls=TlsFiles())
        reason = await _reason(database, tmp_path, address)
    place = f"127.0.0.1:{broker.port}"
    assert reason.startswith((f"no encrypted connection to {place}", f"{place} has ended"))
