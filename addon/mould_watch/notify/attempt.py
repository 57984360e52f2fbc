"""One try to deliver a claimed notification, from the look at its lease to its stored outcome."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from mould_watch.clock import Clock
from mould_watch.errors import DatabaseUnavailableError
from mould_watch.notify.channel import Channel, ClaimedNotification, Delivery, Outcome
from mould_watch.observability.failpoints import reached
from mould_watch.retry import Backoff
from mould_watch.settings import NotifySettings
from mould_watch.storage import outbox
from mould_watch.storage.database import Connection, Database

_LOGGER = logging.getLogger(__name__)
_RETRY_AFTER_MAXIMUM_S: Final = 86400.0


class Sender:
    """Sends claimed notifications over one channel and stores how each ended.

    Whatever is not stored because the process dies comes again under the same notification id
    when the lease has run out; the receiver recognises it.
    """

    def __init__(
        self, settings: NotifySettings, database: Database, clock: Clock, channel: Channel
    ) -> None:
        """Send over `channel`."""
        self._settings = settings
        self._database = database
        self._clock = clock
        self._channel = channel
        self._retry = Backoff(
            initial_s=settings.retry_initial_s, maximum_s=settings.retry_maximum_s, jitter=1.0
        )

    async def attempt(self, claimed: ClaimedNotification) -> None:
        """Try `claimed` once, if its lease still has room for a whole try."""
        reached("after_claim_before_send")
        lease_s = await self._stored(
            lambda connection: outbox.remaining_lease_s(connection, claimed)
        )
        if lease_s is None:
            self._tell_lost(claimed)
            return
        if lease_s <= self._settings.channel_timeout_s:
            reason = "its worker was held up until the lease was too short to send"
            await self._give_back(claimed, 0.0, reason)
            return
        delivery = await self._send(claimed, lease_s)
        reached("after_send_before_sent")
        await self._store(claimed, delivery)

    async def _send(self, claimed: ClaimedNotification, lease_s: float) -> Delivery:
        """Return the channel's answer; its own time limit is shorter than what the lease leaves."""
        try:
            async with asyncio.timeout(lease_s):
                return await self._channel.deliver(claimed)
        except TimeoutError:
            return Delivery(Outcome.NO_ANSWER, "no_answer", "the lease ran out without an answer")

    async def _store(self, claimed: ClaimedNotification, delivery: Delivery) -> None:
        match delivery.outcome:
            case Outcome.DELIVERED:
                await self._finish_sent(claimed, delivery)
            case Outcome.FAILED:
                await self._finish_failed(claimed, delivery.reason)
            case Outcome.RETRY | Outcome.NO_ANSWER:
                delay_s = self._retry.delay_s(claimed.attempt - 1)
                if delivery.retry_after_s is not None:
                    delay_s = max(delay_s, min(delivery.retry_after_s, _RETRY_AFTER_MAXIMUM_S))
                await self._give_back(claimed, delay_s, delivery.reason)
            case Outcome.CONNECTION_LOST:
                # Soon: the missing route, not a growing wait, holds it back until it returns.
                await self._give_back(claimed, self._retry.delay_s(0), delivery.reason)

    async def _finish_sent(self, claimed: ClaimedNotification, delivery: Delivery) -> None:
        if not await self._stored(
            lambda connection: outbox.finish(
                connection, claimed, "sent", expects_receipt=delivery.expects_receipt
            )
        ):
            self._tell_lost(claimed)
            return
        _LOGGER.info(
            "Sent the %s for %s",
            claimed.kind,
            claimed.message.get("room"),
            extra=log_fields("notification_sent", claimed),
        )

    async def _finish_failed(self, claimed: ClaimedNotification, reason: str) -> None:
        if not await self._stored(
            lambda connection: outbox.finish(connection, claimed, "failed", reason)
        ):
            self._tell_lost(claimed)
            return
        _LOGGER.error(
            "The %s for %s cannot be delivered: %s",
            claimed.kind,
            claimed.message.get("room"),
            reason,
            extra=log_fields("notification_failed", claimed, reason=reason),
        )

    async def _give_back(self, claimed: ClaimedNotification, delay_s: float, reason: str) -> None:
        if not await self._stored(
            lambda connection: outbox.give_back(connection, claimed, delay_s, reason)
        ):
            self._tell_lost(claimed)
            return
        _LOGGER.warning(
            "The %s for %s is tried again in %.1f s: %s",
            claimed.kind,
            claimed.message.get("room"),
            delay_s,
            reason,
            extra=log_fields("notification_put_off", claimed, reason=reason, delay_s=delay_s),
        )

    async def _stored[Result](self, operation: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Run `operation` until the database has taken it, however long it is away.

        The claim token keeps this right: when another took the notification over meanwhile, the
        operation changes nothing and says so.
        """
        backoff = Backoff(initial_s=0.2, maximum_s=10.0)
        while True:
            try:
                async with self._database.connection() as connection:
                    return await operation(connection)
            except DatabaseUnavailableError:
                await self._clock.sleep(backoff.next_delay_s())
                await self._database.wait_ready()

    def _tell_lost(self, claimed: ClaimedNotification) -> None:
        _LOGGER.warning(
            "The %s for %s is no longer this worker's",
            claimed.kind,
            claimed.message.get("room"),
            extra=log_fields("notification_claim_lost", claimed),
        )


def log_fields(action: str, claimed: ClaimedNotification, **more: object) -> dict[str, object]:
    """Return the machine-readable fields of a log record about `claimed`."""
    return {
        "action": action,
        "room": claimed.message.get("room"),
        "kind": claimed.kind,
        "target": claimed.target,
        "attempt": claimed.attempt,
        "notification_id": str(claimed.notification_id),
        "incident_id": str(claimed.incident_id),
        **more,
    }
