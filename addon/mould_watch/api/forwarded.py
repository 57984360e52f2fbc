"""What the API needs of ingestion; the composition root brings the two together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from mould_watch.api.messages import ForwardedEntity, ForwardedReading


@dataclass(frozen=True)
class ReadingOutcome:
    """What became of one reading."""

    status: Literal["stored", "duplicate", "rejected"]
    code: str | None = None
    message: str | None = None
    # why it is stored but not judged by
    suspect: str | None = None


class ForwardedReadings(Protocol):
    """Takes what Home Assistant forwards; both raise DatabaseUnavailableError."""

    async def store(
        self, instance_id: str, readings: Sequence[ForwardedReading]
    ) -> Sequence[ReadingOutcome]:
        """Store `readings` and return one outcome each, in order, after the commit."""
        ...

    async def availability(self, instance_id: str, entities: Sequence[ForwardedEntity]) -> None:
        """Note which entities are there; first sight makes the device known."""
        ...
