"""Texts that are to be read as they are written, where a service takes all it gets for markup.

The library turns plain text into what most services read. Discord and Mattermost have no plain
text: whatever comes is Markdown there, and the library hands it on. So a room called *Bad* would be
a slanted Bad, and one called 1. Stock the beginning of a list.
"""

import re
from typing import Final

_ALWAYS_MARKDOWN: Final = frozenset({"discord", "mmosts"})
"""The protocols, as the library names them, of services that know nothing but Markdown."""

_ANYWHERE: Final = re.compile(r"[\\*_~`|\[<]|:(?=[\w+-]+:)|&(?=#?\w+;)")
"""Emphasis, code, what is hidden, tables, links, mentions; emojis and characters by their names."""

_FIRST_OF_A_LINE: Final = re.compile(r"^([ \t]*\d*)([#>+=.)-])", re.MULTILINE)
"""Headings, quotations, and lists with and without numbers."""


def is_always_markdown(secure_protocol: object) -> bool:
    """Say whether a service takes all text for Markdown, by the protocol the library gives it."""
    return secure_protocol in _ALWAYS_MARKDOWN


def escaped(text: str) -> str:
    """Return Markdown that is shown as `text`."""
    return _FIRST_OF_A_LINE.sub(r"\1\\\2", _ANYWHERE.sub(r"\\\g<0>", text))
