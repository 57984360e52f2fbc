"""What a client says on the stream, as docs/protocol.md has it.

What is not known is ignored: a newer client may say more.
"""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints

from mould_watch.domain.incident_action import Action

API_VERSION_MINIMUM: Final = 1
API_VERSION_MAXIMUM: Final = 1
READINGS_MAXIMUM: Final = 500
SHOWN_MAXIMUM: Final = 500

# PostgreSQL stores no NUL
type Text = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00]*$")]
type Metrics = Annotated[
    dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")], FiniteFloat],
    Field(min_length=1, max_length=32),
]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Hello(_Message):
    """The first words of a client that speaks a version the backend speaks."""

    client: Text
    client_version: Text
    instance_id: Text


class Configure(_Message):
    """The whole document; its rooms are read one by one."""

    document: dict[str, Any]
    choice: Literal["use_this"] | None = None


class CheckConfiguration(_Message):
    """A document to try without storing anything."""

    document: dict[str, Any]


class Readings(_Message):
    """Readings as they came: each is read on its own, so that a bad one blocks no other."""

    readings: list[Any] = Field(max_length=READINGS_MAXIMUM)


class ForwardedReading(_Message):
    """One report of a Home Assistant entity, in the units its metrics name."""

    registry_id: Text
    entity_id: Text
    name: Text
    # `last_reported` of the entity
    ts: AwareDatetime
    metrics: Metrics


class ForwardedEntity(_Message):
    """Whether an entity is there, and which metrics it can have."""

    registry_id: Text
    entity_id: Text
    name: Text
    available: bool
    metrics: tuple[Text, ...] = Field(default=(), max_length=32)


class Availability(_Message):
    """The entities whose availability changed, or is told anew."""

    entities: list[ForwardedEntity] = Field(max_length=1000)


class NotificationResult(_Message):
    """What became of a notification in Home Assistant."""

    notification_id: Text
    outcome: Literal["delivered", "retry", "failed"]
    code: str | None = None
    message: str | None = None
    retry_after_s: FiniteFloat | None = Field(default=None, ge=0)
    # delivered to a phone: whether that will also say when it arrived (`notification_receipt`)
    expects_receipt: bool | None = None


class NotificationReceipt(_Message):
    """A notification that arrived on its phone."""

    notification_id: UUID


class ReadyToDeliver(_Message):
    """Notifications may come; of these incidents something may still be shown."""

    incidents: Annotated[tuple[UUID, ...], Field(max_length=SHOWN_MAXIMUM)] = ()


class IncidentAction(_Message):
    """What a person did with an incident; `action_id` is the press's own."""

    action_id: UUID
    incident_id: UUID
    action: Action
    until: AwareDatetime | None = None
    # whose button it was: one may tell of several incidents
    notification_id: UUID | None = None


class RecordColdSpot(_Message):
    """A temperature measured at the coldest spot of a room."""

    room_id: UUID
    surface_temperature_c: FiniteFloat = Field(ge=-40, le=60)
    # when; None: now
    at: AwareDatetime | None = None
    # now: the wall has become another, the readings before count no more
    applies_from: Literal["always", "now"] = "always"
    # makes a repeat harmless
    action_id: UUID | None = None


class StartEpisode(_Message):
    """A room was cleaned, or what was there renewed: its index begins anew."""

    room_id: UUID
    reason: Literal["cleaned", "renewed"] = "cleaned"
    action_id: UUID | None = None


class Episodes(_Message):
    """Asks for the episodes of a room."""

    room_id: UUID
