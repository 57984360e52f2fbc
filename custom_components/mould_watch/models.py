"""The wire's objects as frozen dataclasses; names and units as in docs/protocol.md.

Unknown keys are ignored and absent ones are `None`: either side may be the newer one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from homeassistant.util import dt as dt_util


@dataclass(frozen=True, kw_only=True, slots=True)
class BackendInfo:
    """What a backend says of itself before anything else."""

    backend_id: str | None
    version: str
    minimum_api: int
    maximum_api: int
    owner: str | None
    rooms: int | None

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Self:
        """Read `GET /v1/info`; raise KeyError, TypeError or ValueError when it is not that."""
        api = data["api"]
        rooms = data.get("rooms")
        return cls(
            backend_id=_text(data["backend_id"]),
            version=str(data["backend_version"]),
            minimum_api=int(api["minimum"]),
            maximum_api=int(api["maximum"]),
            owner=_text(data.get("owner")),
            rooms=None if rooms is None else int(rooms),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Welcome:
    """The backend's first words on the stream."""

    backend_id: str
    version: str
    owner: str | None
    revision: int | None
    role: str

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Self:
        """Read a `welcome`."""
        revision = data.get("revision")
        return cls(
            backend_id=str(data["backend_id"]),
            version=str(data["backend_version"]),
            owner=_text(data.get("owner")),
            revision=None if revision is None else int(revision),
            role=str(data["role"]),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """A device the backend knows."""

    source_instance: str
    native_id: str
    name: str
    manufacturer: str | None
    model: str | None
    metrics: frozenset[str]
    qos: int | None
    available: bool | None

    @property
    def key(self) -> tuple[str, str]:
        """Return the identity."""
        return (self.source_instance, self.native_id)

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Self:
        """Read a `Device`."""
        native_id = str(data["native_id"])
        return cls(
            source_instance=str(data["source_instance"]),
            native_id=native_id,
            name=_text(data.get("name")) or native_id,
            manufacturer=_text(data.get("manufacturer")),
            model=_text(data.get("model")),
            metrics=frozenset(str(metric) for metric in data.get("metrics") or ()),
            qos=data.get("qos"),
            available=data.get("available"),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """A value and when it was measured."""

    value: float
    ts: datetime | None

    @classmethod
    def from_wire(cls, data: Mapping[str, Any] | None) -> Self | None:
        """Read an `Observation`; None stays None."""
        if data is None:
            return None
        return cls(value=float(data["value"]), ts=dt_util.parse_datetime(str(data["ts"])))


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """A room as it is. `None` is "not known"."""

    temperature: Observation | None = None
    humidity: Observation | None = None
    dew_point_c: float | None = None
    surface_temperature_c: float | None = None
    surface_humidity_pct: float | None = None
    critical_humidity_pct: float | None = None
    level: str | None = None
    reason: str | None = None
    at_risk: bool | None = None
    # the numbers behind level and reason, as the backend names them
    evidence: Mapping[str, Any] = field(default_factory=dict)
    incident_since: str | None = None

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Self:
        """Read a `RoomCondition`."""
        surface = data.get("surface") or {}
        incident = data.get("incident") or {}
        return cls(
            temperature=Observation.from_wire(data.get("temperature")),
            humidity=Observation.from_wire(data.get("humidity")),
            dew_point_c=data.get("dew_point_c"),
            surface_temperature_c=surface.get("temperature_c"),
            surface_humidity_pct=surface.get("humidity_pct"),
            critical_humidity_pct=surface.get("critical_humidity_pct"),
            level=_text(data.get("level")),
            reason=_text(data.get("reason")),
            at_risk=data.get("at_risk"),
            evidence=dict(data.get("evidence") or {}),
            incident_since=_text(incident.get("since")),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """A room the backend watches."""

    room_id: str
    name: str
    archived: bool
    condition: Condition

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Self:
        """Read a `Room`."""
        return cls(
            room_id=str(data["room_id"]),
            name=str(data["name"]),
            archived=bool(data.get("archived", False)),
            condition=Condition.from_wire(data.get("condition") or {}),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class MouldWatchData:
    """Everything the backend has told; replaced whole at each change."""

    rooms: Mapping[str, Room] = field(default_factory=dict)
    devices: Mapping[tuple[str, str], Device] = field(default_factory=dict)
    health: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_snapshot(cls, data: Mapping[str, Any]) -> Self:
        """Read a `snapshot`."""
        rooms = [Room.from_wire(room) for room in data["rooms"]]
        devices = [Device.from_wire(device) for device in data["devices"]]
        return cls(
            rooms={room.room_id: room for room in rooms if not room.archived},
            devices={device.key: device for device in devices},
            health=dict(data.get("health") or {}),
        )


def _text(value: object) -> str | None:
    """Return the value as text; None stays None."""
    return None if value is None else str(value)
