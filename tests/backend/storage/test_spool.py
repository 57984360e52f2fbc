"""How far a spool is drained, and what is judged at its end."""

from datetime import UTC, datetime
from uuid import uuid4

import asyncpg

from mould_watch.storage import spool as store

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
EARLIER = datetime(2026, 11, 24, 3, tzinfo=UTC)


async def test_what_a_device_sent_is_judged_though_it_was_merged_while_the_spool_was_drained(
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    topic_id, itself_id = [
        await connection.fetchval(
            "INSERT INTO device (source_instance, native_id, name)"
            " VALUES ('mqtt:zigbee2mqtt', $1, 'bath') RETURNING id",
            native_id,
        )
        for native_id in ("zigbee2mqtt/bath", "0x00158d0001")
    ]
    await connection.execute("""
        WITH new AS (
            INSERT INTO room (id, name) VALUES (gen_random_uuid(), 'Bath') RETURNING id
        )
        INSERT INTO subject (room_id) SELECT id FROM new
    """)
    await connection.execute(
        "INSERT INTO subject_device SELECT subject.id, $1 FROM subject", itself_id
    )
    spool_id = uuid4()
    async with connection.transaction():
        place = await store.begin_drain(connection, spool_id, NOW)
        await store.defer_evaluations(connection, spool_id, {topic_id: EARLIER, itself_id: NOW})
    assert place.position == 0
    await connection.execute(
        "UPDATE device SET merged_into = $1 WHERE id = $2", itself_id, topic_id
    )
    async with connection.transaction():
        await store.end_drain(connection, spool_id)
    (request,) = await connection.fetch("SELECT from_ts FROM evaluation_request")
    assert request["from_ts"] == EARLIER
    assert await store.draining_since(connection) is None
