"""Both generations."""

import json

import pytest

from mould_watch.errors import SettingsError, UndecodableMessageError
from mould_watch.ingest.decoded import Counted, DecodedReading, DecodedSeveral
from mould_watch.ingest.decoders.shelly_gen1 import ShellyGen1Decoder
from mould_watch.ingest.decoders.shelly_gen2 import ShellyGen2Decoder
from mould_watch.ingest.registry import DecoderRegistry

OLD = ShellyGen1Decoder("shellies")
NEW = ShellyGen2Decoder("home/+")
SOURCE = "shellyhtg3-54320464e2a8"


def test_a_sensor_set_to_fahrenheit_is_told_by_the_setting() -> None:
    decoder = ShellyGen1Decoder("shellies °F")
    decoded = decoder.decode("shellies/shellyht-1/sensor/temperature", b"71.6")
    assert isinstance(decoded, DecodedReading)
    assert decoded.metrics == {"temperature_c": 22.0}
    # the status has both units and is right either way
    decoded = decoder.decode("shellies/shellyht-1/info", b'{"tmp": {"value": 71.6, "tC": 22.0}}')
    assert isinstance(decoded, DecodedReading)
    assert decoded.metrics == {"temperature_c": 22.0}


@pytest.mark.parametrize("entry", ["shellies °K", "shel+ies", " °F", "a #"])
def test_a_base_topic_that_is_none_is_refused(entry: str) -> None:
    with pytest.raises(SettingsError, match="SHELLY_GEN1_BASE_TOPICS"):
        DecoderRegistry.from_settings({"shelly_gen1_base_topics": [entry]})


@pytest.mark.parametrize("payload", [b"nan", b"Infinity", b"true", b"0x15", b"1_0", b"21,5", b" "])
def test_a_value_that_is_no_number_is_undecodable(payload: bytes) -> None:
    with pytest.raises(UndecodableMessageError) as raised:
        OLD.decode("shellies/shellyht-1/sensor/temperature", payload)
    assert raised.value.reason == "not_a_number"


def test_a_value_that_is_said_to_be_invalid_is_none() -> None:
    payload = b'{"tmp": {"tC": 0, "is_valid": false}, "hum": {"value": 50, "is_valid": true}}'
    decoded = OLD.decode("shellies/shellyht-1/info", payload)
    assert isinstance(decoded, DecodedReading)
    assert decoded.metrics == {"humidity_pct": 50}


@pytest.mark.parametrize(
    ("units", "metrics"), [("C", {"temperature_c": 71.6}), ("F", {"temperature_c": 22.0})]
)
def test_a_status_without_both_units_names_its_own(units: str, metrics: object) -> None:
    decoder = ShellyGen1Decoder("shellies °F")
    payload = {"tmp": {"value": 71.6, "units": units, "is_valid": True}, "motion": False}
    decoded = decoder.decode("shellies/shellysense-1/info", json.dumps(payload).encode())
    assert isinstance(decoded, DecodedReading)
    assert decoded.metrics == metrics


@pytest.mark.parametrize("topic", ["sensor/act_reasons", "sensor/error", "sensor/flood"])
def test_other_values_are_counted(topic: str) -> None:
    assert OLD.decode(f"shellies/shellyflood-1/{topic}", b"0") == Counted("unwatched")


def test_a_prefix_of_the_users_own_belongs_to_the_device_that_its_notifications_name() -> None:
    payload = (
        f'{{"src": "{SOURCE}", "method": "NotifyStatus",'
        ' "params": {"ts": 1, "temperature:0": {"id": 0, "tC": 21}}}'
    )
    decoded = NEW.decode("home/bath/events/rpc", payload.encode())
    assert isinstance(decoded, DecodedSeveral)
    (reading,) = decoded.readings
    assert reading.identity is not None
    assert (reading.identity.native_id, reading.identity.topic) == (SOURCE, "home/bath")
    assert reading.device.topic == "home/bath"
    single = NEW.decode("home/bath/status/temperature:0", b'{"id": 0, "tC": 21}')
    assert isinstance(single, DecodedSeveral)
    assert single.readings[0].device == reading.device


def test_the_heat_of_a_meters_own_electronics_is_not_the_air() -> None:
    payload = b'{"id": 0, "tC": 51.2, "tF": 124.2}'
    topic = "home/shellypro3em-a8032abe54dc/status/temperature:0"
    decoder = ShellyGen2Decoder("+")
    assert decoder.decode(topic.removeprefix("home/"), payload) == Counted("unwatched")


@pytest.mark.parametrize("method", [None, [], {}, 3, "NotifyEvent"])
def test_what_is_no_notification_is_counted(method: object) -> None:
    payload = json.dumps({"src": SOURCE, "method": method, "params": {}}).encode()
    assert NEW.decode("home/bath/events/rpc", payload) == Counted("unwatched")


def test_online_is_a_topic_of_others_too() -> None:
    decoder = ShellyGen2Decoder("+")
    assert decoder.decode("frigate/online", b"yes") == Counted("unwatched")
    with pytest.raises(UndecodableMessageError):
        decoder.decode(f"{SOURCE}/online", b"yes")
