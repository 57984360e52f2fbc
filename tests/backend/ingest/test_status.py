"""Whether we are there, as the broker tells anybody who asks: birth, will, and takeover."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiomqtt
import pytest

from mould_watch.ingest import mqtt
from mould_watch.ingest.service import Ingestion
from mould_watch.storage.database import Database
from tests.support.ingestion import Ingesting
from tests.support.mosquitto import Mosquitto
from tests.support.running import running
from tests.support.waiting import until

TOPIC = "mould-watch/status"


@asynccontextmanager
async def told(broker: Mosquitto, topic: str = TOPIC) -> AsyncIterator[list[tuple[str, bool]]]:
    """Follow what is said on the status topic: payload, and whether the broker had kept it."""
    said: list[tuple[str, bool]] = []

    async def listen(client: aiomqtt.Client) -> None:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            said.append((message.payload.decode(), message.retain))

    async with aiomqtt.Client(broker.host, broker.port) as client:
        listening = asyncio.create_task(listen(client))
        await client.subscribe(topic, qos=1)
        yield said
        listening.cancel()


async def kept(broker: Mosquitto) -> str:
    """Return what the broker keeps as the status."""
    async with told(broker) as said:
        await until(lambda: bool(said))
        assert said[0][1]
        return said[0][0]


async def test_it_is_online_while_connected_and_offline_after_an_end_in_order(
    ingesting: Ingesting, broker: Mosquitto
) -> None:
    async with told(broker) as said:
        async with ingesting.running():
            await until(lambda: [word for word, _ in said] == ["online"])
            assert await kept(broker) == "online"
        await until(lambda: [word for word, _ in said] == ["online", "offline"])
    assert await kept(broker) == "offline"


async def test_at_the_end_of_the_process_the_broker_has_heard_it(
    ingesting: Ingesting, broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is taken from the broker any more, but for its answer to the last word."""
    caplog.set_level(logging.DEBUG, mqtt.__name__)
    async with ingesting.running():
        pass
    assert await kept(broker) == "offline"
    assert "Telling the status" not in caplog.text


async def test_the_broker_tells_of_an_end_without_a_word(
    ingesting: Ingesting, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "_WILL_DELAY_S", 0)
    async with told(broker) as said, ingesting.running() as ingestion:
        await until(lambda: said == [("online", False)])
        # the connection is cut, and for a while nothing comes back
        await _cut(ingestion)
        await until(lambda: ("offline", False) in said)
        # and when it is back it says so
        await until(lambda: said[-1] == ("online", False))


async def test_a_short_reconnect_is_no_news_of_an_end(
    ingesting: Ingesting, broker: Mosquitto
) -> None:
    async with told(broker) as said, ingesting.running() as ingestion:
        await until(lambda: len(said) == 1)
        await _cut(ingestion)
        await until(lambda: len(said) == 2)
    assert [word for word, _ in said[:2]] == ["online", "online"]


async def test_a_standby_that_takes_over_is_online_in_the_end(
    ingesting: Ingesting, broker: Mosquitto, other_database: Database
) -> None:
    first, second = ingesting.make(), ingesting.make(database=other_database)
    async with running(first.run(), "first") as leading:
        await until(lambda: first.health()["ready"])
        async with running(second.run(), "second"):
            await until(lambda: second.health()["state"] == "standby")
            leading.cancel()
            await until(lambda: second.health()["ready"])
            assert await kept(broker) == "online"


async def test_another_topic_or_none_can_be_chosen(ingesting: Ingesting, broker: Mosquitto) -> None:
    async with told(broker, "#") as said:
        ingestion = ingesting.make(mqtt={"status_topic": "off"})
        async with ingesting.running(ingestion):
            pass
        assert not {word for word, _ in said} & {"online", "offline"}
        ingestion = ingesting.make(mqtt={"status_topic": "home/mould"})
        async with told(broker, "home/mould") as elsewhere, ingesting.running(ingestion):
            await until(lambda: elsewhere == [("online", False)])


async def _cut(ingestion: Ingestion) -> None:
    """Cut the connection as the network would: no DISCONNECT."""
    client = ingestion._source._client
    assert client is not None
    sock = client._client.socket()
    assert isinstance(sock, socket.socket)
    sock.shutdown(socket.SHUT_RDWR)
