"""Plain JSON: {"timestamp": time, "temperature": °C, "humidity": %, ...}, one topic a device."""

from collections.abc import Sequence
from typing import Final

from mould_watch.ingest.decoded import Counted, Decoded, DecodedReading
from mould_watch.ingest.decoder import Family
from mould_watch.ingest.json_payload import parse_object
from mould_watch.ingest.metrics import read_values
from mould_watch.ingest.times import parse_time
from mould_watch.storage.devices import DeviceReference

SOURCE_INSTANCE: Final = "mqtt:json"
_TIME_KEY: Final = "timestamp"


class PlainJsonDecoder:
    """Decodes what a script, ESPHome or Node-RED publishes in the simplest form."""

    source_instance = SOURCE_INSTANCE

    def __init__(self, filters: Sequence[str]) -> None:
        self.filters = tuple(filters)

    def is_control(self, topic: str) -> bool:
        """Return False: every message is a reading."""
        del topic
        return False

    def decode(self, topic: str, payload: bytes) -> Decoded:
        """Return the reading; `timestamp` is ISO 8601 or epoch in s or ms, and may be absent."""
        fields = parse_object(payload)
        values = read_values(fields, without=(_TIME_KEY,))
        if not values.watched:
            return Counted("unwatched")
        sent_time = fields.get(_TIME_KEY)
        return DecodedReading(
            device=DeviceReference(
                source_instance=SOURCE_INSTANCE,
                native_id=topic,
                topic=topic,
                name=topic.rsplit("/", 1)[-1] or topic,
            ),
            at=None if sent_time is None else parse_time(sent_time),
            metrics=values.metrics,
            extra=values.extra,
        )


FAMILY: Final = Family(
    setting="json_topic_filters",
    type=tuple[str, ...],
    default=("mould-watch/readings/#",),
    build=lambda filters: [PlainJsonDecoder(filters)],
)
