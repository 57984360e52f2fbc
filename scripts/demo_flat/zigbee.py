"""The flat's Zigbee devices, and their messages as Zigbee2MQTT 2 publishes them.

A real Zigbee2MQTT writes `last_seen` one way for all its devices; here every way it can be
set to write it appears beside the others.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from .flat import TIME_ZONE, Air, Place

BASE_TOPIC = "zigbee2mqtt"


class LastSeen(StrEnum):
    """How a message says when the device was heard (Zigbee2MQTT's words)."""

    ISO_8601 = "ISO_8601"
    ISO_8601_LOCAL = "ISO_8601_local"
    EPOCH = "epoch"
    DISABLE = "disable"


@dataclass(frozen=True)
class Model:
    """What Zigbee2MQTT knows of a product."""

    model: str
    model_id: str
    vendor: str
    manufacturer: str
    description: str
    exposes: tuple[str, ...]
    battery: bool = True


SONOFF = Model(
    "SNZB-02D",
    "SNZB-02D",
    "SONOFF",
    "SONOFF",
    "Temperature and humidity sensor with screen",
    ("battery", "temperature", "humidity"),
)
AQARA = Model(
    "WSDCGQ11LM",
    "lumi.weather",
    "Aqara",
    "LUMI",
    "Temperature and humidity sensor",
    ("battery", "temperature", "humidity", "pressure", "voltage"),
)
IKEA_LAMP = Model(
    "LED2101G4",
    "TRADFRI bulb E12 WS globe 450lm",
    "IKEA",
    "IKEA of Sweden",
    "TRADFRI bulb E12/E14, white spectrum, globe, opal, 450/470 lm",
    ("state", "brightness", "color_temp"),
    battery=False,
)


@dataclass(frozen=True)
class Sensor:
    """One paired device."""

    name: str
    ieee_address: str
    model: Model
    qos: int
    last_seen: LastSeen
    place: Place | None = None

    @property
    def topic(self) -> str:
        """Return the topic of its states."""
        return f"{BASE_TOPIC}/{self.name}"

    def describe(self, network_address: int) -> dict[str, Any]:
        """Return its entry in `bridge/devices`."""
        return {
            "disabled": False,
            "endpoints": {
                "1": {
                    "bindings": [],
                    "clusters": {"input": ["genBasic", "genPowerCfg"], "output": []},
                    "configured_reportings": [],
                    "scenes": [],
                }
            },
            "friendly_name": self.name,
            "ieee_address": self.ieee_address,
            "interview_completed": True,
            "interview_state": "SUCCESSFUL",
            "interviewing": False,
            "manufacturer": self.model.manufacturer,
            "model_id": self.model.model_id,
            "network_address": network_address,
            "power_source": "Battery" if self.model.battery else "Mains (single phase)",
            "supported": True,
            "type": "EndDevice" if self.model.battery else "Router",
            "definition": {
                "description": self.model.description,
                "exposes": [_expose(feature) for feature in self.model.exposes],
                "model": self.model.model,
                "options": [],
                "supports_ota": not self.model.battery,
                "vendor": self.model.vendor,
            },
        }

    def state(self, ts: datetime, air: Air) -> bytes:
        """Return the payload of one report of a climate sensor."""
        second = int(ts.timestamp())
        content: dict[str, Any] = {
            "battery": 87,
            "humidity": air.humidity_pct,
            # differs from report to report, and is the same for one report told twice
            "linkquality": 60 + second // 7 % 90,
            "temperature": air.temperature_c,
        }
        if "pressure" in self.model.exposes:
            content["pressure"] = round(1008 + second // 3600 % 24 * 0.4, 1)
        if "voltage" in self.model.exposes:
            content["voltage"] = 2985
        return self.payload(ts, content)

    def payload(self, ts: datetime, content: dict[str, Any]) -> bytes:
        """Return a payload with the time as this device's messages carry it."""
        match self.last_seen:
            case LastSeen.ISO_8601:
                shown = ts.isoformat(timespec="milliseconds").replace("+00:00", "Z")
                content |= {"last_seen": shown}
            case LastSeen.ISO_8601_LOCAL:
                shown = ts.astimezone(TIME_ZONE).isoformat(timespec="seconds")
                content |= {"last_seen": shown}
            case LastSeen.EPOCH:
                content |= {"last_seen": int(ts.timestamp() * 1000)}
            case LastSeen.DISABLE:
                pass
        return json.dumps(content, separators=(",", ":"), sort_keys=True).encode()


BATHROOM = Sensor("Bathroom", "0x00158d0009a4b0c1", AQARA, 1, LastSeen.ISO_8601, Place.BATHROOM)
TOWELS = Sensor(
    "Towel shelf", "0xa4c1389f0d2e71b5", SONOFF, 0, LastSeen.ISO_8601_LOCAL, Place.TOWELS
)
BEDROOM = Sensor("Bedroom", "0xa4c1382b66f01d93", SONOFF, 1, LastSeen.EPOCH, Place.BEDROOM)
OUTDOOR = Sensor("Balcony", "0x00158d000a07e5f2", AQARA, 0, LastSeen.ISO_8601, Place.OUTDOOR)
HALL = Sensor("Hall", "0xa4c13870b1c2449e", SONOFF, 0, LastSeen.DISABLE, Place.HALL)
LAMP = Sensor("Hall/lamp", "0x84b4dbfffe3a9c10", IKEA_LAMP, 1, LastSeen.ISO_8601)
SENSORS = (BATHROOM, TOWELS, BEDROOM, OUTDOOR, HALL, LAMP)


def recorded_room(name: str) -> Sensor:
    """Return the sensor that a recorded series is told through."""
    return Sensor(name, "0xa4c138fe11ed00aa", SONOFF, 1, LastSeen.ISO_8601)


def bridge_devices(sensors: tuple[Sensor, ...]) -> bytes:
    """Return the retained list of devices, the coordinator first."""
    coordinator = {
        "disabled": False,
        "endpoints": {},
        "friendly_name": "Coordinator",
        "ieee_address": "0x00124b002a1f6e03",
        "interview_completed": True,
        "interview_state": "SUCCESSFUL",
        "interviewing": False,
        "network_address": 0,
        "supported": True,
        "type": "Coordinator",
    }
    described = [sensor.describe(0x1A00 + 17 * n) for n, sensor in enumerate(sensors, 1)]
    return json.dumps([coordinator, *described], separators=(",", ":")).encode()


_UNITS = {"temperature": "°C", "humidity": "%", "pressure": "hPa", "battery": "%", "voltage": "mV"}


def _expose(feature: str) -> dict[str, Any]:
    if feature == "state":
        return {
            "access": 7,
            "label": "State",
            "name": feature,
            "property": feature,
            "type": "binary",
            "value_off": "OFF",
            "value_on": "ON",
        }
    expose = {
        "access": 1,
        "label": feature.capitalize(),
        "name": feature,
        "property": feature,
        "type": "numeric",
    }
    return expose | ({"unit": _UNITS[feature]} if feature in _UNITS else {})
