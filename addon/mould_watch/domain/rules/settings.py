"""What a user may set about rules; absent means the default. See docs/protocol.md."""

from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from mould_watch.domain.condition import Level
from mould_watch.domain.document import DocumentPart, Told


def _is_severity(level: Level) -> Level:
    if level not in {Level.WATCH, Level.WARNING, Level.HIGH}:
        raise ValueError("a severity is watch, warning or high")
    return level


type Severity = Annotated[Level, AfterValidator(_is_severity)]


class RuleSettings(Told):
    """A rule switched on or off, as serious as the user finds it, and who is told of it."""

    enabled: bool = True
    # None: the rule's own
    severity: Severity | None = None


class SilentSettings(RuleSettings):
    """When a device is silent. `hours` None: after what it is used to."""

    hours: float | None = Field(default=None, ge=0.25, le=24 * 31)


class CondensationSettings(RuleSettings):
    """Condensation. `minutes` None: the default."""

    minutes: float | None = Field(default=None, ge=0, le=24 * 60)


class RoomRules(DocumentPart):
    """The rules of a room, by kind."""

    mould_level: RuleSettings = RuleSettings()
    condensation: CondensationSettings = CondensationSettings()
    no_data: RuleSettings = RuleSettings()


class DeviceRules(DocumentPart):
    """The rules of a device beside its thresholds."""

    silent: SilentSettings = SilentSettings()


class BackendRules(DocumentPart):
    """The rules about the backend itself."""

    broker_away: RuleSettings = RuleSettings()
    spool_filling: RuleSettings = RuleSettings()
    dead_letters: RuleSettings = RuleSettings()
    notifications_failed: RuleSettings = RuleSettings()


class Direction(StrEnum):
    """On which side of a threshold a breach is."""

    ABOVE = "above"
    BELOW = "below"


class ThresholdSettings(Told):
    """A threshold on one metric, in the metric's own unit.

    It is breached beyond `threshold`, by `count` consecutive readings that last `minutes`, and
    over behind `recovery_threshold` (None: a margin that fits the metric).
    """

    rule_id: UUID
    name: str = Field(default="", max_length=120)
    # as the device sends it: a watched metric, or any other numeric value of its messages
    metric: str = Field(min_length=1, max_length=64, pattern=r"^[^\x00]+$")
    direction: Direction
    threshold: float
    recovery_threshold: float | None = None
    count: int = Field(default=1, ge=1, le=100)
    minutes: float = Field(default=0.0, ge=0, le=7 * 24 * 60)
    severity: Severity = Level.WARNING
    enabled: bool = True

    @model_validator(mode="after")
    def _recovers_on_the_other_side(self) -> Self:
        recovery = self.recovery_threshold
        if recovery is None:
            return self
        is_above = self.direction is Direction.ABOVE
        if recovery > self.threshold if is_above else recovery < self.threshold:
            raise ValueError("the recovery threshold lies beyond the threshold")
        return self


class RoomThreshold(ThresholdSettings):
    """A threshold on what a room's sources measure."""

    metric: Literal["temperature_c", "humidity_pct"]
