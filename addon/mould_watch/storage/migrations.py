"""Brings the schema up to date: numbered plain SQL files, each applied once.

Every file of `storage/migrations/` is `NNNN_name.sql`, and is never changed after a release.
"""

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import asyncpg

from mould_watch.clock import Clock
from mould_watch.errors import MigrationError
from mould_watch.storage.sql import load_queries

_LOGGER = logging.getLogger(__name__)
_SQL = load_queries("migrations")
_FILE_NAME = re.compile(r"^(?P<version>\d{4})_(?P<name>[a-z0-9_]+)\.sql$")

MINIMUM_POSTGRES: Final = 15
_LOCK_POLL_S: Final = 0.2


@dataclass(frozen=True)
class Migration:
    """One step of the schema."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """Return the SHA-256 of the file's text, in hex."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def load_migrations() -> tuple[Migration, ...]:
    """Read the migrations that come with this version, in order.

    Raises MigrationError when the files are not numbered 1, 2, 3, ...
    """
    found = []
    for entry in (files(__package__) / "migrations").iterdir():
        match = _FILE_NAME.match(entry.name)
        if match:
            text = entry.read_text(encoding="utf-8")
            found.append(Migration(int(match["version"]), match["name"], text))
    found.sort(key=lambda migration: migration.version)
    versions = [migration.version for migration in found]
    if versions != list(range(1, len(found) + 1)):
        raise MigrationError(
            f"the migrations are not numbered one by one: {versions}", versions=versions
        )
    return tuple(found)


async def migrate(
    connection: asyncpg.Connection, clock: Clock, migrations: Sequence[Migration] | None = None
) -> list[int]:
    """Apply what is missing, one transaction each, and return the versions applied.

    Any number of processes may do this at once: one works, the others wait and find it done.
    `connection` must be one of its own, not in a transaction. Raises MigrationError when the
    server is too old, the schema newer than this version, or an applied file was changed.
    """
    known = load_migrations() if migrations is None else migrations
    major = connection.get_server_version().major
    if major < MINIMUM_POSTGRES:
        raise MigrationError(
            f"PostgreSQL {MINIMUM_POSTGRES} or newer is needed, this server is {major}",
            postgres_major=major,
        )
    # Polled rather than waited for, so that each command stays within its time limit.
    while not await connection.fetchval(_SQL.try_lock):
        await clock.sleep(_LOCK_POLL_S)
    try:
        await connection.execute(_SQL.create_schema_migration)
        missing = _missing(known, await connection.fetch(_SQL.applied))
        for migration in missing:
            await _apply(connection, migration)
        return [migration.version for migration in missing]
    finally:
        # A lost connection has given the lock back already.
        if not connection.is_closed():
            await connection.execute(_SQL.unlock)


def _missing(known: Sequence[Migration], applied: Sequence[asyncpg.Record]) -> list[Migration]:
    """Return the migrations not yet applied; raise MigrationError when the past does not fit."""
    newest = known[-1].version if known else 0
    by_version = {migration.version: migration for migration in known}
    done = set()
    for row in applied:
        version, name = row["version"], row["name"]
        migration = by_version.get(version)
        if migration is None:
            raise MigrationError(
                f"the database is of a newer Mould Watch: it has schema {version} ({name}), this"
                f" version knows {newest}; update Mould Watch, or restore an older backup",
                schema_version=version,
                known_version=newest,
            )
        if row["checksum"] != migration.checksum:
            raise MigrationError(
                f"migration {version} ({name}) is not the one that was applied to this database",
                schema_version=version,
            )
        done.add(version)
    return [migration for migration in known if migration.version not in done]


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    try:
        async with connection.transaction():
            # A migration may rewrite a large table: it has no time limit of its own.
            await connection.execute(_SQL.no_time_limit)
            await connection.execute(migration.sql, timeout=24 * 3600)
            await connection.execute(
                _SQL.record, migration.version, migration.name, migration.checksum
            )
    except (
        asyncpg.SyntaxOrAccessError,
        asyncpg.DataError,
        asyncpg.IntegrityConstraintViolationError,
        asyncpg.FeatureNotSupportedError,
    ) as error:
        raise MigrationError(
            f"migration {migration.version} ({migration.name}) failed: {error}",
            schema_version=migration.version,
        ) from error
    _LOGGER.info(
        "The schema is now at version %d (%s).",
        migration.version,
        migration.name,
        extra={"action": "migration_applied", "schema_version": migration.version},
    )
