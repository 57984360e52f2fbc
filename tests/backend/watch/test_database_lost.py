"""The database goes while several subjects are judged at once: nothing is lost, nothing twice.

Real PostgreSQL. The evaluations are held in the middle of their transactions by a lock: their
requests are taken by then and their incidents begun, but neither step nor alarm is written.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mould_watch.storage.connections import connect
from mould_watch.storage.database import Database
from mould_watch.watch.evaluator import AT_ONCE, Evaluator
from tests.support.climate import DAMP_DAY, NOON
from tests.support.postgres import started_database
from tests.support.rooms import HomeForTests, RoomForTests, SettableClock
from tests.support.running import running
from tests.support.tcp_link import TcpLink
from tests.support.waiting import until

ROOMS = AT_ONCE + 2


@pytest.fixture
async def far_database(
    database_url: str, wire: TcpLink, tmp_path: Path
) -> AsyncGenerator[Database]:
    """Yield what the evaluator uses, at the end of `wire`; the test's own goes past it."""
    async with started_database(
        wire.address_of(database_url), tmp_path, probe_interval_s=0.2
    ) as database:
        yield database


@pytest.fixture
async def rooms(home: HomeForTests) -> Sequence[RoomForTests]:
    """Return rooms that became damp and wait to be judged."""
    rooms = [await home.room(f"Room {number}") for number in range(ROOMS)]
    for room in rooms:
        await room.measure(NOON, DAMP_DAY)
    return rooms


@asynccontextmanager
async def held_in_the_middle(address: str) -> AsyncGenerator[None]:
    """Let no step be written until the end; `in_the_middle` waits for those that want to."""
    blocker = await connect(address)
    try:
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE transition IN SHARE MODE")
            yield
    finally:
        await blocker.close()


async def in_the_middle(home: HomeForTests) -> list[int]:
    """Return the server's processes that wait, once as many do as subjects are judged at once."""
    waiting: list[int] = []

    async def all_wait() -> bool:
        rows = await home.fetch(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock' ORDER BY query_start"
        )
        waiting[:] = [row["pid"] for row in rows]
        return len(waiting) == AT_ONCE

    await until(all_wait)
    return waiting


async def asked_for(home: HomeForTests, rooms: Sequence[RoomForTests]) -> int:
    """Return how many of the rooms are still to be judged."""
    rows = await home.fetch(
        "SELECT DISTINCT subject_id FROM evaluation_request WHERE subject_id = ANY ($1::integer[])",
        [room.subject_id for room in rooms],
    )
    return len(rows)


async def all_are_told_of_once(home: HomeForTests, rooms: Sequence[RoomForTests]) -> None:
    async def is_done() -> bool:
        return await asked_for(home, rooms) == 0

    await until(is_done)
    for room in rooms:
        assert await room.path() == ["verifying", "open"]
        assert await room.incidents() == ["open"]
        assert await room.kinds() == [("alarm", "pending")]


@pytest.mark.parametrize("cut", [1, AT_ONCE])
async def test_connections_cut_in_the_middle_leave_nothing_half_and_nothing_twice(
    home: HomeForTests,
    rooms: Sequence[RoomForTests],
    far_database: Database,
    database_url: str,
    clock: SettableClock,
    *,
    cut: int,
) -> None:
    async with running(Evaluator(far_database, clock).run()):
        async with held_in_the_middle(database_url):
            waiting = await in_the_middle(home)
            for pid in waiting[:cut]:
                await home.connection.execute("SELECT pg_terminate_backend($1, 10000)", pid)
            # none is committed: every request is there, and no incident
            assert await asked_for(home, rooms) == ROOMS
            assert await home.fetch("SELECT FROM incident") == []
        await all_are_told_of_once(home, rooms)


async def test_a_database_out_of_reach_in_the_middle_is_waited_for(
    home: HomeForTests,
    rooms: Sequence[RoomForTests],
    far_database: Database,
    wire: TcpLink,
    *,
    database_url: str,
    clock: SettableClock,
) -> None:
    async def is_refused_again() -> bool:
        return wire.refused >= 2

    async with running(Evaluator(far_database, clock).run()):
        async with held_in_the_middle(database_url):
            await in_the_middle(home)
            wire.close()
            wire.drop()
            await until(is_refused_again)
        # what was cut off is rolled back by now, or will be: nobody else may do it meanwhile
        assert await home.fetch("SELECT FROM incident") == []
        await wire.open()
        await all_are_told_of_once(home, rooms)


class _AnswersLost:
    """Cuts every connection when the answer to a COMMIT with an incident comes, so many times."""

    def __init__(self, wire: TcpLink, times: int) -> None:
        self.left = times
        self._wire = wire

    def tap(self) -> _Reading:
        return _Reading(self)

    def cut(self) -> None:
        self.left -= 1
        self._wire.drop()


class _Reading:
    """Reads along on one connection."""

    def __init__(self, losing: _AnswersLost) -> None:
        self._losing = losing
        self._has_incident = self._commits = False

    def out(self, data: bytes) -> None:
        # the first time a connection is given a statement its text is sent
        self._has_incident = self._has_incident or b"INSERT INTO incident" in data
        self._commits = self._has_incident and b"COMMIT" in data

    def back(self, data: bytes) -> None:
        if self._commits and data and self._losing.left:
            self._losing.cut()


async def test_a_commit_whose_answer_is_lost_is_not_done_again(
    home: HomeForTests,
    rooms: Sequence[RoomForTests],
    wire: TcpLink,
    far_database: Database,
    clock: SettableClock,
) -> None:
    losing = _AnswersLost(wire, times=3)
    wire.tap = losing.tap
    # connections that are there already are not read along
    wire.drop()
    async with running(Evaluator(far_database, clock).run()):
        await until(lambda: losing.left == 0)
        await all_are_told_of_once(home, rooms)
    assert losing.left == 0
