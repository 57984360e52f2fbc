"""Zigbee2MQTT: states of devices, who they are, and whether they can be reached.

Topics and payloads as in its documentation ("MQTT topics and messages"): `<base>/<name>` is a
device's state, the name may hold "/"; `<base>/bridge/...` is the bridge's own; a name with
`/availability`, `/set` or `/get` behind it is about the device. With `output: attribute_and_json`
("MQTT") each attribute has a topic of its own as well, `<base>/<name>/<attribute>`.
"""

import re
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mould_watch.domain.power import PowerSource
from mould_watch.errors import UndecodableMessageError
from mould_watch.ingest.decoded import (
    Counted,
    Decoded,
    DecodedAvailability,
    DecodedIdentities,
    DecodedReading,
)
from mould_watch.ingest.decoder import Family
from mould_watch.ingest.json_payload import parse, parse_object
from mould_watch.ingest.metrics import read_values
from mould_watch.ingest.times import parse_time
from mould_watch.storage.devices import DeviceReference, KnownDevice

_TIME_KEY: Final = "last_seen"
_COMMAND = re.compile(r".+/(set|get)(/.*)?")
_AVAILABILITY_SUFFIX: Final = "/availability"
_ATTRIBUTE = re.compile(r".+/[\w-]+", re.ASCII)
_STATES: Final = {"online": True, "offline": False}
_BATTERY: Final = "Battery"
_MAINS: Final = ("Mains", "Emergency mains")


class _Definition(BaseModel):
    model_config = ConfigDict(extra="ignore")

    vendor: str | None = None
    model: str | None = None


class _BridgeDevice(BaseModel):
    """One entry of `bridge/devices`."""

    model_config = ConfigDict(extra="ignore")

    ieee_address: str = Field(pattern=r"^0x[0-9a-fA-F]{16}$")
    friendly_name: str = Field(min_length=1, max_length=255)
    type: str | None = None
    manufacturer: str | None = None
    model_id: str | None = None
    power_source: str | None = None
    definition: _Definition | None = None


class _StateDevice(BaseModel):
    """`device` in a state message, there with `include_device_information`."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    ieee_address: str = Field(alias="ieeeAddr", pattern=r"^0x[0-9a-fA-F]{16}$")
    manufacturer: str | None = Field(default=None, alias="manufacturerName")
    model: str | None = None
    type: str | None = None
    power_source: str | None = Field(default=None, alias="powerSource")


class Zigbee2MqttDecoder:
    """Decodes one Zigbee2MQTT, known by its base topic."""

    def __init__(self, base_topic: str) -> None:
        self._base = base_topic.rstrip("/")
        self.source_instance = f"mqtt:{self._base}"
        self.filters: tuple[str, ...] = (f"{self._base}/#",)

    def is_control(self, topic: str) -> bool:
        """Return whether this is a topic of the bridge: `bridge/devices` may have megabytes."""
        return topic.startswith(f"{self._base}/bridge/")

    def decode(self, topic: str, payload: bytes) -> Decoded:
        """Return what the message says; raise UndecodableMessageError."""
        name = topic.removeprefix(self._base).removeprefix("/")
        if name == "bridge/devices":
            return self._devices(payload)
        # Everything else of the bridge (state, info with its secrets, log) is not read at all.
        if not name or name.startswith("bridge/") or _COMMAND.fullmatch(name):
            return Counted("control")
        if name.endswith(_AVAILABILITY_SUFFIX):
            return self._availability(name.removesuffix(_AVAILABILITY_SUFFIX), payload)
        return self._state(name, topic, payload)

    def _state(self, name: str, topic: str, payload: bytes) -> Decoded:
        if _ATTRIBUTE.fullmatch(name) and not payload.lstrip().startswith((b"{", b"[")):
            # one attribute's bare value: the device's own topic has all of them as JSON
            return Counted("unwatched")
        fields = parse_object(payload)
        values = read_values(fields, without=(_TIME_KEY,))
        if not values.watched:
            return Counted("unwatched")
        sent_time = fields.get(_TIME_KEY)
        return DecodedReading(
            device=self._reference(name),
            at=None if sent_time is None else parse_time(sent_time),
            metrics=values.metrics,
            extra=values.extra,
            identity=_identity_in_state(fields.get("device"), name, topic),
        )

    def _availability(self, name: str, payload: bytes) -> Decoded:
        if not payload:
            # a removed device: its retained availability is cleared
            return Counted("control")
        # the form before version 2 is the bare word
        word: Any = payload.decode("ascii", "replace")
        if word not in _STATES:
            value = parse(payload)
            word = value.get("state") if isinstance(value, dict) else value
        if not isinstance(word, str) or word not in _STATES:
            raise UndecodableMessageError(
                "availability_invalid", "the availability is neither online nor offline"
            )
        return DecodedAvailability(self._reference(name), _STATES[word])

    def _devices(self, payload: bytes) -> Decoded:
        if not payload:
            return Counted("control")
        entries = parse(payload)
        if not isinstance(entries, list):
            raise UndecodableMessageError("not_a_list", "bridge/devices is not a JSON list")
        identities, faulty = [], 0
        for entry in entries:
            try:
                device = _BridgeDevice.model_validate(entry)
            except ValidationError:
                faulty += 1
                continue
            if device.type != "Coordinator":
                identities.append(self._identity(device))
        # One odd entry does not keep the others from being known.
        if faulty and not identities:
            raise UndecodableMessageError(
                "devices_invalid", f"none of {len(entries)} entries of bridge/devices is a device"
            )
        return DecodedIdentities(tuple(identities))

    def _identity(self, device: _BridgeDevice) -> KnownDevice:
        definition = device.definition or _Definition()
        return KnownDevice(
            native_id=device.ieee_address.lower(),
            topic=f"{self._base}/{device.friendly_name}",
            name=device.friendly_name,
            manufacturer=definition.vendor or device.manufacturer,
            model=definition.model or device.model_id,
            power_source=_power(device.power_source, device.type),
        )

    def _reference(self, name: str) -> DeviceReference:
        topic = f"{self._base}/{name}"
        return DeviceReference(
            source_instance=self.source_instance, native_id=topic, topic=topic, name=name
        )


def _identity_in_state(value: object, name: str, topic: str) -> KnownDevice | None:
    if not isinstance(value, dict):
        return None
    try:
        device = _StateDevice.model_validate(value)
    except ValidationError:
        return None
    return KnownDevice(
        native_id=device.ieee_address.lower(),
        topic=topic,
        name=name,
        manufacturer=device.manufacturer,
        model=device.model,
        power_source=_power(device.power_source, device.type),
    )


def _power(said: str | None, kind: str | None) -> PowerSource | None:
    """Return what a device is powered by, by the words of Zigbee's basic cluster.

    What passes on others' messages never sleeps, unless it says that it has a battery: so
    Zigbee2MQTT itself tells active devices from passive ones. "DC Source" may be either.
    """
    if said == _BATTERY:
        return PowerSource.BATTERY
    is_mains = kind == "Router" or (said is not None and said.startswith(_MAINS))
    return PowerSource.MAINS if is_mains else None


FAMILY: Final = Family(
    setting="zigbee2mqtt_base_topics",
    type=tuple[str, ...],
    default=("zigbee2mqtt",),
    build=lambda bases: [Zigbee2MqttDecoder(base) for base in bases],
)
