"""Redelivery after a crash, a cut or a lost session: nothing lost, nothing twice."""

import os
import socket
import sys
from asyncio import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from mould_watch.ingest.source import IncomingMessage
from mould_watch.storage.database import Database
from tests.support.fake_broker import Delivery, FakeBroker
from tests.support.ingestion import Ingesting, Stored, now, payload
from tests.support.mosquitto import REPOSITORY, Mosquitto, Publisher, publisher
from tests.support.waiting import until

ZIGBEE = "zigbee2mqtt/bath"
TOPIC = "mould-watch/readings/bath"


async def _process(
    broker: Mosquitto, database_url: str, folder: Path, **environment: str
) -> subprocess.Process:
    return await subprocess.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.ingestion_process",
        cwd=REPOSITORY,
        env={
            **os.environ,
            "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'addon'}",
            "DATABASE_URL": database_url,
            "MOULD_WATCH_DATA_DIR": str(folder),
            "MOULD_WATCH_MQTT__HOST": broker.host,
            "MOULD_WATCH_MQTT__PORT": str(broker.port),
            **environment,
        },
    )


async def test_kill_between_commit_and_puback_stores_nothing_twice(
    sensor: Publisher, stored: Stored, ingesting: Ingesting, database_url: str, tmp_path: Path
) -> None:
    async with ingesting.running():
        pass  # the session exists from now on
    await sensor.publish(ZIGBEE, payload(temperature=21, humidity=60))
    await sensor.publish(ZIGBEE, payload(temperature=21, humidity=60))
    await sensor.publish(TOPIC, payload(timestamp=now(), temperature=22, humidity=60))
    await sensor.publish(TOPIC, b"broken")
    await sensor.publish("zigbee2mqtt/bath/availability", payload(state="online"))
    process = await _process(
        ingesting.broker,
        database_url,
        tmp_path,
        MOULD_WATCH_FAILPOINT="after_commit_before_puback",
        # everything in one batch, and the first commit is the one that is killed after
        MOULD_WATCH_INGEST__MINIMUM_COMMIT_INTERVAL_S="1",
    )
    assert await process.wait() == -9
    committed = await stored.count("readings"), await stored.count("dead_letter")
    assert committed[0] > 0
    async with ingesting.running() as ingestion:
        await until(lambda: ingestion.health()["waiting"] == 0)
        await sensor.publish("zigbee2mqtt/lamp", payload(state="ON"))
        await stored.ended("unwatched", 1)
    assert await stored.count("readings") == 3
    assert await stored.count("dead_letter") == 1
    assert await stored.ending("control") == 1
    assert await stored.ending("redelivery") >= 1


class _CutInsteadOfAcknowledging:
    """Cuts the first connections right where the acknowledgements would leave."""

    def __init__(self, ingesting: Ingesting, cuts: int) -> None:
        self.ingestion = ingesting.make()
        self.cuts = cuts
        self._source = self.ingestion._source
        self._acknowledge = self._source.acknowledge
        self.ingestion._intake._acknowledge = self

    def __call__(self, messages: Sequence[IncomingMessage]) -> None:
        client = self._source._client
        if client is not None and self.cuts and any(not message.marker for message in messages):
            self.cuts -= 1
            connection = client._client.socket()
            if isinstance(connection, socket.socket):
                connection.shutdown(socket.SHUT_RDWR)
        else:
            self._acknowledge(messages)


