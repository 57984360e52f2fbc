"""A row gives back what was put into it, or says that it is damaged."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.errors import SpoolDamagedError
from mould_watch.ingest.spool.rows import (
    Row,
    Spooled,
    SpooledConnection,
    SpooledMessage,
    decode,
    encode,
)
from tests.support.messages import NOW, message

spooled_messages = st.builds(
    lambda topic, payload, qos, flags, packet_id, after_us, monotonic_us, boot, doubt: (
        SpooledMessage(
            message=message(
                topic,
                payload,
                qos=qos,
                retain=flags[0],
                dup=flags[1],
                session_resumed=flags[2],
                redelivery_phase=flags[3],
                backlog=flags[4],
                marker=flags[5],
                packet_id=packet_id,
                received_at=NOW + timedelta(microseconds=after_us),
                received_monotonic_s=monotonic_us / 1e6,
                generation=0,
            ),
            boot=boot,
            clock_trusted=flags[6],
            doubt=doubt,
        )
    ),
    st.text(st.characters(), max_size=40),
    st.binary(max_size=200),
    st.integers(0, 2),
    st.tuples(*[st.booleans()] * 7),
    st.integers(0, 65535),
    st.integers(-(10**15), 10**15),
    st.integers(0, 10**13),
    st.uuids(),
    st.none() | st.uuids(),
)
spooled: st.SearchStrategy[Spooled] = spooled_messages | st.builds(SpooledConnection, st.booleans())


@given(spooled)
def test_everything_about_a_message_comes_back(content: Spooled) -> None:
    assert decode(encode(content)) == content


@given(spooled, st.integers(0, 10), st.integers(0, 255))
def test_a_row_that_was_altered_is_noticed(content: Spooled, column: int, by: int) -> None:
    row: list[int | bytes] = list(encode(content))
    value = row[column]
    row[column] = value + bytes([by]) if isinstance(value, bytes) else value ^ (by + 1)
    altered: Row = tuple(row)  # type: ignore[assignment]
    with pytest.raises(SpoolDamagedError):
        decode(altered)


def test_what_is_no_row_at_all_is_noticed() -> None:
    row = encode(SpooledConnection(resumed=True))
    for column in range(len(row)):
        broken: Row = (*row[:column], None, *row[column + 1 :])  # type: ignore[assignment]
        with pytest.raises(SpoolDamagedError):
            decode(broken)


def test_a_time_is_kept_to_the_microsecond() -> None:
    at = datetime.fromisoformat("2026-11-22T12:00:00.123457+00:00")
    kept = SpooledMessage(
        message=message("a", b"", received_at=at, generation=0),
        boot=UUID(int=1),
        clock_trusted=True,
    )
    back = decode(encode(kept))
    assert isinstance(back, SpooledMessage)
    assert back.message.received_at == at
