"""While the database is away messages are kept in the spool: none lost, none twice, in order."""

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import Any

import pytest

from mould_watch.errors import DatabaseUnavailableError
from mould_watch.ingest.service import Ingestion
from tests.support.apart import Apart, spooled
from tests.support.fake_broker import Delivery, FakeBroker
from tests.support.ingestion import Ingesting, Stored, now, payload
from tests.support.mosquitto import Mosquitto, Publisher
from tests.support.running import running
from tests.support.waiting import until

TOPIC = "mould-watch/readings/bath"
ZIGBEE = "zigbee2mqtt/bath"


async def drained(ingestion: Ingestion) -> None:
    await until(lambda: ingestion._drain.is_through)
    assert ingestion._spool.is_empty


async def test_without_a_database_ever_it_connects_acknowledges_and_stores_later(
    apart: Apart,
    stored: Stored,
    sensor: Publisher,
    broker: Mosquitto,
) -> None:
    async with apart.away(), apart.running() as ingestion:
        await sensor.publish(ZIGBEE, payload(temperature=21))
        await sensor.publish(TOPIC, payload(timestamp=now(), temperature=22))
        await sensor.publish(TOPIC, b"broken")
        await until(lambda: spooled(ingestion) >= 3)
        await until(lambda: "Received PUBACK from mould-watch" in broker.log_file.read_text())
        assert ingestion.health()["spool"]["is_draining"]
    # another process of the same folder
    async with apart.running() as ingestion:
        await stored.has("readings", 2)
        await stored.has("dead_letter", 1)
        await drained(ingestion)


