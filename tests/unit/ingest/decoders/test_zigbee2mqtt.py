"""Payloads as Zigbee2MQTT publishes them."""

import json
from datetime import UTC, datetime

import pytest

from mould_watch.domain.power import PowerSource
from mould_watch.errors import UndecodableMessageError
from mould_watch.ingest.decoded import (
    Counted,
    DecodedAvailability,
    DecodedIdentities,
    DecodedReading,
)
from mould_watch.ingest.decoders.zigbee2mqtt import Zigbee2MqttDecoder
from mould_watch.storage.devices import DeviceReference, KnownDevice

DECODER = Zigbee2MqttDecoder("zigbee2mqtt")
SEEN = datetime(2026, 11, 22, 2, 31, 0, tzinfo=UTC)


def decode(name: str, payload: object) -> object:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return DECODER.decode(f"zigbee2mqtt/{name}", raw)


@pytest.mark.parametrize(
    ("last_seen", "expected"),
    [
        ("2026-11-22T02:31:00.000Z", SEEN),
        ("2026-11-22T03:31:00+01:00", SEEN),
        (1795314660000, SEEN),
        (None, None),
    ],
)
def test_last_seen_in_each_form(last_seen: object, expected: datetime | None) -> None:
    decoded = decode("bath", {"temperature": 21.5, "last_seen": last_seen})
    assert isinstance(decoded, DecodedReading)
    assert decoded.at == expected
    assert decoded.extra is None


def test_a_climate_sensor() -> None:
    decoded = decode(
        "upstairs/bath room",
        {"battery": 97, "humidity": 71.28, "linkquality": 142, "power_outage_count": 12,
         "pressure": 1008.3, "temperature": 19.07, "voltage": 2995},
    )  # fmt: skip
    assert decoded == DecodedReading(
        device=DeviceReference(
            source_instance="mqtt:zigbee2mqtt",
            native_id="zigbee2mqtt/upstairs/bath room",
            topic="zigbee2mqtt/upstairs/bath room",
            name="upstairs/bath room",
        ),
        at=None,
        metrics={
            "temperature_c": 19.07,
            "humidity_pct": 71.28,
            "pressure_hpa": 1008.3,
            "battery_pct": 97.0,
        },
        extra='{"linkquality":142,"power_outage_count":12,"voltage":2995}',
    )


@pytest.mark.parametrize(
    "payload",
    [
        {"state": "ON", "brightness": 254, "color_temp": 370},
        {"action": "single", "battery": 100, "linkquality": 90},
        {"contact": True, "battery": 100},
        {},
    ],
)
def test_lamps_buttons_and_contacts_are_unwatched(payload: object) -> None:
    assert decode("thing", payload) == Counted("unwatched")


@pytest.mark.parametrize("payload", [b"21.5", b"ON", b"", b"null"])
def test_a_bare_value_is_an_attribute_only_where_one_can_be(payload: bytes) -> None:
    assert decode("upstairs/bath/temperature", payload) == Counted("unwatched")
    for name in ("bath", "cellar/north wall"):
        with pytest.raises(UndecodableMessageError):
            decode(name, payload)


def test_a_broken_state_is_no_attribute() -> None:
    with pytest.raises(UndecodableMessageError):
        decode("upstairs/bath", b'{"temperature": 21.')


@pytest.mark.parametrize(
    "name",
    ["bath/set", "bath/get", "bath/set/state", "upstairs/bath/get", "bridge/state", "bridge/info",
     "bridge/logging", "bridge/request/device/rename", "bridge/groups", "bridge/extensions"],
)  # fmt: skip
def test_commands_and_the_bridges_own_are_control_and_not_even_read(name: str) -> None:
    assert decode(name, b"\xff not read") == Counted("control")
    assert DECODER.decode("zigbee2mqtt", b"") == Counted("control")


@pytest.mark.parametrize(
    ("payload", "available"),
    [
        (b"online", True),
        (b"offline", False),
        (b'{"state": "online"}', True),
        (b'{"state":"offline"}', False),
        (b'"online"', True),
    ],
)
def test_availability_in_both_forms(payload: bytes, *, available: bool) -> None:
    decoded = decode("upstairs/bath/availability", payload)
    assert isinstance(decoded, DecodedAvailability)
    assert decoded.available is available
    assert isinstance(decoded.device, DeviceReference)
    assert decoded.device.topic == "zigbee2mqtt/upstairs/bath"


