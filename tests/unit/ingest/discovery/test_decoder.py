"""What discovery makes of announcements, and of the messages they are about."""

import json
from typing import Any

import pytest

from mould_watch.domain.power import PowerSource
from mould_watch.errors import UndecodableMessageError
from mould_watch.ingest.decoded import (
    Counted,
    Decoded,
    DecodedAnnouncement,
    DecodedReading,
    DecodedSeveral,
)
from mould_watch.ingest.discovery import decoder as discovery
from mould_watch.ingest.discovery.decoder import DiscoveryDecoder

STATE = "esp/state"


@pytest.fixture
def decoder() -> DiscoveryDecoder:
    return DiscoveryDecoder("homeassistant")


def component(**changed: Any) -> dict[str, Any]:  # noqa: ANN401 - as discovery has it
    return {
        "unique_id": "t1",
        "device_class": "temperature",
        "unit_of_measurement": "°C",
        "state_topic": STATE,
        "value_template": "{{ value_json.temperature }}",
        "device": {"identifiers": ["bath-1"], "name": "Bath"},
    } | changed


def announce(
    decoder: DiscoveryDecoder,
    place: str = "sensor/bath/t",
    **changed: Any,  # noqa: ANN401
) -> Decoded:
    payload = json.dumps(component(**changed)).encode()
    return decoder.decode(f"homeassistant/{place}/config", payload)


def readings(decoder: DiscoveryDecoder, payload: bytes, topic: str = STATE) -> list[DecodedReading]:
    decoded = decoder.decode(topic, payload)
    assert isinstance(decoded, DecodedSeveral)
    return list(decoded.readings)


def values(decoder: DiscoveryDecoder, payload: bytes, topic: str = STATE) -> dict[str, Any]:
    return {one.device.native_id: dict(one.metrics) for one in readings(decoder, payload, topic)}


def test_a_component_is_announced_with_its_device(decoder: DiscoveryDecoder) -> None:
    decoded = announce(decoder)
    assert isinstance(decoded, DecodedAnnouncement)
    assert decoded.payload is not None
    assert [one.native_id for one in decoded.known] == ["bath-1"]
    assert [(claim.native_id, claim.column, key) for claim, key in decoded.claims] == [
        ("bath-1", "temperature_c", "t1")
    ]
    assert decoder.topics == {STATE}


def test_several_components_of_one_device_on_one_topic_make_one_reading(
    decoder: DiscoveryDecoder,
) -> None:
    announce(decoder)
    announce(
        decoder,
        "sensor/bath/h",
        unique_id="h1",
        device_class="humidity",
        unit_of_measurement="%",
        value_template="{{ value_json.humidity }}",
    )
    (reading,) = readings(decoder, b'{"temperature": 21.5, "humidity": 60, "rssi": -70}')
    assert reading.metrics == {"temperature_c": 21.5, "humidity_pct": 60}
    assert reading.extra == '{"rssi":-70}'
    assert reading.at is None


def test_a_battery_on_a_topic_of_its_own_is_a_reading_where_the_device_measures_more(
    decoder: DiscoveryDecoder,
) -> None:
    battery = {
        "unique_id": "b1",
        "device_class": "battery",
        "unit_of_measurement": "%",
        "state_topic": "esp/battery",
        "value_template": None,
        "entity_category": "diagnostic",
    }
    announce(decoder, "sensor/bath/b", **battery)
    assert decoder.decode("esp/battery", b"90") == Counted("unwatched")
    announce(decoder)
    assert values(decoder, b"90", "esp/battery") == {"bath-1": {"battery_pct": 90}}


def test_a_device_that_one_message_does_not_name_keeps_the_name_of_another(
    decoder: DiscoveryDecoder,
) -> None:
    unnamed = {"unique_id": "h", "name": "Humidity", "device": {"identifiers": ["bath-1"]}}
    first = announce(decoder, "sensor/bath/h", **unnamed)
    assert isinstance(first, DecodedAnnouncement)
    assert [one.name for one in first.known] == ["Humidity"]
    assert [one.name for one in first.labels] == [None]
    announce(decoder)
    again = announce(decoder, "sensor/bath/h", **unnamed)
    assert isinstance(again, DecodedAnnouncement)
    assert [one.name for one in again.labels] == ["Bath"]


