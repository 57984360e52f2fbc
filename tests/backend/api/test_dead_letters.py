"""`/v1/dead-letters`, over a real connection into a real database."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from mould_watch.ingest.interpret import Interpreter
from mould_watch.ingest.registry import DecoderRegistry
from mould_watch.settings import IngestSettings, MqttSettings
from mould_watch.storage.dead_letters import write_dead_letters
from tests.support.api import RunningApi, ask
from tests.support.ingestion import Stored, payload
from tests.support.messages import message

TOPIC = "mould-watch/readings/bath"
CAME = datetime.now(UTC) - timedelta(hours=3)
MEBIBYTE = 1024 * 1024
SHORT_SIGHTED = Interpreter(
    DecoderRegistry.from_settings(MqttSettings().sensors),
    IngestSettings(payload_maximum_bytes=1024),
)
"""A decoder of before an update: it takes no message of more than a kibibyte."""


@pytest.fixture
def stored(connection: asyncpg.Connection[asyncpg.Record]) -> Stored:
    return Stored(connection)


async def leave(
    stored: Stored,
    body: bytes,
    topic: str = TOPIC,
    **fields: Any,  # noqa: ANN401 - those of a message
) -> int:
    """Leave a message as the dead letter that it was; return its id."""
    received = message(topic, body, **{"received_at": CAME} | fields)
    letter = SHORT_SIGHTED.interpret(received).dead_letter
    assert letter is not None
    async with stored.connection.transaction():
        await write_dead_letters(stored.connection, [letter], 64 * MEBIBYTE)
    letter_id: int = await stored.connection.fetchval("SELECT max(id) FROM dead_letter")
    return letter_id


def long_reading(**fields: object) -> bytes:
    """Return a good reading that the short-sighted decoder did not take."""
    return payload(temperature=21, humidity=60, note="x" * 2000, **fields)


async def said(api: RunningApi, path: str, method: str = "GET") -> dict[str, Any]:
    status, body = await ask(f"{api.url}/v1/dead-letters{path}", method)
    assert status == 200, body
    return body


async def refused(api: RunningApi, path: str, method: str = "GET") -> tuple[int, str]:
    status, body = await ask(f"{api.url}/v1/dead-letters{path}", method)
    return status, body["error"]["code"]


async def check_sums(stored: Stored) -> None:
    (total,) = await stored.rows("SELECT * FROM dead_letter_total")
    (sums,) = await stored.rows("SELECT coalesce(sum(size), 0)::bigint AS bytes FROM dead_letter")
    assert total["bytes"] == sums["bytes"]


async def test_the_newest_are_listed_without_their_payloads_and_all_are_counted(
    api: RunningApi, stored: Stored
) -> None:
    first = await leave(stored, b"no json")
    await leave(stored, b"\xff", "zigbee2mqtt/attic", qos=0)
    last = await leave(stored, b"no json either", received_at=CAME + timedelta(minutes=1))
    body = await said(api, "")
    assert [one["id"] for one in body["dead_letters"]] == [last, last - 1, first]
    newest: Mapping[str, Any] = body["dead_letters"][0]
    assert newest["topic"] == TOPIC
    assert newest["reason"] == "not_json"
    assert newest["payload_size"] == len(b"no json either")
    assert len(newest["payload_sha256"]) == 64
    assert newest["can_be_replayed"] is True
    assert "payload" not in newest
    assert {(one["topic"], one["reason"], one["count"]) for one in body["kinds"]} == {
        (TOPIC, "not_json", 2),
        ("zigbee2mqtt/attic", "not_utf8", 1),
    }
    assert (body["total"], body["kept"]) == (3, 3)
    page = await said(api, f"?limit=1&before_id={last}")
    assert [one["id"] for one in page["dead_letters"]] == [last - 1]
    of_a_kind = await said(api, "?reason=not_utf8")
    assert [one["qos"] for one in of_a_kind["dead_letters"]] == [0]
    before = (CAME + timedelta(seconds=1)).isoformat().replace("+00:00", "Z")
    assert len((await said(api, f"?before={before}"))["dead_letters"]) == 2


async def test_one_is_shown_with_its_payload_masked(api: RunningApi, stored: Stored) -> None:
    letter_id = await leave(stored, b'{"temperature": "21", "password": "hunter2"}')
    body = await said(api, f"/{letter_id}")
    assert body["payload"] == '{"temperature": "21", "password": "***"}'
    assert body["reason"] == "temperature_wrong_type"


async def test_one_that_is_understood_by_now_becomes_the_reading_it_was_at_its_time(
    api: RunningApi, stored: Stored
) -> None:
    sent = CAME - timedelta(minutes=2)
    timed = await leave(stored, long_reading(timestamp=sent.isoformat()))
    untimed = await leave(stored, long_reading(), "zigbee2mqtt/bath")
    for letter_id in (timed, untimed):
        result = await said(api, f"/{letter_id}/replay", "POST")
        assert (result["status"], result["code"]) == ("stored", None)
    rows = await stored.readings()
    assert [(row["ts"], row["received_at"], row["time_quality"]) for row in rows] == [
        (sent, CAME, "payload"),
        (CAME, CAME, "receipt"),
    ]
    assert await stored.count("dead_letter") == 0
    # what came stays counted
    assert (await said(api, ""))["total"] == 2
    await check_sums(stored)


async def test_a_reading_that_is_there_already_is_not_stored_twice(
    api: RunningApi, stored: Stored
) -> None:
    for expected in ("stored", "duplicate"):
        letter_id = await leave(stored, long_reading())
        assert (await said(api, f"/{letter_id}/replay", "POST"))["status"] == expected
    assert await stored.count("readings") == 1
    assert await stored.count("dead_letter") == 0


async def test_what_waited_at_the_broker_stays_of_unknown_time_and_what_it_kept_no_reading(
    api: RunningApi, stored: Stored
) -> None:
    """Invariant 8: a replay invents no freshness."""
    waited = await leave(stored, long_reading(), backlog=True)
    assert (await said(api, f"/{waited}/replay", "POST"))["status"] == "stored"
    kept = await leave(stored, long_reading(), retain=True)
    result = await said(api, f"/{kept}/replay", "POST")
    assert (result["status"], result["code"]) == ("counted", "retained")
    (row,) = await stored.readings()
    assert row["time_quality"] == "backlog"
    (device,) = await stored.rows("SELECT last_seen_at FROM device")
    assert device["last_seen_at"] is None
    assert await stored.ending("retained") == 1


async def test_one_that_is_not_understood_stays_with_the_reason_it_has_now(
    api: RunningApi, stored: Stored
) -> None:
    letter_id = await leave(stored, payload(temperature="21", note="x" * 2000))
    assert (await said(api, f"/{letter_id}"))["reason"] == "payload_too_large"
    result = await said(api, f"/{letter_id}/replay", "POST")
    assert (result["status"], result["code"]) == ("kept", "temperature_wrong_type")
    letter = await said(api, f"/{letter_id}")
    assert letter["reason"] == "temperature_wrong_type"
    assert letter["detail"] == result["message"]
    assert letter["replayed_at"] is not None
    assert await stored.count("readings") == 0
    await check_sums(stored)


async def test_one_the_database_refuses_still_stays(api: RunningApi, stored: Stored) -> None:
    await stored.connection.execute(
        "ALTER TABLE readings ADD CONSTRAINT no_such_temperature CHECK (temperature_c <> 21)"
    )
    letter_id = await leave(stored, long_reading())
    result = await said(api, f"/{letter_id}/replay", "POST")
    assert (result["status"], result["code"]) == ("kept", "refused_by_database")
    await stored.connection.execute("ALTER TABLE readings DROP CONSTRAINT no_such_temperature")
    assert (await said(api, f"/{letter_id}/replay", "POST"))["status"] == "stored"


async def test_a_truncated_one_says_that_it_cannot_be_replayed(
    api: RunningApi, stored: Stored
) -> None:
    letter_id = await leave(stored, payload(temperature=21, note="x" * 70_000))
    assert (await said(api, f"/{letter_id}"))["can_be_replayed"] is False
    result = await said(api, f"/{letter_id}/replay", "POST")
    assert (result["status"], result["code"]) == ("kept", "truncated")
    assert "65536 of its" in result["message"]
    assert await stored.count("dead_letter") == 1


async def test_one_whose_topic_nobody_reads_stays(api: RunningApi, stored: Stored) -> None:
    letter_id = await leave(stored, b"no json")
    await stored.connection.execute("UPDATE dead_letter SET topic = 'elsewhere'")
    result = await said(api, f"/{letter_id}/replay", "POST")
    assert (result["status"], result["code"]) == ("kept", "no_decoder")


async def test_the_age_limit_is_lifted_only_where_asked(api: RunningApi, stored: Stored) -> None:
    old = CAME - timedelta(days=400)
    letter_id = await leave(stored, long_reading(timestamp=old.isoformat()))
    assert (await said(api, f"/{letter_id}/replay?any_age=true", "POST"))["status"] == "stored"
    (row,) = await stored.readings()
    assert (row["ts"], row["time_quality"]) == (old, "payload")
    ancient = datetime(1970, 1, 2, tzinfo=UTC)
    for query, timestamp in (("", old), ("?any_age=true", ancient)):
        body = long_reading(timestamp=timestamp.isoformat(), n=query)
        letter_id = await leave(stored, body)
        assert (await said(api, f"/{letter_id}/replay{query}", "POST"))["status"] == "stored"
    wrong = [row for row in await stored.readings() if row["ts"] == CAME]
    assert [row["time_quality"] for row in wrong] == ["device_clock_wrong"] * 2


async def test_an_old_message_changes_nothing_of_the_present(
    api: RunningApi, stored: Stored
) -> None:
    """A control message was told anew since; a reading leaves the QoS of now alone."""
    await leave(stored, long_reading(), "zigbee2mqtt/bath", qos=0)
    await said(api, "/replay?all=true", "POST")
    await stored.connection.execute(
        "UPDATE device SET qos = 1, available = true, last_seen_at = now()"
    )
    await leave(stored, long_reading(n=1), "zigbee2mqtt/bath", qos=0)
    control = await leave(
        stored, b'{"state": "offline"}' + b" " * 2000, "zigbee2mqtt/bath/availability"
    )
    body = await said(api, "/replay?all=true", "POST")
    assert [(one["status"], one["code"]) for one in body["results"]] == [
        ("stored", None),
        ("counted", "control"),
    ]
    assert body["last_id"] == control
    (device,) = await stored.rows("SELECT qos, available FROM device")
    assert device == {"qos": 1, "available": True}


async def test_many_are_tried_again_page_by_page(api: RunningApi, stored: Stored) -> None:
    ids = [await leave(stored, long_reading(n=n), f"{TOPIC}/{n % 7}") for n in range(105)]
    first = await said(api, "/replay?all=true", "POST")
    assert [one["id"] for one in first["results"]] == ids[:100]
    second = await said(api, f"/replay?all=true&after_id={first['last_id']}", "POST")
    assert [one["id"] for one in second["results"]] == ids[100:]
    third = await said(api, f"/replay?all=true&after_id={second['last_id']}", "POST")
    assert third == {"results": [], "last_id": None}
    assert await stored.count("readings") == 105


async def test_what_is_purged_is_meant(api: RunningApi, stored: Stored) -> None:
    one = await leave(stored, b"no json")
    await leave(stored, b"no json", "zigbee2mqtt/attic")
    await leave(stored, b"\xff")
    await leave(stored, b"\xfe", received_at=CAME - timedelta(days=2))
    for path, method in (("", "DELETE"), ("/replay", "POST")):
        assert await refused(api, path, method) == (400, "invalid_parameter")
    assert await said(api, f"/{one}", "DELETE") == {"removed": 1}
    assert await said(api, "?topic=zigbee2mqtt/attic", "DELETE") == {"removed": 1}
    before = (CAME - timedelta(days=1)).isoformat().replace("+00:00", "Z")
    assert await said(api, f"?reason=not_utf8&before={before}", "DELETE") == {"removed": 1}
    assert await stored.count("dead_letter") == 1
    await check_sums(stored)
    assert await said(api, "?all=true", "DELETE") == {"removed": 1}
    body = await said(api, "")
    assert (body["total"], body["kept"], body["kept_bytes"]) == (4, 0, 0)


async def test_one_that_is_not_there_and_a_question_nobody_can_answer(
    api: RunningApi,
) -> None:
    for path, method in (("/7", "GET"), ("/7", "DELETE"), ("/7/replay", "POST")):
        assert await refused(api, path, method) == (404, "not_found")
    for query in ("before=yesterday", "limit=0", "limit=201", "before_id=x", "after_id=-1"):
        assert await refused(api, f"?{query}") == (400, "invalid_parameter")
    assert await refused(api, "/x") == (404, "not_found")
