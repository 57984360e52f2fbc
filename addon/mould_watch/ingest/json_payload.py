"""Strict JSON: what a payload must be before anybody looks for metrics in it."""

import json
import math
from typing import Any, Final

from mould_watch.errors import UndecodableMessageError

DEPTH_MAXIMUM: Final = 32
"""Levels of nesting beyond which a message is no sensor's any more."""


def parse(payload: bytes) -> Any:  # noqa: ANN401 - JSON is any of its types
    """Parse UTF-8 JSON; raise UndecodableMessageError for anything that is not plain sense.

    Refused beside broken JSON: NaN, Infinity and numbers beyond double precision's range, NUL
    characters and lone surrogates (PostgreSQL stores neither), an object that gives one key two
    different values, and nesting deeper than DEPTH_MAXIMUM.
    """
    if not payload:
        raise UndecodableMessageError("empty_payload", "the payload is empty")
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise UndecodableMessageError(
            "not_utf8", f"the payload is not UTF-8 from byte {error.start} on"
        ) from None
    try:
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_integer,
            object_pairs_hook=_unambiguous,
        )
    except json.JSONDecodeError as error:
        raise UndecodableMessageError("not_json", f"{error.msg} at character {error.pos}") from None
    except RecursionError:
        raise UndecodableMessageError("too_deep", "the payload is nested too deeply") from None
    _check(value)
    return value


def parse_object(payload: bytes) -> dict[str, Any]:
    """Parse a payload that must be a JSON object."""
    value = parse(payload)
    if not isinstance(value, dict):
        raise UndecodableMessageError("not_an_object", "the payload is not a JSON object")
    return value


def dump(value: object) -> str:
    """Write parsed JSON back; integers of any size and text stay exactly what they were."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _refuse_constant(name: str) -> float:
    raise UndecodableMessageError("number_not_finite", f"{name} is no number of JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise UndecodableMessageError("number_not_finite", "a number is beyond every measure")
    return number


def _integer(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:
        # Python reads no more than 4300 digits
        raise UndecodableMessageError("number_too_long", "an integer has too many digits") from None


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        for key, value in pairs:
            # "!=" alone takes 1, 1.0 and true for the same
            if result[key] != value or type(result[key]) is not type(value):
                raise UndecodableMessageError(
                    "duplicate_key", "an object gives one of its keys two different values"
                )
    return result


def _check(value: object) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEPTH_MAXIMUM:
            raise UndecodableMessageError("too_deep", "the payload is nested too deeply")
        below: list[object] = []
        for item in level:
            match item:
                case str():
                    _check_text(item)
                case dict():
                    for key in item:
                        _check_text(key)
                    below.extend(item.values())
                case list():
                    below.extend(item)
                case _:
                    pass
        level = below


def _check_text(text: str) -> None:
    if "\0" in text:
        raise UndecodableMessageError("nul_character", "a text holds a NUL character")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise UndecodableMessageError(
                "lone_surrogate", "a text holds half of a surrogate pair"
            ) from None
