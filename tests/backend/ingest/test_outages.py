"""Broker, database and connections that go: each heals by itself, and nothing is lost."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mould_watch.ingest import leadership
from mould_watch.ingest.registry import DecoderRegistry
from mould_watch.ingest.service import BrokerAddress
from mould_watch.storage.database import Database
from tests.support.fake_broker import Delivery, FakeBroker
from tests.support.ingestion import Ingesting, Stored, now, payload
from tests.support.mosquitto import Mosquitto, Publisher, publisher
from tests.support.running import running
from tests.support.waiting import until

TOPIC = "mould-watch/readings/bath"


async def test_a_lost_session_lock_is_taken_again_and_the_broker_is_kept(
    ingesting: Ingesting,
    sensor: Publisher,
    stored: Stored,
    broker: Mosquitto,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # noticed when it happens, and not by looking
    monkeypatch.setattr(leadership, "_LOOK_S", 3600.0)
    async with ingesting.running() as ingestion:
        await sensor.publish(TOPIC, payload(timestamp=now(), temperature=21))
        await stored.has("readings", 1)
        # the session lock goes, and with it the right to the client id
        await stored.connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks"
            " WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()"
        )
        await until(lambda: not ingestion._leadership.leads)
        await until(lambda: ingestion._leadership.leads)
        await sensor.publish(TOPIC, payload(timestamp=now(), temperature=22))
        await stored.has("readings", 2)
        log = broker.log_file.read_text(encoding="utf-8")
        assert "Received DISCONNECT from mould-watch" not in log


async def test_a_broker_restart_heals(
    ingesting: Ingesting, broker: Mosquitto, stored: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    ingestion = ingesting.make()
    tries = 0
    ask = ingestion._broker

    async def count() -> BrokerAddress:
        nonlocal tries
        tries += 1
        return await ask()

    ingestion._broker = count
    async with ingesting.running(ingestion):
        await broker.stop()
        await until(lambda: ingestion.health()["state"] == "away")
        # some tries fail, and say nothing more
        await until(lambda: tries >= 4)
        await broker.start()
        await until(lambda: ingestion.health()["ready"])
        async with publisher(broker) as sensor:
            await sensor.publish(TOPIC, payload(timestamp=now(), temperature=21))
        await stored.has("readings", 1)
    actions = [vars(record).get("action") for record in caplog.records]
    assert actions.count("broker_away") == 1


async def test_messages_that_wait_in_a_restarted_broker_arrive_once(
    ingesting: Ingesting, broker: Mosquitto, stored: Stored
) -> None:
    async with ingesting.running():
        pass
    async with publisher(broker) as sensor:
        for n in range(50):
            await sensor.publish("zigbee2mqtt/bath", payload(temperature=n))
    await broker.restart()
    async with ingesting.running() as ingestion:
        await stored.has("readings", 50)
        await until(lambda: ingestion.health()["waiting"] == 0)


async def test_a_row_the_database_refuses_becomes_a_dead_letter_and_the_rest_is_stored(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    await _refuse_temperature(stored, 13)
    async with ingesting.running():
        pass
    await sensor.publish_all(
        [
            (TOPIC, payload(timestamp=now(), temperature=13 if n in {7, 30} else 20 + n / 10))
            for n in range(40)
        ]
    )
    async with ingesting.running():
        await stored.has("readings", 38)
        await stored.has("dead_letter", 2)
    letters = await stored.rows("SELECT reason, detail FROM dead_letter")
    assert {row["reason"] for row in letters} == {"refused_by_database"}
    assert all(row["detail"].startswith("23514") for row in letters)


async def test_when_every_row_is_refused_alike_the_batch_waits_for_the_database_to_be_mended(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    await _refuse_temperature(stored, 13)
    async with ingesting.running():
        pass
    await sensor.publish_all(
        [(TOPIC, payload(timestamp=now(), temperature=13, n=n)) for n in range(40)]
    )
    ingestion = ingesting.make(ingest={"minimum_commit_interval_s": 1})
    async with running(ingestion.run(), "ingestion"):
        await until(lambda: ingestion._drain.fault is not None)
        # a message that came alone cannot be told from one that is at fault
        alone = await stored.count("dead_letter")
        assert alone < 10
        await stored.connection.execute("ALTER TABLE readings DROP CONSTRAINT no_such_temperature")
        await stored.has("readings", 40 - alone)
        await until(lambda: ingestion.health()["ready"])


async def test_a_refused_reference_is_no_messages_fault_even_of_one_alone(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    await stored.connection.execute("CREATE TABLE nobody (id integer PRIMARY KEY)")
    await stored.connection.execute(
        "ALTER TABLE readings ADD CONSTRAINT of_nobody FOREIGN KEY (device_id) REFERENCES nobody"
    )
    async with ingesting.running() as ingestion:
        await sensor.publish(TOPIC, payload(timestamp=now(), temperature=20))
        await until(lambda: "of_nobody" in (ingestion._drain.fault or ""))
        await stored.connection.execute("ALTER TABLE readings DROP CONSTRAINT of_nobody")
        await stored.has("readings", 1)
    assert await stored.count("dead_letter") == 0


async def test_a_partition_that_vanished_is_made_anew(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        await sensor.publish(TOPIC, payload(timestamp=now(), temperature=20))
        await stored.has("readings", 1)
        (partition,) = await stored.rows(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits"
            " WHERE inhparent = 'readings'::regclass"
        )
        await stored.connection.execute(f"DROP TABLE {partition['name']}")
        await sensor.publish(TOPIC, payload(timestamp=now(), temperature=21))
        await stored.has("readings", 1)


async def test_a_broker_that_speaks_only_3_1_1_is_good_enough(
    ingesting: Ingesting, database: Database, stored: Stored, tmp_path: Path
) -> None:
    del ingesting
    async with FakeBroker(refuses=(5,)) as old:
        ingesting = Ingesting(old, database, tmp_path)  # type: ignore[arg-type]
        async with ingesting.running():
            old.deliver(_delivery())
            await stored.has("readings", 1)
            await until(lambda: 1 in old.acknowledged)
        assert old.connects == [5, 4]
        assert set(old.subscriptions) == {
            *DecoderRegistry.from_settings({}).filters,
            "mould-watch/mould-watch/marker",
        }


async def test_a_new_epoch_is_committed_before_the_subscription(
    database: Database, stored: Stored, tmp_path: Path
) -> None:
    async with FakeBroker() as fake:
        await stored.connection.execute("BEGIN; LOCK TABLE mqtt_session")
        ingestion = Ingesting(fake, database, tmp_path).make()  # type: ignore[arg-type]
        async with running(ingestion.run(), "ingestion"):
            await until(lambda: "connect" in fake.events)
            await stored.rows("SELECT pg_sleep(0.2)")
            assert "subscribe" not in fake.events
            await stored.connection.execute("COMMIT")
            await until(lambda: "subscribe" in fake.events)
            assert await stored.count("mqtt_session") == 1


async def test_a_second_process_stands_by_until_the_first_is_gone(
    ingesting: Ingesting, other_database: Database, sensor: Publisher, stored: Stored
) -> None:
    second = ingesting.make(database=other_database, folder="second")
    async with ingesting.running(), running(second.run(), "second"):
        await until(lambda: second.health()["state"] == "standby")
        await sensor.publish(TOPIC, payload(timestamp=now(), temperature=21))
        await stored.has("readings", 1)
        assert second.health()["state"] == "standby"
    second = ingesting.make(database=other_database)
    async with running(second.run(), "second"):
        await until(lambda: second.health()["ready"])


async def test_more_qos_0_than_can_wait_is_dropped_counted_and_told_once(
    ingesting: Ingesting,
    sensor: Publisher,
    stored: Stored,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # the pause is over with the end of the process alone
    ingestion = ingesting.make(
        ingest={"waiting_maximum_messages": 10, "minimum_commit_interval_s": 60}
    )
    async with ingesting.running(ingestion):
        # the first commit, that of the marker, is at once
        await until(ingestion._source._marker_back.is_set)
        await until(lambda: ingestion.health()["waiting"] == 0)
        for n in range(30):
            await sensor.publish(TOPIC, payload(timestamp=now(), temperature=n), qos=0)
        await sensor.publish(TOPIC, payload(timestamp=now(), temperature=99), qos=1)
        await until(lambda: ingestion.health()["waiting"] == 11)
    await stored.ended("qos0_dropped", 20)
    assert await stored.count("readings") == 11
    actions = [vars(record).get("action") for record in caplog.records]
    assert actions.count("qos0_dropped") == 1


async def test_reading_stops_while_too_many_bytes_wait_and_nothing_of_qos_1_is_lost(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        pass
    large = "x" * 50_000
    await sensor.publish_all(
        [(TOPIC, payload(timestamp=now(), temperature=n % 50, x=f"{n}{large}")) for n in range(100)]
    )
    most = 0
    ingestion = ingesting.make(ingest={"waiting_maximum_bytes": 400_000, "batch_maximum": 2})
    waiting = ingestion._waiting
    original = waiting.put

    def put(message: object) -> bool:
        nonlocal most
        kept = original(message)  # type: ignore[arg-type]
        most = max(most, waiting._bytes)
        return kept

    waiting.put = put  # type: ignore[method-assign]
    async with ingesting.running(ingestion):
        await stored.has("readings", 100)
    assert most < 500_000


async def test_the_classic_form_waits_for_100_messages_or_2_seconds(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        pass
    await sensor.publish_all(
        [(TOPIC, payload(timestamp=now(), temperature=n % 50, n=n)) for n in range(230)]
    )
    ingestion = ingesting.make(ingest={"batches": "classic"})
    sizes: list[int] = []
    took_s: list[float] = []
    store, clock = ingestion._intake._writer.store, asyncio.get_running_loop().time
    began = clock()

    async def counting(*arguments: Any) -> bool:  # noqa: ANN401
        sizes.append(len(arguments[1]))
        took_s.append(clock() - began)
        return await store(*arguments)

    ingestion._intake._writer.store = counting  # type: ignore[method-assign,assignment]
    async with ingesting.running(ingestion):
        await stored.has("readings", 230)
    assert sizes[:2] == [100, 100]
    assert took_s[2] - took_s[1] >= 1.9
    assert sum(sizes) >= 230


async def test_a_full_batch_waits_for_no_pause_between_two_commits(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        pass
    await sensor.publish_all(
        [(TOPIC, payload(timestamp=now(), temperature=n % 50, n=n)) for n in range(60)]
    )

    async def all_but_the_last() -> bool:
        # the first batch is what has come, the last what is left: less than a full one may wait
        return await stored.count("readings") > 40

    # one such pause is longer than `until` waits
    ingestion = ingesting.make(ingest={"minimum_commit_interval_s": 60, "batch_maximum": 20})
    async with ingesting.running(ingestion):
        await until(all_but_the_last)
    # and the end of the process keeps what waits
    await stored.has("readings", 60)


@pytest.mark.slow
async def test_a_full_session_drains_fast(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        pass
    await sensor.publish_all(
        [(TOPIC, payload(timestamp=now(), temperature=n % 50, n=n)) for n in range(5000)]
    )
    start = asyncio.get_running_loop().time()
    async with ingesting.running():
        await stored.has("readings", 5000)
    # with the broker's default window of 20 and a batch timer this was 10 messages a second
    assert asyncio.get_running_loop().time() - start < 30


def _delivery() -> Delivery:
    return Delivery(1, TOPIC, payload(timestamp=now(), temperature=21))


async def _refuse_temperature(stored: Stored, temperature_c: int) -> None:
    await stored.connection.execute(
        "ALTER TABLE readings ADD CONSTRAINT no_such_temperature"
        f" CHECK (temperature_c <> {temperature_c})"
    )
