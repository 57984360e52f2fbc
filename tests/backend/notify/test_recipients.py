"""An address with several recipients: whoever has it does not get it again."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import replace
from uuid import uuid4

import pytest
from pydantic import SecretStr

from mould_watch.clock import SystemClock
from mould_watch.notify.channel import Delivery, Outcome
from mould_watch.notify.channels.apprise import AppriseChannel
from mould_watch.notify.worker import NotificationWorker
from mould_watch.storage.database import Database
from tests.support.notifications import CLAIMED, add_incident, add_notification, row_of
from tests.support.running import running
from tests.support.services import MailServer, Webhook, running_mail_server
from tests.support.waiting import until
from tests.support.worked_outbox import FAST

_HOME, _GRANNY, _OFFICE = "home@example.org", "granny@example.org", "office@example.org"


@pytest.fixture
async def mail() -> AsyncGenerator[MailServer]:
    async with running_mail_server() as mail:
        yield mail


def _channel(mail: MailServer, timeout_s: float = 10) -> AppriseChannel:
    address = f"{mail.address},{_GRANNY},{_OFFICE}"
    return AppriseChannel({"chat": SecretStr(address)}, timeout_s)


def _got(mail: MailServer) -> dict[str, int]:
    """Return how many mails each got."""
    return Counter(
        to for to in (_HOME, _GRANNY, _OFFICE) for one in mail.mails if to in str(one["to"])
    )


async def test_who_has_it_does_not_get_it_again(mail: MailServer, database: Database) -> None:
    mail.answers_to = {_GRANNY: ["450 later", "451 later still"]}
    worker = NotificationWorker(FAST, database, SystemClock(), [_channel(mail)], "worker")
    async with database.connection() as connection:
        notification_id = await add_notification(
            connection,
            await add_incident(connection),
            channel="apprise",
            route="chat",
            target="chat",
        )

    async def sent() -> bool:
        async with database.connection() as connection:
            return bool((await row_of(connection, notification_id))["state"] == "sent")

    async with running(worker.run(), "worker"):
        await until(sent)
    assert _got(mail) == {_HOME: 1, _GRANNY: 1, _OFFICE: 1}


async def test_each_notification_reaches_all(mail: MailServer) -> None:
    channel = _channel(mail)
    for _ in range(2):
        claimed = replace(CLAIMED, notification_id=uuid4())
        assert await channel.deliver(claimed) == Delivery(Outcome.DELIVERED)
    assert _got(mail) == {_HOME: 2, _GRANNY: 2, _OFFICE: 2}


async def test_one_that_is_refused_for_good_says_that_others_have_it(mail: MailServer) -> None:
    mail.answers_to = {_GRANNY: ["550 no such user", "550 no such user"]}
    channel = _channel(mail)
    delivery = await channel.deliver(CLAIMED)
    assert (delivery.outcome, delivery.code) == (Outcome.FAILED, "smtp_550")
    assert str(delivery.message).endswith("; others at this address have it")
    # tried again by hand
    assert (await channel.deliver(CLAIMED)).outcome is Outcome.FAILED
    assert (await channel.deliver(CLAIMED)).outcome is Outcome.DELIVERED
    assert _got(mail) == {_HOME: 1, _GRANNY: 1, _OFFICE: 1}


@pytest.mark.parametrize("first", [_HOME, _GRANNY])
async def test_of_several_the_one_that_says_later_counts(mail: MailServer, first: str) -> None:
    second = _GRANNY if first == _HOME else _HOME
    mail.answers_to = {first: ["550 no such user"], second: ["450 later"]}
    delivery = await _channel(mail).deliver(CLAIMED)
    assert (delivery.outcome, delivery.code) == (Outcome.RETRY, "smtp_450")
    assert _got(mail) == {_OFFICE: 1}


async def test_one_that_nobody_has_says_nothing_of_others(mail: MailServer) -> None:
    mail.recipient_answer = "550 no such user"
    assert "others" not in str((await _channel(mail).deliver(CLAIMED)).message)


async def test_what_arrives_when_nobody_waits_any_more_is_not_sent_again(hook: Webhook) -> None:
    """The answer came too late for its try, and in time for the next."""
    channel = AppriseChannel({"chat": SecretStr(hook.address)}, 30)
    hook.answering.clear()
    trying = asyncio.create_task(channel.deliver(CLAIMED), name="given up")
    await hook.arrived.wait()
    trying.cancel()
    await asyncio.wait({trying})
    assert trying.cancelled()
    hook.answering.set()
    await until(lambda: bool(channel._recipients.reached(CLAIMED.notification_id)))
    assert await channel.deliver(CLAIMED) == Delivery(Outcome.DELIVERED)
    assert len(hook.got) == 1
