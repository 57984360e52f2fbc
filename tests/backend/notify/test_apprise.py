"""Notifications through Apprise, to real servers that answer well, badly, late and not at all."""

import io
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import replace
from uuid import UUID

import pytest
from pydantic import SecretStr

from demo_flat.processes import free_port
from mould_watch.clock import SystemClock
from mould_watch.errors import SettingsError
from mould_watch.notify.channel import Delivery, Outcome
from mould_watch.notify.channels.apprise import AppriseChannel
from mould_watch.notify.worker import NotificationWorker
from mould_watch.settings import NotifySettings
from mould_watch.storage.database import Database
from tests.support.markdown import shown
from tests.support.notifications import CLAIMED, add_incident, add_notification, row_of, states_of
from tests.support.running import running
from tests.support.services import MailServer, Webhook, running_mail_server
from tests.support.waiting import until

_FAST = NotifySettings(
    poll_s=0.1, channel_timeout_s=5, lease_s=20, retry_initial_s=0.1, retry_maximum_s=0.5
)


@pytest.fixture
async def mail() -> AsyncGenerator[MailServer]:
    async with running_mail_server() as mail:
        yield mail


@pytest.fixture
def our_log() -> Generator[io.StringIO]:
    """Yield what reaches the root's handlers, as our log's does, down to the last word.

    pytest's own also hears the loggers that pass nothing on.
    """
    root = logging.getLogger()
    level, stream = root.level, io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    handler.addFilter(lambda record: not record.name.startswith("asyncio"))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.setLevel(level)
    root.removeHandler(handler)


def channel(address: str, timeout_s: float = 5) -> AppriseChannel:
    return AppriseChannel({"chat": SecretStr(address)}, timeout_s)


async def test_title_and_body_arrive_as_they_are(hook: Webhook) -> None:
    assert await channel(hook.address).deliver(CLAIMED) == Delivery(Outcome.DELIVERED)
    (got,) = hook.got
    assert got["title"] == "Bathroom: <too damp> & wet"
    assert got["message"] == "Air for 10 min."
    assert got["type"] == "warning"


async def test_mattermost_shows_a_name_as_it_is(hook: Webhook) -> None:
    """It takes all text for Markdown."""
    title, body = "*Bad* und _Flur_: ~~feucht~~", "- 1. `Stock` | &amp;\n# :wc:"
    claimed = replace(CLAIMED, message={"room": "Bad", "title": title, "body": body})
    address = f"mmost://127.0.0.1:{hook.port}/3ccdd113474722377935511fc85d3dd4"
    assert await channel(address).deliver(claimed) == Delivery(Outcome.DELIVERED)
    (got,) = hook.got
    assert got["text"] != f"{title}\r\n{body}"
    assert shown(got["text"]).splitlines() == [title, *body.splitlines()]


async def test_a_mail_arrives_with_its_subject_and_text(mail: MailServer) -> None:
    assert await channel(mail.address).deliver(CLAIMED) == Delivery(Outcome.DELIVERED)
    (got,) = mail.mails
    assert got["subject"] == "Bathroom: <too damp> & wet"
    assert "home@example.org" in str(got["to"])
    body = got.get_body(("plain", "html"))
    assert body is not None
    assert "Air for 10 min." in body.get_content()


@pytest.mark.parametrize(
    ("title", "subject"),
    [
        ("Bad & WC: <zu feucht> – *hier*", "Bad & WC: <zu feucht> – *hier*"),
        ("Bad\r\nBcc: else@example.org", "Bad Bcc: else@example.org"),
    ],
)
async def test_a_mail_reads_as_it_was_meant_and_a_name_is_no_header(
    mail: MailServer, title: str, subject: str
) -> None:
    body = "Die Wand war an 9 von 24 h zu feucht & naß.\nJetzt lüften: <10 Minuten>."
    claimed = replace(CLAIMED, message={"room": "Bad", "title": title, "body": body})
    assert await channel(mail.address).deliver(claimed) == Delivery(Outcome.DELIVERED)
    (got,) = mail.mails
    assert got["subject"] == subject
    assert "Bcc" not in got
    assert got.get_content_type() == "text/plain"
    assert got.get_content().replace("\r\n", "\n").rstrip() == body


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_what_a_service_refuses_for_good_is_failed(hook: Webhook, status: int) -> None:
    hook.status = status
    delivery = await channel(hook.address).deliver(CLAIMED)
    assert (delivery.outcome, delivery.code) == (Outcome.FAILED, f"http_{status}")


