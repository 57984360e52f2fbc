import json

import pytest

from mould_watch.errors import UndecodableMessageError
from mould_watch.ingest.metrics import fault_of, read_values


def test_metrics_are_typed_and_the_rest_is_kept_as_sent() -> None:
    values = read_values(
        {
            "temperature": 21,
            "humidity": 60.5,
            "pressure": 1013.2,
            "co2": 600,
            "illuminance": 20,
            "soil_moisture": 30,
            "battery": 90,
            "linkquality": 120,
            "update": {"state": "idle"},
        }
    )
    assert values.metrics == {
        "temperature_c": 21.0,
        "humidity_pct": 60.5,
        "pressure_hpa": 1013.2,
        "co2_ppm": 600.0,
        "illuminance_lx": 20.0,
        "moisture_pct": 30.0,
        "battery_pct": 90.0,
    }
    assert values.watched
    assert json.loads(values.extra or "") == {"linkquality": 120, "update": {"state": "idle"}}


def test_the_lux_value_is_preferred_to_the_raw_one() -> None:
    values = read_values({"illuminance": 13011, "illuminance_lux": 20})
    assert values.metrics == {"illuminance_lx": 20.0}
    assert values.extra == '{"illuminance":13011}'


@pytest.mark.parametrize(
    "fields",
    [{}, {"state": "ON"}, {"humidity": None}, {"battery": 90}, {"temperature": None, "a": 1}],
)
def test_without_a_watched_metric_it_is_no_reading(fields: dict[str, object]) -> None:
    assert not read_values(fields).watched


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"temperature": "21"}, "temperature_wrong_type"),
        ({"temperature": True}, "temperature_wrong_type"),
        ({"temperature": [21]}, "temperature_wrong_type"),
        ({"temperature": {}}, "temperature_wrong_type"),
        ({"temperature": 10**400}, "temperature_out_of_range"),
        ({"temperature": 21, "humidity": -(10**400)}, "humidity_out_of_range"),
    ],
)
def test_a_temperature_or_humidity_that_is_no_number_condemns_the_message(
    fields: dict[str, object], reason: str
) -> None:
    with pytest.raises(UndecodableMessageError) as raised:
        read_values(fields)
    assert raised.value.reason == reason


@pytest.mark.parametrize(
    "fields", [{"temperature": -127}, {"temperature": 1e300}, {"humidity": 0}, {"humidity": 6553.5}]
)
def test_a_number_is_taken_whatever_it_says(fields: dict[str, float]) -> None:
    values = read_values(fields)
    assert values.watched
    assert list(values.metrics.values()) == list(fields.values())


def test_faults_of_forwarded_values() -> None:
    assert fault_of("temperature_c", 21) is None
    assert fault_of("battery_pct", 0) is None
    assert fault_of("humidity_pct", 0) is None
    assert fault_of("battery_pct", 101) == "out_of_range"
    assert fault_of("temperature_c", float("nan")) == "out_of_range"
    assert fault_of("temperature_c", float("inf")) == "out_of_range"
    assert fault_of("loudness_db", 3) == "unknown_metric"
