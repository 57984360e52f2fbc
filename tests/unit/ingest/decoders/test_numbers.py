import pytest

from mould_watch.errors import SettingsError, UndecodableMessageError
from mould_watch.ingest.decoded import Counted, DecodedReading
from mould_watch.ingest.decoders.numbers import NumbersDecoder
from mould_watch.ingest.registry import DecoderRegistry

DECODER = NumbersDecoder(("attic/t = temperature °F @ Attic", "attic/h=humidity@Attic"))


def test_topics_of_one_device_make_one_device() -> None:
    decoded = [DECODER.decode("attic/t", b"71.6"), DECODER.decode("attic/h", b" 55 \n")]
    assert [one.device.native_id for one in decoded if isinstance(one, DecodedReading)] == [
        "Attic",
        "Attic",
    ]
    assert [one.metrics for one in decoded if isinstance(one, DecodedReading)] == [
        {"temperature_c": 22.0},
        {"humidity_pct": 55},
    ]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"NaN", "not_a_number"),
        (b"1e999", "number_not_finite"),
        (b'{"v": 1}', "not_a_number"),
        (b"21.5 C", "not_a_number"),
        (b"\xd9\xa2", "not_a_number"),
        (b"9" * 5000, "not_a_number"),
    ],
)
def test_what_is_no_number_is_undecodable(payload: bytes, reason: str) -> None:
    with pytest.raises(UndecodableMessageError) as raised:
        DECODER.decode("attic/t", payload)
    assert raised.value.reason == reason


def test_a_cleared_topic_is_no_value() -> None:
    assert DECODER.decode("attic/t", b"") == Counted("control")


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("attic/t", "write topic = metric"),
        ("attic/# = temperature", "write topic = metric"),
        ("= temperature", "write topic = metric"),
        ("attic/t = warmth", "'warmth' is none of temperature"),
        ("attic/t = temperature psi", "'psi' is no unit of temperature"),
    ],
)
def test_an_entry_that_does_not_fit_says_why(entry: str, fault: str) -> None:
    with pytest.raises(SettingsError, match=fault):
        DecoderRegistry.from_settings({"number_topics": [entry]})


def test_a_topic_that_stands_there_twice_is_a_fault() -> None:
    with pytest.raises(SettingsError, match="overlap"):
        DecoderRegistry.from_settings({"number_topics": ["a = humidity", "a = temperature"]})
