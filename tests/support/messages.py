"""Messages as a broker would have delivered them."""

from datetime import UTC, datetime
from typing import Any

from mould_watch.ingest.source import IncomingMessage

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def message(topic: str, payload: bytes, **fields: Any) -> IncomingMessage:  # noqa: ANN401
    given_fields: dict[str, Any] = {
        "topic": topic,
        "payload": payload,
        "qos": 1,
        "retain": False,
        "dup": False,
        "packet_id": 1,
        "received_at": NOW,
        "generation": 1,
        "session_resumed": False,
        "redelivery_phase": False,
        "backlog": False,
    }
    return IncomingMessage(**given_fields | fields)
