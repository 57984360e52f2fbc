"""`mould-watch notifications`: list them, show one, have one that failed tried again."""
# ruff: noqa: T201 - a command line prints

import argparse
import asyncio
from typing import Any, Final

from mould_watch.cli.backend import ask
from mould_watch.cli.command import Command
from mould_watch.settings import Settings

_PATH: Final = "/v1/notifications"
_SHOWN: Final = 20
_STATES: Final = ("pending", "claimed", "sent", "failed", "cancelled")
_FILTERS: Final = ("state", "incident_id", "channel", "target", "kind", "correlation_id")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    listing = actions.add_parser("list", help="the newest, with the steps they took (the default)")
    listing.add_argument("--state", choices=_STATES, help="only those in this state")
    listing.add_argument("--incident", dest="incident_id", help="only those about this incident")
    listing.add_argument("--channel", help="only those of home_assistant, or apprise")
    listing.add_argument("--target", help="only those for this phone or service")
    listing.add_argument("--kind", help="only alarm, recovery, ...")
    listing.add_argument(
        "--correlation", dest="correlation_id", help="only what came of the message with this id"
    )
    listing.add_argument("--limit", type=int, default=_SHOWN, help="how many (default 20, <= 200)")
    showing = actions.add_parser("show", help="one, with all that is known of it")
    showing.add_argument("id")
    retrying = actions.add_parser("retry", help="have one that failed tried again")
    retrying.add_argument("id")


def _run(settings: Settings, arguments: argparse.Namespace) -> int:
    match arguments.action:
        case "show":
            return asyncio.run(_show(settings, arguments.id))
        case "retry":
            return asyncio.run(_retry(settings, arguments.id))
        case _:
            return asyncio.run(_list(settings, arguments))


async def _list(settings: Settings, arguments: argparse.Namespace) -> int:
    given = {name: getattr(arguments, name, None) for name in _FILTERS}
    parameters = {name: value for name, value in given.items() if value is not None}
    parameters["limit"] = str(getattr(arguments, "limit", _SHOWN))
    body = await ask(settings, _PATH, parameters=parameters)
    for notification in body["notifications"]:
        message = notification["message"]
        print(
            f"{notification['notification_id']}  {notification['created_at']}  "
            f"{notification['state']:9}  {notification['kind']:8}  "
            f"{notification['channel']}/{notification['target']}  "
            # what only takes away has no title
            f"{message.get('title') or message.get('room') or '-'}"
        )
        _print_steps(notification)
    if not body["notifications"]:
        print("There are no notifications.")
    return 0


async def _show(settings: Settings, notification_id: str) -> int:
    notification = await ask(settings, f"{_PATH}/{notification_id}")
    for name, value in notification.items():
        if name not in {"steps", "message"} and value is not None:
            print(f"{name:16} {value}")
    message = notification["message"]
    print(f"{'title':16} {message.get('title') or '-'}")
    print(f"{'body':16} {message.get('body') or '-'}")
    _print_steps(notification)
    return 0


async def _retry(settings: Settings, notification_id: str) -> int:
    await ask(settings, f"{_PATH}/{notification_id}/retry", method="POST")
    print("It is tried again.")
    return 0


def _print_steps(notification: dict[str, Any]) -> None:
    for step in notification["steps"]:
        reason = f" ({step['error']})" if step["error"] else ""
        worker = f" by {step['claimed_by']}" if step["claimed_by"] else ""
        print(f"    {step['at']}  {step['to_state']}, attempt {step['attempt']}{worker}{reason}")


NOTIFICATIONS = Command(
    "notifications",
    "list notifications and how far they got, show one, have one that failed tried again",
    _run,
    _add_arguments,
)
