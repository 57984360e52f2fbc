"""Who a device is does not depend on what it is called, nor on the order of what is heard."""

import json

import pytest

from mould_watch.storage.database import Database
from mould_watch.storage.devices import KnownDevice, identify
from tests.support.ingestion import Ingesting, Stored, now, payload
from tests.support.mosquitto import Publisher

BASE = "zigbee2mqtt"
BATH = "0x00158d0001dc126a"
HALL = "0x00158d0001dc126b"


def devices(**names: str) -> bytes:
    """Return `bridge/devices` for name=address (in the form Zigbee2MQTT publishes)."""
    return json.dumps(
        [
            {"ieee_address": "0x00124b0018ed3ddf", "friendly_name": "Coordinator",
             "type": "Coordinator", "definition": None},
            *(
                {
                    "ieee_address": address,
                    "friendly_name": name.replace("__", "/"),
                    "type": "EndDevice",
                    "definition": {"vendor": "Aqara", "model": "WSDCGQ11LM", "description": "T/H"},
                }
                for name, address in names.items()
            ),
        ]
    ).encode()  # fmt: skip


def reading(temperature_c: float = 21) -> bytes:
    return payload(temperature=temperature_c, humidity=60, last_seen=now())


async def _known(stored: Stored) -> list[tuple[str, str, bool]]:
    rows = await stored.rows(
        "SELECT native_id, name, merged_into IS NOT NULL AS merged FROM device ORDER BY id"
    )
    return [(row["native_id"], row["name"], row["merged"]) for row in rows]


