"""`mould-watch migrate`: bring the database up to date, without serving."""

import argparse
import asyncio

from mould_watch.cli.command import Command
from mould_watch.observability.logs import configure_logging
from mould_watch.settings import Settings, database_password


def _run(settings: Settings, _arguments: argparse.Namespace) -> int:
    configure_logging(settings.log_level, settings.log_format).add(database_password(settings))
    asyncio.run(_migrate(settings))
    return 0


async def _migrate(settings: Settings) -> None:
    from mould_watch.clock import SystemClock  # noqa: PLC0415 - see Command
    from mould_watch.storage.postgres_server import PostgresServer  # noqa: PLC0415

    if settings.database_url is not None:
        await _migrate_at(settings.database_url.get_secret_value())
        return
    server = PostgresServer(settings.data_dir, SystemClock())
    await server.ensure_running()
    try:
        await _migrate_at(server.address)
    finally:
        await server.stop_if_unused()


async def _migrate_at(address: str) -> None:
    from mould_watch.clock import SystemClock  # noqa: PLC0415 - see Command
    from mould_watch.storage.connections import connect  # noqa: PLC0415
    from mould_watch.storage.migrations import migrate  # noqa: PLC0415

    connection = await connect(address)
    try:
        versions = await migrate(connection, SystemClock())
    finally:
        await connection.close()
    applied = ", ".join(str(version) for version in versions)
    print(  # noqa: T201
        f"Applied migrations: {applied}." if versions else "The database was up to date."
    )


MIGRATE = Command("migrate", "bring the database up to date and end", _run)