def test_components_of_several_devices_on_one_topic_make_a_reading_each(
    decoder: DiscoveryDecoder,
) -> None:
    for name in ("a", "b"):
        announce(
            decoder,
            f"sensor/{name}",
            unique_id=name,
            value_template=f"{{{{ value_json.{name} }}}}",
            device={"identifiers": name},
        )
    assert values(decoder, b'{"a": 1, "b": 2}') == {
        "a": {"temperature_c": 1},
        "b": {"temperature_c": 2},
    }


def test_a_second_probe_of_a_device_never_takes_the_place_of_the_first(
    decoder: DiscoveryDecoder,
) -> None:
    announce(decoder)
    announce(decoder, "sensor/bath/t2", unique_id="t2", value_template="{{ value_json.outside }}")
    both = b'{"temperature": 21, "outside": 4}'
    expected = {"bath-1": {"temperature_c": 21}, "bath-1:t2": {"temperature_c": 4}}
    assert values(decoder, both) == expected
    # what is stored decides, in whatever order the broker sends it after a restart
    restarted = DiscoveryDecoder("homeassistant")
    claims = [
        pair
        for place in ("bath/t2", "bath/t")
        for pair in _claims(decoder, f"homeassistant/sensor/{place}/config")
    ]
    restarted.restore({}, claims)
    announce(restarted, "sensor/bath/t2", unique_id="t2", value_template="{{ value_json.outside }}")
    announce(restarted)
    assert values(restarted, both) == expected
    # nor when the first is taken back
    restarted.decode("homeassistant/sensor/bath/t/config", b"")
    assert values(restarted, both) == {"bath-1:t2": {"temperature_c": 4}}


def _claims(decoder: DiscoveryDecoder, topic: str) -> list[Any]:
    payload = json.dumps(
        component()
        if topic.endswith("/t/config")
        else component(unique_id="t2", value_template="{{ value_json.outside }}")
    )
    decoded = decoder.decode(topic, payload.encode())
    assert isinstance(decoded, DecodedAnnouncement)
    return list(decoded.claims)


@pytest.mark.parametrize("name", ["Dew point", "Target temperature", "CPU", "Set point"])
def test_what_is_not_the_air_is_never_the_device_itself(
    decoder: DiscoveryDecoder, name: str
) -> None:
    announce(decoder, "sensor/bath/x", unique_id="x", name=name, value_template="{{ 3 }}")
    assert values(decoder, b"{}") == {"bath-1:x": {"temperature_c": 3}}


@pytest.mark.parametrize(
    "changed",
    [
        {"device_class": "power", "unit_of_measurement": "W"},
        {"device_class": None},
        {"device_class": "temperature", "unit_of_measurement": "m"},
        {"device_class": "temperature", "unit_of_measurement": None},
        {"enabled_by_default": False},
        {"entity_category": "diagnostic"},
        {"encoding": ""},
        {"state_topic": "esp/+/state"},
        {"state_topic": "esp/#"},
        {"state_topic": "$SYS/broker/uptime"},
        {"state_topic": 3},
        {"state_topic": ""},
    ],
)
def test_what_home_assistant_would_not_show_as_a_metric_is_not_listened_to(
    decoder: DiscoveryDecoder, changed: dict[str, Any]
) -> None:
    decoded = announce(decoder, **changed)
    assert decoded == DecodedAnnouncement("homeassistant/sensor/bath/t/config", None)
    assert not decoder.topics


