"""What a decoder is, and how it says which settings it goes by.

A decoder is one file in `decoders/` with a `FAMILY`; nothing else has to change for a new one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mould_watch.ingest.decoded import Decoded


class Decoder(Protocol):
    """Makes sense of the messages of one family of topics. No clock; no state but what it learns.

    What a decoder learns (of MQTT discovery: which topic holds which value) comes from messages
    alone, so that the same messages in the same order mean the same again.
    """

    @property
    def source_instance(self) -> str:
        """Return the source its devices belong to."""
        ...

    @property
    def filters(self) -> tuple[str, ...]:
        """Return the topic filters to subscribe to."""
        ...

    def is_control(self, topic: str) -> bool:
        """Return whether messages on `topic` describe devices and may be large."""
        ...

    def decode(self, topic: str, payload: bytes) -> Decoded:
        """Return what the message says; raise UndecodableMessageError, and nothing else."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A kind of sensor: the setting it goes by, and its decoders under a value of it."""

    # its name among the settings of MQTT
    setting: str
    # what a value of it must be: any type that pydantic can check
    type: Any
    # what an empty value stands for
    default: Any
    # the decoders; they share no topic
    build: Callable[[Any], Sequence[Decoder]]
