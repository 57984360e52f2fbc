"""`mould-watch status`: is it ready, and what does it wait for?"""
# ruff: noqa: T201 - a command line prints

import argparse
import asyncio

from mould_watch.cli.backend import request
from mould_watch.cli.command import Command
from mould_watch.settings import Settings


def _run(settings: Settings, _arguments: argparse.Namespace) -> int:
    return asyncio.run(_status(settings))


async def _status(settings: Settings) -> int:
    _, body = await request(settings, "/readyz")
    if body["ready"]:
        print("Mould Watch is ready.")
        return 0
    print(f"Mould Watch runs and waits for: {', '.join(body['waiting_for'])}.")
    for name, part in body["parts"].items():
        if not part["ready"]:
            print(f"The {name} is {part['state']}: {part.get('detail') or 'no reason given'}.")
    return 1


STATUS = Command("status", "say whether the backend is ready, and what it waits for", _run)