@pytest.mark.parametrize("status", [408, 500, 502, 503])
async def test_a_service_out_of_order_is_tried_again(hook: Webhook, status: int) -> None:
    hook.status = status
    delivery = await channel(hook.address).deliver(CLAIMED)
    assert (delivery.outcome, delivery.code) == (Outcome.RETRY, f"http_{status}")
    assert delivery.is_channel_wide
    assert not delivery.is_unknown


async def test_too_many_requests_wait_as_long_as_the_service_says(hook: Webhook) -> None:
    hook.status = 429
    delivery = await channel(hook.address).deliver(CLAIMED)
    assert (delivery.outcome, delivery.retry_after_s) == (Outcome.RETRY, 60)
    hook.text = '{"ok": false, "parameters": {"retry_after": 17}}'  # as Telegram says it
    assert (await channel(hook.address).deliver(CLAIMED)).retry_after_s == 17


@pytest.mark.parametrize("timeout_s", [2.5, 10])
async def test_no_answer_is_an_unknown_outcome(hook: Webhook, timeout_s: float) -> None:
    """Whether our own time limit, with time to ask, or the library's (4 s) ends the wait."""
    hook.status = 0
    delivery = await channel(hook.address, timeout_s).deliver(CLAIMED)
    assert delivery.outcome is Outcome.NO_ANSWER
    assert delivery.is_unknown
    assert len(hook.got) == 1


async def test_nobody_there_is_no_unknown_outcome() -> None:
    for address in (f"json://127.0.0.1:{free_port()}", MailServer(port=free_port()).address):
        delivery = await channel(address).deliver(CLAIMED)
        assert (delivery.outcome, delivery.code) == (Outcome.RETRY, "unreachable"), address
        assert delivery.is_channel_wide


async def test_a_mail_server_that_refuses_is_understood(mail: MailServer) -> None:
    mail.recipient_answer = "550 no such user"
    delivery = await channel(mail.address).deliver(CLAIMED)
    assert (delivery.outcome, delivery.code) == (Outcome.FAILED, "smtp_550")
    mail.recipient_answer = "450 later"
    delivery = await channel(mail.address).deliver(CLAIMED)
    assert (delivery.outcome, delivery.code) == (Outcome.RETRY, "smtp_450")


async def test_a_mail_whose_answer_is_lost_may_have_arrived(mail: MailServer) -> None:
    mail.hangs_up = True
    delivery = await channel(mail.address).deliver(CLAIMED)
    assert (delivery.outcome, delivery.code) == (Outcome.NO_ANSWER, "answer_lost")
    assert len(mail.mails) == 1


async def test_there_is_nothing_to_clear_there(hook: Webhook) -> None:
    delivery = await channel(hook.address).deliver(replace(CLAIMED, kind="clear"))
    assert delivery.outcome is Outcome.DELIVERED
    assert hook.got == []


@pytest.mark.parametrize(
    "address",
    ["", "hunter2-password", "mailtoo://a:hunter2-password@b", "tgram://hunter2-password"],
)
def test_an_address_not_understood_is_told_at_start_and_never_shown(
    address: str, our_log: io.StringIO
) -> None:
    with pytest.raises(SettingsError, match="the service chat") as refused:
        channel(address)
    assert "hunter2" not in str(refused.value)
    assert our_log.getvalue() == ""


