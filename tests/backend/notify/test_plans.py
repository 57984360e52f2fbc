"""The hot queries read live notifications only, however long the history grows."""

import json
from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mould_watch.storage.connections import connect
from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries
from tests.support.notifications import INSTANCE, add_incident
from tests.support.postgres import PostgresForTests, run_apart

pytestmark = pytest.mark.slow

_FILES = [load_queries(name) for name in ("outbox", "outbox_care", "held", "summaries")]
_NOW = datetime.now(UTC)
_FINISHED = 100_000
_LIVE = 100
_MAIL = ("apprise", "mail", "mail")
_CLAIMING: tuple[object, ...] = (
    "home_assistant",
    [INSTANCE],
    10,
    "w",
    60.0,
    [],
    [],
    [],
    [],
    [],
    [],
    [],
    "off",
    None,
)


@pytest.fixture(scope="module")
def filled_database(postgres: PostgresForTests) -> Generator[str]:
    """Yield the address of a database with a long history, made once: it takes seconds."""
    name = run_apart(postgres.make_database())
    address = postgres.server.address_of(name)
    run_apart(_fill(address))
    yield address
    run_apart(postgres.drop_database(name))


@pytest.fixture
async def long_history(filled_database: str) -> AsyncGenerator[Connection]:
    """A hundred thousand finished notifications, a hundred live ones; nothing is changed."""
    connection = await connect(filled_database)
    yield connection
    await connection.close()


async def _fill(address: str) -> None:
    connection = await connect(address)
    incident = await add_incident(connection)
    await connection.execute("ALTER TABLE notification DISABLE TRIGGER USER")
    insert = """
        INSERT INTO notification
            (transition_id, incident_id, channel, route, target, sequence, kind, severity, message,
             state, attempts, finished_at, released_at)
        SELECT t.id, $1, 'home_assistant', $2, 'phone-' || g % 50, g, 'alarm', 'warning',
            '{"room": "Bathroom"}', $5::text::notification_state, 0,
            CASE WHEN $5 = 'sent' THEN clock_timestamp() END,
            CASE WHEN $5 = 'sent' THEN clock_timestamp() - interval '2 days' END
        FROM transition AS t, generate_series($3::integer, $4::integer) AS g
        WHERE t.incident_id = $1
        """
    await connection.execute(insert, incident, INSTANCE, 1, _FINISHED, "sent")
    await connection.execute(
        insert, incident, INSTANCE, _FINISHED + 1, _FINISHED + _LIVE, "pending"
    )
    await connection.execute("ALTER TABLE notification ENABLE TRIGGER USER")
    await connection.execute("VACUUM ANALYZE notification")
    await connection.close()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("turn", _CLAIMING),
        ("supersede", ()),
        ("next_due", ("home_assistant", [INSTANCE])),
        ("waiting_for_fallback", ("home_assistant", [], 1800.0)),
        ("unserved_routes", ("home_assistant", [])),
        ("undelivered_for_fallback", (1800.0, *_MAIL, ["phone-1"], ["apprise"], ["chat"])),
        ("failed_for_fallback", (86400.0, *_MAIL, ["phone-1"], None)),
        ("keep_for_the_morning", (_NOW, -3600.0, 300.0, "high")),
        ("recall", (_NOW, 120.0, 93_600.0, 300.0)),
        ("recall_tries", (93_600.0,)),
        ("recall_claims", (300.0,)),
        ("due_targets", (_NOW,)),
        ("over", (None,)),
        ("due", ("home_assistant", INSTANCE, "phone-1", _NOW)),
        ("released", ("home_assistant", INSTANCE, "phone-1", _NOW - timedelta(days=1))),
    ],
)
async def test_finished_notifications_cost_nothing(
    long_history: Connection, name: str, arguments: tuple[object, ...]
) -> None:
    connection = long_history
    for plan_cache_mode in ("force_custom_plan", "force_generic_plan"):
        await connection.execute(f"SET plan_cache_mode = {plan_cache_mode}")
        async with _rolled_back(connection):
            plan = await connection.fetchval(
                "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + _query(name), *arguments
            )
        (explained,) = json.loads(plan) if isinstance(plan, str) else plan
        nodes = _nodes(explained["Plan"])
        scans = [node for node in nodes if node["Node Type"] == "Seq Scan"]
        # there is one incident, and one room
        assert not [one for one in scans if one["Relation Name"] == "notification"], plan_cache_mode
        read = max(
            node["Actual Rows"] * node["Actual Loops"]
            for node in nodes
            if "notification" in node.get("Index Name", "") or "Relation Name" in node
        )
        if name == "turn":
            used = {node.get("Index Name") for node in nodes}
            # what is due, in order, also claims whose lease ran out; the lane before and behind
            assert {
                "notification_due",
                "notification_lane_live",
                "notification_follower",
            } <= used, plan_cache_mode
        assert read <= 100 * _LIVE, f"{name} reads {read} rows under {plan_cache_mode}"
        buffers = explained["Plan"]["Shared Hit Blocks"] + explained["Plan"]["Shared Read Blocks"]
        assert buffers < 5_000, f"{name} touches {buffers} pages under {plan_cache_mode}"


def _query(name: str) -> str:
    (queries,) = [one for one in _FILES if name in one.names]
    query: str = getattr(queries, name)
    return query


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in _nodes(child))]


class _rolled_back:  # noqa: N801 - reads as the word it is
    """A transaction that is undone at the end of its block."""

    def __init__(self, connection: Connection) -> None:
        self._transaction = connection.transaction()

    async def __aenter__(self) -> None:
        await self._transaction.start()

    async def __aexit__(self, *_error: object) -> None:
        await self._transaction.rollback()
