"""Messages about several devices, and things whose parts are devices."""

import json
from datetime import UTC, datetime

from tests.support.ingestion import Ingesting, Stored
from tests.support.mosquitto import Publisher

SHELLY = "shellyhtg3-54320464e2a8"


def _local() -> str:
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0).isoformat()


def _sensors(**temperatures_c: float) -> bytes:
    blocks = {name: {"Temperature": value} for name, value in temperatures_c.items()}
    return json.dumps({"Time": _local(), **blocks, "TempUnit": "C"}).encode()


async def _devices(stored: Stored) -> dict[str, bool | None]:
    rows = await stored.rows("SELECT native_id, available FROM device WHERE merged_into IS NULL")
    return {row["native_id"]: row["available"] for row in rows}


async def test_a_message_of_several_sensors_is_a_reading_of_each_once(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    message = _sensors(AM2301=21, BMP280=22)
    async with ingesting.running():
        await sensor.publish("tele/bath/SENSOR", message)
        await sensor.publish("tele/bath/SENSOR", message)
        await sensor.publish("mould-watch/readings/x", b'{"temperature": 1}')
        await stored.has("readings", 3)
    rows = {row["native_id"]: row for row in await stored.readings()}
    assert rows["bath:AM2301"]["temperature_c"] == 21
    assert rows["bath:BMP280"]["temperature_c"] == 22
    assert rows["bath:AM2301"]["time_quality"] == "payload"


async def test_a_modules_last_will_is_that_of_all_its_sensors_and_makes_none_known(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        await sensor.publish("tele/bath/SENSOR", _sensors(AM2301=21, BMP280=22))
        await sensor.publish("tele/bath2/SENSOR", _sensors(AM2301=23))
        await sensor.publish("tele/bath/LWT", "Offline")
        await sensor.publish("tele/lamp/LWT", "Offline")
        await stored.ended("control", 2)
    assert await _devices(stored) == {
        "bath:AM2301": False,
        "bath:BMP280": False,
        "bath2:AM2301": None,
    }


async def _powers(stored: Stored) -> dict[str, str | None]:
    rows = await stored.rows("SELECT native_id, power_source FROM device WHERE merged_into IS NULL")
    return {row["native_id"]: row["power_source"] for row in rows}


async def test_a_module_that_goes_to_sleep_has_a_battery_from_then_on(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        await sensor.publish("tele/bath/SENSOR", _sensors(AM2301=21))
        await sensor.publish("tele/bath2/SENSOR", _sensors(AM2301=23))
        await stored.has("readings", 2)
        assert await _powers(stored) == {"bath:AM2301": "mains", "bath2:AM2301": "mains"}
        await sensor.publish("tele/bath/LWT", "DeepSleep")
        await sensor.publish("tele/bath/LWT", "Online")
        await sensor.publish("tele/bath/SENSOR", _sensors(AM2301=22))
        await stored.has("readings", 3)
        await stored.ended("control", 2)
    assert await _powers(stored) == {"bath:AM2301": "battery", "bath2:AM2301": "mains"}
    assert await _devices(stored) == {"bath:AM2301": True, "bath2:AM2301": None}


async def test_a_shelly_under_a_prefix_of_its_owners_is_the_device_it_says_it_is(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    notification = {
        "src": SHELLY,
        "method": "NotifyStatus",
        "params": {"ts": datetime.now(UTC).timestamp(), "humidity:0": {"id": 0, "rh": 61.5}},
    }
    ingestion = ingesting.make(mqtt={"shelly_topic_prefixes": ["home/+"]})
    async with ingesting.running(ingestion):
        await sensor.publish("home/bath/status/temperature:0", b'{"id": 0, "tC": 21.5}')
        await stored.has("readings", 1)
        assert list(await _devices(stored)) == ["home/bath"]
        await sensor.publish("home/bath/events/rpc", json.dumps(notification))
        await sensor.publish("home/bath/status/temperature:0", b'{"id": 0, "tC": 21.6}')
        await stored.has("readings", 3)
        await sensor.publish("home/bath/online", b"false")
        await stored.ended("control", 1)
    assert await _devices(stored) == {SHELLY: False}
    assert len({row["device_id"] for row in await stored.readings()}) == 1


async def test_a_gateway_tells_maker_and_model(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    heard = {"id": "A4:C1:38:AB:CD:EF", "brand": "Xiaomi", "model": "TH Sensor", "tempc": 21}
    async with ingesting.running():
        for gateway in ("upstairs", "downstairs"):
            await sensor.publish(f"home/{gateway}/BTtoMQTT/A4C138ABCDEF", json.dumps(heard))
        await stored.has("readings", 2)
    (device,) = await stored.rows("SELECT * FROM device")
    assert device["native_id"] == "A4:C1:38:AB:CD:EF"
    assert (device["manufacturer"], device["model"]) == ("Xiaomi", "TH Sensor")
