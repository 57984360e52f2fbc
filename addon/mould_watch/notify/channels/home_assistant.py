"""Delivery through the integration's connection: Home Assistant pushes to the phone."""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mould_watch.errors import InstanceNotConnectedError
from mould_watch.notify.channel import ClaimedNotification, Delivery, Outcome
from mould_watch.ports import HomeAssistantConnections

CHANNEL: Final = "home_assistant"


class _Answer(BaseModel):
    """A `notification_result` of docs/protocol.md."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    outcome: Literal["delivered", "retry", "failed"]
    code: str | None = None
    message: str | None = None
    retry_after_s: float | None = Field(default=None, ge=0)
    expects_receipt: bool | None = None


class HomeAssistantChannel:
    """Routes are the instances that are connected here and ready: waiting for one costs nothing."""

    def __init__(self, connections: HomeAssistantConnections, timeout_s: float) -> None:
        """Deliver over `connections`, waiting at most `timeout_s` seconds for each answer."""
        self._connections = connections
        self._timeout_s = timeout_s

    @property
    def name(self) -> str:
        """Return the word that the notifications' column `channel` holds."""
        return CHANNEL

    @property
    def recognises_repeats(self) -> bool:
        """Return true: the integration keeps the ids it delivered."""
        return True

    def routes(self) -> frozenset[str]:
        """Return the ids of the instances that can deliver now."""
        return self._connections.ready_instances()

    def asked_for(self, routes: frozenset[str]) -> None:
        """Take none: an instance that is not connected may come, here or elsewhere."""

    async def wait_for_change(self, timeout_s: float) -> None:
        """Return when an instance came or went, or after `timeout_s` seconds."""
        await self._connections.wait_for_change(timeout_s)

    async def deliver(self, claimed: ClaimedNotification) -> Delivery:
        """Hand the notification to its instance and return what it answered."""
        notification = {
            **claimed.message,
            "notification_id": str(claimed.notification_id),
            "incident_id": str(claimed.incident_id),
            "kind": claimed.kind,
            "severity": claimed.severity,
            "target": claimed.target,
            "attempt": claimed.attempt,
            "via": claimed.via,
            "is_repetition": claimed.is_repetition,
            "correlation_id": claimed.correlation_id and str(claimed.correlation_id),
        }
        try:
            answer = _Answer.model_validate(
                await self._connections.deliver(claimed.route, notification, self._timeout_s)
            )
        except InstanceNotConnectedError:
            return Delivery(
                Outcome.CONNECTION_LOST,
                "connection_lost",
                "Home Assistant's connection ended before it answered",
            )
        except TimeoutError:
            return Delivery(
                Outcome.NO_ANSWER,
                "no_answer",
                f"Home Assistant did not answer within {self._timeout_s:g} s",
                is_channel_wide=True,
            )
        except ValidationError as error:
            return Delivery(
                Outcome.RETRY,
                "unreadable_answer",
                f"Home Assistant's answer is not understood ({error.error_count()} faults)",
                is_channel_wide=True,
            )
        return Delivery(
            Outcome(answer.outcome),
            answer.code,
            answer.message,
            answer.retry_after_s,
            expects_receipt=answer.expects_receipt,
        )
