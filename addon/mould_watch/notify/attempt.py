"""One try to deliver a claimed notification, from the look at its lease to its stored outcome."""

import asyncio
import logging
from collections import Counter
from typing import Final
from uuid import UUID

from mould_watch.clock import Clock
from mould_watch.notify.breaker import Breakers
from mould_watch.notify.channel import Channel, ClaimedNotification, Delivery, Outcome
from mould_watch.notify.together import Together
from mould_watch.observability.failpoints import reached
from mould_watch.retry import Backoff
from mould_watch.settings import NotifySettings
from mould_watch.storage import outbox
from mould_watch.storage.database import Database
from mould_watch.storage.outbox import Ending

_LOGGER = logging.getLogger(__name__)
_RETRY_AFTER_MAXIMUM_S: Final = 86400.0
_JUST_NOW_S: Final = 0.1
"""How old the database's word on a lease may be when sending begins."""


class Sender:
    """Sends claimed notifications over one channel and says how each ended.

    Whatever is not stored because the process dies comes again under the same notification id
    when the lease has run out; the receiver recognises it, where it can.
    """

    def __init__(
        self,
        settings: NotifySettings,
        database: Database,
        clock: Clock,
        channel: Channel,
        *,
        breakers: Breakers,
    ) -> None:
        """Send over `channel`, and tell `breakers` how its routes do. `run` must run beside."""
        self._settings = settings
        self._channel = channel
        self._breakers = breakers
        self._clock = clock
        self._leases = Together(database, clock, outbox.remaining_leases_s)
        self._retry = Backoff(
            initial_s=settings.retry_initial_s, maximum_s=settings.retry_maximum_s, jitter=1.0
        )
        # whose sending has begun and whose end is not stored: they may have arrived
        self.under_way: set[UUID] = set()
        # since the process started: sent, failed, retried, unknown, repeats, lost
        self.counts: Counter[str] = Counter()

    async def run(self) -> None:
        """Ask the database what the attempts ask, for ever."""
        await self._leases.run()

    async def attempt(self, claimed: ClaimedNotification, asked_s: float) -> Ending | None:
        """Try `claimed` once, if its lease still has room for a whole try; return how it ended.

        `asked_s`: the monotonic time at which the claim was asked for. None: it is another's.
        Whoever stores the ending calls `stored`.
        """
        try:
            return await self._attempt(claimed, asked_s)
        finally:
            self._breakers.end_probe(claimed.route)

    def stored(self, ending: Ending, *, was_ours: bool) -> None:
        """Note that an ending is stored; unless `was_ours` the claim was another's by then."""
        claimed = ending.claimed
        self.under_way.discard(claimed.notification_id)
        if not was_ours:
            self._tell_lost(claimed)
            return
        match ending.state:
            case "sent":
                self.counts["sent"] += 1
                tell(logging.INFO, "notification_sent", claimed, "Sent the %s for %s")
            case "failed":
                self.counts["failed"] += 1
                tell(
                    logging.ERROR,
                    "notification_failed",
                    claimed,
                    "The %s for %s cannot be delivered: %s",
                    ending.reason,
                    reason=ending.reason,
                )
            case "pending":
                self.counts["retried"] += 1
                self.counts["unknown_outcomes"] += ending.is_unknown
                tell(
                    logging.WARNING,
                    "notification_put_off",
                    claimed,
                    "The %s for %s is tried again in %.1f s: %s",
                    ending.delay_s,
                    ending.reason,
                    reason=ending.reason,
                    delay_s=ending.delay_s,
                )

    async def _remaining_lease_s(
        self, claimed: ClaimedNotification, asked_s: float
    ) -> float | None:
        """Return what is left of the lease by the database's clock; None: it is another's.

        The answer to a claim just asked for says so itself; after any delay it is asked again.
        """
        since_s = self._clock.monotonic_s() - asked_s
        if 0 <= since_s <= _JUST_NOW_S:
            return self._settings.lease_s - since_s
        return await self._leases.ask(claimed)

    async def _attempt(self, claimed: ClaimedNotification, asked_s: float) -> Ending | None:
        reached("after_claim_before_send")
        lease_s = await self._remaining_lease_s(claimed, asked_s)
        if lease_s is None:
            self._tell_lost(claimed)
            return None
        if lease_s <= self._settings.channel_timeout_s:
            reason = "its worker was held up until the lease was too short to send"
            return Ending(claimed=claimed, state="pending", reason=reason)
        if claimed.unknown_outcomes and not self._channel.recognises_repeats:
            self.counts["repeats"] += 1
            tell(
                logging.WARNING,
                "notification_may_repeat",
                claimed,
                "The %s for %s may arrive a second time: the answer to an earlier try was lost",
            )
        tell(logging.INFO, "notification_sending", claimed, "Sending the %s for %s")
        self.under_way.add(claimed.notification_id)
        delivery = await self._send(claimed, lease_s)
        reached("after_send_before_sent")
        self._note(claimed, delivery)
        return self._ending(claimed, delivery)

    async def _send(self, claimed: ClaimedNotification, lease_s: float) -> Delivery:
        """Return the channel's answer; its own time limit is shorter than what the lease leaves."""
        try:
            async with asyncio.timeout(lease_s):
                return await self._channel.deliver(claimed)
        except TimeoutError:
            return Delivery(
                Outcome.NO_ANSWER,
                "no_answer",
                "the lease ran out without an answer",
                is_channel_wide=True,
            )

    def _note(self, claimed: ClaimedNotification, delivery: Delivery) -> None:
        """Tell the breaker of the route how it did."""
        if not delivery.is_channel_wide:
            # whatever it said of this target, somebody is there who answers
            if delivery.outcome is not Outcome.CONNECTION_LOST and self._breakers.succeeded(
                claimed.route
            ):
                _LOGGER.info(
                    "%s over %s answers again",
                    claimed.route,
                    self._channel.name,
                    extra={"action": "notification_route_closed", "route": claimed.route},
                )
            return
        breaker = self._breakers.of(claimed.route)
        if breaker.failed(delivery.reason, _wait_s(delivery)):
            _LOGGER.warning(
                "%s over %s fails again and again and is left alone for %.0f s: %s",
                claimed.route,
                self._channel.name,
                breaker.rest_s,
                delivery.reason,
                extra={
                    "action": "notification_route_opened",
                    "route": claimed.route,
                    "channel": self._channel.name,
                    "rest_s": breaker.rest_s,
                    "reason": delivery.reason,
                },
            )

    def _ending(self, claimed: ClaimedNotification, delivery: Delivery) -> Ending:
        match delivery.outcome:
            case Outcome.DELIVERED:
                return Ending(
                    claimed=claimed, state="sent", expects_receipt=delivery.expects_receipt
                )
            case Outcome.FAILED:
                return Ending(claimed=claimed, state="failed", reason=delivery.reason)
            case Outcome.RETRY | Outcome.NO_ANSWER:
                delay_s = max(self._retry.delay_s(claimed.attempt - 1), _wait_s(delivery) or 0.0)
                is_unknown = delivery.is_unknown
            case Outcome.CONNECTION_LOST:
                # Soon: the missing route, not a growing wait, holds it back until it returns.
                delay_s = self._retry.delay_s(0)
                is_unknown = True
        return Ending(
            claimed=claimed,
            state="pending",
            reason=delivery.reason,
            delay_s=delay_s,
            is_unknown=is_unknown,
        )

    def _tell_lost(self, claimed: ClaimedNotification) -> None:
        self.counts["claims_lost"] += 1
        tell(
            logging.WARNING,
            "notification_claim_lost",
            claimed,
            "The %s for %s is no longer this worker's",
        )


def _wait_s(delivery: Delivery) -> float | None:
    """Return how long the receiver wants to be left alone, within reason; None: it did not say."""
    if delivery.retry_after_s is None:
        return None
    return min(delivery.retry_after_s, _RETRY_AFTER_MAXIMUM_S)


def tell(
    level: int,
    action: str,
    claimed: ClaimedNotification,
    text: str,
    *values: object,
    **more: object,
) -> None:
    """Log `text` about `claimed`: its first two %s are the kind and the room."""
    if not _LOGGER.isEnabledFor(level):
        return
    room = claimed.message.get("room")
    _LOGGER.log(
        level,
        text,
        claimed.kind,
        room,
        *values,
        extra={
            "action": action,
            "room": room,
            "kind": claimed.kind,
            "target": claimed.target,
            "attempt": claimed.attempt,
            "notification_id": str(claimed.notification_id),
            "incident_id": str(claimed.incident_id),
            "correlation_id": claimed.correlation_id and str(claimed.correlation_id),
            **more,
        },
    )
