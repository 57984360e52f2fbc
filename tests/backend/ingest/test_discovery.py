"""MQTT discovery while connected, and over restarts: what is listened to, and no more than that."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from mould_watch.ingest.service import Ingestion
from mould_watch.storage.database import Database
from tests.support.ingestion import Ingesting, Stored
from tests.support.mosquitto import Mosquitto, Publisher, publisher
from tests.support.tcp_link import TcpLink
from tests.support.waiting import until

CONFIG = "homeassistant/sensor/bath/temperature/config"
STATE = "esp/bath/temperature"
STATUS = "esp/bath/status"


def announcement(**changed: Any) -> bytes:  # noqa: ANN401 - as discovery has it
    fields: dict[str, Any] = {
        "name": "Temperature",
        "unique_id": "bath-temperature",
        "device_class": "temperature",
        "unit_of_measurement": "°C",
        "state_topic": STATE,
        "availability_topic": STATUS,
        "device": {"identifiers": ["bath-1"], "name": "Bath", "manufacturer": "Me", "model": "M"},
    }
    return json.dumps(fields | changed).encode()


async def _listening(ingestion: Ingestion, *topics: str) -> None:
    await until(lambda: set(topics) <= ingestion.subscribed())


async def _deaf(ingestion: Ingestion, topic: str) -> None:
    await until(lambda: topic not in ingestion.subscribed())


async def test_a_device_announced_while_connected_is_known_and_listened_to(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running() as ingestion:
        await sensor.publish(CONFIG, announcement(), retain=True)
        await _listening(ingestion, STATE, STATUS)
        await stored.ended("control", 1)
        (device,) = await stored.rows("SELECT * FROM device")
        assert (device["source_instance"], device["native_id"]) == ("mqtt:discovery", "bath-1")
        assert (device["name"], device["manufacturer"], device["model"]) == ("Bath", "Me", "M")
        assert device["last_seen_at"] is None
        await sensor.publish(STATE, b"21.5")
        await stored.has("readings", 1)
        await sensor.publish(STATUS, b"offline")
        await stored.ended("control", 2)
    (reading,) = await stored.readings()
    assert (reading["native_id"], reading["temperature_c"]) == ("bath-1", 21.5)
    (device,) = await stored.rows("SELECT available FROM device")
    assert device["available"] is False


async def test_what_was_kept_by_the_broker_before_is_no_fresh_value(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    await sensor.publish(CONFIG, announcement(), retain=True)
    await sensor.publish(STATE, b"21.5", retain=True)
    await sensor.publish(STATUS, b"online", retain=True)
    async with ingesting.running() as ingestion:
        await _listening(ingestion, STATE)
        await stored.ended("retained", 1)
        await stored.ended("control", 2)
    assert await stored.count("readings") == 0
    (device,) = await stored.rows("SELECT available, last_seen_at FROM device")
    assert (device["available"], device["last_seen_at"]) == (True, None)


async def test_a_changed_announcement_moves_the_subscription_and_the_labels(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running() as ingestion:
        await sensor.publish(CONFIG, announcement(), retain=True)
        await _listening(ingestion, STATE)
        moved = {"identifiers": ["bath-1"], "name": "Bathroom"}
        await sensor.publish(
            CONFIG,
            announcement(state_topic="esp/new", unit_of_measurement="°F", device=moved),
            retain=True,
        )
        await _listening(ingestion, "esp/new")
        await _deaf(ingestion, STATE)
        await sensor.publish(STATE, b"20")
        await sensor.publish("esp/new", b"71.6")
        await stored.has("readings", 1)
    (reading,) = await stored.readings()
    assert (reading["temperature_c"], reading["name"]) == (22.0, "Bathroom")
    assert await stored.count("device") == 1


async def test_a_message_that_does_not_name_its_device_takes_no_name_away(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    # kept by the broker: both come in one batch
    await sensor.publish(CONFIG, announcement(), retain=True)
    unnamed = {"unique_id": "h", "name": "Humidity", "device": {"identifiers": ["bath-1"]}}
    percent = {"device_class": "humidity", "unit_of_measurement": "%"}
    second = CONFIG.replace("temp", "zz")
    await sensor.publish(second, announcement(**unnamed, **percent), retain=True)
    async with ingesting.running():
        await stored.ended("control", 2)
    (device,) = await stored.rows("SELECT name, manufacturer, model FROM device")
    assert device == {"name": "Bath", "manufacturer": "Me", "model": "M"}


async def test_a_device_that_is_taken_back_is_listened_to_no_more_and_stays_known(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running() as ingestion:
        await sensor.publish(CONFIG, announcement(), retain=True)
        await _listening(ingestion, STATE, STATUS)
        await sensor.publish(CONFIG, b"", retain=True)
        await _deaf(ingestion, STATE)
        await _deaf(ingestion, STATUS)
        await sensor.publish(STATE, b"20")
        await sensor.publish("mould-watch/readings/x", b'{"temperature": 1}')
        await stored.has("readings", 1)
    assert await stored.count("discovery_configuration") == 0
    assert await stored.count("device") == 2


async def test_a_restart_knows_what_was_announced_before_the_broker_says_it(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    # not kept by the broker: only the database can know
    async with ingesting.running() as ingestion:
        await sensor.publish(CONFIG, announcement())
        await _listening(ingestion, STATE)
    # while nobody listens the persistent session's queue takes it
    await sensor.publish(STATE, b"20")
    async with ingesting.running() as ingestion:
        assert {STATE, STATUS} <= ingestion.subscribed()
        await stored.has("readings", 1)
        await sensor.publish(STATE, b"21")
        await stored.has("readings", 2)
    assert [row["time_quality"] for row in await stored.readings()] == ["backlog", "receipt"]


async def test_what_changed_unheard_while_nobody_listened_is_learned_at_the_next_connect(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running() as ingestion:
        await sensor.publish(CONFIG, announcement(), retain=True)
        await _listening(ingestion, STATE)
    # QoS 0 is not queued for a session whose client is away, and the subscription is no new one
    await sensor.publish(CONFIG, announcement(state_topic="esp/new"), retain=True, qos=0)
    async with ingesting.running() as ingestion:
        await _listening(ingestion, "esp/new")
        await _deaf(ingestion, STATE)
        await sensor.publish("esp/new", b"20")
        await stored.has("readings", 1)


async def test_a_restarted_broker_with_kept_announcements_invents_no_freshness(
    ingesting: Ingesting, broker: Mosquitto, stored: Stored
) -> None:
    async with publisher(broker) as sensor:
        await sensor.publish(CONFIG, announcement(), retain=True)
        async with ingesting.running() as ingestion:
            await _listening(ingestion, STATE)
            await sensor.publish(STATE, b"20", retain=True)
            await stored.has("readings", 1)
            before = await stored.rows("SELECT last_seen_at FROM device")
            await broker.stop()
            await until(lambda: not ingestion.health()["ready"])
            await broker.start()
            await until(lambda: ingestion.health()["ready"])
            async with publisher(broker) as again:
                # everything kept came before this
                await again.publish("mould-watch/readings/x", b'{"temperature": 1}')
                await stored.has("readings", 2)
    assert await stored.rows("SELECT last_seen_at FROM device WHERE native_id = 'bath-1'") == before


async def test_a_lost_session_is_subscribed_anew_with_all_that_was_announced(
    ingesting: Ingesting, broker: Mosquitto, stored: Stored
) -> None:
    async with publisher(broker) as sensor, ingesting.running() as ingestion:
        await sensor.publish(CONFIG, announcement())
        await _listening(ingestion, STATE)
    await broker.stop()
    broker.forget()
    await broker.start()
    async with publisher(broker) as sensor, ingesting.running():
        await sensor.publish(STATE, b"20")
        await stored.has("readings", 1)


@asynccontextmanager
async def _away(wire: TcpLink, database: Database) -> AsyncGenerator[None]:
    wire.close()
    wire.drop()
    await until(lambda: not database.health()["ready"])
    yield
    await wire.open()


async def test_a_device_announced_while_the_database_is_away_is_listened_to_meanwhile(
    far: Ingesting, wire: TcpLink, far_database: Database, sensor: Publisher, stored: Stored
) -> None:
    async with far.running() as ingestion:
        async with _away(wire, far_database):
            await sensor.publish(CONFIG, announcement())
            await _listening(ingestion, STATE)
            await sensor.publish(STATE, b"20")
            await until(lambda: ingestion.health()["spool"]["messages"] >= 2)
        await stored.has("readings", 1)
        assert await stored.count("discovery_configuration") == 1
    (reading,) = await stored.readings()
    assert (reading["native_id"], reading["time_quality"]) == ("bath-1", "receipt")


async def test_a_start_without_a_database_learns_from_what_the_broker_kept(
    far: Ingesting, wire: TcpLink, far_database: Database, sensor: Publisher, stored: Stored
) -> None:
    # an earlier process knows the second probe as a part: the first holds the device's own
    second = CONFIG.replace("temperature", "second")
    async with far.running() as ingestion:
        await sensor.publish(CONFIG, announcement(), retain=True)
        await _listening(ingestion, STATE)
        await sensor.publish(
            second, announcement(unique_id="second", state_topic="esp/second"), retain=True
        )
        await _listening(ingestion, "esp/second")
        await stored.ended("control", 2)
    await sensor.publish(CONFIG, b"", retain=True)
    async with _away(wire, far_database), far.running() as ingestion:
        await _listening(ingestion, "esp/second")
        await sensor.publish("esp/second", b"20")
        await until(lambda: ingestion.health()["spool"]["messages"] >= 2)
    async with far.running():
        await stored.has("readings", 1)
    (reading,) = await stored.readings()
    assert reading["native_id"] == "bath-1:second"


async def test_native_decoders_keep_their_own_topics(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running() as ingestion:
        await sensor.publish(
            "homeassistant/sensor/0x01/temperature/config",
            announcement(state_topic="zigbee2mqtt/bath", value_template="{{ value_json.t }}"),
        )
        await sensor.publish("zigbee2mqtt/bath", b'{"temperature": 21}')
        await stored.has("readings", 1)
        assert "zigbee2mqtt/bath" not in ingestion.subscribed()
    (device,) = await stored.rows("SELECT source_instance FROM device")
    assert device["source_instance"] == "mqtt:zigbee2mqtt"


async def test_an_announcement_that_is_none_is_a_dead_letter(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        await sensor.publish(CONFIG, b"{")
        await sensor.publish(CONFIG, announcement(value_template="{{ value_json."))
        await stored.has("dead_letter", 2)
    reasons = await stored.rows("SELECT reason FROM dead_letter ORDER BY id")
    assert [row["reason"] for row in reasons] == ["not_json", "template_invalid"]
