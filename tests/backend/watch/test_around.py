"""What may explain an incident is asked for once in a round, and is right at each of its steps."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

from mould_watch.domain.condition import Level
from mould_watch.domain.incident import Incident, IncidentState, Step
from mould_watch.domain.notification_policy import NotificationPolicy
from mould_watch.storage import incidents as storage
from mould_watch.storage.database import Connection
from mould_watch.storage.sql import load_queries
from mould_watch.watch.around import IncidentsAround
from mould_watch.watch.evaluation import evaluate
from tests.support.climate import NOON
from tests.support.rooms import SOURCE, HomeForTests, Row

RELATED = load_queries("incidents").related_incidents
LIMITS = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)


@asynccontextmanager
async def asked(connection: Connection) -> AsyncGenerator[list[str]]:
    """Yield the statements that the connection is given meanwhile."""
    said: list[str] = []
    with connection.query_logger(lambda record: said.append(record.query)):
        yield said


async def test_many_incidents_of_one_subject_ask_for_those_around_once(
    home: HomeForTests,
) -> None:
    fridge = await home.device("fridge")
    await home.connection.execute(
        "INSERT INTO device_config (device_id, config) VALUES ($1, $2)",
        fridge,
        {
            "source": {"kind": "device", "source_instance": SOURCE, "native_id": "fridge"},
            "thresholds": [
                {
                    "rule_id": str(UUID(int=number)),
                    "metric": "temperature_c",
                    "direction": "above",
                    "threshold": limit,
                }
                for number, limit in enumerate(LIMITS)
            ],
        },
    )
    subject_id: int = await home.connection.fetchval(
        "INSERT INTO subject (device_id) VALUES ($1) RETURNING id", fridge
    )
    await home.write(fridge, [Row(NOON, None, temperature_c=9.5)])

    async def judged() -> list[str]:
        await home.connection.execute(
            "INSERT INTO evaluation_request (subject_id, from_ts) VALUES ($1, $2)", subject_id, NOON
        )
        async with asked(home.connection) as statements, home.connection.transaction():
            assert await evaluate(home.connection, subject_id, NOON, NotificationPolicy())
        return statements

    opening = await judged()
    assert await home.connection.fetchval("SELECT count(*) FROM notification") == len(LIMITS)
    lasting = await judged()
    assert (opening.count(RELATED), lasting.count(RELATED)) == (1, 1)


async def test_its_own_steps_are_seen_as_they_are_written(home: HomeForTests) -> None:
    connection = home.connection
    room = await home.room("Bathroom")
    around = IncidentsAround(connection, room.subject_id)

    async def agrees() -> frozenset[Incident]:
        fresh = await IncidentsAround(connection, room.subject_id).live()
        assert set(await around.live()) == set(fresh)
        return frozenset(fresh)

    async def begin(rule_id: str) -> Incident:
        step = Step(None, IncidentState.VERIFYING, Level.WATCH)
        begun, _ = await storage.begin_incident(
            connection, room.subject_id, rule_id, step, breach_since=NOON, at=NOON, evidence={}
        )
        around.note(begun)
        return begun

    async def advance(incident: Incident, to: IncidentState) -> Incident:
        step = Step(incident.state, to, Level.WARNING)
        moved, _ = await storage.advance_incident(
            connection, incident, step, at=NOON, evidence=None
        )
        around.note(moved)
        return moved

    async with connection.transaction():
        # before anything was asked a step need not be noted
        mould = await begin("mould_level")
        assert await agrees() == {mould}
        mould = await advance(mould, IncidentState.OPEN)
        condensation = await begin("condensation")
        assert await agrees() == {mould, condensation}
        mould = await advance(mould, IncidentState.RECOVERING)
        assert await agrees() == {mould, condensation}
        await advance(mould, IncidentState.RESOLVED)
        assert await agrees() == {condensation}
