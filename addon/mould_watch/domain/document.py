"""What every part of the configuration document has in common."""

from pydantic import BaseModel, ConfigDict


class DocumentPart(BaseModel):
    """Frozen, and refusing what it does not know, so that a typing error is told of."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
