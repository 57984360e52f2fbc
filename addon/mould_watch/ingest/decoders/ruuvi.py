"""RuuviTag and Ruuvi Air, through a gateway: the raw advertisement, or what a gateway made of it.

Topics and payloads as in Ruuvi's documentation ("MQTT: Time-stamped data from Bluetooth-sensors"):
`<base>/<gateway>/<sensor>`; RuuviBridge publishes `<prefix>/<sensor>`, the prefix of its sample
configuration is `ruuvitag`. `data` is the raw data in hexadecimal digits, `ts` when the gateway
heard it. Decoded pressure is in Pa, as theirs is.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from mould_watch.domain.power import PowerSource
from mould_watch.errors import UndecodableMessageError
from mould_watch.ingest.decoded import Counted, Decoded, DecodedReading
from mould_watch.ingest.decoder import Family
from mould_watch.ingest.json_payload import parse_object
from mould_watch.ingest.metrics import Named, named, read_values
from mould_watch.ingest.ruuvi_formats import measurement_in
from mould_watch.ingest.times import parse_time
from mould_watch.storage.devices import DeviceLabel, DeviceReference

SOURCE_INSTANCE: Final = "mqtt:ruuvi"

_NAMES: Final = (
    Named("temperature", "temperature_c"),
    Named("humidity", "humidity_pct"),
    named("pressure", "pressure_hpa", "Pa"),
    Named("co2", "co2_ppm"),
    Named("CO2", "co2_ppm"),
    Named("illuminance", "illuminance_lx"),
    Named("luminosity", "illuminance_lx"),
)
_FORMAT_KEYS: Final = ("data_format", "dataFormat")
_FORMATS_OF_AIR: Final = (6, 0xE1, "6", "E1")
_TIME_KEYS: Final = ("ts", "timestamp")
_MAC: Final = re.compile(r"[0-9A-Fa-f]{12}")
_EPOCH: Final = re.compile(r"\d{9,13}", re.ASCII)


class RuuviDecoder:
    """Decodes the gateways under one base topic."""

    source_instance = SOURCE_INSTANCE

    def __init__(self, base: str) -> None:
        base = base.rstrip("/")
        self.filters: tuple[str, ...] = (f"{base}/+", f"{base}/+/+")

    def is_control(self, topic: str) -> bool:
        """Return False: every message is a reading."""
        del topic
        return False

    def decode(self, topic: str, payload: bytes) -> Decoded:
        """Return the reading of the sensor that the topic ends with."""
        address = topic.rpartition("/")[2].replace(":", "").upper()
        if not payload or not _MAC.fullmatch(address):
            # the gateway's own state, or its command
            return Counted("control")
        fields = parse_object(payload)
        data = fields.get("data")
        # where both are sent, the decoded values are those of the gateway's newer knowledge
        if isinstance(data, str) and fields.get("temperature") is None:
            measured = measurement_in(data)
            if measured is None:
                # another maker's advertisement
                return Counted("unwatched")
            fields = measured | {key: value for key, value in fields.items() if key != "data"}
        values = read_values(fields, _NAMES, without=_TIME_KEYS)
        if not values.watched:
            return Counted("unwatched")
        native_id = ":".join(address[place : place + 2] for place in range(0, 12, 2))
        return DecodedReading(
            device=DeviceReference(SOURCE_INSTANCE, native_id, _name(fields, native_id)),
            at=_time(fields),
            metrics=values.metrics,
            extra=values.extra,
            label=DeviceLabel(native_id, power_source=_power(fields)),
        )


def _name(fields: Mapping[str, Any], native_id: str) -> str:
    name = fields.get("name")
    return name if isinstance(name, str) and name else f"Ruuvi {native_id[-5:].replace(':', '')}"


def _power(fields: Mapping[str, Any]) -> PowerSource:
    """Return what the sensor is powered by: a Ruuvi Air has a cable, and formats of its own."""
    data_format = next((fields[key] for key in _FORMAT_KEYS if key in fields), None)
    return PowerSource.MAINS if data_format in _FORMATS_OF_AIR else PowerSource.BATTERY


def _time(fields: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a time, or None
    """Return when the gateway heard it: seconds since 1970, as a number or its digits."""
    value = next((fields[key] for key in _TIME_KEYS if fields.get(key)), None)
    if value is None:
        return None
    if isinstance(value, str):
        if not _EPOCH.fullmatch(value):
            raise UndecodableMessageError("time_invalid", f"{ascii(value)[:60]} is no time")
        value = int(value)
    return parse_time(value)


FAMILY: Final = Family(
    setting="ruuvi_base_topics",
    type=tuple[str, ...],
    default=("ruuvi", "ruuvitag", "ruuvibridge"),
    build=lambda bases: [RuuviDecoder(base) for base in bases],
)
