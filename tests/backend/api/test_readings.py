"""`POST /v1/readings`, over a real connection into a real database."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mould_watch.api.answers import BODY_MAXIMUM_BYTES
from mould_watch.clock import SystemClock
from mould_watch.storage.database import Database
from tests.support.api import RunningApi, ask, running_api
from tests.support.ingestion import Stored
from tests.support.postgres import database_settings

NOW = datetime.now(UTC)
NO_TIME = timedelta()


@pytest.fixture
def stored(connection: Any) -> Stored:  # noqa: ANN401 - asyncpg's connection
    return Stored(connection)


def reading(age: timedelta = NO_TIME, **changes: Any) -> dict[str, object]:  # noqa: ANN401 - good or bad
    return {
        "device": "attic",
        "ts": (NOW - age).isoformat(),
        "metrics": {"temperature_c": 21.5, "humidity_pct": 60},
    } | changes


async def post(api: RunningApi, *readings: object, query: str = "", **body: object) -> list[Any]:
    status, answered = await ask(
        f"{api.url}/v1/readings{query}", "POST", body={"readings": readings} | body
    )
    assert status == 200
    results: list[Any] = answered["results"]
    return results


def said(results: list[Any]) -> list[tuple[str, str | None]]:
    return [(result["status"], result["code"]) for result in results]


async def test_a_batch_is_stored_once_with_a_result_for_each(
    api: RunningApi, stored: Stored
) -> None:
    batch = [
        reading(),
        reading(device="cellar", name="Cellar", metrics={"co2_ppm": 600, "battery_pct": 90}),
        reading(timedelta(minutes=1), extra={"raw": 2**70, "note": "äöü"}),
    ]
    assert said(await post(api, *batch, source="my-logger")) == [("stored", None)] * 3
    again = await post(api, *batch, reading(timedelta(minutes=2)), source="my-logger")
    assert said(again) == [*[("duplicate", None)] * 3, ("stored", None)]
    rows = await stored.readings()
    assert len(rows) == 4
    assert {row["time_quality"] for row in rows} == {"payload"}
    assert [row["extra"] for row in rows if row["extra"]] == [{"raw": 2**70, "note": "äöü"}]
    assert await stored.rows("SELECT source_instance, native_id, name FROM device ORDER BY 2") == [
        {"source_instance": "http:my-logger", "native_id": "attic", "name": "attic"},
        {"source_instance": "http:my-logger", "native_id": "cellar", "name": "Cellar"},
    ]


async def test_senders_are_sources_of_their_own_and_a_name_stays_until_another_is_sent(
    api: RunningApi, stored: Stored
) -> None:
    await post(api, reading(name="Attic"))
    await post(api, reading(timedelta(minutes=1)))
    await post(api, reading(), source="other")
    assert await stored.rows("SELECT source_instance, name FROM device ORDER BY 1") == [
        {"source_instance": "http:api", "name": "Attic"},
        {"source_instance": "http:other", "name": "attic"},
    ]
    assert await stored.count("readings") == 3


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ts": (NOW + timedelta(days=1)).isoformat()}, "in_the_future"),
        ({"ts": (NOW - timedelta(days=8)).isoformat()}, "too_old"),
        ({"metrics": {"loudness_db": 3}}, "unknown_metric"),
        ({"metrics": {"battery_pct": 101}}, "out_of_range"),
        ({"metrics": {}}, "invalid_reading"),
        ({"metrics": {"temperature_c": "21"}}, "invalid_reading"),
        ({"metrics": {"temperature_c": True}}, "invalid_reading"),
        ({"metrics": {"temperature_c": 10**400}}, "invalid_reading"),
        ({"metrics": {"temperature_c": float("nan")}}, "invalid_reading"),
        ({"ts": "2026-11-22T07:00:00"}, "invalid_reading"),
        ({"ts": None}, "invalid_reading"),
        ({"device": ""}, "invalid_reading"),
        ({"extra": {"a": "\x00"}}, "invalid_extra"),
        ({"extra": {"a": "\ud800"}}, "invalid_extra"),
        ({"extra": {"a": float("inf")}}, "invalid_extra"),
        ({"extra": {"a": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}},
         "invalid_extra"),
        ({"extra": [1]}, "invalid_reading"),
    ],
)  # fmt: skip
async def test_a_bad_reading_is_rejected_with_words_and_blocks_no_other(
    api: RunningApi, stored: Stored, changes: dict[str, Any], code: str
) -> None:
    results = await post(api, reading(device="one"), reading(**changes), reading(device="two"))
    assert said(results) == [("stored", None), ("rejected", code), ("stored", None)]
    assert results[1]["message"]
    assert await stored.count("readings") == 2


async def test_what_cannot_be_true_is_stored_and_the_sender_told(
    api: RunningApi, stored: Stored
) -> None:
    results = await post(api, reading(metrics={"humidity_pct": 0, "temperature_c": 21}))
    assert [(one["status"], one["suspect"]) for one in results] == [("stored", "humidity_zero")]
    assert [row["suspect"] for row in await stored.readings()] == ["humidity_zero"]


async def test_an_import_may_be_old_but_neither_ahead_nor_of_the_last_century(
    api: RunningApi, stored: Stored
) -> None:
    results = await post(
        api,
        reading(timedelta(days=400)),
        reading(timedelta(days=-1)),
        reading(ts="1999-12-31T23:59:59Z"),
        query="?import=true",
    )
    assert said(results) == [
        ("stored", None),
        ("rejected", "in_the_future"),
        ("rejected", "too_old"),
    ]
    assert await stored.count("readings") == 1


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"no json", 400, "invalid_message"),
        (b"[]", 400, "invalid_message"),
        (b"{}", 400, "invalid_message"),
        (b"\xff", 400, "invalid_message"),
        (b"[" * 100_000, 400, "invalid_message"),
        (json.dumps({"readings": [{}] * 501}).encode(), 400, "invalid_message"),
        (b'{"readings": [], "source": "a b"}', 400, "invalid_message"),
        (b'{"readings": ["' + b"x" * BODY_MAXIMUM_BYTES + b'"]}', 413, "body_too_large"),
    ],
)
async def test_a_request_that_is_none_is_refused_whole(
    api: RunningApi, data: bytes, status: int, code: str
) -> None:
    answered, body = await ask(f"{api.url}/v1/readings", "POST", data=data)
    assert (answered, body["error"]["code"]) == (status, code)
    assert body["error"]["message"]


async def test_a_wrong_parameter_and_a_missing_token_are_refused(api: RunningApi) -> None:
    status, body = await ask(f"{api.url}/v1/readings?import=yes", "POST", body={"readings": []})
    assert (status, body["error"]["code"]) == (400, "invalid_parameter")
    status, _ = await ask(f"{api.url}/v1/readings", "POST", body={"readings": []}, headers={})
    assert status == 401


async def test_without_a_database_the_sender_keeps_what_it_has(tmp_path: Path) -> None:
    nowhere = Database(
        database_settings("postgresql://nobody@127.0.0.1:1/x", tmp_path), SystemClock()
    )
    async with running_api(nowhere) as api:
        status, body = await ask(f"{api.url}/v1/readings", "POST", body={"readings": [reading()]})
    assert (status, body["error"]["code"]) == (503, "database_unavailable")


async def test_a_failure_of_the_database_that_is_no_rows_fault_is_answered_503(
    api: RunningApi, stored: Stored
) -> None:
    await stored.connection.execute("ALTER TABLE evaluation_request RENAME TO gone")
    await stored.connection.execute("ALTER TABLE device RENAME TO gone_too")
    status, body = await ask(f"{api.url}/v1/readings", "POST", body={"readings": [reading()]})
    assert (status, body["error"]["code"]) == (503, "database_unavailable")
    await stored.connection.execute("ALTER TABLE gone_too RENAME TO device")
    await stored.connection.execute("ALTER TABLE gone RENAME TO evaluation_request")
    assert said(await post(api, reading())) == [("stored", None)]
