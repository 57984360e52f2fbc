"""`POST /v1/services/{name}/test`: does a service that can be told work? (docs/protocol.md)."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from mould_watch.api.answers import answer, failure, json_object
from mould_watch.api.messages import Text
from mould_watch.api.requests import checked

_LOGGER: Final = logging.getLogger(__name__)


class _Words(BaseModel):
    """What is to be said."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    title: Text
    body: Text


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of a test; `code` a machine word and `message` a sentence where it failed."""

    is_delivered: bool
    code: str | None = None
    message: str | None = None


class Services(Protocol):
    """The services that the settings know beside Home Assistant."""

    def names(self) -> Sequence[str]:
        """Return what they are called, in order."""
        ...

    async def test(self, name: str, title: str, body: str) -> Trial:
        """Say something to one of them, once, while somebody waits."""
        ...


class ServicesResource:
    """Tries services."""

    def __init__(self, services: Services) -> None:
        """Say it to `services`."""
        self._services = services

    def routes(self) -> Sequence[web.RouteDef]:
        """Return the paths it answers."""
        return [web.post("/v1/services/{name}/test", self._test)]

    async def _test(self, request: web.Request) -> web.Response:
        body = await json_object(request)
        words = checked(_Words, body)
        name = request.match_info["name"]
        if name not in self._services.names():
            return failure(404, "unknown_service", "There is no service of this name.")
        trial = await self._services.test(name, words.title, words.body)
        _LOGGER.info(
            "Tested the service %s: %s.",
            name,
            "it was delivered" if trial.is_delivered else trial.message,
            extra={"action": "service_tested", "service": name, "code": trial.code},
        )
        return answer(
            {"delivered": trial.is_delivered, "code": trial.code, "message": trial.message}
        )
