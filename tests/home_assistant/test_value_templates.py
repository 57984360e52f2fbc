"""The backend's value templates give what Home Assistant's own MqttValueTemplate gives."""

import json
import random
from datetime import UTC, datetime

import pytest
from homeassistant.components.mqtt.models import MqttValueTemplate, PayloadSentinel
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.template import Template

from mould_watch.errors import TemplateError
from mould_watch.ingest.discovery import functions
from mould_watch.ingest.discovery.templates import TemplateSandbox

NO_VALUE = "no value"

# From the discovery messages of Zigbee2MQTT, ESPHome, Tasmota, OpenMQTTGateway / Theengs, rtl_433,
# and from Home Assistant's own documentation of MQTT sensors and of templating.
TEMPLATES = [
    "{{ value_json.temperature }}",
    "{{ value_json.humidity }}",
    "{{ value_json['temperature'] }}",
    "{{ value_json.tempc | is_defined }}",
    "{{ value_json.hum | is_defined }}",
    "{{ value_json['AM2301']['Temperature'] }}",
    "{{ value_json.AM2301.Humidity }}",
    "{{ value_json.temperature_C | float | round(1) }}",
    "{{ value_json.temperature_C|float|round(1) }}",
    "{{ ((value_json.temperature_F|float - 32) / 1.8)|round(2) }}",
    "{{ float(value|int) * 0.1 }}",
    "{{ float(value_json.battery_ok|int) * 99 + 1 }}",
    "{{ ((float(value_json.battery_ok) * 99)|round(0)) + 1 }}",
    "{{ value_json.temperature | float(0) }}",
    "{{ value_json.temperature | round(1, 'floor') }}",
    "{{ value_json.temperature | round(0, 'ceil') }}",
    "{{ value_json.temperature | round(1, 'half', 0) }}",
    "{{ value_json.pressure | multiply(0.01) | round(1) }}",
    "{{ value_json.pressure | float | multiply(33.8639) | round(2) }}",
    "{{ value_json.temperature if value_json.temperature is defined else None }}",
    "{% if value_json.temperature is defined %}{{ value_json.temperature }}{% endif %}",
    "{{ iif(value_json.humidity is defined, value_json.humidity, 0) }}",
    "{{ value_json.humidity | default(0) | int }}",
    "{{ value_json.humidity | int(default=-1) }}",
    "{{ value | float | round(2) }}",
    "{{ value | int(0) }}",
    "{{ value | regex_findall_index('[-0-9.]+') }}",
    "{{ value | regex_replace('[^0-9.]', '') }}",
    "{{ value | regex_match('.*temperature') }}",
    "{{ value | regex_search('\\\\d') }}",
    "{{ (value | from_json).temperature }}",
    "{{ (value | from_json(default={})).temperature | default('') }}",
    "{{ value.split(' ')[0] }}",
    "{{ value[:4] }}",
    "{{ max(value_json.temperature, 0) }}",
    "{{ [value_json.temperature, value_json.humidity] | max }}",
    "{{ [value_json.temperature, value_json.humidity] | average | round(2) }}",
    "{{ median(1, value_json.temperature, 40) }}",
    "{{ value_json.temperature | clamp(0, 25) }}",
    "{{ value_json.temperature | wrap(0, 10) }}",
    "{{ value_json.humidity | remap(0, 100, 0, 1) }}",
    "{{ value_json.humidity | remap(0, 100, 0, 1, steps=4, edges='clamp') }}",
    "{{ value_json.temperature | log(10, 0) }}",
    "{{ sqrt(value_json.temperature, -1) }}",
    "{{ value_json.temperature | is_number }}",
    "{{ value_json.temperature is is_number }}",
    "{{ value_json.temperature | bool(false) }}",
    "{{ value_json | length }}",
    "{{ value_json.keys() | list | sort | join(',') }}",
    "{{ value_json.temperature | string | length }}",
    "{{ value_json.temperature ~ ' °C' }}",
    "{{ '%.1f' | format(value_json.temperature) }}",
    "{{ '%.1f' % value_json.temperature }}",
    "{{ '{:.2f}'.format(value_json.temperature) }}",
    "{{ value_json.raw | from_hex | unpack('>h') }}",
    "{{ (value_json.raw[0:4] | int(base=16)) / 100 }}",
    "{{ 300 | pack('>H') | unpack('>H') }}",
    "{{ value_json.raw | base64_encode }}",
    "{{ value_json.raw | ord }}",
    "{{ value_json.list | sum }}",
    "{{ value_json.list | flatten | first }}",
    "{{ value_json.list | map('float') | list }}",
    "{% set ns = namespace(total=0) %}{% for x in value_json.list %}{% set ns.total = ns.total + x %}{% endfor %}{{ ns.total }}",  # noqa: E501
    "{% for x in value_json.list %}{% if x > 1 %}{{ x }}{% break %}{% endif %}{% endfor %}",
    "{{ as_timestamp('2026-11-22T12:00:00+00:00') }}",
    "{{ as_timestamp(value, 0) }}",
    "{{ as_datetime(1795348800) }}",
    "{{ 1795348800 | timestamp_utc }}",
    "{{ strptime('21:30', '%H:%M').hour }}",
    "{{ value_json.humidity | ordinal }}",
    "{{ value_json.keys() | list | to_json }}",
    "{{ value_json.humidity | bitwise_and(15) }}",
    "{{ value_json.humidity | int | bitwise_or(1) }}",
    "{{ value_json.list | contains(2) }}",
    "{{ combine({'a': 1}, {'b': value_json.humidity}).b }}",
    "{{ zip([1, 2], [3, 4]) | list }}",
    "{{ atan2(1, 2) | round(3) }}",
    "{{ value_json.temperature | sin | round(3) }}",
    "{{ states('sensor.x') if false else value_json.temperature }}",
    "text that is no template",
]


