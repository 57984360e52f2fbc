"""What a discovery message announces: the components of a device whose values are watched.

Forms and names as in Home Assistant's documentation ("MQTT Discovery", "MQTT Sensor"): one
component in a message, or a device with all of its components; names in full or abbreviated
(tests/home_assistant/test_discovery_names.py compares them); `~` for a base topic.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mould_watch.ingest.units import Unit, unit_of

ABBREVIATIONS: Final[Mapping[str, str]] = {
    "avty": "availability",
    "avty_mode": "availability_mode",
    "avty_t": "availability_topic",
    "avty_tpl": "availability_template",
    "cmps": "components",
    "dev": "device",
    "dev_cla": "device_class",
    "e": "encoding",
    "en": "enabled_by_default",
    "ent_cat": "entity_category",
    "p": "platform",
    "pl_avail": "payload_available",
    "pl_not_avail": "payload_not_available",
    "stat_t": "state_topic",
    "t": "topic",
    "uniq_id": "unique_id",
    "unit_of_meas": "unit_of_measurement",
    "val_tpl": "value_template",
}
DEVICE_ABBREVIATIONS: Final[Mapping[str, str]] = {
    "cns": "connections",
    "ids": "identifiers",
    "mf": "manufacturer",
    "mdl": "model",
}

COMPONENTS_MAXIMUM: Final = 200
_TEXT_MAXIMUM: Final = 255
_TOPIC_MAXIMUM: Final = 1024
_AVAILABILITY_MAXIMUM: Final = 16

_SHARED: Final = (
    "availability", "availability_mode", "availability_template", "availability_topic",
    "encoding", "payload_available", "payload_not_available", "state_topic",
)  # fmt: skip

# Device class -> column, and the unit of a class that has but one.
_CLASSES: Final[Mapping[str, tuple[str, str | None]]] = {
    "temperature": ("temperature_c", None),
    "humidity": ("humidity_pct", "%"),
    "pressure": ("pressure_hpa", None),
    "atmospheric_pressure": ("pressure_hpa", None),
    "carbon_dioxide": ("co2_ppm", "ppm"),
    "illuminance": ("illuminance_lx", "lx"),
    "moisture": ("moisture_pct", "%"),
    "battery": ("battery_pct", "%"),
}
# Temperatures and humidities that are not those of the air around the device.
_OF_SOMETHING_ELSE: Final = re.compile(
    r"(?<![a-z])(dew|set.?point|target|chip|cpu|board|core|internal|frost|feels|apparent)",
    re.IGNORECASE,
)

# "batt", "battery", "Battery voltage"; a plain voltage may be that of the mains.
_OF_BATTERY: Final = re.compile(r"batt", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AnnouncedDevice:
    """A device as its discovery messages describe it."""

    native_id: str
    # None: this message does not name it, another may
    name: str | None
    manufacturer: str | None
    model: str | None


@dataclass(frozen=True, slots=True)
class AvailabilityTopic:
    """A topic that says whether a component can be reached."""

    topic: str
    online: str
    offline: str
    template: str | None


@dataclass(frozen=True, slots=True)
class Component:
    """One value of a device: where it is sent, and what it is."""

    # its unique id, or its place where it has none
    key: str
    name: str
    device: AnnouncedDevice
    column: str
    unit: Unit
    state_topic: str
    template: str | None
    availability: tuple[AvailabilityTopic, ...]
    # all, any or latest
    availability_mode: str

    @property
    def is_of_the_air(self) -> bool:
        """Return whether it may be what the device measures around itself."""
        return _OF_SOMETHING_ELSE.search(f"{self.key} {self.name}") is None


def announced(
    component: str, place: str, fields: Mapping[str, Any], *, owner: str
) -> list[Component]:
    """Return the components of a discovery message that are watched, in its order.

    `component` is the level of the topic behind the prefix, `place` those between it and `config`;
    `owner` identifies a device that names nothing of its own.
    """
    whole = _in_full(fields, ABBREVIATIONS)
    if component == "device":
        return [one for part, key in _parts(whole, place) if (one := _component(part, key, owner))]
    one = _component(whole, place, owner) if component == "sensor" else None
    return [] if one is None else [one]


def with_battery(component: str, fields: Mapping[str, Any], *, owner: str) -> str | None:
    """Return the native id of the device that a discovery message shows to have a battery.

    Its charge need not be among what is watched: its voltage shows it too, or that it is low.
    None: the message shows none.
    """
    whole = _in_full(fields, ABBREVIATIONS)
    parts = [whole]
    if component == "device":
        parts = [part for part, _ in _parts(whole, "", platforms=("sensor", "binary_sensor"))]
    if not any(_is_of_battery(part) for part in parts):
        return None
    return _device(whole.get("device"), owner).native_id


def _is_of_battery(part: Mapping[str, Any]) -> bool:
    device_class = part.get("device_class")
    if device_class == "battery":
        return True
    called = f"{_text(part.get('unique_id')) or ''} {_text(part.get('name')) or ''}"
    return device_class == "voltage" and _OF_BATTERY.search(called) is not None


def _parts(
    whole: Mapping[str, Any], place: str, *, platforms: tuple[str, ...] = ("sensor",)
) -> Iterator[tuple[dict[str, Any], str]]:
    components = whole.get("components")
    if not isinstance(components, dict):
        return
    shared = {key: whole[key] for key in ("~", "device", *_SHARED) if key in whole}
    for key, part in list(components.items())[:COMPONENTS_MAXIMUM]:
        if isinstance(part, dict) and _in_full(part, ABBREVIATIONS).get("platform") in platforms:
            yield {**shared, **_in_full(part, ABBREVIATIONS)}, f"{place}/{key}"


def _component(fields: Mapping[str, Any], place: str, owner: str) -> Component | None:
    column, unit = _measured(fields)
    base = _text(fields.get("~")) or ""
    topic = _topic(fields.get("state_topic"), base)
    is_hidden = (
        fields.get("enabled_by_default") is False
        # its own health: of that only the battery is watched
        or (fields.get("entity_category") is not None and column != "battery_pct")
        # bytes, not text
        or fields.get("encoding") == ""
    )
    if column is None or unit is None or topic is None or is_hidden:
        return None
    key = _text(fields.get("unique_id")) or place
    name = _text(fields.get("name")) or column.partition("_")[0]
    mode = fields.get("availability_mode")
    return Component(
        key=key,
        name=name,
        device=_device(fields.get("device"), owner),
        column=column,
        unit=unit,
        state_topic=topic,
        template=_template(fields.get("value_template")),
        availability=tuple(_availability(fields, base)),
        availability_mode=mode if mode in ("all", "any") else "latest",
    )


def _measured(fields: Mapping[str, Any]) -> tuple[str | None, Unit | None]:
    device_class, unit = fields.get("device_class"), fields.get("unit_of_measurement")
    if not isinstance(device_class, str) or device_class not in _CLASSES:
        return None, None
    column, usual = _CLASSES[device_class]
    name = usual if unit is None else unit
    return column, unit_of(column, name) if isinstance(name, str) else None


def _device(value: object, owner: str) -> AnnouncedDevice:
    fields = _in_full(value, DEVICE_ABBREVIATIONS) if isinstance(value, dict) else {}
    return AnnouncedDevice(
        native_id=_identifier(fields) or owner,
        name=_text(fields.get("name")),
        manufacturer=_text(fields.get("manufacturer")),
        model=_text(fields.get("model")),
    )


def _identifier(fields: Mapping[str, Any]) -> str | None:
    identifiers = fields.get("identifiers")
    for one in identifiers if isinstance(identifiers, list) else [identifiers]:
        if text := _text(one):
            return text
    connections = fields.get("connections")
    for pair in connections if isinstance(connections, list) else []:
        if isinstance(pair, list) and len(pair) == 2:  # noqa: PLR2004 - a kind and an address
            kind, address = _text(pair[0]), _text(pair[1])
            if kind and address:
                return f"{kind} {address.lower()}"
    return None


def _availability(fields: Mapping[str, Any], base: str) -> Iterator[AvailabilityTopic]:
    listed = fields.get("availability")
    entries: Iterable[Any] = listed if isinstance(listed, list) else [listed]
    if "availability_topic" in fields:
        entries = [
            {
                "topic": fields["availability_topic"],
                "value_template": fields.get("availability_template"),
                **{
                    key: fields[key]
                    for key in ("payload_available", "payload_not_available")
                    if key in fields
                },
            }
        ]
    for entry in list(entries)[:_AVAILABILITY_MAXIMUM]:
        if not isinstance(entry, dict):
            continue
        full = _in_full(entry, ABBREVIATIONS)
        topic = _topic(full.get("topic"), base)
        if topic is not None:
            yield AvailabilityTopic(
                topic,
                str(full.get("payload_available", "online")),
                str(full.get("payload_not_available", "offline")),
                _template(full.get("value_template")),
            )


def _in_full(fields: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in fields.items()}


def _text(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 2**64 else None
    return value if isinstance(value, str) and 0 < len(value) <= _TEXT_MAXIMUM else None


def _template(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _topic(value: object, base: str) -> str | None:
    if not isinstance(value, str) or not value:
        return None
    if base and value.startswith("~"):
        value = base + value[1:]
    elif base and value.endswith("~"):
        value = value[:-1] + base
    if len(value) > _TOPIC_MAXIMUM or value.startswith("$") or set("+#\0") & set(value):
        # Wildcards would take the topics of others.
        return None
    return value
