"""How the parts of the backend are, as the processes that have them say now and then."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from mould_watch.domain.rules.backend_trouble import FAILED_RECENT
from mould_watch.domain.rules.kinds import RuleKind
from mould_watch.domain.rules.listening import CLOCK, STALE, PartReport
from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries
from mould_watch.storage.told import told_targets

_QUERIES: Final = load_queries("backend_state")


async def report(
    connection: Connection, part: str, at: datetime, *, is_well: bool, detail: Mapping[str, Any]
) -> None:
    """Say how a part is; if that is news, the backend is judged anew."""
    is_news = await connection.fetchval(
        _QUERIES.report, part, is_well, at, dict(detail), STALE.total_seconds()
    )
    if is_news:
        await connection.execute(_QUERIES.request_evaluation_of_backend, at)


async def note_jump(connection: Connection, at: datetime) -> None:
    """Note that the wall clock has jumped, and shows `at` since then."""
    await connection.execute(_QUERIES.note_jump, CLOCK, at)


async def states(connection: Connection) -> dict[str, PartReport]:
    """Return what was said last of each part."""
    rows = await connection.fetch(_QUERIES.states)
    return {
        row["part"]: PartReport(
            is_well=row["is_well"],
            since=row["since"],
            reported_at=row["reported_at"],
            detail=row["detail"],
        )
        for row in rows
    }


async def dead_letters(connection: Connection, now: datetime) -> tuple[int, datetime | None]:
    """Return how many messages could not be understood yesterday and today, and the newest."""
    row = await connection.fetchrow(
        _QUERIES.dead_letters_of_a_day, (now - timedelta(days=1)).date()
    )
    assert row is not None  # noqa: S101 - an aggregate has a row
    return row["count"], row["newest"]


async def failed_notifications(
    connection: Connection, now: datetime
) -> tuple[int, datetime | None]:
    """Return how many notifications failed within a day and were not tried again, and the newest.

    Those that tell of failed notifications are left out: they would keep themselves alive.
    """
    row = await connection.fetchrow(
        _QUERIES.failed_notifications,
        now - FAILED_RECENT,
        RuleKind.NOTIFICATIONS_FAILED.value,
        list(await told_targets(connection)),
    )
    return (row["count"], row["newest"]) if row else (0, None)