async def test_no_secret_is_logged(hook: Webhook, our_log: io.StringIO) -> None:
    for status in (200, 500, 404):
        hook.status = status
        delivery = await channel(hook.address).deliver(CLAIMED)
        assert "hunter2" not in repr(delivery)
    assert "apprise" not in our_log.getvalue()


# --- with the worker --------------------------------------------------------------------------


type Sent = Callable[[], Awaitable[UUID]]


@pytest.fixture
def send(database: Database) -> Sent:
    async def send() -> UUID:
        async with database.connection() as connection:
            return await add_notification(
                connection,
                await add_incident(connection),
                channel="apprise",
                route="chat",
                target="chat",
            )

    return send


async def _states(database: Database, notification_id: UUID) -> list[str]:
    async with database.connection() as connection:
        return await states_of(connection, notification_id)


async def test_a_lost_answer_may_repeat_and_is_counted(
    database: Database, hook: Webhook, send: Sent
) -> None:
    hook.statuses = [0]
    # time enough for the answer to the second try
    settings = _FAST.model_copy(update={"channel_timeout_s": 3})
    worker = NotificationWorker(
        settings, database, SystemClock(), [channel(hook.address, 3)], "worker"
    )
    notification_id = await send()

    async def sent() -> bool:
        return (await _states(database, notification_id))[-1] == "sent"

    async with running(worker.run(), "worker"):
        await until(sent)
        told = worker.health()["channels"]["apprise"]
    assert len(hook.got) == 2
    assert (told["unknown_outcomes"], told["repeats"], told["sent"]) == (1, 1, 1)
    async with database.connection() as connection:
        unknown = await connection.fetchval(
            "SELECT unknown_outcomes FROM notification WHERE id = $1", notification_id
        )
    assert unknown == 1


async def test_a_service_that_is_not_set_is_failed_with_that_reason(
    database: Database, hook: Webhook, send: Sent
) -> None:
    other = AppriseChannel({"mail": SecretStr(hook.address)}, 5)
    worker = NotificationWorker(_FAST, database, SystemClock(), [other], "worker")
    notification_id = await send()

    async def failed() -> bool:
        return (await _states(database, notification_id))[-1] == "failed"

    async with running(worker.run(), "worker"):
        await until(failed)
    async with database.connection() as connection:
        row = await row_of(connection, notification_id)
    assert str(row["last_error"]).startswith("unknown_service: no service with the name chat")
    assert hook.got == []


async def test_a_service_that_is_down_rests_and_loses_nothing(
    database: Database, hook: Webhook, send: Sent
) -> None:
    """After so many failures in a row only a probe is sent, until one gets through."""
    hook.status = 503
    settings = _FAST.model_copy(
        update={
            "breaker_failures": 3,
            "breaker_initial_s": 0.3,
            "breaker_maximum_s": 0.3,
            "retry_initial_s": 0.01,
            "retry_maximum_s": 0.01,
        }
    )
    worker = NotificationWorker(settings, database, SystemClock(), [channel(hook.address)], "w")
    ids = [await send() for _ in range(6)]

    async def resting() -> bool:
        return bool(worker.health()["channels"]["apprise"]["resting"])

    async def probed() -> bool:
        return len(hook.got) > first_calls + 1

    async def all_sent() -> bool:
        return {(await _states(database, id_))[-1] for id_ in ids} == {"sent"}

    async with running(worker.run(), "worker"):
        await until(resting)
        told = worker.health()
        assert told["ready"]
        assert told["state"] == "resting"
        assert "chat over apprise" in str(told["detail"])
        assert told["channels"]["apprise"]["resting"]["chat"]["reason"].startswith("http_503")
        # those on their way when it opened; then one at a time
        first_calls = len(hook.got)
        assert first_calls <= 3 + settings.claim_batch
        await until(probed)
        hook.status = 200
        await until(all_sent)
        assert worker.health()["state"] == "ready"
