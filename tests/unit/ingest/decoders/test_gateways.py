"""OpenMQTTGateway, Theengs and Ruuvi: one sensor, whichever gateway heard it."""

import json

import pytest

from mould_watch.errors import UndecodableMessageError
from mould_watch.ingest.decoded import Counted, DecodedReading
from mould_watch.ingest.decoders.openmqttgateway import OpenMqttGatewayDecoder
from mould_watch.ingest.decoders.ruuvi import RuuviDecoder
from mould_watch.ingest.ruuvi_formats import measurement_in

THEENGS = OpenMqttGatewayDecoder("home")
RUUVI = RuuviDecoder("ruuvi")
FORMAT_5 = "1BFF99040512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F"


def heard(topic: str, **fields: object) -> DecodedReading:
    decoded = THEENGS.decode(topic, json.dumps(fields).encode())
    assert isinstance(decoded, DecodedReading)
    return decoded


def test_a_bluetooth_sensor_is_the_same_through_every_gateway_and_spelling() -> None:
    readings = [
        heard("home/a/BTtoMQTT/A4C138ABCDEF", id="A4:C1:38:AB:CD:EF", tempc=21, name="ATC"),
        heard("home/b/BTtoMQTT/A4C138ABCDEF", id="a4:c1:38:ab:cd:ef", tempc=21),
        heard("home/b/BTtoMQTT/A4C138ABCDEF", hum=50),
        heard("home/b/BTtoMQTT", id="1de4b189115e45f6b44e509352269977", mac="A4C138ABCDEF", hum=5),
    ]
    assert {one.device.native_id for one in readings} == {"A4:C1:38:AB:CD:EF"}


def test_fahrenheit_is_used_where_there_is_nothing_else() -> None:
    both = heard("home/a/BTtoMQTT/A4C138ABCDEF", tempc=21, tempf=69.8)
    assert both.metrics == {"temperature_c": 21}
    assert both.extra == '{"tempf":69.8}'
    only = heard("home/a/BTtoMQTT/A4C138ABCDEF", tempf=71.6)
    assert only.metrics == {"temperature_c": 22.0}


@pytest.mark.parametrize("value", ["warm", True, "nan", "1_0", "", [21]])
def test_what_is_no_number_is_none_here_either(value: object) -> None:
    payload = json.dumps({"tempc": value}).encode()
    with pytest.raises(UndecodableMessageError) as raised:
        THEENGS.decode("home/a/BTtoMQTT/A4C138ABCDEF", payload)
    assert raised.value.reason == "temperature_wrong_type"


def test_what_names_no_sensor_is_counted() -> None:
    assert THEENGS.decode("home/a/BTtoMQTT/undecoded", b'{"tempc": 21}') == Counted("unwatched")
    radio = b'{"model": "Acurite-Tower", "temperature_C": 21}'
    assert THEENGS.decode("home/a/RTL_433toMQTT", radio) == Counted("unwatched")


def test_decoded_values_count_more_than_the_advertisement_beside_them() -> None:
    payload = json.dumps({"data": FORMAT_5, "temperature": 20.5, "humidity": 50}).encode()
    decoded = RUUVI.decode("ruuvi/a/CB:B8:33:4C:88:4F", payload)
    assert isinstance(decoded, DecodedReading)
    assert decoded.metrics == {"temperature_c": 20.5, "humidity_pct": 50}
    assert decoded.at is None


@pytest.mark.parametrize(
    "data", ["", "xyz", "020", "FF", FORMAT_5[:-2], "1BFF990405", "06FF9904051234"]
)
def test_a_broken_advertisement_is_undecodable(data: str) -> None:
    if not data:
        assert measurement_in(data) is None
        return
    with pytest.raises(UndecodableMessageError) as raised:
        measurement_in(data)
    assert raised.value.reason == "advertisement_invalid"


def test_a_format_that_is_not_known_is_counted() -> None:
    assert measurement_in("04FF990408") is None


@pytest.mark.parametrize("ts", ["soon", "12", [1], True, "1653668027.5"])
def test_a_time_that_is_none_is_undecodable(ts: object) -> None:
    payload = json.dumps({"data": FORMAT_5, "ts": ts}).encode()
    with pytest.raises(UndecodableMessageError) as raised:
        RUUVI.decode("ruuvi/a/CBB8334C884F", payload)
    assert raised.value.reason == "time_invalid"
