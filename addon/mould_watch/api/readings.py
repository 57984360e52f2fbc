"""`POST /v1/readings`: a batch of readings, each with its own result (docs/protocol.md)."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Protocol

from aiohttp import web
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from mould_watch.api.answers import answer, choice, json_object
from mould_watch.api.forwarded import ReadingOutcome
from mould_watch.api.messages import READINGS_MAXIMUM, Text
from mould_watch.api.requests import checked, faults

DEFAULT_SOURCE: Final = "api"

type _Source = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
type _Value = Annotated[float, Field(strict=True, allow_inf_nan=False)]
type _Metric = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class _Batch(BaseModel):
    """The whole request; its readings are read one by one, so that a bad one blocks no other."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    source: _Source = DEFAULT_SOURCE
    readings: list[Any] = Field(max_length=READINGS_MAXIMUM)


class SubmittedReading(BaseModel):
    """One reading of a device, in the units its metrics name."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    device: Text
    name: Text | None = None
    ts: AwareDatetime
    metrics: Annotated[dict[_Metric, _Value], Field(min_length=1, max_length=32)]
    extra: dict[str, Any] | None = None


class SubmittedReadings(Protocol):
    """Takes what is handed over; raises DatabaseUnavailableError."""

    async def store(
        self, source: str, readings: Sequence[SubmittedReading], *, lifts_age_limit: bool
    ) -> Sequence[ReadingOutcome]:
        """Store `readings` and return one outcome each, in order, after the commit."""
        ...


class ReadingsResource:
    """Takes batches."""

    def __init__(self, submitted: SubmittedReadings) -> None:
        """Hand what is well formed to `submitted`."""
        self._submitted = submitted

    def routes(self) -> Sequence[web.RouteDef]:
        """Return the paths it answers."""
        return [web.post("/v1/readings", self._post)]

    async def _post(self, request: web.Request) -> web.Response:
        is_import = choice(request, "import", ("true", "false")) == "true"
        body = await json_object(request)
        batch = checked(_Batch, body)
        outcomes: list[ReadingOutcome | None] = []
        readings: list[SubmittedReading] = []
        for raw in batch.readings:
            try:
                readings.append(SubmittedReading.model_validate(raw))
                outcomes.append(None)
            except ValidationError as error:
                text = f"The reading is not well formed: {faults(error)}."
                outcomes.append(ReadingOutcome("rejected", "invalid_reading", text))
        stored = iter(
            await self._submitted.store(batch.source, readings, lifts_age_limit=is_import)
            if readings
            else ()
        )
        return answer({"results": [_shown(one or next(stored)) for one in outcomes]})


def _shown(outcome: ReadingOutcome) -> Mapping[str, str | None]:
    return {
        "status": outcome.status,
        "code": outcome.code,
        "message": outcome.message,
        "suspect": outcome.suspect,
    }
