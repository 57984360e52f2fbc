"""Delivering through a connection: implements ports.HomeAssistantConnections."""

import asyncio
from uuid import uuid4

import pytest

from mould_watch.errors import InstanceNotConnectedError
from mould_watch.ports import HomeAssistantConnections
from tests.support.api import RunningApi
from tests.support.stream import Stream, connect


def notification() -> dict[str, object]:
    return {"notification_id": uuid4(), "title": "Mould risk", "target": "phone"}


async def test_a_notification_is_delivered_and_answered_by_its_id(
    api: RunningApi, stream: Stream
) -> None:
    connections: HomeAssistantConnections = api.hub
    await stream.request("ready_to_deliver")
    first, second = notification(), notification()
    async with asyncio.TaskGroup() as group:
        answers = [
            group.create_task(connections.deliver("home-1", sent, 10)) for sent in (first, second)
        ]
        got = [(await stream.receive("notify"))["notification"] for _ in range(2)]
        assert [message["title"] for message in got] == ["Mould risk"] * 2
        await stream.send(
            {
                "type": "notification_result",
                "notification_id": str(second["notification_id"]),
                "outcome": "retry",
                "code": "action_missing",
                "message": "The phone's action is not there.",
                "retry_after_s": 30,
            }
        )
        await stream.send(
            {
                "type": "notification_result",
                "notification_id": str(first["notification_id"]),
                "outcome": "delivered",
            }
        )
    assert answers[0].result()["outcome"] == "delivered"
    assert answers[1].result() == {
        "notification_id": str(second["notification_id"]),
        "outcome": "retry",
        "code": "action_missing",
        "message": "The phone's action is not there.",
        "retry_after_s": 30.0,
        "expects_receipt": None,
    }


async def test_nothing_is_delivered_before_home_assistant_is_ready(
    api: RunningApi, stream: Stream
) -> None:
    with pytest.raises(InstanceNotConnectedError):
        await api.hub.deliver("home-1", notification(), 1)
    with pytest.raises(InstanceNotConnectedError):
        await api.hub.deliver("home-2", notification(), 1)
    waiting = asyncio.create_task(api.hub.wait_for_change(10), name="wait")
    await stream.request("ready_to_deliver")
    await waiting
    assert api.hub.ready_instances() == {"home-1"}


async def test_a_connection_that_goes_before_it_answered_is_told(api: RunningApi) -> None:
    async with connect(api.url) as stream:
        await stream.open()
        await stream.request("ready_to_deliver")
        delivery = asyncio.create_task(api.hub.deliver("home-1", notification(), 10), name="d")
        await stream.receive("notify")
    with pytest.raises(InstanceNotConnectedError):
        await delivery


async def test_a_connection_that_is_replaced_answers_no_more(
    api: RunningApi, stream: Stream
) -> None:
    await stream.request("ready_to_deliver")
    delivery = asyncio.create_task(api.hub.deliver("home-1", notification(), 10), name="d")
    await stream.receive("notify")
    async with connect(api.url) as newer:
        await newer.open()
        with pytest.raises(InstanceNotConnectedError):
            await delivery


async def test_no_answer_ends_in_a_timeout_and_a_late_answer_does_no_harm(
    api: RunningApi, stream: Stream
) -> None:
    await stream.request("ready_to_deliver")
    sent = notification()
    with pytest.raises(TimeoutError):
        await api.hub.deliver("home-1", sent, 0.05)
    late = {"type": "notification_result", "notification_id": str(sent["notification_id"])}
    await stream.send(late | {"outcome": "delivered"})
    await stream.send(late | {"outcome": "exploded"})
    await stream.send(late)
    assert (await stream.request("restore"))["success"]


async def test_answers_pass_while_a_request_is_being_answered(
    api: RunningApi, stream: Stream
) -> None:
    await stream.request("ready_to_deliver")
    sent = notification()
    delivery = asyncio.create_task(api.hub.deliver("home-1", sent, 10), name="d")
    await stream.receive("notify")
    for number in range(20):
        await stream.send({"type": "restore", "id": 1000 + number})
    await stream.send(
        {
            "type": "notification_result",
            "notification_id": str(sent["notification_id"]),
            "outcome": "delivered",
        }
    )
    assert (await delivery)["outcome"] == "delivered"
