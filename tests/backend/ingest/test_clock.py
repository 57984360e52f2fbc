"""A clock that is wrong after the start: nothing gets a wrong time, and nothing is lost."""

from datetime import UTC, datetime, timedelta

import pytest

from mould_watch.clock import SystemClock
from mould_watch.clock_trust import ClockTrust
from mould_watch.errors import ClockNotTrustedError
from mould_watch.ingest.device_states import DeviceStates
from mould_watch.ingest.service import Ingestion
from mould_watch.ingest.spool.rows import SpooledMessage
from mould_watch.ingest.submissions import Submission, Submissions
from mould_watch.settings import IngestSettings
from mould_watch.storage.database import Database
from mould_watch.storage.devices import DeviceReference
from tests.support.ingestion import Ingesting, Stored, payload
from tests.support.mosquitto import Publisher
from tests.support.waiting import until

TOPIC = "mould-watch/readings/bath"
ZIGBEE = "zigbee2mqtt/bath"
BEHIND = timedelta(days=3)


class LateClock(SystemClock):
    """A clock that is three days behind until it is set."""

    behind = BEHIND

    def now(self) -> datetime:
        return super().now() - self.behind

    def is_synchronised(self) -> bool:
        return not self.behind

    def trust(self) -> ClockTrust:
        return ClockTrust(self, is_synchronised=self.is_synchronised, settles_s=10**9)


async def _has_spooled(ingestion: Ingestion, count: int) -> bool:
    rows = [row.content for row in await ingestion._spool.head(100)]
    return count == sum(isinstance(one, SpooledMessage) and not one.message.marker for one in rows)


async def test_until_it_is_trusted_messages_are_spooled_and_then_get_their_receipt(
    ingesting: Ingesting, stored: Stored, sensor: Publisher
) -> None:
    clock = LateClock()
    began = datetime.now(UTC)
    async with ingesting.running(ingesting.make(clock=clock, trust=clock.trust())) as ingestion:
        await until(lambda: not ingestion._source._backlog)
        at = datetime.now(UTC)
        await sensor.publish(ZIGBEE, payload(temperature=21))
        await sensor.publish(TOPIC, payload(timestamp=at.isoformat(), temperature=22))
        await until(lambda: _has_spooled(ingestion, 2))
        assert ingestion.health()["clock_trusted"] is False
        assert await stored.count("readings") == 0
        clock.behind = timedelta()
        await stored.has("readings", 2)
        await sensor.publish(ZIGBEE, payload(temperature=23))
        await stored.has("readings", 3)
        assert ingestion.health()["clock_trusted"] is True
    ended = datetime.now(UTC)
    first, timed, last = await stored.rows("SELECT * FROM readings ORDER BY temperature_c")
    assert began < first["ts"] == first["received_at"] < ended
    assert first["time_quality"] == last["time_quality"] == "receipt"
    assert (timed["ts"], timed["time_quality"]) == (at, "payload")
    assert first["received_at"] < timed["received_at"] < last["received_at"]


async def test_a_process_that_ends_before_leaves_times_to_the_next_one(
    ingesting: Ingesting, stored: Stored, sensor: Publisher
) -> None:
    clock = LateClock()
    began = datetime.now(UTC)
    async with ingesting.running(ingesting.make(clock=clock, trust=clock.trust())) as ingestion:
        # so that nothing counts as having waited at the broker
        await until(lambda: not ingestion._source._backlog)
        await sensor.publish(ZIGBEE, payload(temperature=21))
        await until(lambda: _has_spooled(ingestion, 1))
        sent = datetime.now(UTC)
    async with ingesting.running():
        await stored.has("readings", 1)
    (row,) = await stored.readings()
    assert began < row["ts"] < sent + timedelta(seconds=1)
    assert row["time_quality"] == "receipt"


async def test_of_an_earlier_start_of_the_machine_only_own_times_count(
    ingesting: Ingesting, stored: Stored, sensor: Publisher
) -> None:
    clock = LateClock()
    first = ingesting.make(clock=clock, trust=clock.trust())
    first._intake._boot = type(first._intake._boot)(int=12345)
    at = datetime.now(UTC)
    async with ingesting.running(first) as ingestion:
        await sensor.publish(ZIGBEE, payload(temperature=21))
        await sensor.publish(TOPIC, payload(timestamp=at.isoformat(), temperature=22))
        await until(lambda: _has_spooled(ingestion, 2))
    async with ingesting.running():
        await stored.has("readings", 2)
    untimed, timed = await stored.rows("SELECT * FROM readings ORDER BY temperature_c")
    assert untimed["time_quality"] == "backlog", "when it came is not known"
    assert untimed["received_at"] <= at
    assert untimed["received_at"] > at - timedelta(days=365)
    if at - timed["received_at"] < timedelta(minutes=5):
        assert (timed["ts"], timed["time_quality"]) == (at, "payload")


async def test_who_waits_for_an_answer_is_told_to_come_back(database: Database) -> None:
    clock = LateClock()
    states = DeviceStates(database, clock, maximum=10)
    submissions = Submissions(IngestSettings(), database, clock, states, clock.trust())
    reading = Submission(DeviceReference("http:x", "1", "x"), datetime.now(UTC), {"co2_ppm": 400.0})
    with pytest.raises(ClockNotTrustedError):
        await submissions.store([reading])
