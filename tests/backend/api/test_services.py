"""Trying the services that the settings know."""

import pytest
from pydantic import SecretStr

from mould_watch.api.services import Trial
from mould_watch.notify.channels.apprise import AppriseChannel
from mould_watch.wiring import TestedServices
from tests.support.api import RunningApi, ask
from tests.support.services import running_webhook

WORDS = {"title": "Mould Watch", "body": "This is how you will hear of it."}


async def test_a_service_is_told_once_while_somebody_waits(api: RunningApi) -> None:
    status, body = await ask(f"{api.url}/v1/services/mail/test", "POST", body=WORDS)
    assert (status, body) == (200, {"delivered": True, "code": None, "message": None})
    assert api.services.said == [("mail", WORDS["title"], WORDS["body"])]


async def test_what_went_wrong_is_answered_in_words(api: RunningApi) -> None:
    api.services.trial = Trial(
        is_delivered=False, code="http_401", message="the service answered 401"
    )
    status, body = await ask(f"{api.url}/v1/services/mail/test", "POST", body=WORDS)
    assert (status, body["delivered"]) == (200, False)
    assert (body["code"], body["message"]) == ("http_401", "the service answered 401")


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("mial", WORDS, 404, "unknown_service"),
        ("mail", {"title": "Mould Watch"}, 400, "invalid_message"),
        ("mail", WORDS | {"body": ""}, 400, "invalid_message"),
        ("mail", ["words"], 400, "invalid_message"),
    ],
)
async def test_what_cannot_be_said_is_refused(
    api: RunningApi, *, name: str, body: object, status: int, code: str
) -> None:
    answered, refusal = await ask(f"{api.url}/v1/services/{name}/test", "POST", body=body)
    assert (answered, refusal["error"]["code"]) == (status, code)
    assert api.services.said == []


async def test_nobody_is_told_without_the_token(api: RunningApi) -> None:
    url = f"{api.url}/v1/services/mail/test"
    assert (await ask(url, "POST", body=WORDS, headers={}))[0] == 401
    assert api.services.said == []


async def test_a_test_goes_out_by_the_channel_and_no_row_is_written() -> None:
    async with running_webhook() as hook:
        addresses = {"chat": SecretStr(hook.address), "mail": SecretStr(hook.address)}
        services = TestedServices(addresses, AppriseChannel(addresses, 10.0))
        assert services.names() == ["chat", "mail"]
        assert (await services.test("chat", "Hello", "Is it there?")).is_delivered
        (got,) = hook.got
        assert (got["title"], got["message"]) == ("Hello", "Is it there?")
        hook.status = 403
        refused = await services.test("chat", "Hello", "Is it there?")
        assert (refused.is_delivered, refused.code) == (False, "http_403")
        assert "the service answered 403" in str(refused.message)
        assert "hunter2" not in str(refused)
