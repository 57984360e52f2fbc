"""AWS SNS as a small server that checks the signature of what it is asked."""

import hashlib
import hmac
import re
from typing import override
from urllib.parse import parse_qsl, quote

from aiohttp import web

from tests.support.chat_server import ChatService, Reply


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
