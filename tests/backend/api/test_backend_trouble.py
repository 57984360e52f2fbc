"""What is the matter with the backend itself is told to Home Assistant, and handled from there."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from mould_watch.clock import SystemClock
from mould_watch.storage.database import Connection, Database
from mould_watch.watch.evaluator import Evaluator
from tests.support.api import RunningApi
from tests.support.stream import Stream, connect, document

_DAY = timedelta(days=1)


async def _broker(connection: Connection, *, well: bool) -> None:
    """Say how the broker has been since yesterday."""
    now = datetime.now(UTC)
    await connection.execute(
        "INSERT INTO backend_state (part, is_well, since, reported_at, detail)"
        " VALUES ('broker', $1, $2, $3, '{}') ON CONFLICT (part) DO UPDATE"
        " SET is_well = EXCLUDED.is_well, since = EXCLUDED.since",
        well,
        now - _DAY,
        now + _DAY,
    )
    await connection.execute(
        "INSERT INTO evaluation_request (subject_id, from_ts) SELECT id, $1 FROM subject"
        " WHERE is_backend",
        now,
    )


async def test_a_broker_that_is_away_is_seen_without_a_phone(
    stream: Stream, api: RunningApi, database: Database, connection: Connection
) -> None:
    await stream.request("configure", document=document())
    await connection.execute("INSERT INTO subject (is_backend) VALUES (true)")
    evaluator = Evaluator(database, SystemClock())
    await _broker(connection, well=False)
    await evaluator.evaluate_waiting()
    told = await stream.receive("backend")
    (incident,) = told["backend"]["incidents"]
    assert (incident["rule_id"], incident["state"]) == ("broker_away", "open")
    assert incident["acknowledged_at"] is None
    # who comes later is told as well
    async with connect(api.url) as later:
        _, snapshot = await later.open("home-2")
    assert snapshot["backend"] == told["backend"]

    result = await stream.request(
        "incident_action",
        action_id=str(uuid4()),
        incident_id=incident["incident_id"],
        action="seen",
    )
    assert result["result"]["outcome"] == "done"
    await evaluator.evaluate_waiting()
    seen = await stream.receive("backend")
    assert seen["backend"]["incidents"][0]["acknowledged_at"] is not None
    assert await connection.fetchval("SELECT acknowledged_at IS NOT NULL FROM incident")


async def test_a_backend_that_is_well_says_so(api: RunningApi) -> None:
    async with connect(api.url) as later:
        _, snapshot = await later.open("home-2")
    assert snapshot["backend"] == {"incidents": []}
