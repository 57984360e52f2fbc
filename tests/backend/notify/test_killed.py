"""Workers as processes of their own: killed at the worst moments, paused, and four at once."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from mould_watch.storage.database import Connection, Database
from tests.support.notifications import add_incident, add_notification, count_by_state, states_of
from tests.support.waiting import until

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).parents[3]

type StartWorker = Callable[..., Any]


class Phone:
    """What the worker processes delivered, read from their files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def calls(self) -> list[dict[str, Any]]:
        """Return every delivery that was begun."""
        return self._lines("calls")

    def visible(self) -> list[dict[str, Any]]:
        """Return what a person would have seen arrive, in order."""
        return self._lines("visible")

    def hold(self) -> None:
        """Let deliveries wait from now."""
        (self.folder / "hold").touch()

    def release(self) -> None:
        """Let them go on."""
        (self.folder / "hold").unlink()

    def _lines(self, name: str) -> list[dict[str, Any]]:
        path = self.folder / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def phone(tmp_path: Path) -> Phone:
    """A phone that outlives the processes that push to it."""
    return Phone(tmp_path)


@pytest.fixture
def start_worker(database_url: str, tmp_path: Path) -> StartWorker:
    """Return a context manager that runs one worker process and ends it."""

    @asynccontextmanager
    async def start(
        name: str = "worker", *, failpoint: str | None = None, after: int = 1, **settings: float
    ) -> AsyncGenerator[asyncio.subprocess.Process]:
        notify = {"poll_s": 0.1, "channel_timeout_s": 5, "lease_s": 10} | settings
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(_ROOT), str(_ROOT / "addon"))),
            "DATABASE_URL": database_url,
            "MOULD_WATCH_DATA_DIR": str(tmp_path),
            **{f"MOULD_WATCH_NOTIFY__{key.upper()}": str(value) for key, value in notify.items()},
        }
        if failpoint is not None:
            environment |= {
                "MOULD_WATCH_FAILPOINT": failpoint,
                "MOULD_WATCH_FAILPOINT_AFTER": str(after),
            }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.support.notification_process",
            str(tmp_path),
            name,
            cwd=_ROOT,
            env=environment,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    return start


async def _add_lanes(connection: Connection, lanes: int, each: int = 1) -> list[UUID]:
    ids = []
    for _ in range(lanes):
        incident = await add_incident(connection)
        ids += [await add_notification(connection, incident) for _ in range(each)]
    return ids


async def _all_sent(database: Database, count: int) -> None:
    async def sent() -> bool:
        async with database.connection() as connection:
            return await count_by_state(connection) == {"sent": count}

    await until(sent, timeout_s=60)


@pytest.mark.parametrize("failpoint", ["after_claim_before_send", "after_send_before_sent"])
async def test_a_worker_killed_at_the_worst_moment_loses_and_repeats_nothing(
    database: Database, phone: Phone, start_worker: StartWorker, failpoint: str
) -> None:
    async with database.connection() as connection:
        ids = await _add_lanes(connection, lanes=6)
    # each life reaches the point once more and dies there; its claims' leases must run out
    for after in (1, 2):
        async with start_worker(
            failpoint=failpoint, after=after, claim_batch=3, lease_s=1, channel_timeout_s=0.5
        ) as process:
            async with asyncio.timeout(60):
                assert await process.wait() == -signal.SIGKILL
    async with database.connection() as connection:
        assert (await count_by_state(connection)).get("claimed", 0) > 0

    async with start_worker():
        await _all_sent(database, len(ids))

    assert sorted(shown["id"] for shown in phone.visible()) == sorted(map(str, ids))
    async with database.connection() as connection:
        attempts = [(await states_of(connection, id_)).count("claimed") for id_ in ids]
    assert max(attempts) >= 2
    if failpoint == "after_send_before_sent":
        assert len(phone.calls()) > len(ids)


async def test_a_worker_paused_past_its_lease_wakes_up_to_find_its_claim_gone(
    database: Database, phone: Phone, start_worker: StartWorker
) -> None:
    phone.hold()
    async with database.connection() as connection:
        (notification_id,) = await _add_lanes(connection, lanes=1)
    # time to be stopped in the middle of its delivery
    async with start_worker("sleeper", lease_s=6, channel_timeout_s=5) as sleeper:

        async def called() -> bool:
            return bool(phone.calls())

        await until(called, timeout_s=30)
        sleeper.send_signal(signal.SIGSTOP)
        phone.release()
        async with start_worker("heir"):
            await _all_sent(database, 1)
        sleeper.send_signal(signal.SIGCONT)
        async with database.connection() as connection:
            second = await add_notification(connection, await add_incident(connection))
        await _all_sent(database, 2)  # the sleeper is well and goes on

    async with database.connection() as connection:
        assert await states_of(connection, notification_id) == [
            "pending",
            "claimed",
            "claimed",
            "sent",
        ]
    assert [shown["id"] for shown in phone.visible()] == [str(notification_id), str(second)]


@pytest.mark.parametrize("workers", [2, 4])
async def test_workers_claim_disjointly_and_keep_each_lanes_order(
    database: Database, phone: Phone, start_worker: StartWorker, workers: int
) -> None:
    lanes, each = 60, 5
    phone.hold()  # until all have claimed something
    async with AsyncExitStack() as stack:
        for number in range(workers):
            await stack.enter_async_context(start_worker(f"w{number}", claim_batch=5))
        async with database.transaction() as connection:
            ids = await _add_lanes(connection, lanes, each)

        async def all_busy() -> bool:
            return len({call["pid"] for call in phone.calls()}) == workers

        await until(all_busy, timeout_s=30)
        phone.release()
        await _all_sent(database, lanes * each)

    calls = [call["id"] for call in phone.calls()]
    assert sorted(calls) == sorted(map(str, ids))  # each exactly once
    order = {id_: place for place, id_ in enumerate(calls)}
    for first in range(0, len(ids), each):
        places = [order[str(id_)] for id_ in ids[first : first + each]]
        assert places == sorted(places)
    async with database.connection() as connection:
        claims = await connection.fetchval(
            "SELECT count(*) FROM notification_step WHERE to_state = 'claimed'"
        )
    assert claims == lanes * each
