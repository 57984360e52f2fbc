"""What a command is: a name, a sentence for people, its arguments, and what it does."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from mould_watch.settings import Settings


def _no_arguments(parser: argparse.ArgumentParser) -> None:
    """Take none."""


@dataclass(frozen=True, slots=True)
class Command:
    """One word after `mould-watch`.

    `run` gets the settings and the parsed arguments and returns the exit code; it may raise
    MouldWatchError, which is told in one sentence. What it needs it imports itself:
    `mould-watch token` answers at once, on a Raspberry Pi too.
    """

    name: str
    text: str
    run: Callable[[Settings, argparse.Namespace], int]
    add_arguments: Callable[[argparse.ArgumentParser], None] = _no_arguments
