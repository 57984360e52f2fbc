"""Which decoder a topic has, and what the settings of the decoders may be."""

from pathlib import Path
from typing import Any

import pytest

from mould_watch.errors import SettingsError
from mould_watch.ingest.interpret import Interpreter
from mould_watch.ingest.registry import DecoderRegistry, families
from mould_watch.settings import IngestSettings, MqttSettings, Settings
from tests.support.messages import message


def registry(**sensors: Any) -> DecoderRegistry:  # noqa: ANN401 - each setting has its own type
    return DecoderRegistry.from_settings(sensors)


def test_every_family_is_found_and_works_without_a_setting() -> None:
    settings = [family.setting for family in families()]
    assert {"zigbee2mqtt_base_topics", "json_topic_filters"} <= set(settings)
    assert len(set(settings)) == len(settings)
    assert {"zigbee2mqtt/#", "mould-watch/readings/#"} <= set(registry().filters)


def test_an_emptied_list_means_the_usual_and_off_means_none() -> None:
    assert registry(json_topic_filters=[]).filters == registry().filters
    assert registry(json_topic_filters=[""]).filters == registry().filters
    for off in ("off", ["off"]):
        assert "zigbee2mqtt/#" not in registry(zigbee2mqtt_base_topics=off).filters


def test_a_value_from_the_environment_is_json() -> None:
    assert "a/#" in registry(json_topic_filters='["a/#"]').filters
    with pytest.raises(SettingsError, match="is not JSON"):
        registry(json_topic_filters="a/#")


def test_a_setting_that_is_one_word_is_taken_as_it_is() -> None:
    assert "ha/+/+/config" in registry(discovery_prefix="ha").filters
    assert "homeassistant/+/+/config" not in registry(discovery_prefix="off").filters
    with pytest.raises(SettingsError, match="DISCOVERY_PREFIX"):
        registry(discovery_prefix="ha/#")


def test_the_environment_reaches_the_decoders(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MOULD_WATCH_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MOULD_WATCH_MQTT__RUUVI_BASE_TOPICS", '["tags"]')
    monkeypatch.setenv("MOULD_WATCH_MQTT__DISCOVERY_PREFIX", "ha")
    filters = DecoderRegistry.from_settings(Settings.load().mqtt.sensors).filters
    assert {"tags/+/+", "ha/+/+/config"} <= filters


def test_a_setting_that_no_decoder_has_is_a_fault_by_name() -> None:
    with pytest.raises(SettingsError, match=r"mqtt\.hots is no setting"):
        DecoderRegistry.from_settings(MqttSettings.model_validate({"hots": "x"}).sensors)


def test_a_value_that_does_not_fit_names_its_setting() -> None:
    with pytest.raises(SettingsError, match=r"MOULD_WATCH_MQTT__JSON_TOPIC_FILTERS.* at 0: "):
        registry(json_topic_filters=[1])


def test_two_decoders_never_take_the_same_topic_and_the_fault_names_both_settings() -> None:
    with pytest.raises(SettingsError, match="overlap") as fault:
        registry(zigbee2mqtt_base_topics=("home/zigbee",), json_topic_filters=("home/#",))
    assert "MOULD_WATCH_MQTT__ZIGBEE2MQTT_BASE_TOPICS" in str(fault.value)
    assert "MOULD_WATCH_MQTT__JSON_TOPIC_FILTERS" in str(fault.value)


def test_a_family_without_a_setting_gives_way_to_what_others_were_told() -> None:
    filters = registry(json_topic_filters=("home/#",)).filters
    assert "home/#" in filters
    assert not [one for one in filters if one.startswith("home/+")]


def test_a_topic_that_two_filters_take_is_decoded_by_nobody_and_says_so() -> None:
    crossing = registry(zigbee2mqtt_base_topics=("zigbee2mqtt",), json_topic_filters=("+/x",))
    done = Interpreter(crossing, IngestSettings()).interpret(
        message("zigbee2mqtt/x", b'{"temperature": 21}')
    )
    assert done.dead_letter is not None
    assert done.dead_letter.reason == "ambiguous_topic"
    assert "mqtt:json and mqtt:zigbee2mqtt" in done.dead_letter.detail


def test_a_malformed_topic_filter_names_its_setting() -> None:
    with pytest.raises(SettingsError, match="no MQTT topic filter") as fault:
        registry(json_topic_filters=("a/#/b",))
    assert str(fault.value) == (
        "'a/#/b' (MOULD_WATCH_MQTT__JSON_TOPIC_FILTERS, or the app's option"
        " mqtt.json_topic_filters) is no MQTT topic filter"
    )
