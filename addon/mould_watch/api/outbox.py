"""What waits to be sent to one client: bounded in messages and in characters."""

import asyncio
from collections import deque
from dataclasses import dataclass


class OutboxFullError(Exception):
    """The client reads too slowly: more waits for it than may."""


@dataclass(frozen=True)
class Farewell:
    """The connection is to be closed when everything before this is sent."""

    code: int
    reason: str


class Outbox:
    """A bounded queue for one sender."""

    def __init__(
        self, maximum_messages: int = 10_000, maximum_characters: int = 16 * 1024 * 1024
    ) -> None:
        """Set the bounds."""
        self._maximum_messages = maximum_messages
        self._maximum_characters = maximum_characters
        self._waiting: deque[str | Farewell] = deque()
        self._characters = 0
        self._has_items = asyncio.Event()

    def put(self, text: str) -> None:
        """Queue a message; raises OutboxFullError when it does not fit."""
        if (
            len(self._waiting) >= self._maximum_messages
            or self._characters + len(text) > self._maximum_characters
        ):
            raise OutboxFullError
        self._waiting.append(text)
        self._characters += len(text)
        self._has_items.set()

    def end(self, farewell: Farewell) -> None:
        """Queue the end; it always fits."""
        self._waiting.append(farewell)
        self._has_items.set()

    async def get(self) -> str | Farewell:
        """Take the oldest; waits for one."""
        await self._has_items.wait()
        item = self._waiting.popleft()
        if isinstance(item, str):
            self._characters -= len(item)
        if not self._waiting:
            self._has_items.clear()
        return item
