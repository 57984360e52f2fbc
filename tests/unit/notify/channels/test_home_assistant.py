"""The Home Assistant channel: what it sends, and how it reads an answer or the lack of one."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest

from mould_watch.errors import InstanceNotConnectedError
from mould_watch.notify.channel import ClaimedNotification, Delivery, Outcome
from mould_watch.notify.channels.home_assistant import HomeAssistantChannel
from tests.support.notifications import INSTANCE, RecordingHomeAssistant


def _claimed(route: str = INSTANCE) -> ClaimedNotification:
    return ClaimedNotification(
        notification_id=uuid4(),
        incident_id=uuid4(),
        channel="home_assistant",
        route=route,
        target="phone-1",
        kind="alarm",
        severity="warning",
        message={"room_id": "r", "room": "Bathroom", "title": "t", "body": "b", "buttons": []},
        attempt=2,
        claim_token=uuid4(),
        taken_over=False,
    )


async def _deliver(answer: Mapping[str, Any] | Exception) -> Delivery:
    home_assistant = RecordingHomeAssistant(INSTANCE)

    async def respond(_notification: Mapping[str, Any]) -> Mapping[str, Any]:
        if isinstance(answer, Exception):
            raise answer
        return answer

    home_assistant.respond = respond
    return await HomeAssistantChannel(home_assistant, timeout_s=5).deliver(_claimed())


async def test_sends_what_the_protocol_says() -> None:
    home_assistant = RecordingHomeAssistant(INSTANCE)
    claimed = _claimed()

    delivery = await HomeAssistantChannel(home_assistant, timeout_s=5).deliver(claimed)

    assert delivery.outcome is Outcome.DELIVERED
    assert home_assistant.deliveries == [
        {
            "notification_id": str(claimed.notification_id),
            "incident_id": str(claimed.incident_id),
            "room_id": "r",
            "room": "Bathroom",
            "kind": "alarm",
            "severity": "warning",
            "title": "t",
            "body": "b",
            "buttons": [],
            "target": "phone-1",
            "attempt": 2,
            "via": "push",
            "is_repetition": False,
            "correlation_id": None,
        }
    ]


async def test_routes_are_the_instances_that_are_ready() -> None:
    home_assistant = RecordingHomeAssistant()
    channel = HomeAssistantChannel(home_assistant, timeout_s=5)

    assert channel.routes() == frozenset()
    home_assistant.connect("b")
    await channel.wait_for_change(5)
    assert channel.routes() == {"b"}


async def test_reads_retry_and_failed() -> None:
    assert await _deliver({"outcome": "retry", "code": "no_action", "retry_after_s": 30}) == (
        Delivery(Outcome.RETRY, "no_action", None, 30.0)
    )
    assert await _deliver({"outcome": "failed", "code": "unknown_phone", "message": "gone"}) == (
        Delivery(Outcome.FAILED, "unknown_phone", "gone")
    )


@pytest.mark.parametrize("expects_receipt", [True, False, None])
async def test_says_whether_a_receipt_is_to_come(*, expects_receipt: bool | None) -> None:
    delivery = await _deliver({"outcome": "delivered", "expects_receipt": expects_receipt})
    assert delivery.expects_receipt is expects_receipt


async def test_a_connection_that_goes_is_not_a_failure() -> None:
    delivery = await _deliver(InstanceNotConnectedError("gone"))
    assert delivery.outcome is Outcome.CONNECTION_LOST


async def test_no_answer_in_time_is_not_a_failure() -> None:
    home_assistant = RecordingHomeAssistant(INSTANCE)

    async def never(_notification: Mapping[str, Any]) -> Mapping[str, Any]:
        await asyncio.Event().wait()
        return {}

    home_assistant.respond = never
    delivery = await HomeAssistantChannel(home_assistant, timeout_s=0.01).deliver(_claimed())
    assert delivery.outcome is Outcome.NO_ANSWER


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"outcome": "perhaps"},
        {"outcome": "retry", "retry_after_s": -1},
        {"outcome": "retry", "retry_after_s": float("inf")},
        {"outcome": "retry", "retry_after_s": float("nan")},
        {"outcome": ["delivered"]},
    ],
)
async def test_an_unreadable_answer_is_tried_again(answer: Mapping[str, Any]) -> None:
    delivery = await _deliver(answer)
    assert delivery.outcome is Outcome.RETRY
    assert delivery.code == "unreadable_answer"


async def test_a_newer_integration_may_say_more() -> None:
    delivery = await _deliver({"outcome": "delivered", "battery": "low"})
    assert delivery.outcome is Outcome.DELIVERED


def test_a_delivery_always_has_a_reason() -> None:
    assert Delivery(Outcome.FAILED).reason == "failed"
    assert Delivery(Outcome.FAILED, "unknown_phone", "It is gone").reason == (
        "unknown_phone: It is gone"
    )
