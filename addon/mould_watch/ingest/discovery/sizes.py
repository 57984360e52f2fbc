"""Bounds on the values inside a template: no step may make more than this of what it was given.

Each guard looks before the work is done where the result can be far larger than what it is made
of (`"x" * 10**9`), and afterwards everywhere else.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

TEXT_MAXIMUM: Final = 128 * 1024
"""Characters or bytes of one value, with everything inside it."""

ITEMS_MAXIMUM: Final = 20_000
"""Elements of one value, those inside its elements too."""

_TEXT_TOTAL_MAXIMUM: Final = 32 * TEXT_MAXIMUM
_ITEMS_TOTAL_MAXIMUM: Final = 16 * ITEMS_MAXIMUM
_BITS_MAXIMUM: Final = 2048
_DEPTH_MAXIMUM: Final = 64
# of a number in a format: a width or a precision
_WIDTH_DIGITS_MAXIMUM: Final = 2
_WIDE: Final = re.compile(rf"\d{{{_WIDTH_DIGITS_MAXIMUM + 1},}}")
_NESTED_SPECIFICATION: Final = re.compile(r"\{[^{}]*\{")


class TooLargeError(Exception):
    """A value inside a template is larger than any sensor's."""

    def __init__(self) -> None:
        super().__init__("a value inside the template grows beyond every sensor's")


class Meter:
    """Looks at every value of one rendering, and at how much they are together."""

    def __init__(self) -> None:
        self._text = 0
        self._items = 0

    def begin(self) -> None:
        """Start a rendering."""
        self._text = self._items = 0

    def checked(self, value: Any) -> Any:  # noqa: ANN401 - a value of a template is of any type
        """Return the value; raise TooLargeError when it or all so far is too large."""
        if isinstance(value, bool | float) or value is None:
            return value
        text, items = _weight(value)
        self._text += text
        self._items += items
        if self._text > _TEXT_TOTAL_MAXIMUM or self._items > _ITEMS_TOTAL_MAXIMUM:
            raise TooLargeError
        return value


def _weight(value: Any) -> tuple[int, int]:  # noqa: ANN401 - as above
    """Return characters and elements of a value with all inside it."""
    level, items, text = [value], 0, 0
    for _ in range(_DEPTH_MAXIMUM):
        below: list[Any] = []
        for item in level:
            match item:
                case str() | bytes():
                    text += len(item)
                case int():
                    _check_bits(item.bit_length())
                case Mapping():
                    items += len(item)
                    below.extend(item.keys())
                    below.extend(item.values())
                case list() | tuple() | set() | frozenset():
                    items += len(item)
                    below.extend(item)
                case _:
                    pass
            if text > TEXT_MAXIMUM or items > ITEMS_MAXIMUM:
                raise TooLargeError
        if not below:
            return text, items
        level = below
    raise TooLargeError


def check_binary(operator: str, left: Any, right: Any) -> None:  # noqa: ANN401 - as above
    """Raise TooLargeError when `left operator right` would be too large to be worked out."""
    match operator:
        case "*":
            if isinstance(left, int) and isinstance(right, int):
                _check_bits(left.bit_length() + right.bit_length())
            for one, times in ((left, right), (right, left)):
                if isinstance(one, str | bytes | list | tuple) and isinstance(times, int):
                    _check_length(len(one) * max(times, 0))
        case "**":
            if isinstance(left, int) and isinstance(right, int):
                _check_bits(left.bit_length() * max(right, 0))
        case "%":
            if isinstance(left, str | bytes):
                check_percent_format(left if isinstance(left, str) else left.decode("latin-1"))
        case _:
            pass


def check_percent_format(text: str) -> None:
    """Raise TooLargeError when a format like `%5.1f` asks for more room than a value takes."""
    if "%" in text and ("*" in text or _WIDE.search(text)):
        raise TooLargeError


def check_brace_format(text: str) -> None:
    """Raise TooLargeError when a format like `{:5.1f}` asks for more room than a value takes."""
    if _WIDE.search(text) or _NESTED_SPECIFICATION.search(text):
        raise TooLargeError


def check_replace(text: str, old: str, new: str) -> None:
    """Raise TooLargeError when `text.replace(old, new)` would be too large."""
    _check_length(len(text) + (text.count(old) if old else len(text) + 1) * len(new))


def check_join(parts: int, separator: str) -> None:
    """Raise TooLargeError when `separator` between so many parts would be too large."""
    _check_length(parts * len(separator))


def check_width(width: int) -> None:
    """Raise TooLargeError when a text is to be filled up to such a width."""
    _check_length(width)


def _check_length(length: int) -> None:
    if length > TEXT_MAXIMUM:
        raise TooLargeError


def _check_bits(bits: int) -> None:
    if bits > _BITS_MAXIMUM:
        raise TooLargeError
