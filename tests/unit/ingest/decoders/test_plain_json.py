from datetime import UTC, datetime

from mould_watch.ingest.decoded import Counted, DecodedReading
from mould_watch.ingest.decoders.plain_json import PlainJsonDecoder

DECODER = PlainJsonDecoder(["mould-watch/readings/#"])


def test_a_reading_with_its_time() -> None:
    decoded = DECODER.decode(
        "mould-watch/readings/bath",
        b'{"timestamp": "2026-11-22T02:31:00Z", "temperature": 21.5, "humidity": 60, "by": "me"}',
    )
    assert isinstance(decoded, DecodedReading)
    assert decoded.at == datetime(2026, 11, 22, 2, 31, tzinfo=UTC)
    assert decoded.metrics == {"temperature_c": 21.5, "humidity_pct": 60}
    assert decoded.extra == '{"by":"me"}'
    assert decoded.device.native_id == "mould-watch/readings/bath"
    assert decoded.device.name == "bath"


def test_the_time_may_be_epoch_or_absent() -> None:
    for sent in (b"1795314660", b"1795314660000"):
        decoded = DECODER.decode("t", b'{"temperature": 21, "timestamp": ' + sent + b"}")
        assert isinstance(decoded, DecodedReading)
        assert decoded.at == datetime(2026, 11, 22, 2, 31, tzinfo=UTC)
    for payload in (b'{"temperature": 21}', b'{"temperature": 21, "timestamp": null}'):
        decoded = DECODER.decode("t", payload)
        assert isinstance(decoded, DecodedReading)
        assert decoded.at is None


def test_without_a_metric_it_is_unwatched() -> None:
    assert DECODER.decode("t", b'{"timestamp": 1}') == Counted("unwatched")