async def test_a_drain_that_began_with_an_empty_spool_stores_what_came_meanwhile_at_the_first_try(
    apart: Apart, stored: Stored, sensor: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    ingestion = apart.ingesting.make()
    async with AsyncExitStack() as ends_later:
        async with apart.away():
            # it looks into the empty spool, and waits for the database to note that it drains it
            await ends_later.enter_async_context(apart.running(ingestion))
            await sensor.publish(ZIGBEE, payload(temperature=21))
            await sensor.publish(TOPIC, payload(timestamp=now(), temperature=22))
            await until(lambda: spooled(ingestion) >= 3)
        await stored.has("readings", 2)
        await drained(ingestion)
    assert "drain_waits" not in {getattr(record, "action", None) for record in caplog.records}
    assert await stored.count("dead_letter") == 0
    assert await stored.count("spool") == 1
    assert await stored.count("spool_device") == 0


async def test_an_outage_leaves_the_connection_to_the_broker_alone_and_loses_nothing(
    apart: Apart,
    stored: Stored,
    sensor: Publisher,
    broker: Mosquitto,
) -> None:
    async with apart.running() as ingestion:
        for outage in range(2):
            async with apart.away():
                for n in range(20):
                    await sensor.publish(TOPIC, payload(timestamp=now(), temperature=n))
                    await sensor.publish(ZIGBEE, payload(temperature=n))
                await until(lambda: ingestion.health()["waiting"] == 0)
                assert ingestion.health()["ready"]
            await stored.has("readings", 40 * (outage + 1))
            await drained(ingestion)
            await sensor.publish("zigbee2mqtt/lamp", payload(state="ON"))
            await stored.ended("unwatched", outage + 1)
            await until(lambda: spooled(ingestion) == 0)
        log = broker.log_file.read_text(encoding="utf-8")
        assert log.count("New client connected from") >= 1
        assert "Received DISCONNECT from mould-watch" not in log
    assert await stored.ending("redelivery") == 0


async def test_the_receipt_is_that_of_the_outage_and_the_order_is_kept(
    apart: Apart, stored: Stored, sensor: Publisher
) -> None:
    async with apart.running() as ingestion:
        async with apart.away():
            for n in range(30):
                await sensor.publish(ZIGBEE, payload(temperature=n))
            await until(lambda: spooled(ingestion) >= 30)
            (before_end,) = (await stored.rows("SELECT clock_timestamp() AS at"))[0].values()
        await stored.has("readings", 30)
    rows = await stored.rows("SELECT * FROM readings ORDER BY received_at")
    assert [row["temperature_c"] for row in rows] == list(range(30))
    assert all(row["ts"] == row["received_at"] < before_end for row in rows)
    assert {row["time_quality"] for row in rows} == {"receipt"}


async def test_what_was_drained_is_judged_once_at_the_end(
    apart: Apart, stored: Stored, sensor: Publisher
) -> None:
    async with apart.running(apart.ingesting.make(ingest={"batch_maximum": 5})) as ingestion:
        await sensor.publish(ZIGBEE, payload(temperature=21))
        await stored.has("readings", 1)
        await stored.connection.execute("""
            WITH new AS (
                INSERT INTO room (id, name) VALUES (gen_random_uuid(), 'Bath') RETURNING id
            ), subject AS (
                INSERT INTO subject (room_id) SELECT id FROM new RETURNING id
            )
            INSERT INTO subject_device SELECT subject.id, device.id FROM subject, device
        """)
        async with apart.away():
            for n in range(20):
                await sensor.publish(ZIGBEE, payload(temperature=n))
            await until(lambda: spooled(ingestion) >= 20)
        await drained(ingestion)
    (first,) = await stored.rows("SELECT min(ts) AS ts FROM readings WHERE temperature_c = 0")
    requests = await stored.rows("SELECT from_ts FROM evaluation_request")
    assert [row["from_ts"] for row in requests] == [first["ts"]]
    assert await stored.rows("SELECT draining_since FROM spool") == [{"draining_since": None}]


async def _connects_again(fake: FakeBroker, connections: int) -> None:
    await until(lambda: len(fake.connects) >= connections)


@pytest.mark.parametrize("stored_before", [True, False])
async def test_a_redelivery_is_recognised_in_and_across_the_spool(
    apart: Apart,
    stored: Stored,
    tmp_path: Any,  # noqa: ANN401
    stored_before: bool,  # noqa: FBT001
) -> None:
    first = Delivery(1, ZIGBEE, payload(temperature=21))
    async with FakeBroker(session_present=True) as fake:
        ingesting = Ingesting(fake, apart.database, tmp_path)  # type: ignore[arg-type]
        async with ingesting.running() as ingestion:
            if stored_before:
                fake.deliver(first)
                await stored.has("readings", 1)
            async with apart.away():
                if not stored_before:
                    fake.deliver(first)
                await until(lambda: fake.acknowledged.count(1) == 1)
                # the acknowledgement was lost on its way
                fake.queued = [Delivery(1, ZIGBEE, first.payload, dup=True)]
                fake.cut()
                await _connects_again(fake, 2)
                await until(lambda: fake.acknowledged.count(1) == 2)
                # an honest second one, and one that uses the id again
                fake.deliver(Delivery(1, ZIGBEE, first.payload))
                await until(lambda: fake.acknowledged.count(1) == 3)
            await drained(ingestion)
            await stored.has("readings", 2)
    assert await stored.ending("redelivery") == 1


async def test_a_session_lost_during_an_outage_begins_a_new_epoch(
    apart: Apart,
    stored: Stored,
    tmp_path: Any,  # noqa: ANN401
) -> None:
    async with FakeBroker(session_present=True) as fake:
        ingesting = Ingesting(fake, apart.database, tmp_path)  # type: ignore[arg-type]
        async with ingesting.running() as ingestion:
            fake.deliver(Delivery(1, ZIGBEE, payload(temperature=21)))
            await stored.has("readings", 1)
            await until(lambda: fake.acknowledged.count(1) == 1)
            async with apart.away():
                fake.session_present = False
                fake.queued = [Delivery(1, ZIGBEE, payload(temperature=21), dup=True)]
                fake.cut()
                await _connects_again(fake, 2)
                await until(lambda: fake.acknowledged.count(1) == 2)
                await until(lambda: fake.events.count("subscribe") == 2)
            await drained(ingestion)
            await stored.has("readings", 2)
    assert await stored.ending("redelivery") == 0


async def test_a_commit_that_was_not_answered_is_not_written_twice(
    far: Ingesting, stored: Stored, sensor: Publisher
) -> None:
    ingestion = far.make()
    write = ingestion._intake._writer.store
    lost = 0

    async def store(*arguments: Any) -> bool:  # noqa: ANN401
        nonlocal lost
        done = await write(*arguments)
        if lost < 2:
            lost += 1
            raise DatabaseUnavailableError("the answer was lost")
        return done

    ingestion._intake._writer.store = store  # type: ignore[method-assign,assignment]
    async with far.running(ingestion):
        await sensor.publish(TOPIC, b"broken")
        await drained(ingestion)
        await sensor.publish("zigbee2mqtt/lamp", payload(state="ON"))
        await stored.ended("unwatched", 1)
    assert lost == 2
    (letters,) = await stored.rows("SELECT sum(count)::int AS count FROM dead_letter_count")
    assert letters["count"] == 1


async def test_a_database_that_does_not_answer_is_waited_for_only_so_long(
    apart: Apart, stored: Stored, sensor: Publisher
) -> None:
    apart.database._probe_interval_s = 60.0  # not the probe, but the write itself
    async with apart.running(apart.ingesting.make(ingest={"write_patience_s": 0.3})) as ingestion:
        apart.wire.silent = True
        await sensor.publish(TOPIC, b"broken")
        await sensor.publish(ZIGBEE, payload(temperature=21))
        await until(lambda: spooled(ingestion) >= 2)
        apart.wire.flow()
        apart.wire.drop()
        await stored.has("readings", 1)
        await drained(ingestion)
    (letters,) = await stored.rows("SELECT sum(count)::int AS count FROM dead_letter_count")
    assert letters["count"] == 1


async def test_a_full_spool_acknowledges_nothing_says_so_once_and_loses_only_qos_0(
    apart: Apart,
    stored: Stored,
    sensor: Publisher,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    ingestion = apart.ingesting.make(
        spool={"maximum_mib": 1 / 16},
        ingest={"batch_maximum": 10, "waiting_maximum_messages": 20},
    )
    large = "x" * 8000
    async with apart.running(ingestion):
        async with apart.away():
            for n in range(30):
                await sensor.publish(TOPIC, payload(timestamp=now(), temperature=n, x=large))
            await until(lambda: ingestion.health()["ready"] is False)
            for n in range(40):
                await sensor.publish(TOPIC, payload(timestamp=now(), temperature=n), qos=0)
            await until(lambda: ingestion.health()["qos0_dropped"] > 0)
            health = ingestion.health()
            assert health["spool"]["share"] == 1.0
            assert "full" in health["spool"]["fault"]
            assert "full" in health["detail"]
        await drained(ingestion)
        await until(lambda: ingestion.health()["waiting"] == 0)
        assert ingestion.health()["ready"]
        assert ingestion.health()["spool"]["share"] == 0
    kept = await stored.rows("SELECT count(*) AS n FROM readings WHERE qos = 1")
    assert kept[0]["n"] == 30
    kept = await stored.rows("SELECT count(*) AS n FROM readings WHERE qos = 0")
    assert kept[0]["n"] + await stored.ending("qos0_dropped") == 40
    actions = [vars(record).get("action") for record in caplog.records]
    assert actions.count("spool_full") == 1


async def test_how_broker_and_spool_are_is_told_to_the_rules(
    far: Ingesting, stored: Stored
) -> None:
    async def told() -> bool:
        rows = await stored.rows("SELECT part, is_well, detail FROM backend_state ORDER BY part")
        return [(row["part"], row["is_well"]) for row in rows] == [
            ("broker", True),
            ("spool", True),
        ] and rows[1]["detail"]["share"] == 0

    async with far.running():
        await until(told)


async def test_a_folder_in_use_is_left_alone_and_messages_go_past_it(
    far: Ingesting, ingesting: Ingesting, stored: Stored, sensor: Publisher
) -> None:
    async with far.running():
        second = ingesting.make(mqtt={"client_id": "second"})
        async with running(second.run(), "second"):
            await until(lambda: second.health()["ready"])
            assert second.health()["spool"]["fault"] == "another process uses its folder"
            await sensor.publish(TOPIC, payload(timestamp=now(), temperature=21))
            await stored.has("readings", 1)


async def test_a_standby_does_not_connect_because_the_database_goes(
    apart: Apart,
    stored: Stored,
    sensor: Publisher,
) -> None:
    second = apart.ingesting.make(folder="second")
    async with apart.running() as first, running(second.run(), "second"):
        await until(lambda: second.health()["state"] == "standby")
        async with apart.away():
            for n in range(10):
                await sensor.publish(ZIGBEE, payload(temperature=n))
            await until(lambda: spooled(first) >= 10)
            assert second.health()["state"] == "standby"
        await stored.has("readings", 10)
        await until(lambda: first._leadership.leads)
        assert second.health()["state"] == "standby"


async def test_what_another_process_has_the_session_of_is_left_to_it(
    ingesting: Ingesting, stored: Stored, sensor: Publisher
) -> None:
    async with ingesting.running() as ingestion:
        await stored.connection.execute("UPDATE mqtt_session SET connection = connection + 1")
        await sensor.publish(ZIGBEE, payload(temperature=21), qos=0)
        await stored.has("readings", 1)
        await sensor.publish(ZIGBEE, payload(temperature=22))
        await until(lambda: ingestion.health()["waiting"] == 0)
    assert await stored.count("readings") == 1
    # not acknowledged: whoever has the session gets it
    async with ingesting.running():
        await stored.has("readings", 2)


async def test_the_event_loop_goes_on_while_the_disk_is_slow(
    apart: Apart, sensor: Publisher
) -> None:
    ingestion = apart.ingesting.make()
    async with apart.running(ingestion):
        file = ingestion._spool._file
        assert file is not None
        append, entered = file.append, asyncio.Event()
        loop, go_on = asyncio.get_running_loop(), asyncio.Event()

        def slow(rows: Any) -> None:  # noqa: ANN401
            loop.call_soon_threadsafe(entered.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(30)
            append(rows)

        file.append = slow  # type: ignore[method-assign]
        async with apart.away():
            await sensor.publish(ZIGBEE, payload(temperature=21))
            await entered.wait()
            # the loop is free: it answers this
            assert ingestion.health()["waiting"] == 1
            go_on.set()
            await until(lambda: spooled(ingestion) >= 1)
        await drained(ingestion)
