"""Reading a configuration document part by part: one bad room or device blocks no other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, TypeAdapter, ValidationError

from mould_watch.domain.configuration import (
    ConfigurationHead,
    DeviceConfiguration,
    DeviceSource,
    EntitySource,
    HomeConfiguration,
    MeasuredOutdoor,
    RoomConfiguration,
    Source,
    WeatherOutdoor,
)
from mould_watch.domain.sources import DeviceIdentity, identity_of
from mould_watch.domain.surface import surface_of
from mould_watch.errors import ConfigurationRefusedError

_SOURCE: Final[TypeAdapter[Source]] = TypeAdapter(Source)


@dataclass(frozen=True)
class PartResult:
    """What became of one room or device of a document."""

    code: str | None = None
    message: str | None = None

    @property
    def ok(self) -> bool:
        """Return whether it was taken."""
        return self.code is None


@dataclass(frozen=True)
class Document:
    """A document as far as it could be read."""

    head: ConfigurationHead
    # the rooms that are well formed
    rooms: dict[UUID, RoomConfiguration]
    # one for every room, by its id as it was sent
    results: dict[str, PartResult]
    # every room it names, well formed or not: those are not missing from it
    named: frozenset[UUID]
    # a room without a readable id is there: which one is not known, so none is missing
    unreadable_ids: bool
    devices: Devices


@dataclass(frozen=True)
class Devices:
    """The devices of a document, as far as they could be read."""

    # those that are well formed
    configs: dict[DeviceIdentity, DeviceConfiguration]
    # one for every device, in the order of the document
    results: tuple[PartResult, ...]
    # every device it names, well formed or not: those are not missing from it
    named: frozenset[DeviceIdentity]
    # a device without a readable source is there: which one is not known, so none is missing
    unreadable: bool


def read_document(document: Mapping[str, Any]) -> Document:
    """Read `document` (docs/protocol.md, "configure").

    Raises ConfigurationRefusedError("invalid_document") when owner, revision or home are not
    what they must be, `rooms` is not a list, or `devices` is there and is none.
    """
    try:
        head = ConfigurationHead.model_validate(document)
    except ValidationError as error:
        message = f"The configuration document is not well formed: {_sentence(error)}."
        raise ConfigurationRefusedError("invalid_document", message) from error
    if has_nul(document.get("owner")) or has_nul(document.get("home")):
        message = "The configuration document has a NUL character in it."
        raise ConfigurationRefusedError("invalid_document", message)
    raw_rooms = document.get("rooms")
    if not isinstance(raw_rooms, list):
        message = "The configuration document has no list of rooms."
        raise ConfigurationRefusedError("invalid_document", message)
    rooms: dict[UUID, RoomConfiguration] = {}
    results: dict[str, PartResult] = {}
    named: set[UUID] = set()
    unreadable_ids = False
    for number, raw_room in enumerate(raw_rooms, start=1):
        room_id = _room_id(raw_room)
        if room_id is None:
            unreadable_ids = True
            results[f"#{number}"] = PartResult("invalid_room", "The room has no id that is a UUID.")
            continue
        if room_id in named:
            rooms.pop(room_id, None)
            results[str(room_id)] = PartResult(
                "duplicate_room", "The document has this room twice."
            )
            continue
        named.add(room_id)
        try:
            rooms[room_id] = RoomConfiguration.model_validate(raw_room)
        except ValidationError as error:
            message = f"The room is not well formed: {_sentence(error)}."
            results[str(room_id)] = PartResult("invalid_room", message)
            continue
        if has_nul(raw_room):
            rooms.pop(room_id)
            results[str(room_id)] = PartResult(
                "invalid_room", "The room has a NUL character in it."
            )
            continue
        results[str(room_id)] = PartResult()
    devices = _read_devices(document.get("devices", []), head.owner)
    return Document(head, rooms, results, frozenset(named), unreadable_ids, devices)


def _read_devices(raw_devices: object, owner: str) -> Devices:
    if not isinstance(raw_devices, list):
        message = "The devices of the configuration document are not a list."
        raise ConfigurationRefusedError("invalid_document", message)
    configs: dict[DeviceIdentity, DeviceConfiguration] = {}
    results: list[PartResult] = []
    named: set[DeviceIdentity] = set()
    unreadable = False
    for raw_device in raw_devices:
        identity = device_identity(raw_device, owner)
        if identity is None:
            unreadable = True
            results.append(PartResult("invalid_device", "The device has no source."))
            continue
        if identity in named:
            results.append(PartResult("duplicate_device", "The document has this device twice."))
            continue
        named.add(identity)
        if has_nul(raw_device):
            results.append(PartResult("invalid_device", "The device has a NUL character in it."))
            continue
        try:
            configs[identity] = DeviceConfiguration.model_validate(raw_device)
        except ValidationError as error:
            message = f"The device is not well formed: {_sentence(error)}."
            results.append(PartResult("invalid_device", message))
            continue
        results.append(PartResult())
    return Devices(configs, tuple(results), frozenset(named), unreadable)


def device_identity(raw_device: object, owner: str) -> DeviceIdentity | None:
    """Return which device a part of a document is about; None when that cannot be read."""
    raw_source = raw_device.get("source") if isinstance(raw_device, Mapping) else None
    try:
        return identity_of(_SOURCE.validate_python(raw_source), owner)
    except ValidationError:
        return None


def as_stored(model: BaseModel) -> dict[str, Any]:
    """Return `model` as it is stored: what was not said stays unsaid, and null is unsaid."""
    return model.model_dump(mode="json", exclude_unset=True, exclude_none=True)


def room_as_stored(room: RoomConfiguration) -> dict[str, Any]:
    """Return a room as it is stored: from when it counts is no part of what it is."""
    stored = as_stored(room)
    stored.pop("applies_from", None)
    return stored


def watched_devices(
    room: RoomConfiguration, home: HomeConfiguration, owner: str
) -> list[tuple[DeviceIdentity, str]]:
    """Return every device that tells a room's climate, with a label for it.

    The outdoor ones too where the surface does not need them: hourly climate is kept for ever,
    and a surface that needs them may be said to have been there always.
    """
    sources: list[Source] = [room.sources.temperature, room.sources.humidity]
    if surface_of(room).is_measured and room.sources.surface_temperature is not None:
        sources.append(room.sources.surface_temperature)
    match home.outdoor:
        case WeatherOutdoor(weather=weather):
            sources.append(weather)
        case MeasuredOutdoor(temperature=temperature, humidity=humidity):
            sources += [temperature, humidity]
        case _:
            pass  # fixed, or none: no device tells it
    return [(identity_of(source, owner), label_of(source)) for source in sources]


def label_of(source: Source) -> str:
    """Return what people call it until it says its own name."""
    match source:
        case EntitySource(registry_id=registry_id, entity_id=entity_id):
            return entity_id or registry_id
        case DeviceSource(native_id=native_id):
            return native_id


def has_nul(value: object) -> bool:
    """Say whether a text in a JSON value has a NUL, which PostgreSQL does not store."""
    match value:
        case str():
            return "\x00" in value
        case Mapping():
            return any(has_nul(item) for item in value.values())
        case list():
            return any(has_nul(item) for item in value)
        case _:
            return False


def _room_id(raw_room: object) -> UUID | None:
    raw_id = raw_room.get("room_id") if isinstance(raw_room, Mapping) else None
    try:
        return UUID(raw_id) if isinstance(raw_id, str) else None
    except ValueError:
        return None


def _sentence(error: ValidationError) -> str:
    """Return the faults without the values that were sent."""
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
        for fault in error.errors(include_input=False, include_url=False)
    )
