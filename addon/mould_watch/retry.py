"""The one retry policy: for ever, with exponentially growing and jittered waits."""

from dataclasses import dataclass, field
from random import Random


@dataclass
class Backoff:
    """Waits between tries: `initial_s * 2**n`, never above `maximum_s`, less some chance.

    `jitter` is the share of a wait that is left to chance: 0.5 gives half to all of it,
    1.0 ("full jitter") anything from nothing to all of it. There is no last try.
    Call `reset` after a success.
    """

    initial_s: float = 1.0
    maximum_s: float = 60.0
    random: Random = field(default_factory=Random)
    failures: int = 0
    jitter: float = 0.5

    def delay_s(self, failures: int) -> float:
        """Return how long to wait after `failures` earlier failures, counted elsewhere."""
        # The exponent is bounded so that years of failures do not overflow a float.
        ceiling_s = min(self.maximum_s, self.initial_s * 2.0 ** min(failures, 32))
        return ceiling_s * self.random.uniform(1.0 - self.jitter, 1.0)

    def next_delay_s(self) -> float:
        """Count one more failure and return how long to wait before the next try."""
        delay_s = self.delay_s(self.failures)
        self.failures += 1
        return delay_s

    def reset(self) -> None:
        """Forget the failures: the next wait is a short one again."""
        self.failures = 0
