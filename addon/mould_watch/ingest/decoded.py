"""What a decoder makes of a payload."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from mould_watch.domain.power import PowerSource
from mould_watch.storage.devices import DeviceLabel, DeviceReference, KnownDevice, Parts
from mould_watch.storage.discovery import Claim


@dataclass(frozen=True, slots=True)
class DecodedReading:
    """Values of a device at a time, as its payload says."""

    device: DeviceReference
    # aware in UTC, or naive when the payload names no zone; None: the payload names no time
    at: datetime | None
    # by the names of the columns of readings
    metrics: Mapping[str, float]
    # everything else that was sent, as JSON
    extra: str | None
    # the payload itself says which device this topic belongs to
    identity: KnownDevice | None = None
    # what the payload says about its device
    label: DeviceLabel | None = None


@dataclass(frozen=True, slots=True)
class DecodedIdentities:
    """Which device is behind which topic: a control message."""

    identities: tuple[KnownDevice, ...]


@dataclass(frozen=True, slots=True)
class DecodedAvailability:
    """Whether a device can be reached: a control message."""

    # a device, made known if need be, or whatever devices are parts of a thing
    device: DeviceReference | Parts
    available: bool
    # what the same message says of its power
    power_source: PowerSource | None = None


@dataclass(frozen=True, slots=True)
class DecodedSeveral:
    """What a message says of several devices, or several things of one."""

    readings: tuple[DecodedReading, ...] = ()
    availability: tuple[DecodedAvailability, ...] = ()


@dataclass(frozen=True, slots=True)
class DecodedAnnouncement:
    """A message of MQTT discovery that was learned from: a control message, to be stored."""

    topic: str
    # None: it was taken back
    payload: bytes | None
    # the metrics that components claimed with it
    claims: tuple[tuple[Claim, str], ...] = ()
    known: tuple[DeviceReference, ...] = ()
    labels: tuple[DeviceLabel, ...] = ()


@dataclass(frozen=True, slots=True)
class Counted:
    """A message that leaves nothing but its count."""

    ending: Literal["unwatched", "control"]


type Decoded = (
    DecodedReading
    | DecodedIdentities
    | DecodedAvailability
    | DecodedSeveral
    | DecodedAnnouncement
    | Counted
)
