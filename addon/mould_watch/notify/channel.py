"""What a way of delivering notifications is: a channel, and the answer it gives."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from mould_watch.storage.outbox import ClaimedNotification

__all__ = ["Channel", "ClaimedNotification", "Delivery", "Outcome"]


class Outcome(StrEnum):
    """How a try to deliver ended."""

    DELIVERED = "delivered"
    """The receiver accepted it, now or before."""
    RETRY = "retry"
    """The receiver cannot take it now."""
    FAILED = "failed"
    """The receiver never will."""
    CONNECTION_LOST = "connection_lost"
    """The connection was not there, or went before the answer: it may have arrived."""
    NO_ANSWER = "no_answer"
    """The receiver is there and did not answer in time: it may have arrived."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A channel's answer for one notification. `code` is a machine word."""

    outcome: Outcome
    code: str | None = None
    message: str | None = None
    retry_after_s: float | None = None
    # delivered by a way that hides failures: whether a receipt will say that it arrived
    expects_receipt: bool | None = None
    # it is the way itself that failed, and not this one target: others would fail alike
    is_channel_wide: bool = False

    @property
    def is_unknown(self) -> bool:
        """Whether nobody knows if it arrived."""
        return self.outcome in {Outcome.CONNECTION_LOST, Outcome.NO_ANSWER}

    @property
    def reason(self) -> str:
        """Return why it was not delivered, in one line."""
        return ": ".join(part for part in (self.code, self.message) if part) or self.outcome.value


class Channel(Protocol):
    """One way of delivering, with the routes that this process can serve now.

    A receiver that `recognises_repeats` shows a notification id once, however often it comes.
    """

    @property
    def name(self) -> str:
        """Return the word that the notifications' column `channel` holds."""
        ...

    @property
    def recognises_repeats(self) -> bool:
        """Whether a repetition is no second message there."""
        ...

    def routes(self) -> frozenset[str]:
        """Return the routes served now; only their notifications are claimed."""
        ...

    def asked_for(self, routes: frozenset[str]) -> None:
        """Hear which other routes notifications wait for.

        A channel that knows that nobody will ever serve one may take it, to fail them with that
        reason.
        """
        ...

    async def wait_for_change(self, timeout_s: float) -> None:
        """Return when `routes` changed, or after `timeout_s` seconds."""
        ...

    async def deliver(self, claimed: ClaimedNotification) -> Delivery:
        """Try once, within the time limit the channel was made with.

        The same notification id may come again: the receiver recognises it.
        """
        ...
