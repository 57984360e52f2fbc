"""Plain numbers: a topic whose payload is nothing but one value, as the setting says which.

An entry of the setting is `topic = metric`, or `topic = metric unit`, or with `@ device` behind it:
`attic/dht/temp = temperature °F @ Attic`. Topics with one device make one device.
"""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import AfterValidator

from mould_watch.errors import SettingsError, UndecodableMessageError
from mould_watch.ingest.decoded import Counted, Decoded, DecodedReading
from mould_watch.ingest.decoder import Family
from mould_watch.ingest.metrics import number_of, plain_number
from mould_watch.ingest.topics import check_filter
from mould_watch.ingest.units import COLUMNS, UNITS, Unit, unit_of
from mould_watch.storage.devices import DeviceReference

SOURCE_INSTANCE: Final = "mqtt:numbers"


@dataclass(frozen=True, slots=True)
class NumberTopic:
    """What the number on a topic is."""

    topic: str
    column: str
    unit: Unit
    device: str


class NumbersDecoder:
    """Decodes the mapped topics."""

    source_instance = SOURCE_INSTANCE

    def __init__(self, entries: tuple[str, ...]) -> None:
        mapped = [parse_entry(entry) for entry in entries]
        self._topics = {one.topic: one for one in mapped}
        # a topic that stands there twice is found as an overlap
        self.filters = tuple(one.topic for one in mapped)

    def is_control(self, topic: str) -> bool:
        """Return False: every message is a reading."""
        del topic
        return False

    def decode(self, topic: str, payload: bytes) -> Decoded:
        """Return the reading: one value, at its receipt."""
        if not payload:
            return Counted("control")
        mapped = self._topics[topic]
        value = number_of(mapped.column, plain_number(payload), mapped.unit)
        if value is None:
            raise UndecodableMessageError("out_of_range", f"no {mapped.column} is like this")
        return DecodedReading(
            device=DeviceReference(SOURCE_INSTANCE, mapped.device, mapped.device),
            at=None,
            metrics={mapped.column: value},
            extra=None,
        )


def parse_entry(entry: str) -> NumberTopic:
    """Read an entry of the setting; raise ValueError with what is wrong with it."""
    topic, equals, rest = (part.strip() for part in entry.partition("="))
    meaning, _, device = (part.strip() for part in rest.partition("@"))
    metric, _, unit_name = meaning.partition(" ")
    if not equals or not topic or "+" in topic or "#" in topic:
        raise ValueError(f"{entry!r}: write topic = metric, without + or # in the topic")
    try:
        check_filter(topic)
    except SettingsError as error:
        raise ValueError(str(error)) from None
    column = COLUMNS.get(metric)
    if column is None:
        raise ValueError(f"{metric!r} is none of {', '.join(COLUMNS)}")
    own: Literal[True] | str = unit_name.strip() or True
    unit = Unit() if own is True else unit_of(column, own)
    if unit is None:
        raise ValueError(f"{own!r} is no unit of {metric}: {', '.join(UNITS[column])}")
    return NumberTopic(topic, column, unit, device or topic)


def _entry(value: str) -> str:
    parse_entry(value)
    return value


FAMILY: Final = Family(
    setting="number_topics",
    type=tuple[Annotated[str, AfterValidator(_entry)], ...],
    default=(),
    build=lambda entries: [NumbersDecoder(entries)],
)
