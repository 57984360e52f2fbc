"""Invariant 7: one process at a time uses the client id, also while the database is away."""

from contextlib import AsyncExitStack

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
