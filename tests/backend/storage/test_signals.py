import asyncio

import asyncpg
import pytest

from mould_watch.clock import SystemClock
from mould_watch.storage.connections import connect
from mould_watch.storage.database import Database
from mould_watch.storage.signals import CHANNELS, Signals
from tests.support.running import running
from tests.support.waiting import until

LONG_S = 30.0


async def listener_pid(connection: asyncpg.Connection) -> int | None:
    pid: int | None = await connection.fetchval(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND query LIKE '%pg_notify%'"
    )
    return pid


async def returns_soon(database: Database, connection: asyncpg.Connection, channel: str) -> None:
    wakeup = database.signals.wakeup(channel)
    waiting = asyncio.create_task(wakeup.wait(LONG_S))
    await asyncio.sleep(0)
    await connection.execute("SELECT pg_notify($1, '')", channel)
    async with asyncio.timeout(LONG_S / 2):
        await waiting


@pytest.mark.parametrize("channel", sorted(CHANNELS))
async def test_a_notify_ends_the_wait(
    database: Database, connection: asyncpg.Connection, channel: str
) -> None:
    await until(lambda: database.signals.listening)
    await returns_soon(database, connection, channel)


async def test_the_schema_wakes_whoever_waits_for_a_new_notification_or_device(
    database: Database, connection: asyncpg.Connection
) -> None:
    await until(lambda: database.signals.listening)
    devices = database.signals.wakeup("mould_watch_device")
    await connection.execute(
        "INSERT INTO device (source_instance, native_id, name) VALUES ('mqtt:json', 'a', 'A')"
    )
    async with asyncio.timeout(LONG_S / 2):
        await devices.wait(LONG_S)


async def test_a_signal_before_the_wait_is_not_lost_and_counts_once(
    database: Database, connection: asyncpg.Connection
) -> None:
    await until(lambda: database.signals.listening)
    early, witness = (database.signals.wakeup("mould_watch_outbox") for _ in range(2))
    await connection.execute("SELECT pg_notify('mould_watch_outbox', '')")
    async with asyncio.timeout(LONG_S / 2):
        await witness.wait(LONG_S)
        await early.wait(LONG_S)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await early.wait(LONG_S)


async def test_without_a_signal_the_wait_ends_in_time(database: Database) -> None:
    async with asyncio.timeout(LONG_S):
        await database.signals.wakeup("mould_watch_outbox").wait(0.05)


async def test_a_lost_listener_is_established_again_and_wakes_everybody(
    database: Database, connection: asyncpg.Connection
) -> None:
    await until(lambda: database.signals.listening)
    wakeup = database.signals.wakeup("mould_watch_outbox")
    lost = await listener_pid(connection)
    await connection.execute("SELECT pg_terminate_backend($1)", lost)
    async with asyncio.timeout(LONG_S):
        await until(lambda: not database.signals.listening)
        # nothing is notified: what might have been missed is reason enough
        await wakeup.wait(LONG_S)
        assert database.signals.listening
    # the pool had nothing to do with it
    assert database.health()["ready"]
    await returns_soon(database, connection, "mould_watch_outbox")


async def test_a_listener_that_no_longer_hears_is_replaced(database_url: str) -> None:
    made: list[asyncpg.Connection] = []

    async def make() -> asyncpg.Connection:
        made.append(await connect(database_url))
        return made[-1]

    async def ready() -> None:
        return

    deaf = 0

    async def hears_no_longer() -> bool:
        nonlocal deaf
        # the newest: one whose probe was slow was replaced
        deaf = len(made)
        try:
            await made[-1].execute("UNLISTEN *")
        except asyncpg.InterfaceError:
            return False  # busy with a probe, or just replaced
        return True

    signals = Signals(SystemClock(), probe_interval_s=0.1, probe_timeout_s=0.5)
    async with running(signals.run(make, ready), "signals"), asyncio.timeout(LONG_S):
        await until(lambda: signals.listening)
        await until(hears_no_longer)
        await until(lambda: len(made) > deaf and signals.listening)


def test_an_unknown_channel_is_refused() -> None:
    with pytest.raises(ValueError, match="none of the channels"):
        Signals(SystemClock()).wakeup("mould_watch_typing_error")
