"""`mould-watch token`: what Home Assistant needs to be let in."""

import argparse

from mould_watch.api.token import load_token
from mould_watch.cli.command import Command
from mould_watch.settings import Settings


def _token(settings: Settings, _arguments: argparse.Namespace) -> int:
    print(load_token(settings.data_dir, settings.token).get_secret_value())  # noqa: T201
    return 0


TOKEN = Command(
    "token", "print the token Home Assistant needs; it is made if there is none", _token
)
