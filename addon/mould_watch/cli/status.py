"""`mould-watch status`: is it ready, what does it wait for, and what is kept meanwhile?"""
# ruff: noqa: T201 - a command line prints

import argparse
import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from mould_watch.cli.backend import request
from mould_watch.cli.command import Command
from mould_watch.settings import Settings


def _run(settings: Settings, _arguments: argparse.Namespace) -> int:
    return asyncio.run(_status(settings))


async def _status(settings: Settings) -> int:
    _, body = await request(settings, "/readyz")
    if body["ready"]:
        print("Mould Watch is ready.")
    else:
        print(f"Mould Watch runs and waits for: {', '.join(body['waiting_for'])}.")
    for name, part in body["parts"].items():
        if not part["ready"]:
            print(f"The {name} is {part['state']}: {part.get('detail') or 'no reason given'}.")
    for sentence in _of_messages(body["parts"]["broker"]):
        print(sentence)
    return 0 if body["ready"] else 1


def _of_messages(broker: Mapping[str, Any]) -> Iterator[str]:
    """Yield what there is to say of the messages on their way to the database; mostly nothing."""
    spool = broker["spool"]
    if not broker["clock_trusted"]:
        yield "The clock of this machine cannot be trusted yet: messages are kept until it can."
    if spool["messages"]:
        share = f"{spool['share']:.0%} of its room"
        yield f"{spool['messages']} message(s) are kept in the spool ({share})."
    if spool["fault"] is not None:
        yield f"The spool cannot be used: {spool['fault']}."
    if "damaged_file" in spool:
        yield (
            f"The spool was damaged: {spool['salvaged']} message(s) of it were saved, at least "
            f"{spool['unreadable']} were not; the file is kept as {spool['damaged_file']}."
        )
    if broker["qos0_dropped"]:
        yield (
            f"{broker['qos0_dropped']} message(s) of QoS 0 are lost since the start, because they "
            "could be kept nowhere."
        )


STATUS = Command(
    "status", "say whether the backend is ready, what it waits for, and what is kept", _run
)
