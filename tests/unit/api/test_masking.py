"""What is shown of a payload that was not understood."""

import time

import pytest

from mould_watch.api.masking import masked_text


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        (b'{"temperature": 21, "password": "hunter2"', '{"temperature": 21, "password": "***"'),
        (b'{"mqtt_password":"a\\"b","x":1}', '{"mqtt_password":"***","x":1}'),
        (b'{"pin": 1234, "spin": 5}', '{"pin": "***", "spin": 5}'),
        (b'{"network_key": [1, 2, 3], "t": 1}', '{"network_key": "***", "t": 1}'),
        (b'{"auth": {"user": "a"}, "t": 1}', '{"auth": "***", "t": 1}'),
        (b'{"x": "{\\"token\\":\\"abc\\"}"}', '{"x": "{\\"token\\":"***"}"}'),
        (b"user=me&access_token=abc.def&t=1", 'user=me&access_token="***"&t=1'),
        (b"Authorization: Bearer abc.def", 'Authorization: "***" ***'),
        (b"mqtt://me:hunter2@broker:1883/x", "mqtt://***@broker:1883/x"),
        (b'{"secret": "cut off in the mid', '{"secret": "***"'),
        (b'{"keyboard": "brown", "monkey": 2}', '{"keyboard": "brown", "monkey": 2}'),
        (b"\xff\x00 no text", "\\xff\x00 no text"),
    ],
)
def test_what_looks_like_a_secret_is_masked(payload: bytes, shown: str) -> None:
    assert masked_text(payload) == shown


@pytest.mark.parametrize(
    "payload", [b"a" * 65536, b"-" * 65536, b'"' * 65536, b"\\" * 65536, b"token" * 13000]
)
def test_the_longest_payload_of_a_hostile_sender_costs_little(payload: bytes) -> None:
    started = time.process_time()
    masked_text(payload)
    assert time.process_time() - started < 2
