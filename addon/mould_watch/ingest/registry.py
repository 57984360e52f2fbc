"""The registry that gives each topic exactly one decoder."""

import asyncio
import importlib
import json
import pkgutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from mould_watch.errors import SettingsError, UndecodableMessageError
from mould_watch.ingest import decoders as decoders_package
from mould_watch.ingest.decoder import Decoder, Family
from mould_watch.ingest.discovery.decoder import learned_of
from mould_watch.ingest.topics import check_disjoint, check_filter, includes, matches
from mould_watch.storage.discovery import StoredDiscovery

OFF: Final = "off"
"""As the value of a decoder's setting: this kind of sensor is not listened to."""

_OWN_TOPICS: Final = "mould-watch/"
"""Topics of this program's own: nobody announces them."""

_TOPICS_REMEMBERED: Final = 20_000

type NamedDecoder = tuple[Decoder, str]


class DecoderRegistry:
    """Topic -> decoder."""

    def __init__(self, decoders: Sequence[NamedDecoder]) -> None:
        """Take decoders, each with the name of its setting.

        What discovery learns gives way to the filters of all. Raises SettingsError, naming the
        setting, when a topic filter is none, or takes all that another does.
        """
        self._decoders = tuple(decoder for decoder, _ in decoders)
        filters = [
            (topic_filter, _named(setting))
            for decoder, setting in decoders
            for topic_filter in decoder.filters
        ]
        for topic_filter, setting in filters:
            check_filter(topic_filter, setting)
        check_disjoint(filters)
        self._found: dict[str, list[Decoder]] = {}
        self._changed = asyncio.Event()
        self._discovery = learned_of(self._decoders)
        if self._discovery is not None:
            self._discovery.give_way(
                lambda topic: topic.startswith(_OWN_TOPICS) or bool(self._fixed(topic))
            )
            self._discovery.on_change = self._changed.set

    @classmethod
    def from_settings(cls, sensors: Mapping[str, Any]) -> DecoderRegistry:
        """Build the decoders of every family, under the settings of `MqttSettings.sensors`.

        A family without a setting gives way to what the others were told to listen to. Raises
        SettingsError for a name that no decoder has and a value that does not fit.
        """
        known = families()
        unknown = sorted(set(sensors) - {family.setting for family in known})
        if unknown:
            raise SettingsError(
                f"the settings do not fit: mqtt.{unknown[0]} is no setting", setting=unknown[0]
            )
        told = [
            (decoder, family.setting)
            for family in known
            if sensors.get(family.setting)
            for decoder in _build(family, sensors[family.setting])
        ]
        taken = [topic_filter for decoder, _ in told for topic_filter in decoder.filters]
        usual = [
            (decoder, family.setting)
            for family in known
            if not sensors.get(family.setting)
            for decoder in _build(family, None)
            if not any(
                includes(one, other) or includes(other, one)
                for one in decoder.filters
                for other in taken
            )
        ]
        return cls([*told, *usual])

    @property
    def filters(self) -> frozenset[str]:
        """Return every filter to subscribe to by now."""
        fixed = frozenset(one for decoder in self._decoders for one in decoder.filters)
        return fixed if self._discovery is None else fixed | self._discovery.topics

    @property
    def kept(self) -> frozenset[str]:
        """Return those filters whose kept messages are wanted with each subscription."""
        return frozenset() if self._discovery is None else self._discovery.kept

    async def wait_change(self) -> None:
        """Return when `filters` may have changed since the last call returned."""
        await self._changed.wait()
        self._changed.clear()

    def restore(self, stored: StoredDiscovery) -> None:
        """Learn what is stored of discovery and not known yet."""
        if self._discovery is not None:
            self._discovery.restore(stored.configurations, stored.claims)

    def learn(self, topic: str, payload: bytes) -> None:
        """Learn from a message of discovery, if it is one, before it is understood in its turn."""
        if self._discovery is not None and self._fixed(topic) == [self._discovery]:
            with suppress(UndecodableMessageError):
                self._discovery.decode(topic, payload)

    def decoders_for(self, topic: str) -> list[Decoder]:
        """Return the decoders whose filters take a topic: one, none, or several.

        Several only where filters with wildcards cross (`+/events/rpc` and `zigbee2mqtt/#`): such
        a topic is nobody's, because the broker may deliver its messages once for each filter.
        """
        found = self._fixed(topic)
        if not found and self._discovery is not None and self._discovery.has(topic):
            return [self._discovery]
        return found

    def _fixed(self, topic: str) -> list[Decoder]:
        """Return the decoders whose filters take a topic; remembered, for topics come again."""
        found = self._found.get(topic)
        if found is None:
            found = [
                decoder
                for decoder in self._decoders
                for topic_filter in decoder.filters
                if matches(topic_filter, topic)
            ]
            if len(self._found) >= _TOPICS_REMEMBERED:
                self._found.clear()
            self._found[topic] = found
        return found


def families() -> list[Family]:
    """Return the families of every module in `decoders/`."""
    names = sorted(module.name for module in pkgutil.iter_modules(decoders_package.__path__))
    modules = [importlib.import_module(f"{decoders_package.__name__}.{name}") for name in names]
    return [module.FAMILY for module in modules]


def _build(family: Family, value: Any) -> Sequence[Decoder]:  # noqa: ANN401 - of the family's type
    if isinstance(value, str) and not isinstance(family.default, str):
        # from the environment: JSON, or a word
        try:
            value = json.loads(value)
        except ValueError:
            if value.strip() not in {"", OFF}:
                raise SettingsError(
                    f"the settings do not fit: {_named(family.setting)} is not JSON, and must be: "
                    'a list is written as ["first", "second"]',
                    setting=family.setting,
                ) from None
            value = value.strip()
    if isinstance(value, list | tuple):
        # a line that was left empty in the app's form
        value = [one for one in value if one != ""]
    if value in (OFF, [OFF]):
        return ()
    # A list that was emptied in the app's form means "the usual".
    try:
        checked = TypeAdapter(family.type).validate_python(value or family.default)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise SettingsError(
            f"the settings do not fit: {_named(family.setting)}{place and f' at {place}'}:"
            f" {fault['msg']}",
            setting=family.setting,
        ) from error
    return family.build(checked)


def _named(setting: str) -> str:
    """Return the names under which people know a setting."""
    return f"MOULD_WATCH_MQTT__{setting.upper()}, or the app's option mqtt.{setting}"