def test_a_device_announces_its_components_together(decoder: DiscoveryDecoder) -> None:
    device = {
        "~": "esp",
        "dev": {"cns": [["mac", "AA:BB:CC:DD:EE:FF"]], "name": "Bath"},
        "stat_t": "~/state",
        "avty": {"t": "~/status", "val_tpl": "{{ value_json.s }}"},
        "cmps": {
            "t": {"p": "sensor", "dev_cla": "temperature", "unit_of_meas": "K",
                  "val_tpl": "{{ value_json.t }}"},
            "b": {"p": "sensor", "dev_cla": "battery", "ent_cat": "diagnostic",
                  "unit_of_meas": "%", "val_tpl": "{{ value_json.b }}"},
            "led": {"p": "light", "cmd_t": "~/led"},
            "gone": {"p": "sensor"},
        },
    }  # fmt: skip
    decoder.decode("homeassistant/device/esp/config", json.dumps(device).encode())
    assert decoder.topics == {"esp/state", "esp/status"}
    assert values(decoder, b'{"t": 294.15, "b": 90}', "esp/state") == {
        "mac aa:bb:cc:dd:ee:ff": {"temperature_c": 21.0, "battery_pct": 90}
    }


def test_an_announcement_changed_or_taken_back_replaces_what_was_known(
    decoder: DiscoveryDecoder,
) -> None:
    announce(decoder)
    announce(decoder, state_topic="esp/new")
    assert decoder.topics == {"esp/new"}
    decoded = decoder.decode("homeassistant/sensor/bath/t/config", b"")
    assert decoded == DecodedAnnouncement("homeassistant/sensor/bath/t/config", None)
    assert not decoder.topics


def test_the_same_announcement_again_is_stored_again_because_a_try_may_have_failed(
    decoder: DiscoveryDecoder,
) -> None:
    assert announce(decoder) == announce(decoder)


def test_what_others_decode_is_left_to_them(decoder: DiscoveryDecoder) -> None:
    decoder.give_way(lambda topic: topic == STATE)
    assert announce(decoder) == DecodedAnnouncement("homeassistant/sensor/bath/t/config", None)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"temperature": "warm"}', "not_a_number"),
        (b'{"temperature": true}', "not_a_number"),
        (b'{"temperature": NaN}', "number_not_finite"),
        (b'{"temperature": 1e999}', "number_not_finite"),
        (b'{"temperature": 1, "temperature": 2}', "duplicate_key"),
        (b"\xff", "not_utf8"),
    ],
)
def test_what_is_no_value_is_undecodable(
    decoder: DiscoveryDecoder, payload: bytes, reason: str
) -> None:
    announce(decoder)
    with pytest.raises(UndecodableMessageError) as raised:
        decoder.decode(STATE, payload)
    assert raised.value.reason == reason


@pytest.mark.parametrize(
    "payload",
    [b'{"temperature": null}', b'{"temperature": "unavailable"}', b"{}", b'{"other": 1}', b"[1]"],
)
def test_a_message_without_the_value_is_counted(decoder: DiscoveryDecoder, payload: bytes) -> None:
    announce(decoder)
    assert decoder.decode(STATE, payload) == Counted("unwatched")


def test_a_template_that_takes_too_long_is_a_dead_letter_from_then_on(
    decoder: DiscoveryDecoder,
) -> None:
    announce(
        decoder,
        value_template="{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}"
        "{% endfor %}1",
    )
    for _ in range(2):
        with pytest.raises(UndecodableMessageError) as raised:
            decoder.decode(STATE, b"{}")
        assert raised.value.reason == "template_too_slow"


