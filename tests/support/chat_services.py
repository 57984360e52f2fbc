"""Discord, Slack, ntfy and Telegram as small servers that speak their real protocols.

`SERVICES` has AWS SNS as well, which is in `sns_service.py`.
"""

import html
import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import ClassVar, override

from aiohttp import web

from tests.support.chat_server import ChatService, Reply, said
from tests.support.markdown import shown
from tests.support.sns_service import Sns


class Discord(ChatService):
    """A webhook. See "Execute Webhook" and "Rate Limits" of Discord's developer documentation.

    discord.com/developers/docs/resources/webhook#execute-webhook: JSON with `content` of at most
    2000 characters, or with `embeds`; 204 (200 with the message where the query has `wait`).
    discord.com/developers/docs/topics/rate-limits#exceeding-a-rate-limit: 429 with the headers
    Retry-After and X-RateLimit-*, and {"message", "retry_after", "global"}. 404 with the code
    10015 for an unknown webhook, 401 with 50027 for a wrong token. All of `content` is Markdown
    (support.discord.com, "Markdown Text 101").
    """

    hosts = ("discord.com",)
    address = "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"
    secrets = ("JHMHI8qBe7bk2ZwO5U711o3dV_js",)
    too_many = said(
        429,
        {"message": "You are being rate limited.", "retry_after": 16.57, "global": False},
        Retry_After="17",
        X_RateLimit_Limit="5",
        X_RateLimit_Remaining="0",
        X_RateLimit_Reset="1470173023",
        X_RateLimit_Reset_After="17",
        X_RateLimit_Scope="shared",
    )
    for_good = (
        (said(404, {"message": "Unknown Webhook", "code": 10015}), "http_404"),
        (said(401, {"message": "Invalid Webhook Token", "code": 50027}), "http_401"),
        (said(400, {"message": "Cannot send an empty message", "code": 50006}), "http_400"),
    )

    @override
    def take(self, request: web.Request, body: str) -> Reply:
        if request.path != "/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js":
            return self.for_good[0][0]
        asked = json.loads(body)
        framed = [f"{one['title']}\n{one['description']}" for one in asked.get("embeds", ())]
        content = "\n".join(framed) or asked["content"]
        if not 0 < len(content) <= 2000:
            return self.for_good[2][0]
        self.read.append(shown(content))
        return Reply(204)


class SlackWebhook(ChatService):
    """An incoming webhook. See "Sending messages using incoming webhooks" of Slack's documentation.

    JSON, 200 with the text `ok`; errors are a word as text, 403 invalid_token and 404 no_service
    among them. "Rate limits": 429 with Retry-After in seconds. "Formatting": `&`, `<` and `>` are
    written as entities.
    """

    hosts = ("hooks.slack.com",)
    address = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    secrets = ("TIiajkdnlazkcOXrIdevi7FQ",)
    too_many = Reply(429, "rate_limited", {"Retry-After": "17"}, "text/plain")
    for_good = (
        (Reply(403, "invalid_token", {}, "text/plain"), "invalid_token"),
        (Reply(404, "no_service", {}, "text/plain"), "no_service"),
        (Reply(404, "channel_not_found", {}, "text/plain"), "channel_not_found"),
        (Reply(410, "channel_is_archived", {}, "text/plain"), "channel_is_archived"),
        (Reply(400, "invalid_payload", {}, "text/plain"), "http_400"),
    )

    @override
    def take(self, request: web.Request, body: str) -> Reply:
        if request.path != "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ":
            return self.for_good[1][0]
        self.read.append(_slack_text(json.loads(body)))
        return Reply(200, "ok", {}, "text/plain")


class SlackBot(ChatService):
    """The method chat.postMessage. See its page in Slack's documentation.

    The token comes as `Authorization: Bearer`, the channel in the JSON body. Whatever is wrong
    with the request is answered with 200 and {"ok": false, "error": word}; only "ratelimited" is
    a 429, with Retry-After.
    """

    hosts = ("slack.com",)
    address = "slack://xoxb-1234-1234-4ddbc191d40ee098cbaae6f3523ada2d/#general"
    secrets = ("4ddbc191d40ee098cbaae6f3523ada2d",)
    too_many = said(429, {"ok": False, "error": "ratelimited"}, Retry_After="17")
    for_good = tuple(
        (said(200, {"ok": False, "error": word}), word)
        for word in ("invalid_auth", "channel_not_found", "not_in_channel", "token_revoked")
    )

    @override
    def take(self, request: web.Request, body: str) -> Reply:
        token = "xoxb-1234-1234-4ddbc191d40ee098cbaae6f3523ada2d"
        if request.path != "/api/chat.postMessage":
            return said(200, {"ok": False, "error": "unknown_method"})
        if request.headers.get("Authorization") != f"Bearer {token}":
            return self.for_good[0][0]
        asked = json.loads(body)
        if asked["channel"] != "#general":
            return self.for_good[1][0]
        self.read.append(_slack_text(asked))
        return said(200, {"ok": True, "channel": "C123ABC456", "ts": "1503435956.000247"})


