"""What the document says of single devices: each on its own, and judged at once."""

from typing import Any
from uuid import uuid4

from tests.support.configuration import Connection, entity, everything, requested
from tests.support.stream import Stream, document, room

FRIDGE = {"kind": "device", "source_instance": "mqtt:zigbee2mqtt", "native_id": "0xf0"}


def limit(metric: str = "temperature_c", threshold: float = 8.0, **more: object) -> dict[str, Any]:
    return {
        "rule_id": str(uuid4()),
        "metric": metric,
        "direction": "above",
        "threshold": threshold,
    } | more


def watched(source: dict[str, Any] | None = None, **more: object) -> dict[str, Any]:
    return {"source": source or FRIDGE} | more


def of(*devices: object, revision: int = 1) -> dict[str, Any]:
    return document(revision=revision) | {"devices": list(devices)}


async def stored(connection: Connection) -> dict[str, dict[str, Any]]:
    rows = await connection.fetch(
        "SELECT native_id, config FROM device_config JOIN device ON device.id = device_id"
    )
    return {row["native_id"]: row["config"] for row in rows}


async def asked_for(connection: Connection) -> set[str]:
    rows = await connection.fetch(
        "WITH taken AS (DELETE FROM evaluation_request RETURNING subject_id) "
        "SELECT device.native_id FROM taken JOIN subject ON subject.id = taken.subject_id "
        "JOIN device ON device.id = subject.device_id"
    )
    return {row["native_id"] for row in rows}


async def test_a_watched_device_is_stored_as_said_and_judged_at_once(
    stream: Stream, connection: Connection
) -> None:
    of_its_own = limit(targets=["phone-2", "apprise:mail"])
    silent = {"silent": {"hours": 3, "targets": ["phone-2"]}}
    fridge = watched(name="Fridge", rules=silent, thresholds=[limit(), of_its_own])
    answer = await stream.request("configure", document=of(fridge))
    assert answer["result"] == {"revision": 1, "rooms": {}, "devices": [{"ok": True}]}
    assert await stored(connection) == {"0xf0": fridge}
    assert await asked_for(connection) == {"0xf0"}
    restored = await stream.request("restore")
    assert restored["result"]["document"]["devices"] == [fridge]


async def test_an_entity_is_the_device_of_the_home_assistant_that_says_so(
    stream: Stream, connection: Connection
) -> None:
    await stream.request("configure", document=of(watched(entity("probe"))))
    row = await connection.fetchrow(
        "SELECT source_instance, native_id, name FROM device JOIN device_config ON device_id = id"
    )
    assert row is not None
    assert tuple(row) == ("ha:home-1", "probe", "sensor.probe")


async def test_the_same_devices_again_change_nothing_and_ask_for_nothing(
    stream: Stream, connection: Connection
) -> None:
    sent = of(watched(thresholds=[limit()]), watched(entity("probe")))
    await stream.request("configure", document=sent)
    before = await everything(connection)
    await asked_for(connection)
    assert (await stream.request("configure", document=sent))["success"]
    assert await everything(connection) == before
    assert await asked_for(connection) == set()


async def test_a_device_no_longer_named_is_judged_by_the_defaults_again(
    stream: Stream, connection: Connection
) -> None:
    await stream.request("configure", document=of(watched(notify=False)))
    await asked_for(connection)
    await stream.request("configure", document=of(revision=2))
    assert await stored(connection) == {}
    assert await asked_for(connection) == {"0xf0"}


async def test_a_bad_device_stays_as_it_was_and_blocks_no_other(
    stream: Stream, connection: Connection
) -> None:
    good = watched(thresholds=[limit()])
    await stream.request("configure", document=of(good))
    bad = watched(thresholds=[limit(recovery_threshold=9.0)])
    answer = await stream.request(
        "configure", document=of(bad, watched(entity("probe")), revision=2)
    )
    refused, taken = answer["result"]["devices"]
    assert taken == {"ok": True}
    assert refused["code"] == "invalid_device"
    assert "recovery threshold" in refused["message"]
    assert await stored(connection) == {"0xf0": good, "probe": watched(entity("probe"))}


async def test_while_a_device_cannot_be_told_none_counts_as_missing(
    stream: Stream, connection: Connection
) -> None:
    fridge = watched()
    await stream.request("configure", document=of(fridge))
    answer = await stream.request("configure", document=of({"notify": False}, "what", revision=2))
    assert [one["code"] for one in answer["result"]["devices"]] == ["invalid_device"] * 2
    assert await stored(connection) == {"0xf0": fridge}


async def test_a_device_named_twice_counts_as_it_was_named_first(
    stream: Stream, connection: Connection
) -> None:
    first = watched(name="Fridge")
    answer = await stream.request("configure", document=of(first, watched(name="Other")))
    assert answer["result"]["devices"][1]["code"] == "duplicate_device"
    assert await stored(connection) == {"0xf0": first}


async def test_devices_that_are_no_list_refuse_the_document(
    stream: Stream, connection: Connection
) -> None:
    before = await everything(connection)
    answer = await stream.request("configure", document=document() | {"devices": {}})
    assert answer["error"]["code"] == "invalid_document"
    assert await everything(connection) == before


async def test_a_dry_run_answers_for_devices_and_stores_nothing(
    stream: Stream, connection: Connection
) -> None:
    before = await everything(connection)
    answer = await stream.request("check_configuration", document=of(watched(name="")))
    assert answer["result"]["devices"][0]["code"] == "invalid_device"
    assert await everything(connection) == before


async def test_other_phones_have_every_live_incident_looked_at_again(
    stream: Stream, connection: Connection
) -> None:
    room_id = uuid4()
    sent = of(watched()) | {"rooms": [room(room_id)]}
    await stream.request("configure", document=sent)
    await asked_for(connection)
    await connection.execute(
        "INSERT INTO incident (subject_id, rule_id, level, breach_since) "
        "SELECT subject.id, 'silent', 'watch', now() FROM subject WHERE device_id IS NOT NULL"
    )
    changed = sent | {"revision": 2, "home": {"phones": ["phone-1"]}}
    assert (await stream.request("configure", document=changed))["success"]
    rows = await connection.fetch(
        "SELECT device.native_id FROM evaluation_request "
        "JOIN subject ON subject.id = subject_id JOIN device ON device.id = device_id"
    )
    assert [row["native_id"] for row in rows] == ["0xf0"]
    assert room_id in await requested(connection)
