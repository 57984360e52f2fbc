"""A COMMIT whose answer is lost: what it wrote is written and counted once."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast
from uuid import uuid4

import pytest

from mould_watch.clock import SystemClock
from mould_watch.errors import DatabaseUnavailableError
from mould_watch.ingest.device_states import DeviceStates
from mould_watch.ingest.interpret import Interpreter
from mould_watch.ingest.registry import DecoderRegistry
from mould_watch.ingest.waiting import WaitingMessages
from mould_watch.ingest.writer import Origin, Writer
from mould_watch.settings import IngestSettings, MqttSettings
from mould_watch.storage import ingestion as store
from mould_watch.storage.database import Connection, Database
from tests.support.ingestion import Stored, payload
from tests.support.messages import message

TOPIC = "zigbee2mqtt/bath"


class Losing:
    """A database whose connection ends after the COMMIT, before its answer came."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.loses = False

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        async with self._database.connection() as connection:
            yield connection
        if self.loses:
            raise DatabaseUnavailableError("the answer is lost")


async def test_what_was_committed_without_an_answer_is_neither_written_nor_counted_twice(
    database: Database, stored: Stored
) -> None:
    losing, clock, settings = Losing(database), SystemClock(), IngestSettings()
    waiting = WaitingMessages(1, 10_000)
    writer = Writer(
        database=cast("Database", losing),
        clock=clock,
        settings=settings,
        waiting=waiting,
        states=DeviceStates(database, clock, maximum=10),
    )
    interpreter = Interpreter(DecoderRegistry.from_settings(MqttSettings().sensors), settings)
    came = [
        message(TOPIC, payload(temperature=21), packet_id=1),
        message(TOPIC, payload(action="single"), packet_id=2),
        message("zigbee2mqtt/bridge/state", b"online", packet_id=3),
        message(TOPIC, b"no json", packet_id=4),
    ]
    batch = [interpreter.interpret(one) for one in came]
    async with database.transaction() as connection:
        session = await store.begin_session(connection, "bench", resumed=False)
    for one in range(4):
        waiting.put(message(TOPIC, b"%d" % one, qos=0))
    number = uuid4()
    losing.loses = True
    with pytest.raises(DatabaseUnavailableError):
        await writer.store(session, batch, Origin(batch=number))
    # more is dropped before it is tried again
    waiting.put(message(TOPIC, b"4", qos=0))
    losing.loses = False
    assert not await writer.store(session, batch, Origin(batch=number, doubt=number))
    async with database.connection() as connection:
        session = await store.load_session(connection, "bench")
    later = [interpreter.interpret(message(TOPIC, payload(action="double"), packet_id=5))]
    assert await writer.store(session, later, Origin(batch=uuid4()))

    assert await stored.count("readings") == 1
    assert await stored.count("dead_letter") == 1
    (letters,) = await stored.rows("SELECT count FROM dead_letter_total")
    assert letters["count"] == 1
    assert await stored.ending("unwatched") == 2
    assert await stored.ending("control") == 1
    assert await stored.ending("qos0_dropped") == 4


async def test_what_was_not_committed_is_counted_when_it_is(
    database: Database, stored: Stored
) -> None:
    clock, settings = SystemClock(), IngestSettings()
    waiting = WaitingMessages(1, 10_000)
    writer = Writer(
        database=database,
        clock=clock,
        settings=settings,
        waiting=waiting,
        states=DeviceStates(database, clock, maximum=10),
    )
    interpreter = Interpreter(DecoderRegistry.from_settings(MqttSettings().sensors), settings)
    batch = [interpreter.interpret(message(TOPIC, payload(action="single")))]
    async with database.transaction() as connection:
        session = await store.begin_session(connection, "bench", resumed=False)
    for one in range(3):
        waiting.put(message(TOPIC, b"%d" % one, qos=0))
    number = uuid4()
    await stored.connection.execute("ALTER TABLE message_count RENAME TO away")
    with pytest.raises(Exception, match="message_count"):
        await writer.store(session, batch, Origin(batch=number))
    await stored.connection.execute("ALTER TABLE away RENAME TO message_count")
    assert await writer.store(session, batch, Origin(batch=number, doubt=number))
    assert await stored.ending("unwatched") == 1
    assert await stored.ending("qos0_dropped") == 2
