"""Messages received and not yet stored: in order, bounded in number and in bytes."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from mould_watch.ingest.source import IncomingMessage


def _nothing() -> None:
    pass


class WaitingMessages:
    """A first-in first-out buffer between the broker's client and the writer.

    QoS > 0 is always taken: the broker's in-flight window (Receive Maximum) bounds its number,
    and `is_full` (told through `on_full` and `on_room`) stops the reading before its bytes
    grow beyond the bound. QoS 0 knows no window: beyond a bound it is dropped and counted.
    Messages count until they are `done`, also while the writer has them in hand.
    """

    def __init__(self, maximum_messages: int, maximum_bytes: int) -> None:
        self._maximum_messages = maximum_messages
        self._maximum_bytes = maximum_bytes
        self._messages: deque[IncomingMessage] = deque()
        self._count = 0
        self._bytes = 0
        self._dropped = 0
        self._dropped_ever = 0
        self._something = asyncio.Event()
        self._more = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self.on_full: Callable[[], None] = _nothing
        self.on_room: Callable[[], None] = _nothing
        self.on_episode: Callable[[], None] = _nothing
        self._in_episode = False

    @property
    def count(self) -> int:
        """Return how many messages are not stored yet."""
        return self._count

    @property
    def dropped_ever(self) -> int:
        """Return how many messages were dropped since the start of this process."""
        return self._dropped_ever

    @property
    def is_full(self) -> bool:
        """Return whether the bytes have reached their bound."""
        return self._bytes >= self._maximum_bytes

    def put(self, message: IncomingMessage) -> bool:
        """Append a message; False when it was dropped (QoS 0 beyond a bound)."""
        if message.qos == 0 and (self._count >= self._maximum_messages or self.is_full):
            self._dropped += 1
            self._dropped_ever += 1
            if not self._in_episode:
                self._in_episode = True
                self.on_episode()
            return False
        self._messages.append(message)
        self._count += 1
        self._bytes += len(message.payload)
        self._something.set()
        self._more.set()
        self._empty.clear()
        if self.is_full:
            self.on_full()
        return True

    async def ready(self) -> None:
        """Wait until there is a message to take."""
        await self._something.wait()

    def holds(self, count: int) -> bool:
        """Return whether there are so many messages to take."""
        return len(self._messages) >= count

    async def has(self, count: int) -> None:
        """Wait until there are so many messages to take."""
        while not self.holds(count):
            self._more.clear()
            await self._more.wait()

    def take(self, maximum: int) -> list[IncomingMessage]:
        """Return the oldest messages, at most `maximum`; they are in hand until `done`."""
        taken = [self._messages.popleft() for _ in range(min(maximum, len(self._messages)))]
        if not self._messages:
            self._something.clear()
        return taken

    def done(self, messages: Sequence[IncomingMessage]) -> None:
        """Forget messages that are stored."""
        was_full = self.is_full
        self._count -= len(messages)
        self._bytes -= sum(len(message.payload) for message in messages)
        if was_full and not self.is_full:
            self.on_room()
        if self._count == 0:
            self._in_episode = False
            self._empty.set()

    async def drained(self) -> None:
        """Wait until every message is done."""
        await self._empty.wait()

    def take_dropped(self) -> int:
        """Return how many messages were dropped since the last call."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def give_back_dropped(self, count: int) -> None:
        """Put back a count that could not be stored."""
        self._dropped += count
