"""What becomes of a message, whatever it holds."""

import json
from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st

from mould_watch.errors import UndecodableMessageError
from mould_watch.ingest.fingerprint import fingerprint
from mould_watch.ingest.interpret import Interpreted, Interpreter, refused
from mould_watch.ingest.registry import DecoderRegistry
from mould_watch.settings import IngestSettings
from tests.support.messages import message

REGISTRY = DecoderRegistry.from_settings({})
INTERPRETER = Interpreter(REGISTRY, IngestSettings(payload_maximum_bytes=2048))


_TOPICS = st.sampled_from(
    [
        "zigbee2mqtt/bath",
        "zigbee2mqtt/bath/availability",
        "zigbee2mqtt/bath/set",
        "zigbee2mqtt/bridge/devices",
        "zigbee2mqtt/bridge/state",
        "mould-watch/readings/bath",
        "elsewhere",
    ]
)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**300, 10**320)
    | st.floats()
    | st.text()
    | st.sampled_from(["online", "2026-11-22T11:00:00", 1795314660000, 21.5])
)
_KEYS = st.sampled_from(
    ["temperature", "humidity", "last_seen", "timestamp", "battery", "device", "state",
     "ieee_address", "friendly_name", "ieeeAddr", "definition"]
)  # fmt: skip
_VALUES = st.recursive(
    _SCALARS,
    lambda children: st.lists(children) | st.dictionaries(_KEYS | st.text(), children),
    max_leaves=12,
)
_PAYLOADS = st.binary(max_size=300) | _VALUES.map(lambda value: json.dumps(value).encode())


@given(_TOPICS, _PAYLOADS)
def test_decoding_raises_nothing_but_undecodable(topic: str, payload: bytes) -> None:
    decoders = REGISTRY.decoders_for(topic)
    if not decoders:
        assert topic == "elsewhere"
        return
    (decoder,) = decoders
    try:
        decoder.decode(topic, payload)
    except UndecodableMessageError as error:
        assert error.reason  # noqa: PT017 - either end is right


@given(topic=_TOPICS, payload=_PAYLOADS, retain=st.booleans(), backlog=st.booleans())
def test_every_message_has_exactly_one_ending(
    topic: str, payload: bytes, *, retain: bool, backlog: bool
) -> None:
    done = INTERPRETER.interpret(message(topic, payload, retain=retain, backlog=backlog))
    endings = [bool(done.readings), done.dead_letter is not None, done.ending is not None]
    assert endings.count(True) == 1
    for reading in done.readings:
        assert reading.extra is None or isinstance(json.loads(reading.extra), dict)
        assert reading.ts.tzinfo is UTC
        assert not (retain and reading.time_quality != "payload")
        assert done.from_receipt or reading.time_quality == "payload"
    assert done.fingerprint == INTERPRETER.interpret(message(topic, payload)).fingerprint


def test_a_topic_of_nobody_is_counted() -> None:
    done = INTERPRETER.interpret(message("elsewhere", b"anything"))
    assert (done.ending, done.source) == ("unwatched", "mqtt")


def test_only_control_messages_may_be_large() -> None:
    state = INTERPRETER.interpret(
        message("zigbee2mqtt/bath", b'{"temperature": 21, "x": "' + b"x" * 3000 + b'"}')
    )
    assert state.dead_letter is not None
    assert state.dead_letter.reason == "payload_too_large"
    devices = json.dumps(
        [{"ieee_address": "0x00158d0001dc126a", "friendly_name": "bath", "x": "x" * 3000}]
    )
    control = INTERPRETER.interpret(message("zigbee2mqtt/bridge/devices", devices.encode()))
    assert len(control.identities) == 1


def test_a_dead_letter_keeps_the_first_64_kib_and_what_the_whole_was() -> None:
    generous = Interpreter(REGISTRY, IngestSettings())
    done = generous.interpret(message("zigbee2mqtt/bath", b"x" * 100_000))
    assert done.dead_letter is not None
    assert len(done.dead_letter.payload) == 65536
    assert done.dead_letter.payload_size == 100_000
    assert done.from_receipt


def test_our_own_marker_leaves_nothing() -> None:
    marker = message("mould-watch/mould-watch/marker", b"1", marker=True)
    assert INTERPRETER.interpret(marker) == Interpreted(
        message=marker, source="mqtt", fingerprint=0
    )


def test_what_the_database_refuses_is_a_dead_letter_that_says_so() -> None:
    done = INTERPRETER.interpret(message("zigbee2mqtt/bath", b'{"temperature": 21}'))
    letter = refused(done, "22003", "too\0large").dead_letter
    assert letter is not None
    assert (letter.reason, letter.detail) == ("refused_by_database", "22003: too\\0large")


def test_the_fingerprint_is_64_bits_and_of_every_part() -> None:
    parts = [
        ("s", "t", b"p"),
        ("s", "tp", b""),
        ("st", "", b"p"),
        ("", "st", b"p"),
        ("s", "t", b""),
    ]
    marks = {fingerprint(*part) for part in parts}
    assert len(marks) == len(parts)
    assert all(-(2**63) <= mark < 2**63 for mark in marks)
    # the key of readings stored by every version: it must never change
    assert fingerprint("mqtt:json", "a/b", b"{}") == 4985933139229426251
