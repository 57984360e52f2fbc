"""Shelly's first generation: a topic for each value, and the whole status of a sleeping sensor.

Topics and payloads as in Shelly's "Gen1 device API reference": `shellies/<id>/sensor/temperature`
and its like are bare numbers, the temperature in the unit that the device is set to;
`shellies/<id>/info` is the status as JSON, with both units or naming the one it has;
`shellies/<id>/ext_temperature/<i>` and its like are an add-on's sensors, 999 an invalid value;
`shellies/<id>/online` is the last will.
"""

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator

from mould_watch.domain.power import PowerSource
from mould_watch.errors import UndecodableMessageError
from mould_watch.ingest.decoded import Counted, Decoded, DecodedAvailability, DecodedReading
from mould_watch.ingest.decoder import Family
from mould_watch.ingest.json_payload import dump, parse_object
from mould_watch.ingest.metrics import Named, named, number_of, plain_number, read_values
from mould_watch.ingest.times import parse_time
from mould_watch.ingest.units import unit_of
from mould_watch.storage.devices import DeviceLabel, DeviceReference, Parts

SOURCE_INSTANCE: Final = "mqtt:shelly"

_SENSOR_COLUMNS: Final = {
    "temperature": "temperature_c",
    "humidity": "humidity_pct",
    "lux": "illuminance_lx",
    "battery": "battery_pct",
}
# Those that measure more than their battery: a button has one, too.
_OF_THE_AIR: Final = ("shellyht", "shellyflood", "shellydw", "shellysmoke", "shellysense")
_EXTERNAL_COLUMNS: Final = {"ext_temperature": "temperature_c", "ext_humidity": "humidity_pct"}
_EXTERNAL_INVALID: Final = 999
_STATES: Final = {b"true": True, b"false": False}
# "value" is in the unit the device is set to, where it has one: only a Sense says no other.
_STATUS_NAMES: Final = (
    Named("tmp", "temperature_c"),
    named("tmp F", "temperature_c", "°F"),
    Named("hum", "humidity_pct"),
    Named("lux", "illuminance_lx"),
    Named("bat", "battery_pct"),
)


class ShellyGen1Decoder:
    """Decodes the devices under one base topic."""

    source_instance = SOURCE_INSTANCE

    def __init__(self, entry: str) -> None:
        base, _, unit = entry.partition(" ")
        self._base = base.rstrip("/")
        self._unit = unit_of("temperature_c", unit.strip() or "°C")
        self.filters = tuple(
            f"{self._base}/+/{ending}"
            for ending in ("sensor/+", "ext_temperature/+", "ext_humidity/+", "info", "online")
        )

    def is_control(self, topic: str) -> bool:
        """Return False: no message is large."""
        del topic
        return False

    def decode(self, topic: str, payload: bytes) -> Decoded:
        """Return the reading, or whether the device can be reached."""
        device, kind, *rest = topic.removeprefix(f"{self._base}/").split("/")
        if not payload:
            return Counted("control")
        if kind == "online":
            return _availability(device, payload)
        if kind == "info":
            return _status(device, parse_object(payload))
        name = rest[0] if rest else ""
        if kind == "sensor":
            column, part = _SENSOR_COLUMNS.get(name), device
        else:
            column, part = _EXTERNAL_COLUMNS.get(kind), f"{device}:ext{name}"
        if column is None:
            return Counted("unwatched")
        unit = self._unit if column == "temperature_c" and kind == "sensor" else None
        sent = plain_number(payload)
        if kind != "sensor" and sent == _EXTERNAL_INVALID:
            return Counted("unwatched")
        value = number_of(column, sent, unit)
        if value is None:
            raise UndecodableMessageError("out_of_range", f"{name or kind} is beyond its range")
        if column == "battery_pct" and not device.startswith(_OF_THE_AIR):
            return Counted("unwatched")
        # an add-on is a relay's; single values of its own are those of a sensor that sleeps
        power_source = PowerSource.BATTERY if kind == "sensor" else PowerSource.MAINS
        return DecodedReading(
            device=_reference(part),
            at=None,
            metrics={column: value},
            extra=None,
            label=DeviceLabel(part, power_source=power_source),
        )


def _availability(device: str, payload: bytes) -> Decoded:
    available = _STATES.get(payload)
    if available is None:
        raise UndecodableMessageError("availability_invalid", "online is neither true nor false")
    return DecodedAvailability(Parts(SOURCE_INSTANCE, device), available)


def _status(device: str, fields: dict[str, Any]) -> Decoded:
    # a relay's `tmp` is the heat of its own chip
    if "overtemperature" in fields:
        return Counted("unwatched")
    components: dict[str, Any] = {}
    for name in ("tmp", "hum", "lux", "bat"):
        component = fields.get(name)
        if not isinstance(component, dict) or component.get("is_valid") is False:
            continue
        if "tC" in component:
            components[name] = component["tC"]
        else:
            behind = " F" if component.get("units") == "F" else ""
            components[f"{name}{behind}"] = component.get("value")
    values = read_values(components, _STATUS_NAMES)
    if not values.watched:
        return Counted("unwatched")
    sent_time = fields.get("unixtime")
    return DecodedReading(
        device=_reference(device),
        # without a time server it is 0
        at=parse_time(sent_time) if sent_time else None,
        metrics=values.metrics,
        extra=dump(fields),
        label=DeviceLabel(device, power_source=PowerSource.BATTERY),
    )


def _reference(native_id: str) -> DeviceReference:
    return DeviceReference(SOURCE_INSTANCE, native_id, native_id.replace(":", " "))


def _entry(value: str) -> str:
    base, _, unit = value.partition(" ")
    if not re.fullmatch(r"[^+#\s]+", base) or unit.strip() not in {"", "C", "F", "°C", "°F"}:
        raise ValueError("write a base topic like shellies, or shellies °F")
    return value


FAMILY: Final = Family(
    setting="shelly_gen1_base_topics",
    type=tuple[Annotated[str, AfterValidator(_entry)], ...],
    default=("shellies",),
    build=lambda entries: [ShellyGen1Decoder(entry) for entry in entries],
)
