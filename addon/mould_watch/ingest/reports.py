"""How broker and spool are, said now and then to the database: rules are judged by it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from mould_watch.clock import Clock
from mould_watch.domain.rules.listening import BROKER, SPOOL
from mould_watch.errors import DatabaseUnavailableError
from mould_watch.storage import backend_state
from mould_watch.storage.database import Database

REGULARLY_S: Final = 30.0
"""Well within the time after which a report says nothing any more."""

_LOOK_S: Final = 1.0
_SHARE_STEPS: Final = 20


@dataclass(frozen=True, slots=True)
class Report:
    """How the parts are."""

    is_connected: bool
    # "share": how full it is, 0..1
    spool: Mapping[str, Any]

    @property
    def gist(self) -> tuple[object, ...]:
        """Return what is told at once when it changes."""
        return (
            self.is_connected,
            self.spool["fault"],
            self.spool["is_draining"],
            round(self.spool["share"] * _SHARE_STEPS),
        )


class Reports:
    """Tells the database what `ask` says: at once when it changes, and regularly."""

    def __init__(self, database: Database, clock: Clock, ask: Callable[[], Report | None]) -> None:
        """Tell `database`; `ask` returns None while another process is the one to tell."""
        self._database = database
        self._clock = clock
        self._ask = ask

    async def run(self) -> None:
        """Report, for ever."""
        told: tuple[object, ...] | None = None
        told_s = 0.0
        while True:
            await self._database.wait_ready()
            report = self._ask()
            now_s = self._clock.monotonic_s()
            if report is not None:
                is_due = report.gist != told or now_s - told_s >= REGULARLY_S
                if is_due and await self._tell(report):
                    told, told_s = report.gist, now_s
            await self._clock.sleep(_LOOK_S)

    async def _tell(self, report: Report) -> bool:
        now = self._clock.now()
        try:
            async with self._database.transaction() as connection:
                await backend_state.report(
                    connection, BROKER, now, is_well=report.is_connected, detail={}
                )
                await backend_state.report(
                    connection,
                    SPOOL,
                    now,
                    is_well=report.spool["fault"] is None,
                    detail=report.spool,
                )
        except DatabaseUnavailableError, asyncpg.PostgresError:
            return False
        return True
