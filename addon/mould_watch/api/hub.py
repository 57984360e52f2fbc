"""The Home Assistant instances connected to this process, one connection each."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final, Protocol

from mould_watch.api.messages import NotificationResult
from mould_watch.errors import InstanceNotConnectedError

_LOGGER: Final = logging.getLogger(__name__)

CLOSE_GOING_AWAY: Final = 1001
CLOSE_REPLACED: Final = 4001


class Peer(Protocol):
    """One client's connection, as the hub uses it."""

    def push(self, message: Mapping[str, Any]) -> None:
        """Queue a message; a client too slow to take it is dropped."""
        ...

    def close_with(self, code: int, reason: str) -> None:
        """Close after what is queued."""
        ...


class Member:
    """A connected instance: whether it takes notifications, and those it has not answered."""

    def __init__(self, instance_id: str, peer: Peer) -> None:
        """Begin as not ready to deliver."""
        self.instance_id = instance_id
        self.peer = peer
        self.is_ready = False
        self.is_gone = False
        # Two tries of one notification may wait at once: the first answer is for both.
        self._waiting: dict[str, set[asyncio.Future[NotificationResult]]] = {}

    def expect(self, notification_id: str) -> asyncio.Future[NotificationResult]:
        """Return what will hold the answer for `notification_id`."""
        answer = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(notification_id, set()).add(answer)
        return answer

    def forget(self, notification_id: str, answer: asyncio.Future[NotificationResult]) -> None:
        """Wait for it no longer."""
        waiting = self._waiting.get(notification_id, set())
        waiting.discard(answer)
        if not waiting:
            self._waiting.pop(notification_id, None)

    def answer(self, result: NotificationResult) -> None:
        """Pass the client's answer on; one that nobody waits for came too late."""
        waiting = self._waiting.get(result.notification_id)
        if not waiting:
            _LOGGER.info(
                "An answer for notification %s came too late; it will be asked for again.",
                result.notification_id,
                extra={"action": "notification_answer_late", "outcome": result.outcome},
            )
            return
        for answer in waiting:
            if not answer.done():
                answer.set_result(result)

    def gone(self) -> None:
        """Tell everybody who waits that no answer will come."""
        self.is_gone = True
        for waiting in self._waiting.values():
            for answer in waiting:
                if not answer.done():
                    answer.set_exception(_not_connected(self.instance_id))


class Hub:
    """Implements ports.HomeAssistantConnections."""

    def __init__(self) -> None:
        """Start without any connection."""
        self._members: dict[str, Member] = {}
        self._peers: set[Peer] = set()
        self._changed = asyncio.Event()

    def connected(self, peer: Peer) -> None:
        """Know a connection before it said who it is, so that it can be closed."""
        self._peers.add(peer)

    def disconnected(self, peer: Peer) -> None:
        """Forget it."""
        self._peers.discard(peer)

    def join(self, instance_id: str, peer: Peer) -> Member:
        """Take a new connection of an instance; the newest wins, the older one is closed."""
        older = self._members.pop(instance_id, None)
        if older is not None:
            older.gone()
            older.peer.close_with(CLOSE_REPLACED, "replaced")
            _LOGGER.warning(
                "A newer connection of Home Assistant %s replaced the older one.",
                instance_id,
                extra={"action": "connection_replaced", "instance_id": instance_id},
            )
        member = Member(instance_id, peer)
        self._members[instance_id] = member
        self._tell_change()
        return member

    def leave(self, member: Member) -> None:
        """Forget a connection that ended."""
        member.gone()
        if self._members.get(member.instance_id) is member:
            del self._members[member.instance_id]
            self._tell_change()

    def ready(self, member: Member) -> None:
        """Note that Home Assistant has started and takes notifications."""
        member.is_ready = True
        self._tell_change()

    def close_all(self) -> None:
        """Close every connection: this process ends."""
        for peer in self._peers:
            peer.close_with(CLOSE_GOING_AWAY, "the backend stops")

    def ready_instances(self) -> frozenset[str]:
        """Return the ids of the instances that have said "ready_to_deliver"."""
        return frozenset(
            instance_id for instance_id, member in self._members.items() if member.is_ready
        )

    async def wait_for_change(self, timeout_s: float) -> None:
        """Return when the set of ready instances may have changed, or after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            pass

    async def deliver(
        self, instance_id: str, notification: Mapping[str, Any], timeout_s: float
    ) -> Mapping[str, Any]:
        """Send one notification and return the instance's answer (docs/protocol.md).

        Raises InstanceNotConnectedError when the connection is not there or goes before it
        answered, and TimeoutError when no answer came within `timeout_s`.
        """
        member = self._members.get(instance_id)
        if member is None or not member.is_ready:
            raise _not_connected(instance_id)
        notification_id = str(notification["notification_id"])
        answer = member.expect(notification_id)
        try:
            member.peer.push({"type": "notify", "notification": notification})
            async with asyncio.timeout(timeout_s):
                result = await answer
        finally:
            member.forget(notification_id, answer)
        return result.model_dump(mode="json")

    def _tell_change(self) -> None:
        # Whoever waits now is woken; whoever comes later waits for the next change.
        self._changed.set()
        self._changed = asyncio.Event()


def _not_connected(instance_id: str) -> InstanceNotConnectedError:
    return InstanceNotConnectedError(
        "The Home Assistant instance is not connected.", instance_id=instance_id
    )
