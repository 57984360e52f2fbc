"""Who is told of anything: what fails for anybody else is missed by nobody."""

from typing import Final

from mould_watch.domain.configuration import PERSISTENT_TARGET
from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries

_QUERIES: Final = load_queries("told")


async def told_targets(connection: Connection) -> frozenset[str]:
    """Return whom home, rooms, watched devices and their rules name, and Home Assistant itself.

    As the configuration names them: a phone's id, or `apprise:<name>`.
    """
    rows = await connection.fetch(_QUERIES.targets)
    return frozenset({PERSISTENT_TARGET, *(row["target"] for row in rows)})
