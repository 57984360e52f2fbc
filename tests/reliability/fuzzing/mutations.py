"""Breaks payloads, seeded: the same seed breaks them the same way."""

import random
import re
from collections.abc import Callable, Sequence

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_STRING = re.compile(rb'"[^"]*"')
_ODD_VALUES = (
    b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e400", b"1e-400", b"-0", b"0", b"true",
    b"false", b"null", b'"21.5"', b'"warm"', b'""', b"[]", b"{}", b"[21.5]", b'{"v": 21.5}',
    b"65535", b"-273.15", b"6553.5", b"999", b"85", b"-127", b"1e308", b"-1e308", b"0x15", b"21,5",
    b"1_000", b"\xd9\xa2\xd9\xa1", b"9" * 40, b"9" * 4400, b"01", b"+1", b".5", b"5.", b"1e5",
)  # fmt: skip
_ODD_BYTES = (
    b"\0", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\\u0000", b"\\ud800", b"\xef\xbb\xbf", b"\n",
    b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"{{", b"}}", b"%",
)  # fmt: skip

type Mutation = Callable[[random.Random, bytes], bytes]


def mutated(chance: random.Random, payload: bytes, others: Sequence[bytes]) -> bytes:
    """Return the payload, broken in one to three ways."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        if chance.random() < 0.05:
            payload = _spliced(chance, payload, chance.choice(others))
        else:
            payload = chance.choice(_MUTATIONS)(chance, payload)
    return payload


def _new_digits(chance: random.Random, payload: bytes) -> bytes:
    """Give one number other digits: a payload that is as good as before."""
    return _in_place(chance, payload, _NUMBER, lambda old: _digits(chance, old))


def _all_new_digits(chance: random.Random, payload: bytes) -> bytes:
    return _NUMBER.sub(lambda match: _digits(chance, match[0]), payload)


def _digits(chance: random.Random, old: bytes) -> bytes:
    whole, point, fraction = old.partition(b".")
    digits = bytes(chance.choice(b"123456789") for _ in range(max(1, len(whole.strip(b"-")))))
    behind = bytes(chance.choice(b"0123456789") for _ in range(len(fraction)))
    sign = b"-" if chance.random() < 0.2 else b""
    return sign + digits + point + behind


def _odd_value(chance: random.Random, payload: bytes) -> bytes:
    pattern = _NUMBER if chance.random() < 0.8 else _STRING
    return _in_place(chance, payload, pattern, lambda _: chance.choice(_ODD_VALUES))


def _other_name(chance: random.Random, payload: bytes) -> bytes:
    """Put one text of the payload in the place of another: a key moves to another value."""
    texts = _STRING.findall(payload)
    if not texts:
        return payload
    return _in_place(chance, payload, _STRING, lambda _: chance.choice(texts))


def _in_place(
    chance: random.Random,
    payload: bytes,
    pattern: re.Pattern[bytes],
    change: Callable[[bytes], bytes],
) -> bytes:
    matches = list(pattern.finditer(payload))
    if not matches:
        return payload
    match = chance.choice(matches)
    return payload[: match.start()] + change(match[0]) + payload[match.end() :]


def _flipped(chance: random.Random, payload: bytes) -> bytes:
    if not payload:
        return payload
    place = chance.randrange(len(payload))
    changed = payload[place] ^ (1 << chance.randrange(8))
    return payload[:place] + bytes([changed]) + payload[place + 1 :]


def _inserted(chance: random.Random, payload: bytes) -> bytes:
    place = chance.randrange(len(payload) + 1)
    return payload[:place] + chance.choice(_ODD_BYTES) + payload[place:]


def _cut(chance: random.Random, payload: bytes) -> bytes:
    start, end = sorted(chance.randrange(len(payload) + 1) for _ in range(2))
    return payload[:start] + payload[end:]


def _truncated(chance: random.Random, payload: bytes) -> bytes:
    return payload[: chance.randrange(len(payload) + 1)]


def _doubled(chance: random.Random, payload: bytes) -> bytes:
    start, end = sorted(chance.randrange(len(payload) + 1) for _ in range(2))
    return payload[:end] + payload[start:]


def _wrapped(chance: random.Random, payload: bytes) -> bytes:
    depth = chance.choice((1, 2, 40, 2000))
    return b"[" * depth + payload + b"]" * depth


def _spliced(chance: random.Random, payload: bytes, other: bytes) -> bytes:
    return payload[: chance.randrange(len(payload) + 1)] + other[chance.randrange(len(other) + 1) :]


_MUTATIONS: Sequence[Mutation] = (
    _new_digits, _new_digits, _all_new_digits, _all_new_digits, _odd_value, _odd_value,
    _other_name, _flipped, _inserted, _cut, _truncated, _doubled, _wrapped,
)  # fmt: skip
