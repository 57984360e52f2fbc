"""The command line: `mould-watch serve` and what a person asks of a backend. One file a command."""

from mould_watch.cli.main import main

__all__ = ["main"]
