"""OpenMQTTGateway and Theengs: Bluetooth and radio sensors, decoded by a gateway.

Topics and payloads as in their documentation: `<base>/<gateway>/BTtoMQTT/<address>` is one
advertisement of a Bluetooth sensor (Theengs' property names), `<base>/<gateway>/RTL_433toMQTT`,
with or without levels behind it, one transmission of a radio sensor (rtl_433's names).
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from mould_watch.domain.power import PowerSource
from mould_watch.ingest.decoded import Counted, Decoded, DecodedReading
from mould_watch.ingest.decoder import Family
from mould_watch.ingest.json_payload import parse_object
from mould_watch.ingest.metrics import Named, named, read_values
from mould_watch.ingest.times import parse_time
from mould_watch.storage.devices import DeviceLabel, DeviceReference

SOURCE_INSTANCE: Final = "mqtt:theengs"

_BLUETOOTH: Final = (
    Named("tempc", "temperature_c"),
    named("tempf", "temperature_c", "°F"),
    Named("hum", "humidity_pct"),
    Named("pres", "pressure_hpa"),
    Named("co2", "co2_ppm"),
    Named("lux", "illuminance_lx"),
    Named("moi", "moisture_pct"),
    Named("batt", "battery_pct"),
)
_RADIO: Final = (
    Named("temperature_C", "temperature_c"),
    named("temperature_F", "temperature_c", "°F"),
    Named("humidity", "humidity_pct"),
    Named("pressure_hPa", "pressure_hpa"),
    named("pressure_kPa", "pressure_hpa", "kPa"),
    Named("light_lux", "illuminance_lx"),
    Named("moisture", "moisture_pct"),
)
_TIME_KEYS: Final = ("UTCtime", "unixtime")
_MAC: Final = re.compile(r"[0-9A-Fa-f]{12}")


class OpenMqttGatewayDecoder:
    """Decodes the gateways under one base topic."""

    source_instance = SOURCE_INSTANCE

    def __init__(self, base: str) -> None:
        base = base.rstrip("/")
        self.filters: tuple[str, ...] = (
            f"{base}/+/BTtoMQTT",
            f"{base}/+/BTtoMQTT/+",
            f"{base}/+/RTL_433toMQTT/#",
        )

    def is_control(self, topic: str) -> bool:
        """Return False: every message is a reading."""
        del topic
        return False

    def decode(self, topic: str, payload: bytes) -> Decoded:
        """Return the reading; `UTCtime` or `unixtime` is its time, where the gateway adds it."""
        if not payload:
            return Counted("control")
        fields = parse_object(payload)
        if "/RTL_433toMQTT" in topic:
            return _reading(_radio_device(fields), fields, _RADIO, numbers_as_text=False)
        # old versions write the numbers as texts
        return _reading(_bluetooth_device(topic, fields), fields, _BLUETOOTH, numbers_as_text=True)


def _reading(
    device: DeviceReference | None,
    fields: Mapping[str, Any],
    names: tuple[Named, ...],
    *,
    numbers_as_text: bool,
) -> Decoded:
    values = read_values(fields, names, without=_TIME_KEYS, numbers_as_text=numbers_as_text)
    if device is None or not values.watched:
        return Counted("unwatched")
    sent_time = next((fields[key] for key in _TIME_KEYS if fields.get(key)), None)
    return DecodedReading(
        device=device,
        at=None if sent_time is None else parse_time(sent_time),
        metrics=values.metrics,
        extra=values.extra,
        label=DeviceLabel(
            device.native_id,
            manufacturer=_text(fields, "brand"),
            model=_text(fields, "model"),
            # sensors that broadcast have one, nearly all; whether one has a cable nobody tells
            power_source=PowerSource.BATTERY,
        ),
    )


def _bluetooth_device(topic: str, fields: Mapping[str, Any]) -> DeviceReference | None:
    """Return the sensor by its address, which is the same through whichever gateway."""
    named_in_topic = topic.rpartition("/BTtoMQTT/")[2] if "/BTtoMQTT/" in topic else ""
    for value in (fields.get("id"), fields.get("mac"), named_in_topic):
        address = value.replace(":", "").upper() if isinstance(value, str) else ""
        if _MAC.fullmatch(address):
            native_id = ":".join(address[place : place + 2] for place in range(0, 12, 2))
            name = _text(fields, "name") or _text(fields, "model_id") or "Bluetooth"
            return DeviceReference(SOURCE_INSTANCE, native_id, f"{name} {native_id[-5:]}")
    return None


def _radio_device(fields: Mapping[str, Any]) -> DeviceReference | None:
    """Return the sensor by what rtl_433 tells sensors of a model apart by."""
    model = _text(fields, "model")
    parts = [fields.get("channel"), fields.get("id")]
    known = [str(part) for part in parts if isinstance(part, str | int) and part != ""]
    if model is None or not known:
        return None
    return DeviceReference(SOURCE_INSTANCE, "/".join([model, *known]), " ".join([model, *known]))


def _text(fields: Mapping[str, Any], key: str) -> str | None:
    value = fields.get(key)
    return value if isinstance(value, str) and value else None


FAMILY: Final = Family(
    setting="openmqttgateway_base_topics",
    type=tuple[str, ...],
    default=("home",),
    build=lambda bases: [OpenMqttGatewayDecoder(base) for base in bases],
)
