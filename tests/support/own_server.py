"""Looks at a backend's own PostgreSQL server from outside."""

import os
from pathlib import Path
from typing import Protocol

import asyncpg
import pytest

from mould_watch.storage.postgres_server import PostgresServer

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")


class MakeServer(Protocol):
    def __call__(self, data_dir: Path, *, from_nothing: bool = False) -> PostgresServer: ...


def closed_folder(folder: Path) -> Path:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    return closed


async def value_of(server: PostgresServer, sql: str) -> object:
    connection = await asyncpg.connect(server.address)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def of_process(server: PostgresServer, entry: str) -> Path:
    return Path(f"/proc/{pid_of(server)}/{entry}")


def pid_of(server: PostgresServer) -> int:
    assert server.pid is not None
    return server.pid
