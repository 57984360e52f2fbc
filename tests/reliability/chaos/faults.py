"""Doing each fault, and undoing it: after it the system stands as before, whatever happened."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import asyncpg

from tests.reliability.chaos.ledger import Ledger
from tests.reliability.chaos.plan import POINTS, Fault, FaultKind
from tests.reliability.chaos.publisher import ChaosPublisher
from tests.reliability.chaos.world import World
from tests.support.waiting import until

_POINT_REACHED_S: Final = 20.0
_CLOCK_BEHIND_S: Final = -3 * 86_400.0
_BALLAST_PIECE: Final = bytes(64 * 1024)


class Faults:
    """One method a kind."""

    def __init__(
        self,
        world: World,
        publisher: ChaosPublisher,
        ledger: Ledger,
        settled: Callable[[], Awaitable[None]],
    ) -> None:
        """Do them to `world`; `settled` waits until the broker has nothing left to deliver."""
        self._world = world
        self._publisher = publisher
        self._ledger = ledger
        self._settled = settled
        self._points_missed = 0
        self._ways: Mapping[FaultKind, Callable[[Fault], Awaitable[None]]] = {
            kind: getattr(self, f"_{kind.value}") for kind in FaultKind
        }

    @property
    def points_missed(self) -> int:
        """How often a point was not come by in time, and the backend was killed elsewhere."""
        return self._points_missed

    async def do(self, fault: Fault) -> None:
        """Do it, wait as long as it lasts, undo it."""
        await asyncio.sleep(fault.pause_s)
        await self._ways[fault.kind](fault)

    async def _kill_backend(self, fault: Fault) -> None:
        await self._world.backend.end(signal.SIGKILL)
        await asyncio.sleep(fault.lasts_s)
        await self._world.backend.start()

    async def _kill_backend_at_point(self, fault: Fault) -> None:
        point = POINTS[fault.choice % len(POINTS)]
        backend = self._world.backend
        await backend.end(signal.SIGKILL)
        needs_outage = point != POINTS[0]
        if needs_outage:
            await self._world.database_away()
        await backend.start(
            MOULD_WATCH_FAILPOINT=point, MOULD_WATCH_FAILPOINT_AFTER=str(1 + fault.choice % 3)
        )
        if "drain" in point:
            # so that there is something to drain
            await backend.has_said("broker_connected")
            await asyncio.sleep(0.3)
            await self._world.database_back()
        if not await backend.ended(_POINT_REACHED_S):
            self._points_missed += 1
            await backend.end(signal.SIGKILL)
        await self._world.database_back()
        await backend.start()

    async def _stop_backend(self, fault: Fault) -> None:
        # from then on it hears signals
        await self._world.backend.has_said("api_listening")
        code = await self._world.backend.end(signal.SIGTERM)
        if code != 0:
            raise RuntimeError(f"the backend ended with {code} when it was told to")
        await asyncio.sleep(fault.lasts_s)
        await self._world.backend.start()

    async def _kill_broker(self, fault: Fault) -> None:
        self._ledger.doubt_since(await self._world.kill_broker())
        await asyncio.sleep(fault.lasts_s)
        await self._world.broker.start()

    async def _restart_broker(self, fault: Fault) -> None:
        await self._world.broker.stop()
        await asyncio.sleep(fault.lasts_s)
        await self._world.broker.start()

    async def _lose_session(self, _fault: Fault) -> None:
        # what a broker forgets before it was delivered is gone, and nobody's but the broker's
        async with self._publisher.silent():
            await self._settled()
            await self._world.broker.kill()
            self._world.broker.forget()
            subscribed = self._world.subscriptions()
            await self._world.broker.start()
            # and what comes before somebody asked for it is queued for nobody
            await until(lambda: self._world.subscriptions() > subscribed, 120.0)

    async def _kill_database(self, fault: Fault) -> None:
        await self._world.kill_database()
        await asyncio.sleep(fault.lasts_s)
        await self._world.postgres.ensure_running()

    async def _terminate_connections(self, _fault: Fault) -> None:
        connection = await asyncpg.connect(self._world.postgres.address)
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        finally:
            await connection.close()

    async def _database_away(self, fault: Fault) -> None:
        await self._world.database_away()
        await asyncio.sleep(fault.lasts_s)
        await self._world.database_back()

    async def _database_half_open(self, fault: Fault) -> None:
        self._world.wire.silent = True
        await asyncio.sleep(fault.lasts_s)
        self._world.wire.flow()
        # bytes were swallowed: these connections never come right again
        self._world.wire.drop()

    async def _database_slow(self, fault: Fault) -> None:
        self._world.wire.delay_s = 0.05
        await asyncio.sleep(fault.lasts_s)
        self._world.wire.flow()

    async def _spool_disk_full(self, fault: Fault) -> None:
        await self._world.database_away()
        ballast = self._world.backend.data_dir / "ballast"
        await asyncio.to_thread(_fill, ballast)
        await asyncio.sleep(fault.lasts_s)
        ballast.unlink()
        await asyncio.sleep(0.5)
        await self._world.database_back()

    async def _network_cut(self, fault: Fault) -> None:
        self._world.network.close()
        self._world.network.drop()
        await asyncio.sleep(fault.lasts_s)
        await self._world.network.open()

    async def _network_dribble(self, fault: Fault) -> None:
        self._world.network.dribble()
        await asyncio.sleep(fault.lasts_s)
        self._world.network.flow()

    async def _duplicates(self, fault: Fault) -> None:
        await self._publisher.duplicates(fault.choice)

    async def _reordering(self, fault: Fault) -> None:
        await self._publisher.reordering(fault.choice)

    async def _poison(self, fault: Fault) -> None:
        await self._publisher.poison(fault.choice)

    async def _clock_behind(self, fault: Fault) -> None:
        await self._world.backend.end(signal.SIGKILL)
        self._world.set_clock(_CLOCK_BEHIND_S)
        await self._world.backend.start()
        await asyncio.sleep(fault.lasts_s)
        self._world.set_clock(0.0)


def _fill(ballast: Path) -> None:
    """Write until there is no room left; never more than a disk of the size made for it has."""
    ends_s = time.monotonic() + 30
    try:
        with ballast.open("wb", buffering=0) as file:
            while time.monotonic() < ends_s:
                file.write(_BALLAST_PIECE)
    except OSError:
        return
