"""What the Home Assistant Supervisor offers an app: its broker, and being discovered.

Both need the token that the Supervisor gives each app; without a Supervisor there is no client.
"""

import logging
from typing import Final

import aiohttp
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from mould_watch.clock import Clock
from mould_watch.retry import Backoff

_LOGGER: Final = logging.getLogger(__name__)
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)

SERVICE: Final = "mould_watch"
"""The name under which Home Assistant is told of the backend: the integration's domain."""


class BrokerService(BaseModel):
    """The broker that an app (usually Mosquitto) provides to the others."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    host: str
    port: int
    ssl: bool = False
    username: str | None = None
    password: SecretStr | None = None


class _Answer(BaseModel):
    """The envelope of every answer."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    result: str = "error"
    message: str | None = None


class _BrokerAnswer(_Answer):
    data: BrokerService


class SupervisorClient:
    """Talks to the Supervisor's API."""

    def __init__(
        self, url: str, token: SecretStr, clock: Clock, *, backoff: Backoff | None = None
    ) -> None:
        """Use the Supervisor at `url`; `backoff` spaces the tries to announce."""
        self._url = url.rstrip("/")
        self._token = token
        self._clock = clock
        self._backoff = backoff or Backoff(initial_s=1.0, maximum_s=60.0)

    async def mqtt_service(self) -> BrokerService | None:
        """Return the broker the Supervisor offers, None when it offers none or does not answer."""
        try:
            async with (
                self._session() as session,
                session.get(f"{self._url}/services/mqtt") as response,
            ):
                body = await response.read()
                if response.ok:
                    return _BrokerAnswer.model_validate_json(body).data
        except (aiohttp.ClientError, TimeoutError, ValidationError) as error:
            _LOGGER.warning(
                "The Supervisor could not be asked for the broker: %s.",
                _reason(error),
                extra={"action": "supervisor_unreachable"},
            )
            return None
        _LOGGER.info(
            "The Supervisor offers no broker (%s).",
            _message(body) or f"status {response.status}",
            extra={"action": "supervisor_no_broker", "status": response.status},
        )
        return None

    async def announce(self, host: str, port: int, token: str) -> None:
        """Tell Home Assistant where the backend answers; tries until the Supervisor took it."""
        payload = {
            "service": SERVICE,
            "config": {"host": host, "port": port, "auth_token": token},
        }
        while True:
            refusal = await self._post("/discovery", payload)
            if refusal is None:
                break
            delay_s = self._backoff.next_delay_s()
            _LOGGER.warning(
                "Home Assistant could not be told of this backend: %s. Next try in %.0f s.",
                refusal,
                delay_s,
                extra={"action": "announcement_failed"},
            )
            await self._clock.sleep(delay_s)
        self._backoff.reset()
        _LOGGER.info(
            "Home Assistant is told that Mould Watch answers at %s port %d.",
            host,
            port,
            extra={"action": "announced", "host": host, "port": port},
        )

    async def _post(self, path: str, payload: object) -> str | None:
        """Return None when the Supervisor accepted, else why not."""
        try:
            async with (
                self._session() as session,
                session.post(f"{self._url}{path}", json=payload) as response,
            ):
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            return _reason(error)
        if response.ok:
            return None
        return _message(body) or f"the Supervisor answered with status {response.status}"

    def _session(self) -> aiohttp.ClientSession:
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}"}
        return aiohttp.ClientSession(headers=headers, timeout=_TIMEOUT)


def _message(body: bytes) -> str | None:
    """Return what the Supervisor says about a refusal."""
    try:
        return _Answer.model_validate_json(body).message
    except ValidationError:
        return None


def _reason(error: Exception) -> str:
    """Return why there is no answer; never the answer itself, which may hold a password."""
    if isinstance(error, TimeoutError):
        return "no answer within 10 s"
    if isinstance(error, ValidationError):
        return "its answer is not understood"
    return str(error) or type(error).__name__
