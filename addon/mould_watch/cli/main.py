"""Finds the command, runs it, and says in one sentence why it failed."""
# ruff: noqa: T201 - a command line prints

import argparse
import sys
from collections.abc import Sequence
from typing import Final

from mould_watch import __version__
from mould_watch.cli.backtest import BACKTEST
from mould_watch.cli.dead_letters import DEAD_LETTERS
from mould_watch.cli.migrate import MIGRATE
from mould_watch.cli.notifications import NOTIFICATIONS
from mould_watch.cli.serve import SERVE
from mould_watch.cli.status import STATUS
from mould_watch.cli.token import TOKEN
from mould_watch.errors import MouldWatchError, SettingsError
from mould_watch.settings import Settings

_COMMANDS: Final = (BACKTEST, SERVE, TOKEN, STATUS, NOTIFICATIONS, DEAD_LETTERS, MIGRATE)

_EXIT_FAILED: Final = 1
_EXIT_SETTINGS: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return the exit code: 0, 1 for a failure, 2 for bad settings."""
    parsed = _parser().parse_args(arguments)
    if parsed.command == "version":
        print(__version__)
        return 0
    (command,) = (one for one in _COMMANDS if one.name == parsed.command)
    try:
        return command.run(Settings.load(), parsed)
    except SettingsError as error:
        print(f"mould-watch: {error}", file=sys.stderr)
        return _EXIT_SETTINGS
    except MouldWatchError as error:
        print(f"mould-watch: {error}", file=sys.stderr)
        return _EXIT_FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mould-watch",
        description="Warns a household before mould damages what they care for.",
        epilog="Settings come from the environment: MOULD_WATCH_..., DATABASE_URL.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_arguments(
            commands.add_parser(command.name, help=command.text, description=command.text)
        )
    text = "print the version"
    commands.add_parser("version", help=text, description=text)
    return parser
