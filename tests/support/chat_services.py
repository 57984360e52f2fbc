"""Discord, Slack, AWS SNS, ntfy and Telegram as small servers that speak their real protocols.

They are reached under their own names, as a household's backend reaches them: a proxy leads every
`CONNECT` to one TLS server here, whose certificates are of an authority that the test trusts
(`HTTPS_PROXY` and `REQUESTS_CA_BUNDLE`, which requests heeds). Nothing in the product knows of it.
"""

import asyncio
import hashlib
import hmac
import html
import json
import re
import ssl
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import ClassVar, override
from urllib.parse import parse_qsl, quote

import trustme
from aiohttp import web


@dataclass(frozen=True, slots=True)
class Reply:
    """What a service answers. Status 0: it takes the message and hangs up without an answer."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


HANGS_UP = Reply(0)


def said(status: int, body: Mapping[str, object], **headers: str) -> Reply:
    """Return a reply in JSON; an underscore in a header's name is a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps(body), named)


class ChatService(ABC):
    """One service: it reads requests as its documentation demands, and keeps what it was told."""

    hosts: ClassVar[tuple[str, ...]]
    # as Apprise writes it, and what of it must never be seen anywhere
    address: ClassVar[str]
    secrets: ClassVar[tuple[str, ...]]
    # what it says of too many requests, 17 s before it would take the next
    too_many: ClassVar[Reply]
    # what it says of faults of the address, each with the word or status that ends it
    for_good: ClassVar[tuple[tuple[Reply, str], ...]]
    out_of_order: ClassVar[Reply] = Reply(503, "", {}, "text/html")

    def __init__(self) -> None:
        """Begin with nothing told, and all well."""
        # what a person reads, in order
        self.read: list[str] = []
        self.requests = 0
        # answered one after the other before it does as it should
        self.replies: list[Reply] = []

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        self.requests += 1
        body = await request.text()
        if self.replies:
            reply = self.replies.pop(0)
            if reply is HANGS_UP:
                self.take(request, body)
        else:
            reply = self.take(request, body)
        if reply.status == 0:
            transport = request.transport
            assert transport is not None
            transport.abort()
        return web.Response(
            status=reply.status or 503,
            text=reply.body or None,
            headers=reply.headers,
            content_type=reply.content_type if reply.body else None,
        )

    @abstractmethod
    def take(self, request: web.Request, body: str) -> Reply:
        """Read a request and keep what it tells; or refuse it, as the service would."""


