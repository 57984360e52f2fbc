"""A circuit breaker for each route of a channel: what is down is not tried by every notification.

While it is open nothing is claimed for the route, so that no attempt is spent and no row is
lost or failed; then one notification probes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mould_watch.retry import Backoff


class BreakerState(StrEnum):
    """How a route is."""

    CLOSED = "closed"
    """It works, as far as is known."""
    OPEN = "open"
    """It failed again and again, and rests."""
    HALF_OPEN = "half_open"
    """It has rested: one notification probes it."""


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """When a route rests: after `failures` in a row, for `initial_s`, growing to `maximum_s`."""

    failures: int
    initial_s: float
    maximum_s: float


class Breaker:
    """The breaker of one route. Times are those of `monotonic_s`."""

    def __init__(self, settings: BreakerSettings, monotonic_s: Callable[[], float]) -> None:
        """Begin closed."""
        self._settings = settings
        self._monotonic_s = monotonic_s
        self._rests = Backoff(settings.initial_s, settings.maximum_s)
        self._failures = 0
        self._open_until_s: float | None = None
        self._is_probing = False
        self.reason: str | None = None

    @property
    def state(self) -> BreakerState:
        """Return how the route is now."""
        if self._open_until_s is None:
            return BreakerState.CLOSED
        if self.rest_s > 0:
            return BreakerState.OPEN
        return BreakerState.HALF_OPEN

    @property
    def rest_s(self) -> float:
        """Return how long it still rests."""
        until_s = self._open_until_s
        return 0.0 if until_s is None else max(0.0, until_s - self._monotonic_s())

    @property
    def may_probe(self) -> bool:
        """Whether one notification may be tried now, and only one."""
        return self.state is BreakerState.HALF_OPEN and not self._is_probing

    def probe(self) -> None:
        """Note that one is being tried."""
        self._is_probing = True

    def end_probe(self) -> None:
        """Note that the one that was tried came to no answer about the route."""
        self._is_probing = False

    def succeeded(self) -> bool:
        """Note that the route works; return whether that is news."""
        was_open = self._open_until_s is not None
        self._failures = 0
        self._open_until_s = None
        self._is_probing = False
        self._rests.reset()
        self.reason = None
        return was_open

    def failed(self, reason: str, retry_after_s: float | None = None) -> bool:
        """Note that the route as a whole failed; return whether it rests from now.

        One that says in how many seconds it would be asked again rests at once, and so long at
        least: it may say 0 for ever, and rests all the same after as many failures as others.
        """
        self._failures += 1
        self.reason = reason
        state = self.state
        self._is_probing = False
        rest_s = retry_after_s or 0.0
        if state is BreakerState.HALF_OPEN or (
            state is BreakerState.CLOSED and self._failures >= self._settings.failures
        ):
            rest_s = max(rest_s, self._rests.next_delay_s())
        if rest_s <= self.rest_s:
            return False
        self._open_until_s = self._monotonic_s() + rest_s
        # of one that was on its way when the breaker opened it is no news
        return state is not BreakerState.OPEN


class Breakers:
    """The breakers of a channel, one for each route that ever failed and did not recover."""

    def __init__(self, settings: BreakerSettings, monotonic_s: Callable[[], float]) -> None:
        """Begin with every route closed."""
        self._settings = settings
        self._monotonic_s = monotonic_s
        self._breakers: dict[str, Breaker] = {}

    def of(self, route: str) -> Breaker:
        """Return the breaker of a route, to note how it did."""
        if route not in self._breakers:
            self._breakers[route] = Breaker(self._settings, self._monotonic_s)
        return self._breakers[route]

    def succeeded(self, route: str) -> bool:
        """Note that a route works; return whether that is news."""
        breaker = self._breakers.pop(route, None)
        return breaker is not None and breaker.succeeded()

    def end_probe(self, route: str) -> None:
        """Note that a notification for a route is no longer being tried."""
        if route in self._breakers:
            self._breakers[route].end_probe()

    def split(self, routes: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
        """Return the routes that work, and those of which one notification may probe."""
        known = {route: self._breakers[route] for route in routes if route in self._breakers}
        closed = frozenset(
            route
            for route in routes
            if route not in known or known[route].state is BreakerState.CLOSED
        )
        return closed, frozenset(route for route, one in known.items() if one.may_probe)

    def shortest_rest_s(self) -> float | None:
        """Return the seconds until a resting route may be probed; None: none rests."""
        rests = [one.rest_s for one in self._breakers.values() if one.state is BreakerState.OPEN]
        return min(rests, default=None)

    def health(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the routes that do not work now."""
        return {
            route: {"state": one.state.value, "rest_s": round(one.rest_s, 1), "reason": one.reason}
            for route, one in self._breakers.items()
            if one.state is not BreakerState.CLOSED
        }
