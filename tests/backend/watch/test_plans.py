"""Looking for what is to be judged reads what is due, however many subjects are not."""

import json
from typing import Any

from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries

_QUERIES = load_queries("evaluation")
_SUBJECTS = 100_000


async def test_subjects_that_are_not_due_cost_nothing(connection: Connection) -> None:
    await connection.execute(
        """
        WITH devices AS (
            INSERT INTO device (source_instance, native_id, name)
            SELECT 'mqtt:json', g::text, g::text FROM generate_series(1, $1::integer) AS g
            RETURNING id
        ), subjects AS (
            INSERT INTO subject (device_id) SELECT id FROM devices RETURNING id
        )
        INSERT INTO condition (subject_id, condition, evaluated_at, next_evaluation_at)
        SELECT id, '{}', clock_timestamp(),
            clock_timestamp() + make_interval(hours => CASE WHEN id % 5000 = 0 THEN -1 ELSE 5 END)
        FROM subjects
        """,
        _SUBJECTS,
    )
    await connection.execute(
        "INSERT INTO evaluation_request (subject_id, from_ts) "
        "SELECT id, clock_timestamp() FROM subject ORDER BY id LIMIT 10"
    )
    await connection.execute("VACUUM ANALYZE condition, evaluation_request, subject")
    for mode in ("force_custom_plan", "force_generic_plan"):
        await connection.execute(f"SET plan_cache_mode = {mode}")
        plan = await connection.fetchval(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + _QUERIES.waiting,
            await connection.fetchval("SELECT clock_timestamp()"),
            [],
        )
        (explained,) = json.loads(plan) if isinstance(plan, str) else plan
        nodes = _nodes(explained["Plan"])
        assert "condition_next_evaluation" in {node.get("Index Name") for node in nodes}, mode
        whole = [node for node in nodes if node["Node Type"] == "Seq Scan"]
        assert {node["Relation Name"] for node in whole} <= {"evaluation_request"}, mode
        buffers = explained["Plan"]["Shared Hit Blocks"] + explained["Plan"]["Shared Read Blocks"]
        assert buffers < 500, f"{buffers} pages under {mode}"


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in _nodes(child))]
