from typing import Any

import pytest

from mould_watch.errors import SettingsError, UndecodableMessageError
from mould_watch.ingest.decoded import Counted, DecodedSeveral
from mould_watch.ingest.decoders.tasmota import TasmotaDecoder
from mould_watch.ingest.registry import DecoderRegistry

DECODER = TasmotaDecoder("%prefix%/%topic%/")


def devices(payload: bytes, decoder: TasmotaDecoder = DECODER) -> dict[str, Any]:
    decoded = decoder.decode("tele/bath/SENSOR", payload)
    assert isinstance(decoded, DecodedSeveral)
    return {one.device.native_id: dict(one.metrics) for one in decoded.readings}


def test_a_full_topic_of_the_users_own() -> None:
    decoder = TasmotaDecoder("home/%topic%/telemetry/")
    assert decoder.filters == ("home/+/telemetry/SENSOR", "home/+/telemetry/LWT")
    decoded = decoder.decode("home/bath/telemetry/SENSOR", b'{"AM2301": {"Temperature": 21}}')
    assert isinstance(decoded, DecodedSeveral)
    assert decoded.readings[0].device.native_id == "bath:AM2301"


@pytest.mark.parametrize("topic", ["tele/+/", "%topic%/%topic%/", "a/%topic%%prefix%/", "/"])
def test_a_full_topic_that_is_none_is_refused_by_name(topic: str) -> None:
    with pytest.raises(SettingsError, match=r"TASMOTA_FULL_TOPICS.*a full topic is like"):
        DecoderRegistry.from_settings({"tasmota_full_topics": [topic]})


def test_a_sensor_with_an_address_keeps_it_whatever_number_it_gets() -> None:
    one = b'{"DS18B20-2": {"Id": "01144A0CB2AA", "Temperature": 20}}'
    other = b'{"DS18B20": {"Id": "01144A0CB2AA", "Temperature": 21}}'
    assert list(devices(one)) == list(devices(other)) == ["01144A0CB2AA"]
    assert list(devices(b'{"ATC": {"mac": "a4:c1:38:aa:bb:cc", "Humidity": 50}}')) == [
        "A4C138AABBCC"
    ]


def test_a_sensor_that_drops_out_changes_no_others_identity() -> None:
    both = b'{"AM2301": {"Temperature": 21}, "BMP280": {"Temperature": 22}}'
    assert devices(both) == {
        "bath:AM2301": {"temperature_c": 21},
        "bath:BMP280": {"temperature_c": 22},
    }
    assert devices(b'{"BMP280": {"Temperature": 22}}') == {"bath:BMP280": {"temperature_c": 22}}


def test_units_are_those_that_the_message_names() -> None:
    payload = (
        b'{"BME280": {"Temperature": 71.6, "Pressure": 760}, "TempUnit": "F",'
        b' "PressureUnit": "mmHg"}'
    )
    (metrics,) = devices(payload).values()
    assert metrics == {"temperature_c": 22.0, "pressure_hpa": pytest.approx(1013.25, abs=0.01)}
    for unit in (b'"K"', b"[]", b"1"):
        with pytest.raises(UndecodableMessageError, match="TempUnit"):
            devices(b'{"AM2301": {"Temperature": 21}, "TempUnit": ' + unit + b"}")


def test_what_belongs_to_no_sensor_is_kept_with_the_first() -> None:
    decoded = DECODER.decode(
        "tele/bath/SENSOR",
        b'{"AM2301": {"Temperature": 21, "DewPoint": 9}, "BMP280": {"Temperature": 22},'
        b' "ENERGY": {"Power": 5}}',
    )
    assert isinstance(decoded, DecodedSeveral)
    assert [one.extra for one in decoded.readings] == [
        '{"DewPoint":9,"ENERGY":{"Power":5}}',
        None,
    ]


def test_a_sensor_that_cannot_be_read_is_no_reading() -> None:
    payload = b'{"AM2301": {"Temperature": null, "Humidity": null}}'
    assert DECODER.decode("tele/bath/SENSOR", payload) == Counted("unwatched")
    with pytest.raises(UndecodableMessageError) as raised:
        devices(b'{"AM2301": {"Temperature": "nan"}}')
    assert raised.value.reason == "temperature_wrong_type"


def test_a_last_will_is_online_offline_or_taken_back() -> None:
    assert DECODER.decode("tele/bath/LWT", b"") == Counted("control")
    with pytest.raises(UndecodableMessageError):
        DECODER.decode("tele/bath/LWT", b"online")
