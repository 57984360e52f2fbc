"""Functions of templates about texts and bytes."""

import base64
import re
import struct
from collections.abc import Callable
from typing import Any, Final

import jinja2.filters

from mould_watch.ingest.discovery.sizes import TooLargeError, check_percent_format

_STRUCT_MAXIMUM_CHARACTERS: Final = 16
_REGEX_RESULT_MAXIMUM: Final = 8 * 1024 * 1024


def regex(function: Callable[[re.Pattern[str], str], Any]) -> Callable[..., Any]:
    """Return the template function that applies `function` to a pattern and a text."""

    def call(value: Any, find: str = "", ignorecase: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002
        return function(re.compile(find, re.IGNORECASE if ignorecase else 0), str(value))

    return call


find_all = regex(lambda pattern, text: pattern.findall(text))


def regex_replace(
    value: Any = "",  # noqa: ANN401
    find: str = "",
    replace: str = "",
    ignorecase: bool = False,  # noqa: FBT001, FBT002
) -> str:
    """Return the text with every match of `find` replaced."""
    text, pattern = str(value), re.compile(find, re.IGNORECASE if ignorecase else 0)
    # each reference to a group stands for at most the whole text, over all matches together
    longest = len(replace) * (len(text) + 1) + replace.count("\\") * len(text)
    if longest > _REGEX_RESULT_MAXIMUM:
        raise TooLargeError
    return pattern.sub(replace, text)


def regex_findall_index(
    value: Any,  # noqa: ANN401
    find: str = "",
    index: int = 0,
    ignorecase: bool = False,  # noqa: FBT001, FBT002
) -> Any:  # noqa: ANN401
    """Return one of the matches of `find`."""
    return find_all(value, find, ignorecase)[index]


def packed(value: Any, format_string: str) -> bytes | None:  # noqa: ANN401
    """Return a number as bytes; None when it does not fit the format."""
    try:
        return struct.pack(_short(format_string), value)
    except struct.error:
        return None


def unpacked(value: bytes, format_string: str, offset: int = 0) -> Any:  # noqa: ANN401
    """Return a number out of bytes; None when the format does not fit."""
    try:
        return struct.unpack_from(_short(format_string), value, offset)[0]
    except struct.error:
        return None


def _short(format_string: str) -> str:
    # "999999999x" packs a gigabyte
    if len(format_string) > _STRUCT_MAXIMUM_CHARACTERS or re.search(r"\d{4}", format_string):
        raise TooLargeError
    return format_string


def base64_encode(value: str | bytes) -> str:
    """Return a text or bytes in base64."""
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def base64_decode(value: str, encoding: str | None = "utf-8") -> str | bytes:
    """Return what base64 stands for: a text, or bytes without an encoding."""
    decoded = base64.b64decode(value)
    return decoded if encoding is None else decoded.decode(encoding)


def percent_format(text: str, *arguments: Any, **named: Any) -> str:  # noqa: ANN401
    """Return a text formatted as by `%`."""
    check_percent_format(str(text))
    return jinja2.filters.do_format(text, *arguments, **named)


def ordinal(value: Any) -> str:  # noqa: ANN401
    """Return 1st for 1."""
    text = str(value)
    # what ends in no number raises
    last, teens = int(text[-1]), int(text[-2:]) % 100 in {11, 12, 13}
    return text + ("th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(last, "th"))
