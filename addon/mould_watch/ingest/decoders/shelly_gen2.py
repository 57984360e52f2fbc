"""Shelly from its second generation on: notifications, and the status of single components.

Topics and payloads as in Shelly's "Gen2+ device API" (MQTT, Notifications): `<prefix>/events/rpc`
carries NotifyStatus and, of a sensor that woke up, NotifyFullStatus; `<prefix>/status/<component>`
is one component, where that is switched on; `<prefix>/online` is the last will. The prefix is the
device's id unless its owner changed it; a notification names the id in `src`.
"""

import re
from collections.abc import Mapping
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
from mould_watch.ingest.json_payload import dump, parse, parse_object
from mould_watch.ingest.metrics import Named, read_values
from mould_watch.ingest.times import parse_time
from mould_watch.storage.devices import DeviceLabel, DeviceReference, KnownDevice, Parts

SOURCE_INSTANCE: Final = "mqtt:shelly"

# The numbers of components: the device's own, and those of the sensors of an add-on.
_NUMBERS: Final = (0, 100, 101, 102, 103, 104)
_ID: Final = re.compile(r"shelly[a-z0-9]+-[0-9a-f]{12}")
# looked up in by whatever JSON value stands there: no set, which wants it hashable
_NOTIFICATIONS: Final = ("NotifyStatus", "NotifyFullStatus")
_COMPONENT: Final = re.compile(r"(temperature|humidity|illuminance|devicepower):(\d{1,4})")
# Meters whose temperature:0 is the heat of their own electronics.
_METERS: Final = ("shellypro3em", "shellyproem", "shelly3em", "shellyem")
# Of those with a sensor of their own, the ones that are no battery's.
_WIRED: Final = ("shellywalldisplay",)
_NAMES: Final = (
    Named("temperature", "temperature_c"),
    Named("humidity", "humidity_pct"),
    Named("illuminance", "illuminance_lx"),
    Named("devicepower", "battery_pct"),
)


class ShellyGen2Decoder:
    """Decodes the devices whose prefix a filter takes."""

    source_instance = SOURCE_INSTANCE

    def __init__(self, prefix: str) -> None:
        components = [
            f"{kind}:{number}" for kind in ("temperature", "humidity") for number in _NUMBERS
        ]
        endings = ["events/rpc", "online", *(f"status/{one}" for one in components)]
        self.filters = tuple(f"{prefix}/{ending}" for ending in endings)

    def is_control(self, topic: str) -> bool:
        """Return False: no message is large."""
        del topic
        return False

    def decode(self, topic: str, payload: bytes) -> Decoded:
        """Return the readings, or whether the device can be reached."""
        if not payload:
            return Counted("control")
        if topic.endswith("/online"):
            return _availability(topic.removesuffix("/online"), payload)
        if topic.endswith("/events/rpc"):
            return _notification(topic.removesuffix("/events/rpc"), parse_object(payload))
        prefix, _, component = topic.rpartition("/status/")
        return _components(prefix, None, {component: parse(payload)}, None)


def _availability(prefix: str, payload: bytes) -> Decoded:
    available = {b"true": True, b"false": False}.get(payload)
    if available is not None:
        return DecodedAvailability(Parts(SOURCE_INSTANCE, _identity(prefix)), available)
    if _ID.fullmatch(prefix.lower()):
        raise UndecodableMessageError("availability_invalid", "online is neither true nor false")
    # "online" is a topic that others use as well
    return Counted("unwatched")


def _notification(prefix: str, fields: Mapping[str, Any]) -> Decoded:
    source, params = fields.get("src"), fields.get("params")
    if fields.get("method") not in _NOTIFICATIONS:
        return Counted("unwatched")
    if not isinstance(source, str) or not source or not isinstance(params, dict):
        raise UndecodableMessageError(
            "not_a_notification", "a notification has a source and parameters"
        )
    components = {name: value for name, value in params.items() if name != "ts"}
    return _components(prefix, _identity(source), components, params.get("ts"))


def _components(
    prefix: str, source: str | None, components: Mapping[str, Any], sent_time: object
) -> Decoded:
    """Return a reading for each number of components: the device's own is 0."""
    own = _identity(prefix)
    if (source or own).startswith(_METERS):
        return Counted("unwatched")
    parts: dict[int, dict[str, Any]] = {}
    for name, status in components.items():
        match = _COMPONENT.fullmatch(name)
        if match is None or not isinstance(status, dict):
            continue
        number = 0 if match[1] == "devicepower" else int(match[2])
        parts.setdefault(number, {})[match[1]] = _value(match[1], status)
    readings = []
    rest: Mapping[str, Any] = components
    for number, values in sorted(parts.items()):
        split = read_values(values, _NAMES)
        if not split.watched:
            continue
        behind = f":{number}" if number else ""
        identity = None
        if source is not None and source != own:
            identity = KnownDevice(
                native_id=f"{source}{behind}",
                topic=f"{prefix}{behind}",
                name=f"{prefix} {number}" if number else prefix,
            )
        readings.append(
            DecodedReading(
                device=DeviceReference(
                    SOURCE_INSTANCE,
                    f"{own}{behind}",
                    f"{prefix} {number}" if number else prefix,
                    f"{prefix}{behind}",
                ),
                at=None if sent_time is None else parse_time(sent_time),
                metrics=split.metrics,
                # all that the message says is kept with the first of its readings
                extra=dump(rest) if rest else None,
                identity=identity,
                label=DeviceLabel(
                    f"{source or own}{behind}",
                    power_source=_power(source or own, number, components),
                ),
            )
        )
        rest = {}
    return DecodedSeveral(tuple(readings)) if readings else Counted("unwatched")


def _power(device: str, number: int, components: Mapping[str, Any]) -> PowerSource | None:
    """Return what a device is powered by; None: the message does not show it.

    Only what has a battery has the component devicepower, and says so each time it wakes up.
    Add-ons belong to what is wired in the wall.
    """
    if any(name.startswith("devicepower:") for name in components):
        return PowerSource.BATTERY
    return PowerSource.MAINS if number or device.startswith(_WIRED) else None


def _value(kind: str, status: Mapping[str, Any]) -> object:
    match kind:
        case "temperature":
            return status.get("tC")
        case "humidity":
            return status.get("rh")
        case "illuminance":
            return status.get("lux")
        case _:
            battery = status.get("battery")
            return battery.get("percent") if isinstance(battery, dict) else None


def _identity(name: str) -> str:
    """Return the device's id, which carries its MAC; another prefix as it is."""
    return name.lower() if _ID.fullmatch(name.lower()) else name


def _prefix(value: str) -> str:
    if not value or value.startswith("/") or value.endswith("/") or "#" in value:
        raise ValueError("write a topic prefix like home/bath, or + for any prefix of one level")
    return value


FAMILY: Final = Family(
    setting="shelly_topic_prefixes",
    type=tuple[Annotated[str, AfterValidator(_prefix)], ...],
    default=("+",),
    build=lambda prefixes: [ShellyGen2Decoder(prefix) for prefix in prefixes],
)
