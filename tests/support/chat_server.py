"""A chat service as a small server: what it reads, what it answers, and what it was told."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

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
