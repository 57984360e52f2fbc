"""Each bad payload ends as a dead letter, is acknowledged, is told of once, and nothing stops."""

import hashlib
import logging

import pytest

from tests.support.ingestion import Ingesting, Stored, now, payload
from tests.support.mosquitto import Publisher
from tests.support.waiting import until

TOPIC = "mould-watch/readings/bath"
TEN_MEGABYTES = b'{"temperature": 21, "text": "' + b"x" * 10_000_000 + b'"}'

CATALOGUE = {
    "broken": (b'{"temperature": 21', "not_json"),
    "empty": (b"", "empty_payload"),
    "not-utf8": (b'{"temperature": 21, "name": "\xff"}', "not_utf8"),
    "not-an-object": (b"21.5", "not_an_object"),
    "nan": (b'{"temperature": NaN}', "number_not_finite"),
    "infinity": (b'{"temperature": -Infinity}', "number_not_finite"),
    "1e400": (b'{"temperature": 1e400}', "number_not_finite"),
    "1e400-elsewhere": (b'{"temperature": 21, "x": [1e400]}', "number_not_finite"),
    "huge-integer": (b'{"temperature": ' + b"9" * 400 + b"}", "temperature_out_of_range"),
    "endless-integer": (b'{"temperature": 21, "x": ' + b"9" * 5000 + b"}", "number_too_long"),
    "text": (b'{"temperature": "21"}', "temperature_wrong_type"),
    "true": (b'{"humidity": true}', "humidity_wrong_type"),
    "nul": (b'{"temperature": 21, "x": "a\\u0000b"}', "nul_character"),
    "raw-nul": (b'{"temperature": 21, "x": "a\x00b"}', "not_json"),
    "surrogate": (b'{"temperature": 21, "x": "\\ud800"}', "lone_surrogate"),
    "deep": (b'{"temperature": 21, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too_deep"),
    "ambiguous": (b'{"temperature": 21, "temperature": 22}', "duplicate_key"),
    "bad-time": (b'{"temperature": 21, "timestamp": "yesterday"}', "time_invalid"),
    "large": (TEN_MEGABYTES, "payload_too_large"),
}


async def test_every_bad_payload_is_a_dead_letter_and_ingestion_goes_on(
    ingesting: Ingesting,
    sensor: Publisher,
    stored: Stored,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with ingesting.running() as ingestion:
        for name, (bad, _) in CATALOGUE.items():
            await sensor.publish(f"{TOPIC}/{name}", bad)
        await sensor.publish(TOPIC, payload(timestamp=now(), temperature=21, humidity=60))
        await stored.has("readings", 1)
        await until(lambda: ingestion.health()["waiting"] == 0)
    letters = {
        row["topic"].removeprefix(f"{TOPIC}/"): row
        for row in await stored.rows("SELECT * FROM dead_letter")
    }
    assert {name: row["reason"] for name, row in letters.items()} == {
        name: reason for name, (_, reason) in CATALOGUE.items()
    }
    for name, (bad, _) in CATALOGUE.items():
        assert letters[name]["payload"] == bad[: 64 * 1024]
        assert letters[name]["payload_size"] == len(bad)
        assert letters[name]["payload_sha256"] == hashlib.sha256(bad).digest()
        assert letters[name]["detail"]
    # acknowledged: a new connection brings nothing again
    async with ingesting.running():
        await sensor.publish(TOPIC, payload(timestamp=now(), temperature=22, humidity=60))
        await stored.has("readings", 2)
    assert await stored.count("dead_letter") == len(CATALOGUE)
    assert await stored.ending("redelivery") == 0


async def test_a_dead_letter_is_told_of_once_for_its_topic_and_reason(
    ingesting: Ingesting,
    sensor: Publisher,
    stored: Stored,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with ingesting.running():
        for n in range(5):
            await sensor.publish(TOPIC, f"broken {n}")
        await sensor.publish(TOPIC, b"")
        await stored.has("dead_letter", 6)
        await until(lambda: len(_told(caplog)) == 2)
    assert _told(caplog) == [(TOPIC, "not_json"), (TOPIC, "empty_payload")]


async def test_odd_side_values_stay_in_the_extra_and_do_not_cost_the_reading(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    async with ingesting.running():
        await sensor.publish(
            "zigbee2mqtt/bath", payload(temperature=21, battery=255, illuminance="bright")
        )
        await stored.has("readings", 1)
    (row,) = await stored.readings()
    assert row["temperature_c"] == 21
    assert row["battery_pct"] is None
    assert row["extra"] == {"battery": 255, "illuminance": "bright"}


async def test_a_number_that_cannot_be_true_is_a_reading_with_its_flag_and_unaltered(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    sent: dict[str, tuple[dict[str, float], str | None]] = {
        "dry": ({"temperature": 21, "humidity": 0}, "humidity_zero"),
        "wet": ({"temperature": 21, "humidity": 6553.5}, "humidity_out_of_range"),
        "cold": ({"temperature": -127}, "temperature_out_of_range"),
        "overshoot": ({"temperature": 21, "humidity": 104.9}, None),
    }
    async with ingesting.running():
        for name, (fields, _) in sent.items():
            await sensor.publish(f"{TOPIC}/{name}", payload(timestamp=now(), **fields))
        await stored.has("readings", len(sent))
    rows = {row["name"]: row for row in await stored.readings()}
    for name, (fields, word) in sent.items():
        assert rows[name]["suspect"] == word
        assert rows[name]["temperature_c"] == fields["temperature"]
        assert rows[name]["humidity_pct"] == fields.get("humidity")
    assert await stored.count("dead_letter") == 0


def _told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [
        (vars(record)["topic"], vars(record)["reason"])
        for record in caplog.records
        if vars(record).get("action") == "dead_letter"
    ]
