"""The backend that runs with these settings, asked over its API."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from mould_watch.api.token import load_token
from mould_watch.errors import MouldWatchError
from mould_watch.settings import Settings

_TIMEOUT_S: Final = 10
_ANY_ADDRESSES: Final = ("0.0.0.0", "::")  # noqa: S104 - recognised, not bound


class BackendSilentError(MouldWatchError):
    """No backend answers where one should."""

    code = "backend_silent"


class BackendRefusedError(MouldWatchError):
    """The backend answered that it cannot or will not do that."""

    code = "backend_refused"


async def ask(
    settings: Settings,
    path: str,
    *,
    method: str = "GET",
    parameters: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the answer of a path below /v1.

    Raises BackendSilentError without a backend, BackendRefusedError when it refuses.
    """
    token = load_token(settings.data_dir, settings.token).get_secret_value()
    status, answered = await request(
        settings,
        path,
        method=method,
        headers={"Authorization": f"Bearer {token}"},
        parameters=parameters,
        body=body,
    )
    if status != HTTPStatus.OK:
        refusal = answered["error"]
        raise BackendRefusedError(
            f"the backend answered: {refusal['message']}", reason=refusal["code"]
        )
    return answered


async def request(
    settings: Settings,
    path: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
) -> tuple[int, dict[str, Any]]:
    """Return status and body of an answer; raises BackendSilentError without a backend."""
    import aiohttp  # noqa: PLC0415 - see Command

    host = "127.0.0.1" if settings.api.host in _ANY_ADDRESSES else settings.api.host
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S)) as session,
            session.request(
                method,
                f"http://{host}:{settings.api.port}{path}",
                headers=headers or {},
                params=parameters,
                json=body,
            ) as response,
        ):
            return response.status, await response.json()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise BackendSilentError(
            f"no Mould Watch answers at {host} port {settings.api.port}: "
            f"{str(error) or type(error).__name__}. Is `mould-watch serve` running, with the "
            "same MOULD_WATCH_API__PORT?"
        ) from error
