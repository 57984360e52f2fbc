"""Tasmota: the sensors of one module in one message, and whether the module can be reached.

Topics and payloads as in its documentation ("MQTT", "Sensors"): by default the sensors are in
`tele/<topic>/SENSOR`; the order of prefix and topic is set in the module (FullTopic). Each sensor
is an object under its type's name; several of a type are numbered. `TempUnit` and `PressureUnit`
say what the values are in, `Time` is local and names no zone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import AfterValidator

from mould_watch.domain.power import PowerSource
from mould_watch.errors import UndecodableMessageError
from mould_watch.ingest.decoded import (
    Counted,
    Decoded,
    DecodedAvailability,
    DecodedReading,
    DecodedSeveral,
)
from mould_watch.ingest.decoder import Family
from mould_watch.ingest.json_payload import dump, parse_object
from mould_watch.ingest.metrics import Named, Values, read_values
from mould_watch.ingest.times import parse_time
from mould_watch.ingest.units import Unit, unit_of
from mould_watch.storage.devices import DeviceLabel, DeviceReference, Parts

SOURCE_INSTANCE: Final = "mqtt:tasmota"

_PREFIX: Final = "tele"
_STATES: Final = {"Online": True, "Offline": False}
# It went to sleep as it is set to (DeepSleepTime), and will be back.
_ASLEEP: Final = "DeepSleep"
_HEAD: Final = ("Time", "TempUnit", "PressureUnit")
# Those that Tasmota can be set to.
_UNITS: Final = {"TempUnit": ("C", "F"), "PressureUnit": ("hPa", "mmHg", "inHg")}
# The module's own chip and its meter: no air is measured there.
_NOT_OF_THE_AIR: Final = frozenset({"ESP32", "ENERGY"})
# What the module's Zigbee part received, a block for each device. Of those the illuminance is raw.
_ZIGBEE: Final = "ZbReceived"
_ZIGBEE_KEYS: Final = frozenset({"Temperature", "Humidity", "Pressure", "Battery"})
# They carry an address of their own, and go with it to whatever number they get.
_ONE_WIRE: Final = re.compile(r"DS18[BS]20(-\d+)?")
# Named after the kind and the last three bytes of the address; others are numbered.
_OF_BLUETOOTH: Final = re.compile(r"-[0-9A-Fa-f]{6}$")
_ADDRESS: Final = re.compile(r"[0-9A-Fa-f]{12,16}")


@dataclass(frozen=True, slots=True)
class _Sensor:
    """One sensor of a message."""

    native_id: str
    name: str
    values: Values
    # None: it is no part of the module, and does not say
    power_source: PowerSource | None


class TasmotaDecoder:
    """Decodes the modules under one full topic."""

    source_instance = SOURCE_INSTANCE

    def __init__(self, full_topic: str) -> None:
        base = full_topic.replace("%prefix%", _PREFIX).strip("/")
        self.filters = tuple(
            f"{base.replace('%topic%', '+')}/{ending}" for ending in ("SENSOR", "LWT")
        )
        before, _, after = re.escape(base).partition(re.escape("%topic%"))
        self._pattern = re.compile(f"{before}(?P<topic>[^/]+){after}/(SENSOR|LWT)")

    def is_control(self, topic: str) -> bool:
        """Return False: no message is large."""
        del topic
        return False

    def decode(self, topic: str, payload: bytes) -> Decoded:
        """Return the readings, one for each sensor, or whether the module can be reached."""
        match = self._pattern.fullmatch(topic)
        module = topic if match is None else match["topic"]
        if topic.endswith("/LWT"):
            return _availability(module, payload)
        return _sensors(module, parse_object(payload))


def _availability(module: str, payload: bytes) -> Decoded:
    if not payload:
        # a removed module: what was kept is cleared
        return Counted("control")
    word = payload.decode("ascii", "replace")
    if word == _ASLEEP:
        return DecodedAvailability(
            Parts(SOURCE_INSTANCE, module), available=True, power_source=PowerSource.BATTERY
        )
    available = _STATES.get(word)
    if available is None:
        raise UndecodableMessageError(
            "availability_invalid", "the last will is none of Online, Offline and DeepSleep"
        )
    return DecodedAvailability(Parts(SOURCE_INSTANCE, module), available)


def _sensors(module: str, fields: Mapping[str, Any]) -> Decoded:
    names = _names(fields)
    sensors: list[_Sensor] = []
    used = set(_HEAD)
    for name, block in fields.items():
        if name in _NOT_OF_THE_AIR or not isinstance(block, dict):
            continue
        found = (
            [_zigbee(module, key, inner, fields) for key, inner in block.items()]
            if name == _ZIGBEE
            else [_own(module, name, block, names)]
        )
        watched = [one for one in found if one is not None and one.values.watched]
        if watched:
            sensors.extend(watched)
            used.add(name)
    # the Sonoff SC has its values without a block of their own
    own = {name: value for name, value in fields.items() if not isinstance(value, dict)}
    loose = read_values(own, names, without=_HEAD)
    if loose.watched:
        sensors.append(_Sensor(module, "", loose, PowerSource.MAINS))
        used |= own.keys()
    if not sensors:
        return Counted("unwatched")
    sent_time = fields.get("Time")
    at = None if sent_time is None else parse_time(sent_time)
    # what belongs to no sensor is kept with the first
    rest = {name: value for name, value in fields.items() if name not in used}
    readings = []
    for one in sensors:
        extra = one.values.extra
        if rest:
            extra = dump(({} if extra is None else parse_object(extra.encode())) | rest)
            rest = {}
        label = f"{module} {one.name}".strip()
        device = DeviceReference(SOURCE_INSTANCE, one.native_id, label)
        told = DeviceLabel(one.native_id, power_source=one.power_source)
        readings.append(DecodedReading(device, at, one.values.metrics, extra, label=told))
    return DecodedSeveral(tuple(readings))


def _zigbee(module: str, key: str, block: object, fields: Mapping[str, Any]) -> _Sensor | None:
    """Return a Zigbee sensor that the module received, by its address in the network."""
    if not isinstance(block, dict):
        return None
    device, name = block.get("Device"), block.get("Name")
    address = device if isinstance(device, str) and device else key
    names = [one for one in _names({**fields, **block}) if one.key in _ZIGBEE_KEYS]
    return _Sensor(
        f"{module}:{address}",
        name if isinstance(name, str) and name else key,
        read_values(block, names),
        None,
    )


def _own(module: str, name: str, block: Mapping[str, Any], names: tuple[Named, ...]) -> _Sensor:
    """Return a sensor at the module, or one that the module heard over Bluetooth."""
    values = read_values(block, names)
    power_source = PowerSource.BATTERY if _OF_BLUETOOTH.search(name) else PowerSource.MAINS
    address = block.get("mac")
    if isinstance(address, str) and _ADDRESS.fullmatch(address.replace(":", "")):
        native_id = address.replace(":", "").upper()
        return _Sensor(native_id, name, values, PowerSource.BATTERY)
    address = block.get("Id")
    if _ONE_WIRE.fullmatch(name) and isinstance(address, str) and _ADDRESS.fullmatch(address):
        return _Sensor(address.upper(), name, values, power_source)
    return _Sensor(f"{module}:{name}", name, values, power_source)


def _names(fields: Mapping[str, Any]) -> tuple[Named, ...]:
    return (
        Named("Temperature", "temperature_c", _unit(fields, "temperature_c", "TempUnit", "C")),
        Named("Humidity", "humidity_pct"),
        Named("Pressure", "pressure_hpa", _unit(fields, "pressure_hpa", "PressureUnit", "hPa")),
        Named("CarbonDioxide", "co2_ppm"),
        Named("Illuminance", "illuminance_lx"),
        Named("Moisture", "moisture_pct"),
        Named("Battery", "battery_pct"),
    )


def _unit(fields: Mapping[str, Any], column: str, key: str, usual: str) -> Unit:
    name = fields.get(key, usual)
    unit = unit_of(column, name) if name in _UNITS[key] else None
    if unit is None:
        raise UndecodableMessageError("unit_unknown", f"{key} is {ascii(name)[:60]}")
    return unit


def _full_topic(value: str) -> str:
    levels = value.strip("/").split("/")
    if levels.count("%topic%") != 1 or any(
        "%" in level and level not in {"%topic%", "%prefix%"} for level in levels
    ):
        raise ValueError("a full topic is like %prefix%/%topic%/, with %topic% once")
    return value


FAMILY: Final = Family(
    setting="tasmota_full_topics",
    type=tuple[Annotated[str, AfterValidator(_full_topic)], ...],
    default=("%prefix%/%topic%/", "%topic%/%prefix%/"),
    build=lambda topics: [TasmotaDecoder(topic) for topic in topics],
)
