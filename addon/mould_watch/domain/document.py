"""What every part of the configuration document has in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class DocumentPart(BaseModel):
    """Frozen, and refusing what it does not know, so that a typing error is told of."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


type Targets = Annotated[tuple[str, ...], Field(min_length=1, max_length=20)]
"""Who is told: phones by their device ids, services as `apprise:<name>`, or `persistent`."""


class Told(DocumentPart):
    """What is told of or only shown, and to whom: a room, a device, or one of their rules."""

    notify: bool = True
    # None: who is told of what it belongs to, the home at last
    targets: Targets | None = None
