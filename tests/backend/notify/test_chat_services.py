"""Discord, Slack, AWS SNS, ntfy and Telegram through Apprise, as each of them speaks.

What each service takes and answers was looked up in its public documentation; the pages are named
at the servers (tests/support/chat_services.py and sns_service.py). The whole way is the product's:
the names of the services, TLS, a proxy from the environment.
"""

import asyncio
import io
import json
import logging
import time
from collections.abc import AsyncGenerator, Generator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from mould_watch.clock import SystemClock
from mould_watch.notify.channel import Delivery, Outcome
from mould_watch.notify.channels.apprise import AppriseChannel
from mould_watch.notify.worker import NotificationWorker
from mould_watch.settings import NotifySettings
from mould_watch.storage import overview
from mould_watch.storage.database import Connection, Database
from mould_watch.storage.overview import NotificationFilter
from tests.support.chat_network import Reached, running_services
from tests.support.chat_server import HANGS_UP, ChatService, Reply, said
from tests.support.chat_services import SERVICES, Discord, Ntfy, SlackBot, SlackWebhook, Telegram
from tests.support.notifications import CLAIMED, add_incident, add_notification, row_of
from tests.support.running import running
from tests.support.sns_service import Sns
from tests.support.waiting import until

_TITLE = "Bad & WC: <zu feucht> – *hier* und im _1. Stock_"
_BODY = (
    "Die kalte Wand war an 9 von 24 h zu feucht & naß.\nJetzt lüften: <10 Minuten>.\n"
    "# 1 ~~alt~~ `neu` ||geheim|| :wc: [hier](dort) &amp; <@12> \\*\n> 2\n- 3\n1. Stock"
)
_FAST = NotifySettings(
    poll_s=0.1, channel_timeout_s=10, lease_s=30, retry_initial_s=0.1, retry_maximum_s=0.5
)


@pytest.fixture(params=SERVICES, ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> type[ChatService]:
    kind: type[ChatService] = request.param
    return kind


@pytest.fixture
def service(kind: type[ChatService]) -> ChatService:
    return kind()


@pytest.fixture
def other() -> ChatService:
    """One that never complains."""
    return Ntfy()


@pytest.fixture
async def reached(
    service: ChatService, other: ChatService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Reached]:
    async with running_services([other, service], tmp_path) as reached:
        for name in ("no_proxy", "NO_PROXY", "https_proxy", "CURL_CA_BUNDLE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTPS_PROXY", reached.proxy)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(reached.authority))
        yield reached


@pytest.fixture
def our_log() -> Generator[io.StringIO]:
    """Yield everything that reaches the root's handlers, with the machine-readable fields."""
    root = logging.getLogger()
    level, stream = root.level, io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.format = lambda record: repr(vars(record))  # type: ignore[method-assign]
    # the servers here are no part of the product
    handler.addFilter(lambda record: not record.name.startswith(("asyncio", "aiohttp.access")))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.setLevel(level)
    root.removeHandler(handler)


def _channel(service: ChatService, timeout_s: float = 10) -> AppriseChannel:
    return AppriseChannel({"chat": SecretStr(service.address)}, timeout_s)


async def _deliver(service: ChatService, timeout_s: float = 10) -> Delivery:
    notification = replace(CLAIMED, message={"room": "Bad", "title": _TITLE, "body": _BODY})
    return await _channel(service, timeout_s).deliver(notification)


@pytest.mark.usefixtures("reached")
async def test_a_person_reads_title_and_body_as_they_are(service: ChatService) -> None:
    assert await _deliver(service) == Delivery(Outcome.DELIVERED)
    (read,) = service.read
    assert read.replace("\r\n", "\n") == f"{_TITLE}\n{_BODY}"


@pytest.mark.parametrize("kind", [Discord], ids=["Discord"])
@pytest.mark.usefixtures("reached")
async def test_so_it_is_in_a_frame(service: ChatService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(service), "address", f"{service.address}?format=markdown")
    assert await _deliver(service) == Delivery(Outcome.DELIVERED)
    assert service.read == [f"{_TITLE}\n{_BODY}"]


@pytest.mark.usefixtures("reached")
async def test_a_fault_of_the_address_ends_it_with_words_that_help(service: ChatService) -> None:
    for reply, code in service.for_good:
        before = service.requests
        service.replies = [reply]
        delivery = await _deliver(service)
        assert (delivery.outcome, delivery.code) == (Outcome.FAILED, code)
        assert f"the service answered {reply.status}" in str(delivery.message)
        assert "address" in str(delivery.message)
        assert not delivery.is_channel_wide, "others may well be delivered"
        assert service.requests == before + 1, "nobody tries again by himself"
    assert service.read == []


@pytest.mark.usefixtures("reached")
async def test_too_many_requests_wait_as_long_as_the_service_says(service: ChatService) -> None:
    """Nor does the library wait and try again by itself, as it would for Discord."""
    service.replies = [service.too_many]
    began_s = time.monotonic()
    delivery = await _deliver(service)
    assert delivery.outcome is Outcome.RETRY
    assert delivery.is_channel_wide
    is_told = isinstance(service, Discord | SlackWebhook | SlackBot | Telegram)
    assert delivery.retry_after_s == (17 if is_told else 60)
    assert service.requests == 1
    assert time.monotonic() - began_s < 15


