"""What a person reads of a text that a chat service takes for Markdown.

After Discord's "Markdown Text 101" and the page "Format messages" of Mattermost's documentation:
a backslash makes the sign behind it one to read; whatever is markup is not shown.
"""

import re
from typing import Final

_MARKUP: Final = re.compile(
    r"""
    \\(?P<sign>[^A-Za-z0-9\s])              # to be read
    | (?P<ticks>`+)(?P<code>.+?)(?P=ticks)
    | (?P<style>\*\*\*|\*\*|\*|__|_|~~|\|\|)(?=\S)(?P<text>.+?)(?P=style)
    | \[(?P<link>[^\]]*)\]\([^)]*\)
    | <[@\#:][^>]*>                          # a person, a channel, an emoji
    | :[\w+-]+:
    | ^[ \t]*(?:[\#>+*-]+|\d+[.)])[ \t]+     # a heading, a quotation, a list
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)


def shown(markdown: str) -> str:
    """Return what is read of it."""
    return _MARKUP.sub(_shown, markdown)


def _shown(found: re.Match[str]) -> str:
    if found["sign"] is not None:
        return found["sign"]
    return found["code"] or shown(found["text"] or found["link"] or "")