class Discord(ChatService):
    """A webhook. See "Execute Webhook" and "Rate Limits" of Discord's developer documentation.

    discord.com/developers/docs/resources/webhook#execute-webhook: JSON with `content` of at most
    2000 characters, 204 (200 with the message where `wait` is asked for in the query).
    discord.com/developers/docs/topics/rate-limits#exceeding-a-rate-limit: 429 with the headers
    Retry-After and X-RateLimit-*, and {"message", "retry_after", "global"}. 404 with the code
    10015 for an unknown webhook, 401 with 50027 for a wrong token.
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
        content = json.loads(body)["content"]
        if not 0 < len(content) <= 2000:
            return self.for_good[2][0]
        self.read.append(content)
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


class Sns(ChatService):
    """A topic. See CreateTopic, Publish and "Common Error Types" of the Amazon SNS API reference.

    The Query protocol: a form by POST, signed with Signature Version 4 ("Signing AWS API
    requests" of the IAM guide), answered in XML. 403 InvalidClientTokenId and
    SignatureDoesNotMatch, 400 Throttling, 404 NotFound. A subject is UTF-8 of less than 100
    characters without line breaks.
    """

    hosts = ("sns.eu-central-1.amazonaws.com",)
    key_id = "AHIAJGNT76XIMXDBIJYA"
    key = "bu1dHSdO22pfaaVy/wmNsdjJGF+ABCDEFGH"
    address = f"sns://{key_id}/{key}/eu-central-1/mould"
    secrets = (key_id, "bu1dHSdO22pfaaVy", "wmNsdjJGF", quote(key, safe=""))

    @staticmethod
    def error(status: int, code: str, fault: str = "Sender") -> Reply:
        """Return an error as the Query protocol has it."""
        return Reply(
            status,
            '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">'
            f"<Error><Type>{fault}</Type><Code>{code}</Code><Message>{code}: see the reference."
            "</Message></Error><RequestId>604bef0f-369c-50c5</RequestId></ErrorResponse>",
            {},
            "text/xml",
        )

    too_many = error(429, "Throttled")
    for_good = (
        (error(403, "InvalidClientTokenId"), "InvalidClientTokenId"),
        (error(403, "SignatureDoesNotMatch"), "SignatureDoesNotMatch"),
        (error(403, "AuthorizationError"), "AuthorizationError"),
        (error(404, "NotFound"), "NotFound"),
        (error(400, "InvalidParameter"), "InvalidParameter"),
    )
    out_of_order = error(500, "InternalFailure", "Receiver")

    @override
    def take(self, request: web.Request, body: str) -> Reply:
        signed = self._signature(request, body)
        given = request.headers.get("Authorization", "")
        if f"Credential={self.key_id}/" not in given:
            return self.for_good[0][0]
        if not given.endswith(f"Signature={signed}"):
            return self.for_good[1][0]
        asked = dict(parse_qsl(body))
        arn = "arn:aws:sns:eu-central-1:123456789012:mould"
        match asked["Action"]:
            case "CreateTopic":
                result = f"<TopicArn>{arn}</TopicArn>"
            case "Publish" if asked.get("TopicArn") == arn:
                subject = asked["Subject"]
                if len(subject) >= 100 or not subject.isprintable():
                    return self.for_good[4][0]
                self.read.append(f"{subject}\n{asked['Message']}")
                result = "<MessageId>94f20ce6-13c5-43a0-9a9e-ca52d816e90b</MessageId>"
            case _:
                return self.for_good[3][0]
        action = asked["Action"]
        return Reply(
            200,
            f'<{action}Response xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><{action}Result>'
            f"{result}</{action}Result><ResponseMetadata><RequestId>f187a3c1-376f-11df-8963"
            f"</RequestId></ResponseMetadata></{action}Response>",
            {},
            "text/xml",
        )

    def _signature(self, request: web.Request, body: str) -> str:
        """Sign a request anew, from the headers that its sender says are signed."""
        scope = re.search(r"Credential=[^/]+/([^,]+)", request.headers.get("Authorization", ""))
        names = re.search(r"SignedHeaders=([^,]+)", request.headers.get("Authorization", ""))
        if scope is None or names is None:
            return "none"
        canonical = "\n".join(
            [
                request.method,
                request.path,
                request.query_string,
                *(f"{name}:{request.headers[name].strip()}" for name in names[1].split(";")),
                "",
                names[1],
                hashlib.sha256(body.encode()).hexdigest(),
            ]
        )
        to_sign = "\n".join(
            [
                "AWS4-HMAC-SHA256",
                request.headers["X-Amz-Date"],
                scope[1],
                hashlib.sha256(canonical.encode()).hexdigest(),
            ]
        )
        key = b"AWS4" + self.key.encode()
        for part in scope[1].split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.digest(key, to_sign.encode(), "sha256").hex()


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
        if asked["chat_id"] != 12315544:
            return self.for_good[1][0]
        text = _telegram_text(asked["text"]) if asked["parse_mode"] == "HTML" else asked["text"]
        if text is None:
            return self.error(400, "Bad Request: can't parse entities: unsupported start tag")
        self.read.append(text)
        return said(200, {"ok": True, "result": {"message_id": 5, "text": text}})


SERVICES: tuple[type[ChatService], ...] = (Discord, SlackWebhook, SlackBot, Sns, Ntfy, Telegram)


@dataclass(frozen=True, slots=True)
class Reached:
    """Where the services are reached."""

    proxy: str
    authority: Path


@asynccontextmanager
async def running_services(
    services: Iterable[ChatService], folder: Path
) -> AsyncGenerator[Reached]:
    """Run services beside the block, behind a proxy; `folder` gets the authority's certificate."""
    by_host = {host: service for service in services for host in service.hosts}
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", *by_host).configure_cert(tls)

    async def serve(request: web.Request) -> web.StreamResponse:
        return await by_host[request.host].serve(request)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", serve)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    port = int(runner.addresses[0][1])

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _tunnel(reader, writer, port, by_host)

    proxy = await asyncio.start_server(connect, "127.0.0.1", 0)
    proxy_port = proxy.sockets[0].getsockname()[1]
    try:
        async with proxy:
            yield Reached(f"http://127.0.0.1:{proxy_port}", folder / "authority.pem")
    finally:
        await runner.cleanup()


async def _tunnel(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    port: int,
    known: Iterable[str],
) -> None:
    """Answer one CONNECT, and hand on what comes until either side ends."""
    asked = (await reader.readuntil(b"\r\n\r\n")).decode().split()
    if asked[0] != "CONNECT" or asked[1].removesuffix(":443") not in known:
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
        writer.close()
        return
    there, back = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

    async def hand_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                target.write(data)
                await target.drain()
        except ConnectionError:
            pass
        finally:
            target.close()

    await asyncio.gather(hand_on(reader, back), hand_on(there, writer))


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
