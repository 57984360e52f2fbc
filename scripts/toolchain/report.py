"""Progress lines, and the one error that is shown without a traceback."""

from __future__ import annotations

import sys


class ToolchainError(Exception):
    """Setup cannot go on; the text says why and what to do."""


def say(text: str) -> None:
    """Print one progress line at once; standard output stays free for results."""
    print(f"setup: {text}", file=sys.stderr, flush=True)
