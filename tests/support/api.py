"""A running API for tests, with a broker and an ingestion made of memory."""

import asyncio
import io
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from pydantic import SecretStr

from mould_watch.api.dead_letters import DeadLettersResource
from mould_watch.api.feed import Feed
from mould_watch.api.forwarded import ReadingOutcome
from mould_watch.api.hub import Hub
from mould_watch.api.messages import ForwardedEntity, ForwardedReading
from mould_watch.api.notifications import NotificationsResource
from mould_watch.api.readings import ReadingsResource
from mould_watch.api.server import Api
from mould_watch.api.services import Trial
from mould_watch.api.session import SessionLimits
from mould_watch.clock import Clock, SystemClock
from mould_watch.ingest.device_states import DeviceStates
from mould_watch.ingest.interpret import Interpreter
from mould_watch.ingest.registry import DecoderRegistry
from mould_watch.ingest.replay import ANY_AGE_S, Replay
from mould_watch.ingest.submissions import Submissions
from mould_watch.settings import ApiSettings, IngestSettings, MqttSettings
from mould_watch.storage.database import Database
from mould_watch.wiring import SubmittedToIngestion
from tests.support.running import running
from tests.support.stream import TOKEN


class Broker:
    """The health of a broker, as a test wants it."""

    name = "broker"

    def __init__(self) -> None:
        """Begin as connected."""
        self.state = "ready"
        self.detail: str | None = None

    def health(self) -> Mapping[str, Any]:
        """Return the state the test set."""
        return {"ready": self.state == "ready", "state": self.state, "detail": self.detail}


class Forwarded:
    """Keeps what Home Assistant forwards."""

    def __init__(self) -> None:
        """Begin without anything."""
        self.readings: list[tuple[str, ForwardedReading]] = []
        self.entities: list[tuple[str, ForwardedEntity]] = []

    async def store(
        self, instance_id: str, readings: Sequence[ForwardedReading]
    ) -> Sequence[ReadingOutcome]:
        """Keep each once."""
        outcomes = []
        for reading in readings:
            is_known = (instance_id, reading) in self.readings
            if not is_known:
                self.readings.append((instance_id, reading))
            outcomes.append(ReadingOutcome("duplicate" if is_known else "stored"))
        return outcomes

    async def availability(self, instance_id: str, entities: Sequence[ForwardedEntity]) -> None:
        """Keep them."""
        self.entities += [(instance_id, entity) for entity in entities]


def letter_replay(database: Database, clock: Clock, states: DeviceStates) -> Replay:
    """Return what tries dead letters again, with the usual settings."""
    registry = DecoderRegistry.from_settings(MqttSettings().sensors)
    return Replay(
        database,
        clock,
        states,
        Interpreter(registry, IngestSettings()),
        Interpreter(registry, IngestSettings(age_maximum_s=ANY_AGE_S)),
    )


class Spoken:
    """Services made of memory: what they were told, and what became of it."""

    def __init__(self) -> None:
        """Begin with two that work."""
        self.said: list[tuple[str, str, str]] = []
        self.trial = Trial(is_delivered=True)

    def names(self) -> Sequence[str]:
        """Return what they are called."""
        return ["chat", "mail"]

    async def test(self, name: str, title: str, body: str) -> Trial:
        """Keep what is said."""
        self.said.append((name, title, body))
        return self.trial


class RunningApi:
    """The API under test and what surrounds it."""

    def __init__(
        self, database: Database, *, limits: SessionLimits, device_interval_s: float
    ) -> None:
        """Build it on `database`."""
        self.hub = Hub()
        self.broker = Broker()
        self.forwarded = Forwarded()
        self.services = Spoken()
        clock = SystemClock()
        parts = (database, self.broker)
        states = DeviceStates(database, clock, maximum=100)
        submissions = Submissions(IngestSettings(), database, clock, states)
        self.feed = Feed(database, clock, parts, poll_s=0.5, device_interval_s=device_interval_s)
        self.api = Api(
            settings=ApiSettings(host="127.0.0.1", port=0),
            database=database,
            clock=clock,
            token=SecretStr(TOKEN),
            parts=parts,
            forwarded=self.forwarded,
            hub=self.hub,
            services=self.services,
            resources=(
                ReadingsResource(SubmittedToIngestion(submissions)),
                DeadLettersResource(database, letter_replay(database, clock, states)),
                NotificationsResource(database),
            ),
            feed=self.feed,
            limits=limits,
        )

    @property
    def url(self) -> str:
        """Return where it answers."""
        return f"http://127.0.0.1:{self.api.port}"


@asynccontextmanager
async def running_api(
    database: Database,
    *,
    limits: SessionLimits | None = None,
    device_interval_s: float = 0.3,
) -> AsyncGenerator[RunningApi]:
    """Run the API beside the block."""
    api = RunningApi(
        database, limits=limits or SessionLimits(), device_interval_s=device_interval_s
    )
    async with running(api.api.run(), "api"):
        async with asyncio.timeout(30):
            await api.api.wait_listening()
        yield api


async def ask(
    url: str,
    method: str = "GET",
    *,
    body: object = None,
    data: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, dict[str, Any]]:
    """Ask over HTTP with the token; return status and body of the answer."""
    sent = json.dumps(body).encode() if data is None and body is not None else data
    async with (
        aiohttp.ClientSession() as session,
        session.request(
            method,
            url,
            headers={"Authorization": f"Bearer {TOKEN}"} if headers is None else headers,
            data=None if sent is None else io.BytesIO(sent),
        ) as response,
    ):
        return response.status, await response.json()
