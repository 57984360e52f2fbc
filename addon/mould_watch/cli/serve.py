"""`mould-watch serve`: run the backend."""

import argparse
import asyncio

from pydantic import SecretStr

from mould_watch.api.token import load_token
from mould_watch.cli.command import Command
from mould_watch.observability.logs import Secrets, configure_logging
from mould_watch.settings import Settings, database_password


def _serve(settings: Settings, _arguments: argparse.Namespace) -> int:
    secrets = configure_logging(settings.log_level, settings.log_format)
    secrets.add(settings.mqtt.password)
    secrets.add(settings.supervisor_token)
    secrets.add(database_password(settings))
    for address in settings.notify.apprise.values():
        secrets.add(address)
    token = load_token(settings.data_dir, settings.token)
    secrets.add(token)
    return asyncio.run(_run(settings, token, secrets))


async def _run(settings: Settings, token: SecretStr, secrets: Secrets) -> int:
    from mould_watch.clock import SystemClock  # noqa: PLC0415 - see Command
    from mould_watch.service import Service  # noqa: PLC0415

    return await Service(settings, token, SystemClock(), secrets).run()


SERVE = Command("serve", "run the backend until it is told to end", _serve)
