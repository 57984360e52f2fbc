"""From the broker into the database: what ends as a row, and as which."""

from datetime import UTC, datetime, timedelta

from mould_watch.ingest.service import Ingestion
from mould_watch.storage import overview
from tests.support.ingestion import Ingesting, Stored, now, payload
from tests.support.mosquitto import Mosquitto, Publisher
from tests.support.waiting import until

TOPIC = "mould-watch/readings/bath"
ZIGBEE = "zigbee2mqtt/bath"


async def test_a_message_becomes_one_row_with_typed_metrics_and_the_rest_as_sent(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    sent = now()
    huge = 2**80
    async with ingesting.running():
        await sensor.publish(
            TOPIC,
            payload(timestamp=sent, temperature=21.5, humidity=60, battery=97, text="ü", n=huge),
        )
        await stored.has("readings", 1)
    (row,) = await stored.readings()
    assert row["ts"] == datetime.fromisoformat(sent)
    assert (row["temperature_c"], row["humidity_pct"], row["battery_pct"]) == (21.5, 60, 97)
    assert row["extra"] == {"text": "ü", "n": huge}
    assert row["time_quality"] == "payload"
    assert row["qos"] == 1
    (device,) = await stored.rows("SELECT * FROM device")
    assert device["source_instance"] == "mqtt:json"
    assert device["native_id"] == TOPIC
    assert device["metrics"] == ["battery_pct", "humidity_pct", "temperature_c"]
    assert device["qos"] == 1
    assert device["last_seen_at"] == row["ts"]


async def test_duplicate_messages_make_no_duplicate_rows(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    twice = payload(timestamp=now(), temperature=21, humidity=60)
    async with ingesting.running():
        await sensor.publish(TOPIC, twice)
        await sensor.publish(TOPIC, twice)
        await sensor.publish(TOPIC, payload(timestamp=now(), temperature=22, humidity=60))
        await stored.has("readings", 2)


async def test_two_honest_equal_untimestamped_readings_are_two_rows(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        for _ in range(2):
            await sensor.publish(ZIGBEE, payload(temperature=21, humidity=60))
        await stored.has("readings", 2)
    assert {row["time_quality"] for row in await stored.readings()} == {"receipt"}


async def test_a_device_shows_its_latest_reading_its_qos_and_a_wrong_clock(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        await sensor.publish(
            TOPIC, payload(timestamp="2001-01-01T00:00:00Z", temperature=20), qos=0
        )
        await stored.has("readings", 1)
        (device,) = await overview.devices(stored.connection)
        assert (device.qos, device.clock_wrong) == (0, True)
        await sensor.publish(TOPIC, payload(timestamp=now(), temperature=21, humidity=0))
        await stored.has("readings", 2)
        (device,) = await overview.devices(stored.connection)
        assert (device.qos, device.clock_wrong) == (1, False)
    assert device.last_reading is not None
    at = datetime.fromisoformat(device.last_reading["ts"])
    assert device.last_reading == {
        "ts": device.last_reading["ts"],
        "temperature_c": 21,
        "humidity_pct": 0,
        "suspect": "humidity_zero",
    }
    assert at == (await stored.readings())[-1]["ts"]


async def test_a_retained_message_without_a_time_is_no_reading_but_makes_the_device_known(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    await sensor.publish(ZIGBEE, payload(temperature=21, humidity=60), retain=True)
    async with ingesting.running():
        await stored.ended("retained", 1)
    assert await stored.count("readings") == 0
    (device,) = await stored.rows("SELECT * FROM device")
    assert device["native_id"] == ZIGBEE
    assert device["last_seen_at"] is None


async def test_a_retained_message_with_a_time_is_a_reading_at_that_time_once(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    ts = datetime.now(UTC) - timedelta(hours=5)
    await sensor.publish(
        ZIGBEE, payload(temperature=21, humidity=60, last_seen=ts.isoformat()), retain=True
    )
    async with ingesting.running():
        await stored.has("readings", 1)
    (row,) = await stored.readings()
    assert row["ts"] == ts
    (device,) = await stored.rows("SELECT * FROM device")
    assert device["last_seen_at"] is None


async def test_a_live_message_published_to_be_retained_is_a_reading(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        await sensor.publish(ZIGBEE, payload(temperature=21, humidity=60), retain=True)
        await stored.has("readings", 1)
    assert await stored.ending("retained") == 0


async def test_each_device_shows_the_qos_it_arrives_with(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        await sensor.publish(ZIGBEE, payload(temperature=21, last_seen=now()), qos=0)
        await stored.has("readings", 1)
        assert [row["qos"] for row in await stored.readings()] == [0]
        await sensor.publish(ZIGBEE, payload(temperature=22, last_seen=now()), qos=1)
        await stored.has("readings", 2)
    assert (await stored.rows("SELECT qos FROM device")) == [{"qos": 1}]


async def test_a_backdated_past_is_stored_at_its_own_time(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    start = datetime.now(UTC) - timedelta(days=6)
    past = [
        (
            ZIGBEE,
            payload(
                temperature=20 + n / 100,
                humidity=70,
                last_seen=int((start + timedelta(minutes=10 * n)).timestamp() * 1000),
            ),
        )
        for n in range(800)
    ]
    async with ingesting.running():
        await sensor.publish_all(past)
        await stored.has("readings", 800)
    rows = await stored.rows("SELECT min(ts) AS first, max(ts) AS last FROM readings")
    assert abs(rows[0]["first"] - start) < timedelta(seconds=1)
    assert {row["time_quality"] for row in await stored.readings()} == {"payload"}


async def test_a_wrong_device_clock_is_stored_at_receipt_and_marked(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        for sent in ("1970-01-01T00:10:00Z", "2099-01-01T00:00:00Z"):
            await sensor.publish(TOPIC, payload(timestamp=sent, temperature=21, humidity=60))
        await stored.has("readings", 2)
    for row in await stored.readings():
        assert row["time_quality"] == "device_clock_wrong"
        assert row["ts"] == row["received_at"]


async def test_a_message_without_any_watched_metric_is_counted(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        await sensor.publish("zigbee2mqtt/lamp", payload(state="ON", brightness=200))
        await sensor.publish("zigbee2mqtt/button", payload(action="single", battery=90))
        await sensor.publish("zigbee2mqtt/broken", b'{"humidity": null}')
        await stored.ended("unwatched", 3)
    assert await stored.count("readings") == 0
    assert await stored.count("dead_letter") == 0


async def test_what_waited_at_the_broker_untimestamped_is_backlog_and_judged_by_nothing(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        await sensor.publish(ZIGBEE, payload(temperature=20, humidity=60))
        await stored.has("readings", 1)
    seen_before = await stored.rows("SELECT last_seen_at FROM device")
    await _make_subject_of_the_only_device(stored)
    for n in range(3):
        await sensor.publish(ZIGBEE, payload(temperature=21 + n, humidity=60))
    async with ingesting.running():
        await stored.has("readings", 4)
        assert await stored.count("evaluation_request") == 0
        await sensor.publish(ZIGBEE, payload(temperature=30, humidity=60))
        await stored.has("readings", 5)
        await stored.has("evaluation_request", 1)
    qualities = [row["time_quality"] for row in await stored.readings()]
    assert qualities == ["receipt", "backlog", "backlog", "backlog", "receipt"]
    assert seen_before[0]["last_seen_at"] is not None


async def test_new_readings_ask_for_one_evaluation_per_subject_from_the_earliest(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        await sensor.publish(TOPIC, payload(timestamp=now(), temperature=21))
        await stored.has("readings", 1)
        await _make_subject_of_the_only_device(stored)
        early = (datetime.now(UTC) - timedelta(hours=3)).isoformat()
        await sensor.publish(TOPIC, payload(timestamp=early, temperature=20))
        await stored.has("readings", 2)
        await sensor.publish(TOPIC, payload(timestamp=early, temperature=20))
        await sensor.publish("zigbee2mqtt/lamp", payload(state="ON"))
        await stored.ended("unwatched", 1)
    (request,) = await stored.rows("SELECT from_ts FROM evaluation_request")
    assert request["from_ts"].isoformat() == early


async def test_device_rows_are_not_rewritten_for_every_message(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        await sensor.publish(TOPIC, payload(timestamp=now(), temperature=21))
        await stored.has("readings", 1)
        version = await stored.rows("SELECT xmin::text, ctid::text FROM device")
        for n in range(5):
            await sensor.publish(TOPIC, payload(timestamp=now(), temperature=22 + n))
        await stored.has("readings", 6)
    assert await stored.rows("SELECT xmin::text, ctid::text FROM device") == version


async def test_every_ending_is_acknowledged(
    ingesting: Ingesting, sensor: Publisher, stored: Stored, broker: Mosquitto
) -> None:
    async with ingesting.running() as ingestion:
        await sensor.publish(TOPIC, payload(timestamp=now(), temperature=21))
        await sensor.publish(TOPIC, b"broken")
        await sensor.publish("zigbee2mqtt/lamp", payload(state="ON"))
        await stored.ended("unwatched", 1)
        await until(lambda: ingestion.health()["waiting"] == 0)
    # a second connection gets nothing again
    async with ingesting.running():
        await sensor.publish("zigbee2mqtt/lamp", payload(state="OFF"))
        await stored.ended("unwatched", 2)
    assert await stored.ending("redelivery") == 0
    assert await stored.count("dead_letter") == 1
    assert broker.pid is not None


async def test_health_says_how_it_is(ingesting: Ingesting) -> None:
    ingestion: Ingestion = ingesting.make()
    assert ingestion.name == "broker"
    assert ingestion.health()["ready"] is False
    async with ingesting.running(ingestion):
        assert ingestion.health() == {
            "ready": True,
            "state": "ready",
            "detail": None,
            "waiting": 0,
            "clock_trusted": True,
            "qos0_dropped": 0,
            "spool": {"messages": 0, "bytes": 0, "share": 0, "fault": None, "is_draining": False},
        }


async def _make_subject_of_the_only_device(stored: Stored) -> None:
    await stored.connection.execute("""
        WITH new AS (
            INSERT INTO room (id, name) VALUES (gen_random_uuid(), 'Bath') RETURNING id
        ), subject AS (
            INSERT INTO subject (room_id) SELECT id FROM new RETURNING id
        )
        INSERT INTO subject_device SELECT subject.id, device.id FROM subject, device
    """)