async def test_bridge_devices_gives_identity_name_and_model(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        await sensor.publish(f"{BASE}/bridge/devices", devices(bath=BATH), retain=True)
        await stored.ended("control", 1)
        await sensor.publish(f"{BASE}/bath", reading())
        await stored.has("readings", 1)
    (device,) = await stored.rows("SELECT * FROM device")
    assert device["source_instance"] == "mqtt:zigbee2mqtt"
    assert (device["native_id"], device["name"]) == (BATH, "bath")
    assert (device["manufacturer"], device["model"]) == ("Aqara", "WSDCGQ11LM")
    assert await stored.count("device_alias") == 1


@pytest.mark.parametrize("is_heard_first", [True, False])
async def test_bridge_devices_tells_what_a_device_is_powered_by(
    ingesting: Ingesting, sensor: Publisher, stored: Stored, *, is_heard_first: bool
) -> None:
    listed = json.loads(devices(bath=BATH, hall=HALL))
    listed[1]["power_source"], listed[2]["power_source"] = "Battery", "Mains (single phase)"
    async with ingesting.running():
        if is_heard_first:
            await sensor.publish(f"{BASE}/bath", reading())
            await stored.has("readings", 1)
        await sensor.publish(f"{BASE}/bridge/devices", json.dumps(listed))
        await stored.ended("control", 1)
        # one that does not say takes nothing back
        await sensor.publish(f"{BASE}/bridge/devices", devices(bath=BATH, hall=HALL))
        await stored.ended("control", 2)
    rows = await stored.rows("SELECT native_id, power_source FROM device WHERE merged_into IS NULL")
    assert {row["native_id"]: row["power_source"] for row in rows} == {
        BATH: "battery",
        HALL: "mains",
    }


async def test_what_two_devices_that_are_one_said_of_their_power_counts_together(
    stored: Stored, database: Database
) -> None:
    await stored.connection.execute(
        "INSERT INTO device (source_instance, native_id, name, power_source)"
        " VALUES ('mqtt:zigbee2mqtt', $1, 'bath', 'mains'),"
        " ('mqtt:zigbee2mqtt', 'zigbee2mqtt/bath', 'bath', 'battery')",
        BATH,
    )
    async with database.transaction() as connection:
        await identify(
            connection, "mqtt:zigbee2mqtt", [KnownDevice(BATH, "zigbee2mqtt/bath", "bath")]
        )
    (row,) = await stored.rows("SELECT power_source FROM device WHERE merged_into IS NULL")
    assert row["power_source"] == "battery"


async def test_a_device_known_by_its_topic_becomes_itself_in_place(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        await sensor.publish(f"{BASE}/bath", reading())
        await stored.has("readings", 1)
        (before,) = await stored.rows("SELECT id FROM device")
        await sensor.publish(f"{BASE}/bridge/devices", devices(bath=BATH))
        await stored.ended("control", 1)
        await sensor.publish(f"{BASE}/bath", reading(22))
        await stored.has("readings", 2)
    assert {row["device_id"] for row in await stored.readings()} == {before["id"]}
    # a room that names it by its topic still finds it
    assert await _known(stored) == [(BATH, "bath", False), (f"{BASE}/bath", "bath", True)]


async def test_a_rename_changes_no_identity(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        await sensor.publish(f"{BASE}/bridge/devices", devices(bath=BATH))
        await sensor.publish(f"{BASE}/bath", reading())
        await stored.has("readings", 1)
        await sensor.publish(f"{BASE}/bridge/devices", devices(upstairs__bath=BATH))
        await sensor.publish(f"{BASE}/upstairs/bath", reading(22))
        await stored.has("readings", 2)
    assert {row["native_id"] for row in await stored.readings()} == {BATH}
    assert await _known(stored) == [(BATH, "upstairs/bath", False)]


async def test_a_reading_on_a_new_name_before_the_rename_is_told_is_merged(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        await sensor.publish(f"{BASE}/bridge/devices", devices(bath=BATH))
        await stored.ended("control", 1)
        await sensor.publish(f"{BASE}/new", reading())
        await stored.has("readings", 1)
        await _watch_every_device(stored)
        await sensor.publish(f"{BASE}/bridge/devices", devices(new=BATH))
        await stored.ended("control", 2)
        await sensor.publish(f"{BASE}/new", reading(22))
        await stored.has("readings", 2)
    assert await _known(stored) == [(BATH, "new", False), (f"{BASE}/new", "new", True)]
    (target,) = await stored.rows("SELECT * FROM device WHERE merged_into IS NULL")
    assert target["metrics"] == ["humidity_pct", "temperature_c"]
    assert target["last_seen_at"] is not None
    watched = await stored.rows("SELECT DISTINCT device_id FROM subject_device")
    assert [row["device_id"] for row in watched] == [target["id"]]
    assert await stored.count("evaluation_request") > 0


async def test_a_redelivery_across_a_merge_is_stored_once(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    twice = reading()
    async with ingesting.running():
        await sensor.publish(f"{BASE}/bridge/devices", devices(bath=BATH))
        await sensor.publish(f"{BASE}/new", twice)
        await stored.has("readings", 1)
        await sensor.publish(f"{BASE}/bridge/devices", devices(new=BATH))
        await sensor.publish(f"{BASE}/new", twice)
        await sensor.publish(f"{BASE}/new", reading(25))
        await stored.has("readings", 2)


async def test_a_name_that_goes_to_another_device_takes_no_readings_along(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        await sensor.publish(f"{BASE}/bridge/devices", devices(bath=BATH, hall=HALL))
        await sensor.publish(f"{BASE}/bath", reading())
        await stored.has("readings", 1)
        await sensor.publish(f"{BASE}/bridge/devices", devices(old=BATH, bath=HALL))
        await sensor.publish(f"{BASE}/bath", reading(22))
        await stored.has("readings", 2)
    assert [row["native_id"] for row in await stored.readings()] == [BATH, HALL]


async def test_a_device_configured_before_it_was_heard_is_the_one_that_is_heard(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    await stored.connection.execute(
        "INSERT INTO device (source_instance, native_id, name) VALUES ($1, $2, 'x'), ($1, $3, 'y')",
        "mqtt:zigbee2mqtt",
        f"{BASE}/bath",
        HALL,
    )
    async with ingesting.running():
        await sensor.publish(f"{BASE}/bridge/devices", devices(bath=BATH, hall=HALL))
        await sensor.publish(f"{BASE}/bath", reading())
        await sensor.publish(f"{BASE}/hall", reading())
        await stored.has("readings", 2)
    assert await _known(stored) == [
        (BATH, "bath", False),
        (HALL, "hall", False),
        (f"{BASE}/bath", "bath", True),
    ]


async def test_a_state_that_names_its_device_needs_no_bridge(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        await sensor.publish(
            f"{BASE}/bath",
            payload(temperature=21, device={"ieeeAddr": BATH, "friendlyName": "bath"}),
        )
        await stored.has("readings", 1)
    assert await _known(stored) == [(BATH, "bath", False)]


async def test_availability_is_noted_in_both_forms_and_before_the_first_reading(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        await sensor.publish(f"{BASE}/bath/availability", b'{"state":"offline"}')
        await stored.ended("control", 1)
        assert await stored.rows("SELECT available FROM device") == [{"available": False}]
        await sensor.publish(f"{BASE}/bath/availability", b"online")
        await stored.ended("control", 2)
        assert await stored.rows("SELECT available FROM device") == [{"available": True}]
        await sensor.publish(f"{BASE}/bath/availability", b"perhaps")
        await stored.has("dead_letter", 1)


async def test_large_control_messages_are_read(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    entries = json.loads(devices(bath=BATH))
    entries[1]["definition"]["exposes"] = ["x" * 3_000_000]
    async with ingesting.running():
        await sensor.publish(f"{BASE}/bridge/devices", json.dumps(entries))
        await stored.ended("control", 1)
    assert await _known(stored) == [(BATH, "bath", False)]


async def _watch_every_device(stored: Stored) -> None:
    await stored.connection.execute("""
        WITH new AS (
            INSERT INTO room (id, name) VALUES (gen_random_uuid(), 'Bath') RETURNING id
        ), subject AS (
            INSERT INTO subject (room_id) SELECT id FROM new RETURNING id
        )
        INSERT INTO subject_device SELECT subject.id, device.id FROM subject, device
    """)