class Ntfy(ChatService):
    """A topic on ntfy.sh. See "Publish as JSON" of ntfy's documentation.

    docs.ntfy.sh/publish/#publish-as-json: JSON with `topic`, `title` and `message` to the root.
    Errors are {"code", "http", "error", "link"}, the code being the status and two digits more;
    42901 for too many requests has no Retry-After.
    """

    hosts = ("ntfy.sh",)
    address = "ntfy://mould-4pxk2w9qz7"
    # who knows a topic reads it
    secrets = ("mould-4pxk2w9qz7",)
    too_many = said(
        429,
        {
            "code": 42901,
            "http": 429,
            "error": "limit reached: too many requests",
            "link": "https://ntfy.sh/docs/publish/#limitations",
        },
    )
    for_good = (
        (said(403, {"code": 40301, "http": 403, "error": "forbidden"}), "http_403"),
        (said(401, {"code": 40101, "http": 401, "error": "unauthorized"}), "http_401"),
        (said(400, {"code": 40009, "http": 400, "error": "invalid request: topic"}), "http_400"),
    )

    @override
    def take(self, request: web.Request, body: str) -> Reply:
        asked = json.loads(body)
        if request.path != "/" or asked["topic"] != "mould-4pxk2w9qz7":
            return self.for_good[2][0]
        self.read.append(f"{asked['title']}\n{asked['message']}")
        return said(200, {"id": "xE73Iyuabi", "event": "message", **asked})


class Telegram(ChatService):
    """A bot. See "Making requests", sendMessage and ResponseParameters of the Telegram Bot API.

    core.telegram.org/bots/api: JSON with `chat_id`, `text` and `parse_mode` to
    /bot<token>/sendMessage. In HTML mode only a few tags are known, and every other `<`, `>` and
    `&` is to be written as an entity, or it is a 400 "can't parse entities". Errors are {"ok":
    false, "error_code", "description"}; 429 says `parameters.retry_after` in seconds.
    """

    hosts = ("api.telegram.org",)
    address = "tgram://123456789:AAFx9_q2-hijklmnop/12315544/"
    secrets = ("AAFx9_q2-hijklmnop",)
    chats = frozenset({12315544, 98765})

    @staticmethod
    def error(status: int, description: str, **more: object) -> Reply:
        """Return an error as the API has it."""
        return said(status, {"ok": False, "error_code": status, "description": description, **more})

    too_many = error(429, "Too Many Requests: retry after 17", parameters={"retry_after": 17})
    for_good = (
        (error(401, "Unauthorized"), "http_401"),
        (error(400, "Bad Request: chat not found"), "http_400"),
        (error(403, "Forbidden: bot was blocked by the user"), "http_403"),
    )

    @override
    def take(self, request: web.Request, body: str) -> Reply:
        if request.path != "/bot123456789:AAFx9_q2-hijklmnop/sendMessage":
            return self.for_good[0][0]
        asked = json.loads(body)
        if asked["chat_id"] not in self.chats:
            return self.for_good[1][0]
        text = _telegram_text(asked["text"]) if asked["parse_mode"] == "HTML" else asked["text"]
        if text is None:
            return self.error(400, "Bad Request: can't parse entities: unsupported start tag")
        self.read.append(text)
        return said(200, {"ok": True, "result": {"message_id": 5, "text": text}})


SERVICES: tuple[type[ChatService], ...] = (Discord, SlackWebhook, SlackBot, Sns, Ntfy, Telegram)


def _slack_text(asked: Mapping[str, list[Mapping[str, str]]]) -> str:
    """Return what Slack shows of a message: what was no entity is lost."""
    attachment = asked["attachments"][0]
    shown = [re.sub(r"<[^>]*>", "", attachment[name]) for name in ("title", "text")]
    return html.unescape("\n".join(shown))


class _TelegramHtml(HTMLParser):
    """Reads what the Bot API takes for HTML."""

    known: ClassVar = frozenset({"b", "strong", "i", "em", "u", "s", "code", "pre", "a"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.text = ""
        self.is_wrong = False

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.is_wrong |= tag not in self.known

    @override
    def handle_data(self, data: str) -> None:
        self.is_wrong |= bool({"<", ">", "&"} & set(data))
        self.text += data

    @override
    def handle_entityref(self, name: str) -> None:
        self.is_wrong |= name not in {"lt", "gt", "amp", "quot"}
        self.text += html.unescape(f"&{name};")


def _telegram_text(text: str) -> str | None:
    parser = _TelegramHtml()
    parser.feed(text)
    parser.close()
    return None if parser.is_wrong else parser.text