def payloads(count: int = 150) -> list[str]:
    """Return JSON as sensors send it, much of it odd, and text that is none."""
    chance = random.Random(20261124)  # noqa: S311 - deterministic
    nested = {"Temperature": 21.5, "Humidity": 55.1}
    texts = ["21.5", "", "nan", "unknown", "21,5"]
    values: list[object] = [*texts, 21.56, -3, 0, 100, None, True, 1e300, [], nested, 2**70, 1e-9]
    keys = ["temperature", "humidity", "tempc", "hum", "AM2301", "temperature_C", "temperature_F",
            "battery_ok", "pressure", "raw", "list"]  # fmt: skip
    made = ["21.5", "21.5 °C", "", "ON", "nan", "NaN", "null", "[1, 2]", '"21.5"', "{", "215", "-7"]
    made.append('{"temperature": 21.56, "humidity": 55, "raw": "0866", "list": [1, 2, 3]}')
    for _ in range(count):
        fields = {key: chance.choice(values) for key in keys if chance.random() < 0.7}
        if chance.random() < 0.5:
            fields |= {"raw": "0866", "list": [1, 2.5, 3]}
        made.append(json.dumps(fields))
    return made


@pytest.mark.parametrize("source", TEMPLATES)
async def test_a_value_is_the_one_that_home_assistant_computes(
    hass: HomeAssistant, source: str
) -> None:
    theirs = MqttValueTemplate(Template(source, hass))
    ours = TemplateSandbox(lambda: datetime.now(UTC)).compile(source)
    for payload in payloads():
        try:
            expected = theirs.async_render_with_possible_json_value(
                payload, PayloadSentinel.DEFAULT
            )
        except HomeAssistantError, LookupError:
            expected = PayloadSentinel.DEFAULT
        if expected is PayloadSentinel.DEFAULT:
            expected = NO_VALUE
        try:
            parsed = functions.parse_json(payload)
        except ValueError:
            parsed = functions.NO_JSON
        try:
            value = ours.render(payload, parsed)
        except TemplateError:
            value = NO_VALUE
        assert value == expected, payload
