"""The wire's objects as frozen dataclasses; names and units as in docs/protocol.md.

Unknown keys are ignored and absent ones are `None`: either side may be the newer one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from homeassistant.util import dt as dt_util

from .room_condition import Condition, breached_rules, incident_ids, text_or_none


@dataclass(frozen=True, kw_only=True, slots=True)
class BackendInfo:
    """What a backend says of itself before anything else."""

    backend_id: str | None
    version: str
    minimum_api: int
    maximum_api: int
    owner: str | None
    rooms: int | None
    # the names of the services it can tell beside phones
    services: tuple[str, ...] | None = None

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Self:
        """Read `GET /v1/info`; raise KeyError, TypeError or ValueError when it is not that."""
        api = data["api"]
        rooms, services = data.get("rooms"), data.get("services")
        return cls(
            backend_id=text_or_none(data["backend_id"]),
            version=str(data["backend_version"]),
            minimum_api=int(api["minimum"]),
            maximum_api=int(api["maximum"]),
            owner=text_or_none(data.get("owner")),
            rooms=None if rooms is None else int(rooms),
            services=None if services is None else tuple(str(name) for name in services),
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
            owner=text_or_none(data.get("owner")),
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
    last_seen_at: datetime | None = None
    # within so long 95 % of its reports follow each other
    reporting_interval_s: float | None = None
    # its latest message carried a time that cannot be
    clock_wrong: bool = False
    # rule ids of its incidents that are open, and of the rules that have no data
    breached_rules: frozenset[str] = frozenset()
    unknown_rules: frozenset[str] = frozenset()
    # its open incidents
    incident_ids: tuple[str, ...] = ()
    # whether it was judged at all
    judged: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Return the identity."""
        return (self.source_instance, self.native_id)

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Self:
        """Read a `Device`."""
        native_id = str(data["native_id"])
        condition = data.get("condition")
        judged = condition or {}
        return cls(
            source_instance=str(data["source_instance"]),
            native_id=native_id,
            name=text_or_none(data.get("name")) or native_id,
            manufacturer=text_or_none(data.get("manufacturer")),
            model=text_or_none(data.get("model")),
            metrics=frozenset(str(metric) for metric in data.get("metrics") or ()),
            qos=data.get("qos"),
            available=data.get("available"),
            last_seen_at=_time(data.get("last_seen_at")),
            reporting_interval_s=data.get("reporting_interval_s"),
            clock_wrong=bool(data.get("clock_wrong", False)),
            breached_rules=frozenset(breached_rules(judged)),
            unknown_rules=frozenset(str(rule) for rule in judged.get("unknown_rules") or ()),
            incident_ids=incident_ids(judged),
            judged=condition is not None,
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
class Backend:
    """What is the matter with the backend itself."""

    # rule ids of its incidents that are open, and the incidents
    breached_rules: tuple[str, ...] = ()
    incident_ids: tuple[str, ...] = ()

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Self:
        """Read a `Backend`."""
        return cls(breached_rules=breached_rules(data), incident_ids=incident_ids(data))


@dataclass(frozen=True, kw_only=True, slots=True)
class MouldWatchData:
    """Everything the backend has told; replaced whole at each change."""

    rooms: Mapping[str, Room] = field(default_factory=dict)
    devices: Mapping[tuple[str, str], Device] = field(default_factory=dict)
    # None: it is older than that it would say
    backend: Backend | None = None
    health: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_snapshot(cls, data: Mapping[str, Any]) -> Self:
        """Read a `snapshot`."""
        rooms = [Room.from_wire(room) for room in data["rooms"]]
        devices = [Device.from_wire(device) for device in data["devices"]]
        backend = data.get("backend")
        return cls(
            rooms={room.room_id: room for room in rooms if not room.archived},
            devices={device.key: device for device in devices},
            backend=None if backend is None else Backend.from_wire(backend),
            health=dict(data.get("health") or {}),
        )


def _time(value: object) -> datetime | None:
    return None if value is None else dt_util.parse_datetime(str(value))
