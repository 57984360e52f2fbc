"""The command line: `mould-watch serve` and what a person asks of a backend.

Each command imports what it needs itself: `mould-watch token` answers at once, on a Raspberry
Pi too.
"""
# ruff: noqa: T201, PLC0415 - a command line prints; see above

import argparse
import asyncio
import sys
import urllib.parse
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from pydantic import SecretStr

from mould_watch import __version__
from mould_watch.api.token import load_token
from mould_watch.errors import MouldWatchError, SettingsError
from mould_watch.observability.logs import Secrets, configure_logging
from mould_watch.settings import Settings

_EXIT_FAILED: Final = 1
_EXIT_SETTINGS: Final = 2
_TIMEOUT_S: Final = 10
_ANY_ADDRESSES: Final = ("0.0.0.0", "::")  # noqa: S104 - recognised, not bound
_NOTIFICATIONS_SHOWN: Final = 20


class BackendSilentError(MouldWatchError):
    """No backend answers where one should."""

    code = "backend_silent"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return the exit code: 0, 1 for a failure, 2 for bad settings."""
    command = _parser().parse_args(arguments).command
    if command == "version":
        print(__version__)
        return 0
    try:
        settings = Settings.load()
        match command:
            case "serve":
                return _serve(settings)
            case "token":
                print(load_token(settings.data_dir, settings.token).get_secret_value())
                return 0
            case "status":
                return asyncio.run(_status(settings))
            case "notifications":
                return asyncio.run(_notifications(settings))
            case _:
                return asyncio.run(_migrate(settings))
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
    for name, text in (
        ("serve", "run the backend until it is told to end"),
        ("token", "print the token Home Assistant needs; it is made if there is none"),
        ("status", "say whether the backend is ready, and what it waits for"),
        ("notifications", "list the newest notifications and how far they got"),
        ("migrate", "bring the database up to date and end"),
        ("version", "print the version"),
    ):
        commands.add_parser(name, help=text, description=text)
    return parser


def _serve(settings: Settings) -> int:
    secrets = configure_logging(settings.log_level, settings.log_format)
    secrets.add(settings.mqtt.password)
    secrets.add(settings.supervisor_token)
    secrets.add(_password(settings))
    token = load_token(settings.data_dir, settings.token)
    secrets.add(token)
    return asyncio.run(_run(settings, token, secrets))


async def _run(settings: Settings, token: SecretStr, secrets: Secrets) -> int:
    from mould_watch.clock import SystemClock
    from mould_watch.service import Service

    return await Service(settings, token, SystemClock(), secrets).run()


def _password(settings: Settings) -> str | None:
    """Return the password inside the database's address, as it is written there."""
    if settings.database_url is None:
        return None
    try:
        return urllib.parse.urlsplit(settings.database_url.get_secret_value()).password
    except ValueError:
        return None  # not an address; the database says so without quoting it


async def _status(settings: Settings) -> int:
    _, body = await _get(settings, "/readyz")
    if body["ready"]:
        print("Mould Watch is ready.")
        return 0
    print(f"Mould Watch runs and waits for: {', '.join(body['waiting_for'])}.")
    for name, part in body["parts"].items():
        if not part["ready"]:
            print(f"The {name} is {part['state']}: {part.get('detail') or 'no reason given'}.")
    return _EXIT_FAILED


async def _notifications(settings: Settings) -> int:
    token = load_token(settings.data_dir, settings.token).get_secret_value()
    status, body = await _get(settings, "/v1/notifications", {"Authorization": f"Bearer {token}"})
    if status != HTTPStatus.OK:
        raise BackendSilentError(f"the backend answered: {body['error']['message']}")
    for notification in body["notifications"][:_NOTIFICATIONS_SHOWN]:
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


async def _get(
    settings: Settings, path: str, headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    """Ask the backend that runs with these settings; raises BackendSilentError."""
    import aiohttp

    host = "127.0.0.1" if settings.api.host in _ANY_ADDRESSES else settings.api.host
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S)) as session,
            session.get(
                f"http://{host}:{settings.api.port}{path}", headers=headers or {}
            ) as response,
        ):
            return response.status, await response.json()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise BackendSilentError(
            f"no Mould Watch answers at {host} port {settings.api.port}: "
            f"{str(error) or type(error).__name__}. Is `mould-watch serve` running, with the "
            "same MOULD_WATCH_API__PORT?"
        ) from error


async def _migrate(settings: Settings) -> int:
    configure_logging(settings.log_level, settings.log_format).add(_password(settings))
    if settings.database_url is not None:
        await _migrate_at(settings.database_url.get_secret_value())
        return 0
    from mould_watch.clock import SystemClock
    from mould_watch.storage.postgres_server import PostgresServer

    server = PostgresServer(settings.data_dir, SystemClock())
    await server.ensure_running()
    try:
        await _migrate_at(server.address)
    finally:
        await server.stop_if_unused()
    return 0


async def _migrate_at(address: str) -> None:
    from mould_watch.storage.connections import connect
    from mould_watch.storage.migrations import migrate

    connection = await connect(address)
    try:
        versions = await migrate(connection)
    finally:
        await connection.close()
    applied = ", ".join(str(version) for version in versions)
    print(f"Applied migrations: {applied}." if versions else "The database was up to date.")
