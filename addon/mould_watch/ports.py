"""The small Protocols through which the parts meet. Only `service` knows both sides of each."""

from collections.abc import Mapping
from typing import Any, Protocol


class HomeAssistantConnections(Protocol):
    """The Home Assistant instances connected to this process and ready to deliver."""

    def ready_instances(self) -> frozenset[str]:
        """Return the ids of the instances that have said "ready_to_deliver"."""
        ...

    async def wait_for_change(self, timeout_s: float) -> None:
        """Return when the set of ready instances changed, or after `timeout_s` seconds."""
        ...

    async def deliver(
        self, instance_id: str, notification: Mapping[str, Any], timeout_s: float
    ) -> Mapping[str, Any]:
        """Send one notification and return the instance's answer (docs/protocol.md).

        Raises InstanceNotConnectedError when the connection is not there or goes before it
        answered, and TimeoutError when no answer came within `timeout_s`.
        """
        ...


class PartHealth(Protocol):
    """A part that can say how it is, for `/readyz` and for the integration's health."""

    @property
    def name(self) -> str:
        """Return the part's name: "database", "broker", ..."""
        ...

    def health(self) -> Mapping[str, Any]:
        """Return {"ready": bool, "state": word, "detail": sentence or None, ...counts}."""
        ...
