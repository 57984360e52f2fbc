"""`mould-watch dead-letters`: list, show, replay or purge what could not be understood."""
# ruff: noqa: T201 - a command line prints

import argparse
import asyncio
from collections import Counter
from typing import Any, Final

from mould_watch.cli.backend import ask
from mould_watch.cli.command import Command
from mould_watch.errors import MouldWatchError
from mould_watch.settings import Settings

_PATH: Final = "/v1/dead-letters"
_FAILURES_TOLD: Final = 10
_OUTCOMES: Final = {
    "stored": "became readings",
    "duplicate": "were stored before",
    "counted": "hold no reading",
    "kept": "still cannot be understood",
    "missing": "are not there",
}


class NothingMeantError(MouldWatchError):
    """It was not said which dead letters are meant."""

    code = "nothing_meant"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="the newest, and how many came of each kind")
    _add_selection(listing)
    listing.add_argument("--limit", type=int, default=20, help="how many (default 20, at most 200)")
    showing = actions.add_parser("show", help="one with its payload; what looks secret is masked")
    showing.add_argument("id", type=int)
    replaying = actions.add_parser(
        "replay", help="try again, under the time they came at; what is understood is removed"
    )
    replaying.add_argument("ids", type=int, nargs="*", metavar="ID")
    _add_selection(replaying)
    replaying.add_argument("--all", action="store_true", help="every one that is kept")
    replaying.add_argument(
        "--any-age", action="store_true", help="believe times of more than the age limit ago"
    )
    purging = actions.add_parser("purge", help="remove; they stay counted")
    purging.add_argument("ids", type=int, nargs="*", metavar="ID")
    _add_selection(purging)
    purging.add_argument("--all", action="store_true", help="every one that is kept")


def _add_selection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--topic", help="only those of this topic")
    parser.add_argument("--reason", help="only those of this reason, such as not_json")
    parser.add_argument("--before", help="only those received before, such as 2026-11-22T07:00:00Z")


def _run(settings: Settings, arguments: argparse.Namespace) -> int:
    match arguments.action:
        case "list":
            return asyncio.run(_list(settings, arguments))
        case "show":
            return asyncio.run(_show(settings, arguments.id))
        case "replay":
            return asyncio.run(_replay(settings, arguments))
        case _:
            return asyncio.run(_purge(settings, arguments))


async def _list(settings: Settings, arguments: argparse.Namespace) -> int:
    parameters = _selection(arguments) | {"limit": str(arguments.limit)}
    body = await ask(settings, _PATH, parameters=parameters)
    for letter in body["dead_letters"]:
        mark = "" if letter["can_be_replayed"] else "  (truncated: cannot be replayed)"
        print(f"{letter['id']:>8}  {letter['received_at']}  {letter['reason']}  {letter['topic']}")
        print(f"          {letter['detail']}{mark}")
    if body["kinds"]:
        print("Of each topic and reason came, in the last 100 days:")
    for kind in body["kinds"]:
        print(f"{kind['count']:>8}  {kind['reason'] or '-'}  {kind['topic'] or 'other topics'}")
    print(
        f"{body['total']} came so far, {body['kept']} are kept"
        f" ({body['kept_bytes'] / 1024:.0f} KiB)."
    )
    return 0


async def _show(settings: Settings, letter_id: int) -> int:
    letter = await ask(settings, f"{_PATH}/{letter_id}")
    payload = letter.pop("payload")
    for name, value in letter.items():
        print(f"{name:16} {value}")
    if not letter["can_be_replayed"]:
        print("Only the beginning of its payload was kept: it cannot be replayed.")
    print()
    print(payload)
    return 0


async def _replay(settings: Settings, arguments: argparse.Namespace) -> int:
    parameters = {"any_age": "true"} if arguments.any_age else {}
    results: list[dict[str, Any]] = []
    if arguments.ids:
        for letter_id in arguments.ids:
            path = f"{_PATH}/{letter_id}/replay"
            results.append(await ask(settings, path, method="POST", parameters=parameters))
    else:
        parameters |= _meant(arguments)
        after_id = 0
        while True:
            page = parameters | {"after_id": str(after_id)}
            body = await ask(settings, f"{_PATH}/replay", method="POST", parameters=page)
            if not body["results"]:
                break
            results += body["results"]
            after_id = body["last_id"]
    kept = [one for one in results if one["status"] == "kept"]
    for one in kept[:_FAILURES_TOLD]:
        print(f"{one['id']:>8}  {one['code']}: {one['message']}")
    if len(kept) > _FAILURES_TOLD:
        print(f"          and {len(kept) - _FAILURES_TOLD} more")
    for status, count in Counter(one["status"] for one in results).items():
        print(f"{count} {_OUTCOMES[status]}.")
    if not results:
        print("There are none.")
    return 1 if kept else 0


async def _purge(settings: Settings, arguments: argparse.Namespace) -> int:
    removed = 0
    if arguments.ids:
        for letter_id in arguments.ids:
            body = await ask(settings, f"{_PATH}/{letter_id}", method="DELETE")
            removed += body["removed"]
    else:
        body = await ask(settings, _PATH, method="DELETE", parameters=_meant(arguments))
        removed = body["removed"]
    print(f"Removed {removed}.")
    return 0


def _selection(arguments: argparse.Namespace) -> dict[str, str]:
    names = ("topic", "reason", "before")
    given = {name: getattr(arguments, name) for name in names}
    return {name: value for name, value in given.items() if value is not None}


def _meant(arguments: argparse.Namespace) -> dict[str, str]:
    selection = _selection(arguments)
    if not selection and not arguments.all:
        raise NothingMeantError("say which: their ids, --topic, --reason, --before, or --all")
    return selection or {"all": "true"}


DEAD_LETTERS: Final = Command(
    "dead-letters", "list, show, replay or purge messages not understood", _run, _add_arguments
)
