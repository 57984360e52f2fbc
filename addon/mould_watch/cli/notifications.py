"""`mould-watch notifications`: the newest, with each step they took."""
# ruff: noqa: T201 - a command line prints

import argparse
import asyncio
from typing import Final

from mould_watch.cli.backend import ask
from mould_watch.cli.command import Command
from mould_watch.settings import Settings

_SHOWN: Final = 20


def _run(settings: Settings, _arguments: argparse.Namespace) -> int:
    return asyncio.run(_notifications(settings))


async def _notifications(settings: Settings) -> int:
    body = await ask(settings, "/v1/notifications")
    for notification in body["notifications"][:_SHOWN]:
        message = notification["message"]
        print(
            f"{notification['created_at']}  {notification['state']:9}  "
            f"{notification['kind']:8}  {message.get('room') or '-'}: {message.get('title') or '-'}"
        )
        for step in notification["steps"]:
            reason = f" ({step['error']})" if step["error"] else ""
            print(f"    {step['at']}  {step['to_state']}, attempt {step['attempt']}{reason}")
    if not body["notifications"]:
        print("There are no notifications.")
    return 0


NOTIFICATIONS = Command("notifications", "list the newest notifications and how far they got", _run)
