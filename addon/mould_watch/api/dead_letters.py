"""`/v1/dead-letters`: what could not be understood, tried again or removed (docs/protocol.md)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from mould_watch.api.answers import answer, choice, failure
from mould_watch.api.masking import masked_text
from mould_watch.api.requests import RequestError
from mould_watch.storage import kept_dead_letters as box
from mould_watch.storage.database import Database
from mould_watch.storage.kept_dead_letters import EVERYTHING, KeptDeadLetter, Selection

PAGE_MAXIMUM: Final = 200
REPLAYED_AT_ONCE: Final = 100
_KINDS_SHOWN: Final = 50


class ReplayedLetter(Protocol):
    """What became of a dead letter that was tried again."""

    @property
    def letter_id(self) -> int:
        """Return which one it was."""
        ...

    @property
    def status(self) -> str:
        """Return `stored`, `duplicate`, `counted`, `kept` or `missing`."""
        ...

    @property
    def code(self) -> str | None:
        """Return why, as a word."""
        ...

    @property
    def message(self) -> str | None:
        """Return why, as a sentence."""
        ...


class LetterReplay(Protocol):
    """Tries dead letters again; raises DatabaseUnavailableError."""

    async def replay(
        self, letter_ids: Sequence[int], *, lifts_age_limit: bool = False
    ) -> Sequence[ReplayedLetter]:
        """Try each again, in the order given."""
        ...

    async def replay_selected(
        self, selection: Selection, *, after_id: int, maximum: int, lifts_age_limit: bool = False
    ) -> Sequence[ReplayedLetter]:
        """Try the first `maximum` after an id that are meant."""
        ...


class _Query(BaseModel):
    """What a request may ask with."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    topic: str | None = None
    reason: str | None = None
    before: AwareDatetime | None = None
    before_id: int | None = Field(default=None, ge=1, lt=2**63)
    after_id: int = Field(default=0, ge=0, lt=2**63)
    limit: int = Field(default=50, ge=1, le=PAGE_MAXIMUM)

    @property
    def selection(self) -> Selection:
        return Selection(topic=self.topic, reason=self.reason, before=self.before)


class DeadLettersResource:
    """Shows dead letters, has them tried again, removes them."""

    def __init__(self, database: Database, replay: LetterReplay) -> None:
        """Read in `database`; try again with `replay`."""
        self._database = database
        self._replay = replay

    def routes(self) -> Sequence[web.RouteDef]:
        """Return the paths it answers."""
        one = r"/v1/dead-letters/{letter_id:\d{1,18}}"
        return [
            web.get("/v1/dead-letters", self._list),
            web.delete("/v1/dead-letters", self._purge),
            web.post("/v1/dead-letters/replay", self._replay_selected),
            web.get(one, self._show),
            web.delete(one, self._remove),
            web.post(one + "/replay", self._replay_one),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        query = _query(request)
        async with self._database.connection() as connection:
            letters = await box.newest(connection, query.selection, query.limit, query.before_id)
            kinds = await box.kinds(connection, _KINDS_SHOWN)
            total = await box.total(connection)
        return answer(
            {
                "dead_letters": [_shown(letter) for letter in letters],
                "kinds": [
                    {
                        "topic": kind.topic,
                        "reason": kind.reason,
                        "count": kind.count,
                        "last_day": kind.last_day.isoformat(),
                    }
                    for kind in kinds
                ],
                "total": total.count,
                "kept": total.kept,
                "kept_bytes": total.kept_bytes,
                "bodies_removed": total.bodies_removed,
            }
        )

    async def _show(self, request: web.Request) -> web.Response:
        async with self._database.connection() as connection:
            found = await box.find(connection, _id(request))
        if found is None:
            return _not_found()
        letter, payload = found
        return answer(_shown(letter) | {"payload": masked_text(payload)})

    async def _remove(self, request: web.Request) -> web.Response:
        async with self._database.transaction() as connection:
            is_removed = await box.remove(connection, _id(request))
        return answer({"removed": 1}) if is_removed else _not_found()

    async def _purge(self, request: web.Request) -> web.Response:
        selection = _meant(request)
        async with self._database.transaction() as connection:
            removed = await box.purge(connection, selection)
        return answer({"removed": removed})

    async def _replay_one(self, request: web.Request) -> web.Response:
        (result,) = await self._replay.replay([_id(request)], lifts_age_limit=_any_age(request))
        return _not_found() if result.status == "missing" else answer(_outcome(result))

    async def _replay_selected(self, request: web.Request) -> web.Response:
        results = await self._replay.replay_selected(
            _meant(request),
            after_id=_query(request).after_id,
            maximum=REPLAYED_AT_ONCE,
            lifts_age_limit=_any_age(request),
        )
        return answer(
            {
                "results": [_outcome(result) for result in results],
                "last_id": results[-1].letter_id if results else None,
            }
        )


def _query(request: web.Request) -> _Query:
    try:
        return _Query.model_validate(dict(request.query))
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        name = str(fault["loc"][0])
        text = f"{name} cannot be read: {fault['msg']}."
        raise RequestError("invalid_parameter", text, parameter=name) from error


def _meant(request: web.Request) -> Selection:
    """Return which are meant; raises RequestError when that is not said: a slip costs nothing."""
    selection = _query(request).selection
    if selection == EVERYTHING and choice(request, "all", ("true",)) is None:
        text = "Say which: topic, reason, before, or all=true."
        raise RequestError("invalid_parameter", text, parameter="all")
    return selection


def _any_age(request: web.Request) -> bool:
    return choice(request, "any_age", ("true", "false")) == "true"


def _id(request: web.Request) -> int:
    return int(request.match_info["letter_id"])


def _not_found() -> web.Response:
    return failure(404, "not_found", "There is no dead letter with this id.")


def _outcome(result: ReplayedLetter) -> Mapping[str, Any]:
    return {
        "id": result.letter_id,
        "status": result.status,
        "code": result.code,
        "message": result.message,
    }


def _shown(letter: KeptDeadLetter) -> dict[str, Any]:
    """Return what the list tells of one: nothing of its payload but size and hash."""
    return {
        "id": letter.letter_id,
        "received_at": letter.received_at.isoformat(),
        "source": letter.source,
        "topic": letter.topic,
        "qos": letter.qos,
        "retained": letter.retained,
        "reason": letter.reason,
        "detail": letter.detail,
        "payload_size": letter.payload_size,
        "payload_sha256": letter.payload_sha256.hex(),
        "can_be_replayed": letter.can_be_replayed,
        "replayed_at": None if letter.replayed_at is None else letter.replayed_at.isoformat(),
    }