async def test_a_connection_cut_between_commit_and_puback_stores_nothing_twice(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    cutting = _CutInsteadOfAcknowledging(ingesting, cuts=3)
    async with ingesting.running(cutting.ingestion):
        for n in range(3):
            await sensor.publish(ZIGBEE, payload(temperature=21, humidity=60 + n))
        await sensor.publish(TOPIC, b"broken")
        await until(lambda: cutting.cuts == 0)
        await until(lambda: cutting.ingestion.health()["ready"])
        await sensor.publish("zigbee2mqtt/lamp", payload(state="ON"))
        await stored.ended("unwatched", 1)
        await until(lambda: cutting.ingestion.health()["waiting"] == 0)
    assert await stored.count("readings") == 3
    assert await stored.count("dead_letter") == 1
    assert await stored.ending("redelivery") >= 1


async def test_a_session_lost_at_the_broker_begins_a_new_epoch_and_loses_nothing_received(
    ingesting: Ingesting, broker: Mosquitto, stored: Stored
) -> None:
    async with ingesting.running() as ingestion:
        async with publisher(broker) as sensor:
            await sensor.publish(ZIGBEE, payload(temperature=21, humidity=60))
            await stored.has("readings", 1)
        (before,) = await stored.rows("SELECT epoch FROM mqtt_session")
        await broker.kill()
        await until(lambda: not ingestion.health()["ready"])
        broker.forget()
        await broker.start()
        await until(lambda: ingestion.health()["ready"])
        (after,) = await stored.rows("SELECT epoch FROM mqtt_session")
        assert after["epoch"] == before["epoch"] + 1
        assert await stored.count("mqtt_delivery") == 0
        async with publisher(broker) as sensor:
            # the new session counts its packet ids from the start: not a redelivery
            await sensor.publish(ZIGBEE, payload(temperature=21, humidity=60))
            await stored.has("readings", 2)


@pytest.fixture
async def session_of(ingesting: Ingesting, database: Database, tmp_path: Path) -> _Sessions:
    return _Sessions(ingesting, database, tmp_path)


class _Sessions:
    """One connection of the ingestion after the other to a fake broker."""

    def __init__(self, ingesting: Ingesting, database: Database, tmp_path: Path) -> None:
        self._ingesting = ingesting
        self._database = database
        self._tmp_path = tmp_path

    async def one(
        self, *deliveries: Delivery, session_present: bool = True, acknowledge: bool = True
    ) -> FakeBroker:
        """Connect, be given `deliveries`, store them, and be cut off."""
        async with FakeBroker(session_present=session_present) as broker:
            # a session that was lost has nothing queued: it delivers after the subscription
            broker.queued = list(deliveries) if session_present else []
            ingestion = Ingesting(broker, self._database, self._tmp_path).make()  # type: ignore[arg-type]
            send = ingestion._intake._acknowledge
            stored: list[int] = []

            def committed(messages: Sequence[IncomingMessage]) -> None:
                stored.extend(one.packet_id for one in messages if not one.marker)
                if acknowledge:
                    send(messages)

            ingestion._intake._acknowledge = committed
            async with self._ingesting.running(ingestion):
                if not session_present:
                    for delivery in deliveries:
                        broker.deliver(delivery)
                await until(ingestion._source._marker_back.is_set)
                await until(lambda: len(stored) == len(deliveries))
                await until(lambda: ingestion.health()["waiting"] == 0)
                if acknowledge:
                    await until(lambda: len(broker.acknowledged) == len(deliveries) + 1)
            return broker


UNTIMED = payload(temperature=21, humidity=60)


async def test_a_redelivery_is_dup_in_the_redelivery_phase_with_the_same_id_epoch_and_bytes(
    session_of: _Sessions, stored: Stored
) -> None:
    await session_of.one(Delivery(7, ZIGBEE, UNTIMED), session_present=False, acknowledge=False)
    await stored.has("readings", 1)
    broker = await session_of.one(Delivery(7, ZIGBEE, UNTIMED, dup=True))
    assert await stored.count("readings") == 1
    assert await stored.ending("redelivery") == 1
    assert broker.acknowledged[0] == 7


async def test_a_redelivery_that_was_cut_off_again_is_recognised_again(
    session_of: _Sessions, stored: Stored
) -> None:
    await session_of.one(Delivery(7, ZIGBEE, UNTIMED), session_present=False, acknowledge=False)
    for _ in range(3):
        await session_of.one(Delivery(7, ZIGBEE, UNTIMED, dup=True), acknowledge=False)
    assert await stored.count("readings") == 1
    assert await stored.ending("redelivery") == 3


async def test_what_leaves_nothing_but_a_count_is_counted_once(
    session_of: _Sessions, stored: Stored
) -> None:
    sent = {
        1: ("zigbee2mqtt/bath/availability", payload(state="offline")),
        2: ("zigbee2mqtt/bridge/state", b"online"),
        3: ("zigbee2mqtt/lamp", payload(state="ON")),
        4: ("zigbee2mqtt/bath/availability", payload(state="online")),
    }
    first = [Delivery(one, *what) for one, what in sent.items()]
    await session_of.one(*first, session_present=False, acknowledge=False)
    counted = {"control": 3, "unwatched": 1}
    assert {ending: await stored.ending(ending) for ending in counted} == counted
    again = [Delivery(one, *what, dup=True) for one, what in sent.items()]
    await session_of.one(*again)
    assert {ending: await stored.ending(ending) for ending in counted} == counted
    assert await stored.ending("redelivery") == 4
    (device,) = await stored.rows("SELECT available FROM device")
    assert device["available"] is True


@pytest.mark.parametrize(
    ("again", "session_present"),
    [
        pytest.param(Delivery(7, ZIGBEE, UNTIMED), True, id="without DUP"),
        pytest.param(Delivery(8, ZIGBEE, UNTIMED, dup=True), True, id="another packet id"),
        pytest.param(
            Delivery(7, ZIGBEE, payload(temperature=22), dup=True), True, id="other bytes"
        ),
        pytest.param(Delivery(7, ZIGBEE, UNTIMED, dup=True), False, id="another epoch"),
    ],
)
async def test_anything_else_is_new(
    session_of: _Sessions, stored: Stored, again: Delivery, *, session_present: bool
) -> None:
    await session_of.one(Delivery(7, ZIGBEE, UNTIMED), session_present=False, acknowledge=False)
    await session_of.one(again, session_present=session_present)
    assert await stored.count("readings") == 2
    assert await stored.ending("redelivery") == 0


async def test_dup_after_the_first_message_without_dup_is_new(
    session_of: _Sessions, stored: Stored
) -> None:
    await session_of.one(Delivery(7, ZIGBEE, UNTIMED), session_present=False, acknowledge=False)
    await session_of.one(
        Delivery(1, "zigbee2mqtt/lamp", payload(state="ON")),
        Delivery(7, ZIGBEE, UNTIMED, dup=True),
    )
    assert await stored.count("readings") == 2


async def test_a_record_ends_when_the_redelivery_phase_ends_without_it(
    session_of: _Sessions, stored: Stored
) -> None:
    await session_of.one(Delivery(7, ZIGBEE, UNTIMED), session_present=False, acknowledge=False)
    # the marker, which has no DUP, ends the phase
    await session_of.one()
    assert await stored.count("mqtt_delivery") == 0
    await session_of.one(Delivery(7, ZIGBEE, UNTIMED, dup=True))
    assert await stored.count("readings") == 2


async def test_a_record_ends_when_its_packet_id_comes_with_a_timestamped_message(
    session_of: _Sessions, stored: Stored
) -> None:
    await session_of.one(Delivery(7, ZIGBEE, UNTIMED), session_present=False)
    timed = payload(temperature=21, last_seen=now())
    await session_of.one(Delivery(7, ZIGBEE, timed), acknowledge=False)
    assert await stored.count("mqtt_delivery") == 0


async def test_acknowledgements_leave_in_the_order_of_arrival(session_of: _Sessions) -> None:
    ids = [9, 4, 700, 2, 3]
    topics = [ZIGBEE, TOPIC, "zigbee2mqtt/lamp", "zigbee2mqtt/bridge/state", TOPIC]
    payloads = [UNTIMED, b"broken", b"{}", b"online", payload(timestamp=now(), temperature=2)]
    broker = await session_of.one(
        *(
            Delivery(packet_id, topic, sent)
            for packet_id, topic, sent in zip(ids, topics, payloads, strict=True)
        )
    )
    assert broker.acknowledged[:5] == ids