def test_templates_that_take_too_long_together_are_left_alone_until_announced_anew(
    decoder: DiscoveryDecoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce(decoder)
    monkeypatch.setattr(discovery, "MESSAGE_TIME_LIMIT_S", -1.0)
    assert values(decoder, b'{"temperature": 21}')
    with pytest.raises(UndecodableMessageError, match="take too long together"):
        decoder.decode(STATE, b'{"temperature": 21}')
    announce(decoder, name="New")
    assert values(decoder, b'{"temperature": 21}')


def test_the_number_and_the_size_of_announcements_are_bounded(
    decoder: DiscoveryDecoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "CONFIGURATIONS_MAXIMUM", 2)
    for number in range(2):
        announce(decoder, f"sensor/{number}", unique_id=str(number))
    with pytest.raises(UndecodableMessageError, match="no household's"):
        announce(decoder, "sensor/2", unique_id="2")
    announce(decoder, "sensor/1", unique_id="1", state_topic="esp/moved")
    with pytest.raises(UndecodableMessageError, match="bytes are more than"):
        announce(decoder, name="x" * discovery.CONFIGURATION_MAXIMUM_BYTES)


@pytest.mark.parametrize(
    ("mode", "said", "expected"),
    [
        ("all", [("a", "online")], None),
        ("all", [("a", "online"), ("b", "online")], True),
        ("all", [("a", "online"), ("b", "online"), ("a", "offline")], False),
        ("all", [("b", "offline")], False),
        ("any", [("a", "offline")], None),
        ("any", [("a", "offline"), ("b", "offline")], False),
        ("any", [("a", "offline"), ("b", "online")], True),
        ("latest", [("a", "offline")], False),
        ("latest", [("a", "offline"), ("b", "online")], True),
        ("latest", [("a", "odd")], None),
        ([], [("a", "online")], True),
    ],
)
def test_availability_is_put_together_as_its_mode_says(
    decoder: DiscoveryDecoder, mode: object, said: list[tuple[str, str]], *, expected: bool | None
) -> None:
    announce(
        decoder,
        availability=[{"topic": "a"}, {"topic": "b"}],
        availability_mode=mode,
    )
    for topic, payload in said:
        decoded = decoder.decode(topic, payload.encode())
    assert isinstance(decoded, DecodedSeveral)
    last = [one.available for one in decoded.availability]
    assert last == ([] if expected is None else [expected])


def powers(decoder: DiscoveryDecoder) -> list[PowerSource | None]:
    said = [one.label for one in readings(decoder, b'{"temperature": 1}')]
    return [None if label is None else label.power_source for label in said]


@pytest.mark.parametrize(
    ("part", "power"),
    [
        ({"device_class": "battery", "unit_of_measurement": "%"}, PowerSource.BATTERY),
        ({"device_class": "voltage", "name": "Battery voltage"}, PowerSource.BATTERY),
        ({"device_class": "voltage", "unique_id": "bath_batt"}, PowerSource.BATTERY),
        # a plug's
        ({"device_class": "voltage", "name": "Voltage"}, None),
        ({"device_class": "power"}, None),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_an_announcement_shows_that_its_device_has_a_battery(
    decoder: DiscoveryDecoder, part: dict[str, Any], power: PowerSource | None, *, is_first: bool
) -> None:
    other = {"unique_id": "u", "state_topic": "other", "value_template": "{{ value }}"} | part
    if is_first:
        announce(decoder, "sensor/bath/u", **other)
    announce(decoder)
    hall = {"identifiers": ["hall"], "name": "Hall"}
    announce(decoder, "sensor/hall/t", unique_id="t2", device=hall, state_topic="hall")
    if not is_first:
        announce(decoder, "sensor/bath/u", **other)
    assert powers(decoder) == [power]
    (neighbour,) = readings(decoder, b'{"temperature":1}', "hall")
    assert neighbour.label is None


def test_a_whole_device_shows_by_any_part_that_it_has_a_battery(decoder: DiscoveryDecoder) -> None:
    low = {"p": "binary_sensor", "dev_cla": "battery", "uniq_id": "low", "stat_t": STATE}
    parts = {"t": component() | {"p": "sensor"}, "low": low}
    whole = {"dev": {"ids": ["bath-1"]}, "o": {"name": "x"}, "cmps": parts}
    decoder.decode("homeassistant/device/bath/config", json.dumps(whole).encode())
    assert powers(decoder) == [PowerSource.BATTERY]


def test_a_topic_may_be_state_and_availability_at_once(decoder: DiscoveryDecoder) -> None:
    announce(
        decoder,
        availability_topic=STATE,
        availability_template="{{ 'online' if value_json.ok else 'offline' }}",
    )
    decoded = decoder.decode(STATE, b'{"temperature": 21, "ok": false}')
    assert isinstance(decoded, DecodedSeveral)
    assert [one.available for one in decoded.availability] == [False]
    assert [one.metrics for one in decoded.readings] == [{"temperature_c": 21}]
