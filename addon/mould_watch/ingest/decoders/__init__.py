"""The decoders, and the registry that gives each topic exactly one of them."""

from collections.abc import Sequence
from typing import Protocol

from mould_watch.ingest.decoded import Decoded
from mould_watch.ingest.decoders.plain_json import PlainJsonDecoder
from mould_watch.ingest.decoders.zigbee2mqtt import Zigbee2MqttDecoder
from mould_watch.ingest.topics import check_disjoint, check_filter, matches
from mould_watch.settings import MqttSettings

__all__ = ["Decoder", "DecoderRegistry"]


class Decoder(Protocol):
    """Makes sense of the messages of one family of topics. Pure: no clock, no state."""

    @property
    def source_instance(self) -> str:
        """Return the source its devices belong to."""
        ...

    @property
    def setting(self) -> str:
        """Return the field of MqttSettings that its filters come from."""
        ...

    @property
    def filters(self) -> tuple[str, ...]:
        """Return the topic filters to subscribe to; no other decoder's overlap with them."""
        ...

    def is_control(self, topic: str) -> bool:
        """Return whether messages on `topic` describe devices and may be large."""
        ...

    def decode(self, topic: str, payload: bytes) -> Decoded:
        """Return what the message says; raise UndecodableMessageError, and nothing else."""
        ...


class DecoderRegistry:
    """Topic -> decoder.

    Raises SettingsError, naming the setting, when a topic filter is none or when two decoders want
    the same topic.
    """

    def __init__(self, decoders: Sequence[Decoder]) -> None:
        self._decoders = tuple(decoders)
        filters = [
            (topic_filter, _named(decoder.setting))
            for decoder in decoders
            for topic_filter in decoder.filters
        ]
        for topic_filter, setting in filters:
            check_filter(topic_filter, setting)
        check_disjoint(filters)

    @classmethod
    def from_settings(cls, settings: MqttSettings) -> DecoderRegistry:
        """Build the decoders that the settings ask for."""
        decoders: list[Decoder] = [
            Zigbee2MqttDecoder(base) for base in settings.zigbee2mqtt_base_topics
        ]
        if settings.json_topic_filters:
            decoders.append(PlainJsonDecoder(settings.json_topic_filters))
        return cls(decoders)

    @property
    def filters(self) -> tuple[str, ...]:
        """Return every filter to subscribe to."""
        return tuple(topic_filter for decoder in self._decoders for topic_filter in decoder.filters)

    def decoder_for(self, topic: str) -> Decoder | None:
        """Return the decoder of a topic; None when no filter takes it."""
        for decoder in self._decoders:
            if any(matches(topic_filter, topic) for topic_filter in decoder.filters):
                return decoder
        return None


def _named(setting: str) -> str:
    """Return the names under which people know a setting."""
    return f"MOULD_WATCH_MQTT__{setting.upper()}, or the app's option mqtt.{setting}"
