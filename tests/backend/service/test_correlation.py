"""One id leads through the log from the message that was stored to what was sent."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg

from tests.support.backend import running_backend
from tests.support.mosquitto import Mosquitto, publisher
from tests.support.stream import connect, document
from tests.support.waiting import until

_TOPIC = "mould-watch/readings/fridge"
_CHAIN = [
    "readings_stored",
    "incident_opened",
    "notification_written",
    "notification_claimed",
    "notification_sending",
    "notification_sent",
]


def _watched() -> dict[str, Any]:
    """Return a document with a device that alarms at the first reading above a limit."""
    limit = {
        "rule_id": str(uuid4()),
        "metric": "temperature_c",
        "direction": "above",
        "threshold": 8.0,
        "severity": "high",
    }
    source = {"kind": "device", "source_instance": "mqtt:json", "native_id": _TOPIC}
    return document() | {"devices": [{"source": source, "name": "Fridge", "thresholds": [limit]}]}


async def test_the_log_can_be_searched_from_the_message_to_the_phone(
    tmp_path: Path,
    settings: dict[str, str],
    broker: Mosquitto,
    connection: asyncpg.Connection[asyncpg.Record],
) -> None:
    async def is_followed() -> bool:
        return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM subject_device)"))

    async with running_backend(tmp_path, settings) as backend, publisher(broker) as sensor:
        await backend.ready()
        async with connect(await backend.url(), backend.token) as stream:
            await stream.open()
            assert (await stream.request("configure", document=_watched()))["success"]
            await stream.request("ready_to_deliver")
            # once it was judged, its readings ask for it
            await until(is_followed)
            now = datetime.now(UTC).isoformat()
            await sensor.publish(_TOPIC, json.dumps({"temperature": 12, "ts": now}).encode())
            sent = (await stream.receive("notify"))["notification"]
            await stream.send(
                {
                    "type": "notification_result",
                    "notification_id": sent["notification_id"],
                    "outcome": "delivered",
                }
            )
            await backend.logged("notification_sent", notification_id=sent["notification_id"])

            async def is_sent() -> bool:
                path = f"/v1/notifications?correlation_id={sent['correlation_id']}"
                (found,) = (await backend.get(path))[1]["notifications"]
                return bool(found["state"] == "sent")

            await until(is_sent)

            # a person's press begins a chain of its own, up to what takes the alarm away
            press = {"action_id": str(uuid4()), "incident_id": sent["incident_id"]}
            await stream.request("incident_action", action="seen", **press)
            cleared = (await stream.receive("notify"))["notification"]
            assert cleared["kind"] == "clear"
            await backend.logged("incident_action_taken", room="Fridge")
            await backend.logged("notification_claimed", kind="clear")

    # as `grep` would find them
    lines = [json.loads(line) for line in backend.lines if str(sent["correlation_id"]) in line]
    actions = [line["action"] for line in lines]
    assert [action for action in actions if action in _CHAIN] == _CHAIN, actions
    assert lines[0]["devices"] == [_TOPIC]
    about = [line for line in lines if line["action"].startswith("notification_")]
    assert {line["notification_id"] for line in about} == {sent["notification_id"]}
    rows = await connection.fetch(
        "SELECT DISTINCT correlation_id FROM transition "
        "UNION SELECT DISTINCT correlation_id FROM notification"
    )
    chains = {sent["correlation_id"], cleared["correlation_id"]}
    assert {str(row["correlation_id"]) for row in rows} == chains
    of_press = [line for line in backend.lines if str(cleared["correlation_id"]) in line]
    assert {"incident_action_taken", "notification_claimed", "notification_sending"} <= {
        json.loads(line)["action"] for line in of_press
    }
