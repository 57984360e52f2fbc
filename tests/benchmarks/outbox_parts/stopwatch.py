"""What a rate is counted by."""

import asyncio
import time


class Stopwatch:
    """From the first send until the end of the last is stored."""

    def __init__(self, expected: int) -> None:
        """Wait for `expected`."""
        self.expected = expected
        self.sent = 0
        self.all_sent = asyncio.Event()
        self.stored = 0
        self.first_s = 0.0
        self.last_s = 0.0

    def send(self) -> None:
        """Note that one is sent."""
        if not self.sent:
            self.first_s = time.perf_counter()
        self.sent += 1
        if self.sent == self.expected:
            self.all_sent.set()

    def store(self, count: int) -> None:
        """Note that the ends of so many are stored."""
        self.stored += count
        if self.stored == self.expected:
            self.last_s = time.perf_counter()

    @property
    def per_s(self) -> float:
        """Return how many went from claim to stored end in a second."""
        if not self.sent == self.stored == self.expected:
            raise RuntimeError(f"{self.sent} sent, {self.stored} stored of {self.expected}")
        return self.expected / (self.last_s - self.first_s)
