"""Every family of sensors, from the payloads of its own documentation to rows."""

from datetime import UTC, datetime
from typing import Any

import pytest

from mould_watch.ingest.times import nearest_utc
from tests.support.golden import FAMILIES, Golden, GoldenFamily, golden_family
from tests.support.ingestion import Ingesting, Stored
from tests.support.mosquitto import Publisher
from tests.support.waiting import until

ANY_AGE = {"age_maximum_s": 20 * 365 * 86400}


@pytest.mark.parametrize("name", FAMILIES)
async def test_golden_messages_end_as_readings_of_their_devices(
    name: str, ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    golden = golden_family(name)
    ingestion = ingesting.make(mqtt=golden.settings, ingest=ANY_AGE)
    began = datetime.now(UTC)
    async with ingesting.running(ingestion):
        await _announce(golden, sensor, stored, ingestion.subscribed)
        for case in golden.cases:
            await sensor.publish(case.topic, case.payload)
        expected = [one for case in golden.cases for one in case.readings]
        await stored.has("readings", len(expected))
    rows = await stored.rows(
        "SELECT readings.*, source_instance, native_id, name, power_source FROM readings"
        " JOIN device ON device.id = device_id"
    )
    assert {row["source_instance"] for row in rows} == {golden.source}
    assert all(row["name"] for row in rows)
    powers: dict[str, str | None] = {}
    for one in expected:
        known = powers.get(one.device)
        powers[one.device] = "battery" if "battery" in {known, one.power} else known or one.power
    for case in golden.cases:
        for one in case.readings:
            found = [row for row in rows if _is(row, one.device, one.metrics, one.at, began)]
            assert found, case
            assert {row["power_source"] for row in found} == {powers[one.device]}
    assert await stored.count("dead_letter") == 0
    await _has_availability(golden.cases, stored)


async def _announce(
    golden: GoldenFamily,
    sensor: Publisher,
    stored: Stored,
    subscribed: Any,  # noqa: ANN401
) -> None:
    """Publish what the others need first, and wait until the topics are listened to."""
    for case in golden.before:
        await sensor.publish(case.topic, case.payload, retain=True)
    if golden.before:
        await stored.ended("control", len(golden.before))
        await until(lambda: {case.topic for case in golden.cases} <= subscribed())


async def _has_availability(cases: tuple[Golden, ...], stored: Stored) -> None:
    said = dict(one for case in cases for one in case.available)
    rows = await stored.rows("SELECT native_id, available FROM device")
    for device, available in said.items():
        parts = [row for row in rows if row["native_id"].split(":")[0] == device.split(":")[0]]
        for row in parts:
            assert row["available"] is available, row


def _is(
    row: dict[str, Any],
    device: str,
    metrics: dict[str, float],
    at: datetime | None,
    began: datetime,
) -> bool:
    if row["native_id"] != device or any(
        row[column] != pytest.approx(value) for column, value in metrics.items()
    ):
        return False
    if at is None:
        return bool(row["time_quality"] == "receipt" and row["ts"] >= began)
    expected = nearest_utc(at, row["received_at"]) if at.tzinfo is None else at
    return bool(row["time_quality"] == "payload" and row["ts"] == expected)
