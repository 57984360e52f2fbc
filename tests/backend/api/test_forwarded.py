"""Readings and availability that Home Assistant forwards."""

from tests.support.api import RunningApi
from tests.support.stream import Stream


def reading(**changes: object) -> dict[str, object]:
    return {
        "registry_id": "abc",
        "entity_id": "sensor.bath",
        "name": "Bath",
        "ts": "2026-11-22T07:00:00+01:00",
        "metrics": {"temperature_c": 21.5},
    } | changes


async def test_each_reading_has_its_own_result_in_order(api: RunningApi, stream: Stream) -> None:
    bad = [
        reading(metrics={"temperature_c": "warm"}),
        reading(metrics={}),
        reading(ts="2026-11-22T07:00:00"),
        reading(registry_id=""),
        reading(name="a\x00"),
        "no reading",
    ]
    sent = [bad[0], reading(), *bad[1:], reading(), reading(registry_id="def")]
    answer = await stream.request("readings", readings=sent)
    results = answer["result"]["results"]
    assert [result["status"] for result in results] == [
        "rejected",
        "stored",
        *["rejected"] * 5,
        "duplicate",
        "stored",
    ]
    assert {result["code"] for result in results if result["status"] == "rejected"} == {
        "invalid_reading"
    }
    assert [(owner, kept.registry_id) for owner, kept in api.forwarded.readings] == [
        ("home-1", "abc"),
        ("home-1", "def"),
    ]


async def test_too_many_readings_at_once_are_refused(stream: Stream) -> None:
    answer = await stream.request("readings", readings=[reading()] * 501)
    assert answer["error"]["code"] == "invalid_message"


async def test_availability_reaches_ingestion(api: RunningApi, stream: Stream) -> None:
    entity = {
        "registry_id": "abc",
        "entity_id": "sensor.bath",
        "name": "Bath",
        "available": False,
        "metrics": ["temperature_c"],
    }
    answer = await stream.request("availability", entities=[entity])
    assert answer["result"] == {}
    [(owner, kept)] = api.forwarded.entities
    assert (owner, kept.registry_id, kept.available) == ("home-1", "abc", False)