@pytest.mark.parametrize("payload", [b"{}", b'{"state": 1}', b'{"state": []}', b"1", b"Online"])
def test_other_availability_is_undecodable(payload: bytes) -> None:
    with pytest.raises(UndecodableMessageError):
        decode("bath/availability", payload)


def test_a_cleared_availability_or_list_says_nothing() -> None:
    assert decode("bath/availability", b"") == Counted("control")
    assert decode("bridge/devices", b"") == Counted("control")


def test_bridge_devices() -> None:
    decoded = decode(
        "bridge/devices",
        [
            {"ieee_address": "0x00124b0018ed3ddf", "type": "Coordinator", "friendly_name": "C"},
            {
                "ieee_address": "0x00158D0001DC126A",
                "type": "EndDevice",
                "network_address": 29159,
                "supported": True,
                "friendly_name": "upstairs/bath",
                "definition": {
                    "model": "WSDCGQ11LM",
                    "vendor": "Aqara",
                    "description": "Temperature and humidity sensor",
                    "exposes": [],
                },
                "model_id": "lumi.weather",
            },
            {
                "ieee_address": "0x00158d0001dc126b",
                "type": "EndDevice",
                "friendly_name": "0x00158d0001dc126b",
                "definition": None,
                "manufacturer": "LUMI",
                "model_id": "lumi.sensor_ht",
            },
            {"friendly_name": "without an address"},
        ],
    )
    assert decoded == DecodedIdentities(
        (
            KnownDevice(
                "0x00158d0001dc126a",
                "zigbee2mqtt/upstairs/bath",
                "upstairs/bath",
                "Aqara",
                "WSDCGQ11LM",
            ),
            KnownDevice(
                "0x00158d0001dc126b",
                "zigbee2mqtt/0x00158d0001dc126b",
                "0x00158d0001dc126b",
                "LUMI",
                "lumi.sensor_ht",
            ),
        )
    )


@pytest.mark.parametrize(
    ("said", "kind", "power"),
    [
        ("Battery", "EndDevice", PowerSource.BATTERY),
        # as in its documentation
        ("Battery", "Router", PowerSource.BATTERY),
        ("Mains (single phase)", "EndDevice", PowerSource.MAINS),
        ("Mains (3 phase)", "Router", PowerSource.MAINS),
        ("Emergency mains constantly powered", "EndDevice", PowerSource.MAINS),
        ("DC Source", "Router", PowerSource.MAINS),
        ("DC Source", "EndDevice", None),
        ("Unknown", "EndDevice", None),
        (None, "EndDevice", None),
        (None, None, None),
    ],
)
def test_what_a_device_is_powered_by(
    said: str | None, kind: str | None, power: PowerSource | None
) -> None:
    address = "0x00158d0001dc126a"
    entry = {"ieee_address": address, "friendly_name": "x", "type": kind, "power_source": said}
    listed = decode("bridge/devices", [entry])
    assert isinstance(listed, DecodedIdentities)
    assert listed.identities[0].power_source is power
    state = decode(
        "x", {"temperature": 1, "device": {"ieeeAddr": address, "type": kind, "powerSource": said}}
    )
    assert isinstance(state, DecodedReading)
    assert state.identity is not None
    assert state.identity.power_source is power


@pytest.mark.parametrize("payload", [{}, "x", [1, 2], [{"ieee_address": "nonsense"}], b"broken"])
def test_a_list_that_names_no_device_is_undecodable(payload: object) -> None:
    with pytest.raises(UndecodableMessageError):
        decode("bridge/devices", payload)


def test_a_state_may_name_its_device() -> None:
    decoded = decode(
        "bath",
        {
            "temperature": 21,
            "device": {
                "ieeeAddr": "0x00158D0001DC126A",
                "model": "WSDCGQ11LM",
                "type": "EndDevice",
            },
        },
    )
    assert isinstance(decoded, DecodedReading)
    assert decoded.identity == KnownDevice(
        "0x00158d0001dc126a", "zigbee2mqtt/bath", "bath", None, "WSDCGQ11LM"
    )
    assert "ieeeAddr" in (decoded.extra or "")


def test_another_base_topic_is_another_source() -> None:
    decoder = Zigbee2MqttDecoder("home/zigbee/")
    decoded = decoder.decode("home/zigbee/bath", b'{"temperature": 21}')
    assert decoder.filters == ("home/zigbee/#",)
    assert isinstance(decoded, DecodedReading)
    assert decoded.device.source_instance == "mqtt:home/zigbee"
    assert decoded.device.name == "bath"
