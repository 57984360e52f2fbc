"""SIGTERM: what was taken is kept and acknowledged first; a second one loses nothing either."""

import re
import signal
from collections.abc import AsyncGenerator
from pathlib import Path

import asyncpg
import pytest

from mould_watch.service import STOP_S
from tests.support.backend import BackendProcess, running_backend
from tests.support.ingestion import Stored, now, payload
from tests.support.mosquitto import Mosquitto, publisher
from tests.support.tcp_link import TcpLink
from tests.support.waiting import until

TOPIC = "mould-watch/readings/bath"
ZIGBEE = "zigbee2mqtt/bath"
# what the Supervisor waits before it kills, and how much later a busy machine may see an end
SUPERVISOR_WAITS_S = 10.0
ENDS_WITHIN_S = STOP_S + 20.0

# so long between two commits that messages are in memory when the signal comes
SLOW = {"MOULD_WATCH_INGEST__MINIMUM_COMMIT_INTERVAL_S": "60"}


@pytest.fixture
def far(settings: dict[str, str], wire: TcpLink) -> dict[str, str]:
    """Return the settings with a database that can be taken away."""
    return settings | {"DATABASE_URL": wire.address_of(settings["DATABASE_URL"])}


@pytest.fixture
async def stored(settings: dict[str, str]) -> AsyncGenerator[Stored]:
    connection = await asyncpg.connect(settings["DATABASE_URL"])
    yield Stored(connection)
    await connection.close()


def delivered(broker: Mosquitto) -> tuple[set[str], set[str]]:
    """Return the packet ids that the broker sent, and those that were acknowledged."""
    log = broker.log_file.read_text(encoding="utf-8")
    sent = re.findall(
        r"Sending PUBLISH to mould-watch \(d0, q1, r0, m(\d+), '(?!mould-watch/m)", log
    )
    acknowledged = re.findall(r"Received PUBACK from mould-watch \(Mid: (\d+)", log)
    return set(sent), set(acknowledged)


async def _publish(broker: Mosquitto, count: int) -> None:
    async with publisher(broker) as sensor:
        for n in range(count):
            await sensor.publish(TOPIC, payload(timestamp=now(), temperature=n))
            await sensor.publish(ZIGBEE, payload(temperature=n), qos=n % 2)


async def _received(backend: BackendProcess, count: int) -> None:
    """Wait until the backend has so many messages in memory."""

    async def waiting() -> bool:
        _, body = await backend.get("/readyz")
        return int(body["parts"]["broker"]["waiting"]) >= count

    await until(waiting)


async def _terminate(backend: BackendProcess) -> None:
    """Have it end in order, which is sooner than it would leave by force."""
    backend.process.send_signal(signal.SIGTERM)
    assert await backend.ended(ENDS_WITHIN_S) == 0


async def test_what_was_received_is_stored_and_acknowledged_before_the_end(
    tmp_path: Path, settings: dict[str, str], broker: Mosquitto, stored: Stored
) -> None:
    async with running_backend(tmp_path, settings | SLOW) as backend:
        await backend.ready()
        await _publish(broker, 30)
        await _received(backend, 60)
        assert await stored.count("readings") < 60
        await _terminate(backend)
    assert await stored.count("readings") == 60, "QoS 0 as well"
    sent, acknowledged = delivered(broker)
    assert sent <= acknowledged
    assert "Received DISCONNECT from mould-watch" in broker.log_file.read_text(encoding="utf-8")


async def test_without_a_database_it_is_spooled_and_acknowledged_before_the_end(
    tmp_path: Path,
    far: dict[str, str],
    wire: TcpLink,
    broker: Mosquitto,
    stored: Stored,
) -> None:
    async with running_backend(tmp_path, far | SLOW) as backend:
        await backend.ready()
        wire.close()
        wire.drop()
        await backend.logged("database_away")
        await _publish(broker, 30)
        await _received(backend, 60)
        await _terminate(backend)
    assert await stored.count("readings") == 0
    sent, acknowledged = delivered(broker)
    assert sent <= acknowledged
    await wire.open()
    async with running_backend(tmp_path, far):
        await stored.has("readings", 60)


async def test_with_a_database_that_does_not_answer_it_ends_in_time_as_well(
    tmp_path: Path, far: dict[str, str], wire: TcpLink, broker: Mosquitto, stored: Stored
) -> None:
    async with running_backend(tmp_path, far) as backend:
        await backend.ready()
        wire.silent = True
        await _publish(broker, 20)
        await _received(backend, 40)
        backend.process.send_signal(signal.SIGTERM)
        # in order or by force
        await backend.ended(ENDS_WITHIN_S)
    assert STOP_S < SUPERVISOR_WAITS_S
    wire.flow()
    wire.drop()
    async with running_backend(tmp_path, far):
        await stored.has("readings", 40)


async def test_a_second_signal_leaves_at_once_and_loses_nothing(
    tmp_path: Path, far: dict[str, str], wire: TcpLink, broker: Mosquitto, stored: Stored
) -> None:
    async with running_backend(tmp_path, far) as backend:
        await backend.ready()
        wire.silent = True
        async with publisher(broker) as sensor:
            for n in range(20):
                await sensor.publish(ZIGBEE, payload(temperature=n))
        await _received(backend, 20)
        backend.process.send_signal(signal.SIGTERM)
        await backend.logged("stopping")
        backend.process.send_signal(signal.SIGTERM)
        # neither in order nor by force, and that only the second signal can have brought
        assert await backend.ended(ENDS_WITHIN_S) == 128 + signal.SIGTERM
    wire.flow()
    wire.drop()
    async with running_backend(tmp_path, far) as backend:
        await stored.has("readings", 20)
        await backend.ready()
    assert await stored.count("readings") == 20
