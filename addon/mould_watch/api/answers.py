"""The forms that answers and refusals have, and what a request may ask with (docs/protocol.md)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from mould_watch.api.feed import encode
from mould_watch.api.requests import RequestError

BODY_MAXIMUM_BYTES: Final = 1024 * 1024


def answer(body: Mapping[str, Any], status: int = 200) -> web.Response:
    """Return a JSON answer."""
    return web.json_response(body, status=status, dumps=encode)


def failure(
    status: int,
    code: str,
    message: str,
    *,
    data: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Return a refusal in the one form refusals have."""
    error = {"code": code, "message": message, "data": data or {}}
    return web.json_response({"error": error}, status=status, dumps=encode, headers=headers)


def choice(request: web.Request, name: str, choices: Sequence[str]) -> str | None:
    """Return a query parameter, None without it; raises RequestError when it is none of these."""
    value = request.query.get(name)
    if value is not None and value not in choices:
        raise RequestError(
            "invalid_parameter", f"{name} must be one of {', '.join(choices)}.", parameter=name
        )
    return value


async def json_object(request: web.Request) -> dict[str, Any]:
    """Return the body of a request; raises RequestError when it is no JSON object."""
    try:
        body = await request.json()
    except ValueError, RecursionError:
        body = None
    if not isinstance(body, dict):
        raise RequestError("invalid_message", "The body is not a JSON object.")
    return body