@pytest.mark.usefixtures("reached")
async def test_a_service_out_of_order_is_tried_again(service: ChatService) -> None:
    service.replies = [service.out_of_order]
    delivery = await _deliver(service)
    assert (delivery.outcome, delivery.is_unknown) == (Outcome.RETRY, False)
    assert delivery.is_channel_wide


@pytest.mark.usefixtures("reached")
async def test_one_that_hangs_up_may_have_taken_it(service: ChatService) -> None:
    service.replies = [HANGS_UP]
    delivery = await _deliver(service)
    assert (delivery.outcome, delivery.code) == (Outcome.NO_ANSWER, "answer_lost")


@pytest.mark.usefixtures("reached")
async def test_one_that_nobody_can_reach_has_not_taken_it(
    service: ChatService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither without a way, nor where the certificate is another's."""
    async with running_services([], tmp_path) as elsewhere:
        monkeypatch.setenv("HTTPS_PROXY", elsewhere.proxy)
        no_way = await _deliver(service)
    async with running_services([service], tmp_path) as reached:
        monkeypatch.setenv("HTTPS_PROXY", reached.proxy)
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        not_trusted = await _deliver(service)
    for delivery in (no_way, not_trusted):
        assert (delivery.outcome, delivery.code) == (Outcome.RETRY, "unreachable")
        assert delivery.is_channel_wide
    assert service.requests == 0


@pytest.mark.usefixtures("reached")
async def test_no_secret_leaves_whatever_is_answered(
    service: ChatService, database: Database, our_log: io.StringIO
) -> None:
    """Not in the log, not in the database, not in the API, not in the state of the worker."""
    refused, _ = service.for_good[0]
    service.replies = [
        service.out_of_order,
        HANGS_UP,
        replace(service.too_many, headers={"Retry-After": "0"}),
        refused,
    ]
    channel = _channel(service)
    worker = NotificationWorker(_FAST, database, SystemClock(), [channel], "worker")
    async with database.connection() as connection:
        notification_id = await _add(connection)

    async def failed() -> bool:
        async with database.connection() as connection:
            return bool((await row_of(connection, notification_id))["state"] == "failed")

    health = ""
    async with running(worker.run(), "worker"):
        while not await failed():
            health += repr(worker.health())
            await asyncio.sleep(0.02)
    assert service.replies == []
    async with database.connection() as connection:
        stored = [
            await connection.fetchval(f"SELECT string_agg(t::text, ' ') FROM {table} AS t")  # noqa: S608
            for table in ("notification", "notification_step", "incident", "transition")
        ]
        shown = await overview.notifications(connection, NotificationFilter())
        row = await row_of(connection, notification_id)
    assert "the service answered" in str(row["last_error"])
    assert "notification_failed" in our_log.getvalue()
    seen = [*stored, *(one.model_dump_json() for one in shown), our_log.getvalue(), health]
    for secret in service.secrets:
        assert [text for text in seen if secret in str(text)] == [], secret


@pytest.mark.parametrize("kind", [Discord], ids=["Discord"])
@pytest.mark.usefixtures("reached")
async def test_the_worker_comes_back_when_it_may_and_not_before(
    service: ChatService, other: ChatService, database: Database
) -> None:
    """Neither with the same nor with another: it is the service that is to be left alone."""
    service.replies = [replace(service.too_many, headers={"Retry-After": "3600"})]
    channel = AppriseChannel(
        {"chat": SecretStr(service.address), "other": SecretStr(other.address)}, 10
    )
    worker = NotificationWorker(_FAST, database, SystemClock(), [channel], "worker")
    async with database.connection() as connection:
        notification_id = await _add(connection)

    async def row() -> tuple[str, float]:
        async with database.connection() as connection:
            found = await row_of(connection, notification_id)
        return str(found["state"]), float(found["due_in_s"])

    async def waits() -> bool:
        state, due_in_s = await row()
        return state == "pending" and due_in_s > 60

    async with running(worker.run(), "worker"):
        await until(waits)
        assert 3500 < (await row())[1] <= 3600
        resting = worker.health()["channels"]["apprise"]["resting"]["chat"]
        assert 3500 < resting["rest_s"] <= 3600
        assert resting["reason"].startswith("http_429")
        async with database.connection() as connection:
            await _add(connection)
            await _add(connection, "other")
        await until(lambda: bool(other.read))
        assert (service.requests, service.read) == (1, [])


@pytest.mark.parametrize("kind", [Sns], ids=["Sns"])
@pytest.mark.parametrize("code", ["Throttling", "RequestExpired", "ThrottlingException"])
@pytest.mark.usefixtures("reached")
async def test_a_400_that_means_later_is_not_the_end(service: ChatService, code: str) -> None:
    """AWS says so of too many requests, and where the clock is wrong."""
    service.replies = [Sns.error(400, code)]
    delivery = await _deliver(service)
    assert (delivery.outcome, delivery.code) == (Outcome.RETRY, code)


@pytest.mark.parametrize("kind", [SlackBot], ids=["SlackBot"])
@pytest.mark.parametrize("word", ["internal_error", "fatal_error", "service_unavailable"])
@pytest.mark.usefixtures("reached")
async def test_a_200_that_means_later_is_no_success(service: ChatService, word: str) -> None:
    service.replies = [said(200, {"ok": False, "error": word})]
    delivery = await _deliver(service)
    assert (delivery.outcome, delivery.code) == (Outcome.RETRY, word)


@pytest.mark.parametrize("kind", [Sns], ids=["Sns"])
@pytest.mark.usefixtures("reached")
async def test_a_wrong_key_is_found_out_by_the_signature(service: ChatService) -> None:
    wrong = service.address.replace("wmNsdjJGF", "wmNsdjJGE")
    channel = AppriseChannel({"chat": SecretStr(wrong)}, 10)
    delivery = await channel.deliver(CLAIMED)
    assert (delivery.outcome, delivery.code) == (Outcome.FAILED, "SignatureDoesNotMatch")
    assert "password, key or token" in str(delivery.message)


@pytest.mark.parametrize("kind", [Sns], ids=["Sns"])
@pytest.mark.usefixtures("reached")
async def test_a_try_that_was_given_up_sends_no_more(service: ChatService) -> None:
    """The library waits between two requests; what it sends then would come beside the next try."""
    # the first is answered by then, and the library has waited less than its 2.5 s
    channel = _channel(service, 2)
    delivery = await channel.deliver(CLAIMED)
    assert delivery.outcome is Outcome.NO_ANSWER
    # until its thread is done
    await asyncio.to_thread(channel._executor.shutdown)
    assert (service.requests, service.read) == (1, []), "the topic was asked for, and that was all"


@pytest.mark.parametrize("kind", [Telegram], ids=["Telegram"])
@pytest.mark.usefixtures("reached")
async def test_of_two_chats_none_is_asked_after_too_many_requests(
    service: ChatService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(service), "address", f"{service.address}98765/")
    service.replies = [service.too_many]
    assert (await _deliver(service)).retry_after_s == 17
    assert (service.requests, service.read) == (1, [])


@pytest.mark.parametrize("kind", [Telegram], ids=["Telegram"])
@pytest.mark.usefixtures("reached")
async def test_of_two_chats_the_one_that_says_later_counts(
    service: ChatService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(service), "address", f"{service.address}98765/")
    service.replies = [
        Telegram.error(400, "Bad Request: chat not found"),
        Telegram.error(502, "Bad Gateway"),
    ]
    assert (await _deliver(service)).outcome is Outcome.RETRY


@pytest.mark.parametrize("kind", [Telegram], ids=["Telegram"])
@pytest.mark.usefixtures("reached")
async def test_of_two_chats_the_one_that_has_it_is_left_out(
    service: ChatService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(service), "address", f"{service.address}98765/")
    channel = _channel(service)
    assert await channel.deliver(CLAIMED) == Delivery(Outcome.DELIVERED)
    service.requests = 0
    service.replies = [Telegram.error(502, "Bad Gateway")]
    claimed = replace(CLAIMED, notification_id=uuid4())
    assert (await channel.deliver(claimed)).outcome is Outcome.RETRY
    assert await channel.deliver(claimed) == Delivery(Outcome.DELIVERED)
    assert (service.requests, len(service.read)) == (3, 4)


@pytest.mark.parametrize("kind", [SlackWebhook], ids=["SlackWebhook"])
@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"Retry-After": "30"}, {}, 30),
        ({"Retry-After": "0.5"}, {}, 0.5),
        # one of them in milliseconds, as some versions of Discord's interface have it
        ({"Retry-After": "64570", "X-RateLimit-Reset-After": "64.57"}, {}, 64.57),
        ({"X-RateLimit-Reset-After": "9"}, {"retry_after": 1}, 9),
        ({}, {"retry_after": 1.337}, 1.337),
        ({}, {"parameters": {"retry_after": 34}}, 34),
        ({"Retry-After": "Fri, 01 Jan 2010 00:00:00 GMT"}, {}, 0),
        ({"Retry-After": "-5"}, {}, 0),
        # nothing that says a time: the channel's own
        ({"Retry-After": "soon"}, {}, 60),
        ({"Retry-After": "inf"}, {}, 60),
        ({"Retry-After": "nan"}, {}, 60),
        ({}, {"retry_after": True}, 60),
        ({}, {"parameters": [17]}, 60),
    ],
)
@pytest.mark.usefixtures("reached")
async def test_however_a_service_says_how_long_to_wait(
    service: ChatService, headers: dict[str, str], body: dict[str, object], seconds: float
) -> None:
    service.replies = [Reply(429, json.dumps(body), headers)]
    assert (await _deliver(service)).retry_after_s == seconds


async def _add(connection: Connection, name: str = "chat") -> UUID:
    return await add_notification(
        connection, await add_incident(connection), channel="apprise", route=name, target=name
    )
