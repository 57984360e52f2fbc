"""Many small questions to the database in one statement.

What is asked while a statement runs is asked together by the next: no timer decides, and under
load the round trips do not grow with the number of notifications.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from mould_watch.clock import Clock
from mould_watch.errors import DatabaseUnavailableError
from mould_watch.retry import Backoff
from mould_watch.storage.database import Connection, Database

_MOST_AT_ONCE: Final = 500

type Statement[Item, Result] = Callable[[Connection, Sequence[Item]], Awaitable[Sequence[Result]]]


class Together[Item, Result]:
    """Asks one kind of question. `run` must run beside whoever asks.

    An answer is awaited however long the database is away. Bounded by those who ask: each has
    one question.
    """

    def __init__(
        self, database: Database, clock: Clock, statement: Statement[Item, Result]
    ) -> None:
        """Ask with `statement`, which returns one result for each item, in order."""
        self._database = database
        self._clock = clock
        self._statement = statement
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._has_some = asyncio.Event()

    async def ask(self, item: Item) -> Result:
        """Return the result for `item`."""
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        self._has_some.set()
        return await answer

    async def run(self) -> None:
        """Ask for ever."""
        while True:
            await self._has_some.wait()
            asked = self._take()
            if not self._waiting:
                self._has_some.clear()
            if not asked:
                continue
            results = await self._results([item for item, _ in asked])
            for (_, answer), result in zip(asked, results, strict=True):
                if not answer.done():
                    answer.set_result(result)

    def _take(self) -> list[tuple[Item, asyncio.Future[Result]]]:
        """Take what waits, without those who wait no longer."""
        taken: list[tuple[Item, asyncio.Future[Result]]] = []
        while self._waiting and len(taken) < _MOST_AT_ONCE:
            one = self._waiting.popleft()
            if not one[1].done():
                taken.append(one)
        return taken

    async def _results(self, items: Sequence[Item]) -> Sequence[Result]:
        """Ask until the database has answered, however long it is away.

        Claim tokens keep this right: when another took a notification over meanwhile, the
        statement changes nothing and says so.
        """
        backoff = Backoff(initial_s=0.2, maximum_s=10.0)
        while True:
            try:
                async with self._database.connection() as connection:
                    return await self._statement(connection, items)
            except DatabaseUnavailableError:
                await self._clock.sleep(backoff.next_delay_s())
                await self._database.wait_ready()
