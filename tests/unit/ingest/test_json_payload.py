import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mould_watch.errors import UndecodableMessageError
from mould_watch.ingest.json_payload import dump, parse, parse_object

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(st.text("abcü", max_size=4), children, max_size=4)
    ),
    max_leaves=20,
)


@given(_JSON)
def test_plain_json_comes_back_exactly(value: Any) -> None:  # noqa: ANN401 - any JSON
    assert json.loads(dump(parse(json.dumps(value).encode()))) == value


@given(st.binary())
def test_any_bytes_are_json_or_undecodable(payload: bytes) -> None:
    try:
        parse(payload)
    except UndecodableMessageError as error:
        assert error.reason  # noqa: PT017 - either end is right


def test_equal_duplicates_are_no_contradiction() -> None:
    assert parse(b'{"a": 1, "a": 1}') == {"a": 1}
    for contradiction in (
        b'{"a": 1, "a": 2}',
        b'{"a": 1, "a": true}',
        b'{"x": {"a": 1, "a": "1"}}',
    ):
        with pytest.raises(UndecodableMessageError, match="two different values"):
            parse(contradiction)


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    assert parse(b'{"a": "\\\\u0000"}') == {"a": "\\u0000"}


def test_a_key_is_checked_like_a_value() -> None:
    with pytest.raises(UndecodableMessageError, match="NUL"):
        parse(b'{"a\\u0000": 1}')


def test_only_objects_are_objects() -> None:
    assert parse_object(b"{}") == {}
    for other in (b"1", b"[]", b'"a"', b"null"):
        with pytest.raises(UndecodableMessageError, match="not a JSON object"):
            parse_object(other)
