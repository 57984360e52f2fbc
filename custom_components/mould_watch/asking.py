"""Questions to the backend over HTTP: what it is, what it knows, and a word to a service.

Speaks docs/protocol.md.
"""

import asyncio
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from yarl import URL

from .const import API_VERSION
from .errors import (
    BackendTooNewError,
    BackendTooOldError,
    CannotConnectError,
    InvalidAuthError,
    NotMouldWatchError,
)
from .models import BackendInfo, Device

HTTP_TIMEOUT_S: Final = 10.0
# longer than the backend waits for a service
SERVICE_TIMEOUT_S: Final = 40.0

type Message = Mapping[str, Any]


async def fetch_info(session: aiohttp.ClientSession, url: str, token: str) -> BackendInfo:
    """Return what the backend says of itself.

    Raises CannotConnectError, InvalidAuthError, NotMouldWatchError, BackendTooOldError or
    BackendTooNewError.
    """
    answer = await _get(session, url, token, "info")
    try:
        info = BackendInfo.from_wire(answer)
    except (KeyError, TypeError, ValueError) as err:
        raise NotMouldWatchError(f"{url} answers in an unknown way: {err!r}") from err
    if info.maximum_api < API_VERSION:
        raise BackendTooOldError(f"the backend {info.version} speaks up to {info.maximum_api}")
    if info.minimum_api > API_VERSION:
        raise BackendTooNewError(f"the backend {info.version} speaks from {info.minimum_api}")
    return info


async def fetch_devices(session: aiohttp.ClientSession, url: str, token: str) -> list[Device]:
    """Return the devices the backend knows; raises as `fetch_info` does."""
    answer = await _get(session, url, token, "devices")
    try:
        return [Device.from_wire(device) for device in answer["devices"]]
    except (KeyError, TypeError, ValueError) as err:
        raise NotMouldWatchError(f"{url} answers in an unknown way: {err!r}") from err


async def say_to_service(
    session: aiohttp.ClientSession, url: str, token: str, name: str, words: Mapping[str, str]
) -> str | None:
    """Let the backend say `title` and `body` to a service of its own; return what went wrong.

    Raises as `fetch_info` does.
    """
    path = f"services/{name}/test"
    answer = await _ask(
        session, url, token, path, method="POST", body=words, timeout_s=SERVICE_TIMEOUT_S
    )
    return None if answer.get("delivered") else str(answer.get("message") or answer.get("code"))


async def _get(session: aiohttp.ClientSession, url: str, token: str, path: str) -> Message:
    return await _ask(session, url, token, path)


async def _ask(
    session: aiohttp.ClientSession,
    url: str,
    token: str,
    path: str,
    *,
    method: str = "GET",
    body: Mapping[str, str] | None = None,
    timeout_s: float = HTTP_TIMEOUT_S,
) -> Message:
    try:
        async with (
            asyncio.timeout(timeout_s),
            session.request(
                method, URL(url) / "v1" / path, headers=headers(token), json=body
            ) as response,
        ):
            if response.status == HTTPStatus.UNAUTHORIZED:
                raise InvalidAuthError("the backend does not know this token")
            if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise CannotConnectError(f"the backend answers {response.status}")
            if response.status != HTTPStatus.OK:
                raise NotMouldWatchError(f"{url} answers {response.status}")
            body = await response.json(content_type=None)
    except json.JSONDecodeError as err:
        raise NotMouldWatchError(f"{url} does not answer in JSON") from err
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as err:
        raise CannotConnectError(f"{url} cannot be reached: {err!r}") from err
    if not isinstance(body, dict):
        raise NotMouldWatchError(f"{url} answers in an unknown way")
    return body


def headers(token: str) -> dict[str, str]:
    """Return the headers that show the token."""
    return {"Authorization": f"Bearer {token}"}
