"""`/v1/notifications`: what is shown of them, and trying a failed one again."""

from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from mould_watch.storage import outbox
from mould_watch.storage.database import Connection
from tests.support.api import RunningApi, ask
from tests.support.notifications import (
    INSTANCE,
    add_incident,
    add_notification,
    claim,
    finish,
    row_of,
    states_of,
)


async def _claim(connection: Connection) -> outbox.ClaimedNotification:
    (claimed,) = await claim(
        connection,
        channel="home_assistant",
        routes=[INSTANCE],
        limit=1,
        worker="w",
        lease_s=60,
    )
    return claimed


async def _failed(connection: Connection, incident: UUID | None = None) -> UUID:
    incident = incident or await add_incident(connection)
    notification_id = await add_notification(connection, incident)
    assert await finish(connection, await _claim(connection), "failed", "unknown_phone: gone")
    return notification_id


async def _retry(api: RunningApi, notification_id: object) -> tuple[int, dict[str, Any]]:
    return await ask(f"{api.url}/v1/notifications/{notification_id}/retry", "POST")


async def test_a_failed_one_is_tried_again_by_hand_with_its_step(
    api: RunningApi, connection: Connection
) -> None:
    notification_id = await _failed(connection)

    assert (await _retry(api, notification_id))[0] == 200

    status, shown = await ask(f"{api.url}/v1/notifications/{notification_id}")
    assert status == 200
    assert (shown["state"], shown["retries"], shown["attempts"]) == ("pending", 1, 1)
    assert shown["steps"][-1]["from_state"] == "failed"
    assert shown["steps"][-1]["error"] == "tried again by hand"
    assert await finish(connection, await _claim(connection), "sent")
    assert await states_of(connection, notification_id) == [
        "pending",
        "claimed",
        "failed",
        "pending",
        "claimed",
        "sent",
    ]


async def test_only_what_failed_is_tried_again(api: RunningApi, connection: Connection) -> None:
    pending = await add_notification(connection, await add_incident(connection))
    status, body = await _retry(api, pending)
    assert (status, body["error"]["code"]) == (409, "not_failed")
    for nobody in (uuid4(), "no-id"):
        status, body = await _retry(api, nobody)
        assert (status, body["error"]["code"]) == (404, "unknown_notification")
    assert (await row_of(connection, pending))["state"] == "pending"


async def test_what_a_newer_one_has_overtaken_is_not_tried_again(
    api: RunningApi, connection: Connection
) -> None:
    """The alarm would arrive behind the message that closes it."""
    incident = await add_incident(connection)
    alarm = await _failed(connection, incident)
    await add_notification(connection, incident, kind="recovery")
    status, body = await _retry(api, alarm)
    assert (status, body["error"]["code"]) == (409, "overtaken")


async def test_nobody_but_a_person_brings_a_failed_one_back(connection: Connection) -> None:
    notification_id = await _failed(connection)
    bring_back = "UPDATE notification SET state = 'pending', finished_at = NULL"
    for more in ("", ", retries = retries + 2", ", retries = retries - 1"):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await connection.execute(f"{bring_back}{more} WHERE id = $1", notification_id)
        assert refused.value.sqlstate == "MW001"
    sent = await add_notification(connection, await add_incident(connection))
    with pytest.raises(asyncpg.PostgresError, match="only one that failed"):
        await connection.execute("UPDATE notification SET retries = 1 WHERE id = $1", sent)


async def test_the_list_is_filtered(api: RunningApi, connection: Connection) -> None:
    incident = await add_incident(connection)
    failed = await _failed(connection, incident)
    other = await add_notification(connection, incident, target="phone-2")
    correlation_id = await connection.fetchval(
        "SELECT correlation_id FROM notification WHERE id = $1", other
    )

    async def ids(query: str) -> list[str]:
        status, body = await ask(f"{api.url}/v1/notifications?{query}")
        assert status == 200, body
        return [one["notification_id"] for one in body["notifications"]]

    assert await ids("state=failed") == [str(failed)]
    assert await ids("target=phone-2") == [str(other)]
    assert await ids(f"correlation_id={correlation_id}") == [str(other)]
    assert len(await ids(f"incident_id={incident}&channel=home_assistant")) == 2
    assert await ids("kind=recovery") == []
    assert len(await ids("limit=1")) == 1
    for wrong in ("state=lost", "incident_id=x", "limit=0"):
        status, body = await ask(f"{api.url}/v1/notifications?{wrong}")
        assert (status, body["error"]["code"]) == (400, "invalid_parameter")
    status, body = await ask(f"{api.url}/v1/notifications/{uuid4()}")
    assert (status, body["error"]["code"]) == (404, "unknown_notification")
