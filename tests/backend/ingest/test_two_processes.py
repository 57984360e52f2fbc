"""Invariant 7: one process at a time uses the client id, also while the database is away."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from tests.support.apart import Apart, spooled
from tests.support.ingestion import Stored, now, payload
from tests.support.mosquitto import Publisher
from tests.support.running import running
from tests.support.waiting import until

TOPIC = "mould-watch/readings/bath"
ZIGBEE = "zigbee2mqtt/bath"


async def test_of_two_that_start_without_a_database_the_one_thrown_out_waits_for_the_lock(
    apart: Apart, stored: Stored, sensor: Publisher
) -> None:
    first, second = apart.ingesting.make(), apart.ingesting.make(folder="second")
    async with running(first.run(), "first"), running(second.run(), "second"):
        async with apart.away():
            await until(lambda: "standby" in {first.health()["state"], second.health()["state"]})
            await until(lambda: first.health()["ready"] or second.health()["ready"])
            for n in range(20):
                await sensor.publish(TOPIC, payload(timestamp=now(), temperature=n))
                await sensor.publish(ZIGBEE, payload(temperature=n))
            await until(lambda: spooled(first) + spooled(second) >= 40)
        await stored.has("readings", 40)
        # both spools are empty in the end, whoever leads
        await until(lambda: first._drain.is_through and second._drain.is_through)
        await until(lambda: first._leadership.leads != second._leadership.leads)
    assert await stored.ending("redelivery") == 0


async def test_a_spool_is_drained_by_a_process_that_does_not_lead_and_leaves_the_record_alone(
    apart: Apart, stored: Stored, sensor: Publisher
) -> None:
    async with apart.away(), apart.running() as first:
        await sensor.publish(ZIGBEE, payload(temperature=21))
        await sensor.publish(TOPIC, b"broken")
        await until(lambda: spooled(first) >= 4)
    leader = apart.ingesting.make(folder="second")
    async with apart.running(leader):
        await sensor.publish(ZIGBEE, payload(temperature=22))
        await stored.has("readings", 1)
        record = await stored.rows("SELECT * FROM mqtt_delivery ORDER BY packet_id")
        session = await stored.rows("SELECT epoch, connection FROM mqtt_session")
        heir = apart.ingesting.make()
        async with running(heir.run(), "heir"):
            await stored.has("readings", 2)
            await stored.has("dead_letter", 1)
            await until(lambda: heir._drain.is_through)
            assert heir.health()["state"] == "standby"
        assert await stored.rows("SELECT * FROM mqtt_delivery ORDER BY packet_id") == record
        assert await stored.rows("SELECT epoch, connection FROM mqtt_session") == session
        await sensor.publish(ZIGBEE, payload(temperature=23))
        await stored.has("readings", 3)


async def test_nothing_is_stored_past_the_record_while_it_is_not_known_who_leads(
    apart: Apart, stored: Stored, sensor: Publisher, tmp_path: Path
) -> None:
    """A start without database and without spool: what waits in memory comes once more."""
    async with apart.running():
        pass  # the session exists from now on
    for _ in range(5):
        await sensor.publish(ZIGBEE, payload(temperature=21))
    (tmp_path / "no-folder").write_text("", encoding="utf-8")
    ingestion = apart.ingesting.make(spool={"folder": tmp_path / "no-folder"})
    lead, go_on = ingestion._leadership.run, asyncio.Event()
    note, tries = ingestion._intake._note_connection, 0

    async def lead_later() -> None:
        await go_on.wait()
        await lead()

    async def noting(generation: int, *, resumed: bool) -> None:
        nonlocal tries
        tries += apart.database.health()["ready"]
        await note(generation, resumed=resumed)

    ingestion._leadership.run = lead_later  # type: ignore[method-assign]
    ingestion._intake._note_connection = noting  # type: ignore[method-assign]
    async with AsyncExitStack() as ends_later:
        async with apart.away():
            await ends_later.enter_async_context(running(ingestion.run(), "ingestion"))
            await until(lambda: ingestion.health()["waiting"] >= 5)
        await until(lambda: tries >= 2)
        go_on.set()
        await until(lambda: ingestion.health()["ready"])
        await stored.ended("redelivery", 5)
    assert await stored.count("readings") == 5


async def test_the_lock_goes_to_the_standby_when_its_holder_is_gone(
    apart: Apart, stored: Stored, sensor: Publisher
) -> None:
    second = apart.ingesting.make(folder="second")
    async with AsyncExitStack() as ends_later:
        async with apart.running():
            await ends_later.enter_async_context(running(second.run(), "second"))
            await until(lambda: second.health()["state"] == "standby")
        await until(lambda: second.health()["ready"])
        assert second._leadership.leads
        await sensor.publish(ZIGBEE, payload(temperature=21))
        await stored.has("readings", 1)
