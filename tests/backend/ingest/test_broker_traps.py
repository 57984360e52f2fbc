"""What a broker may do, and some do: each trap with a broker that does exactly that."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mould_watch.storage.database import Database
from tests.support.fake_broker import DEFAULT_WINDOW, FakeBroker
from tests.support.ingestion import Ingesting, Stored, now, payload
from tests.support.waiting import until

TOPIC = "mould-watch/readings/bath"
ZIGBEE = "zigbee2mqtt/bath"


def _ingesting(fake: FakeBroker, database: Database, tmp_path: Path) -> Ingesting:
    return Ingesting(fake, database, tmp_path)  # type: ignore[arg-type]


async def test_the_window_that_is_asked_for_is_used_and_not_the_brokers_20(
    database: Database, stored: Stored, tmp_path: Path
) -> None:
    async with FakeBroker(session_present=True) as fake:
        for n in range(3000):
            fake.publish(TOPIC, payload(timestamp=now(), temperature=n % 50, n=n))
        async with _ingesting(fake, database, tmp_path).running():
            await stored.has("readings", 3000)
            await until(lambda: not fake.outstanding)
        assert fake.window == 1000
        assert DEFAULT_WINDOW < fake.most_outstanding <= 1000


async def test_a_window_of_20_is_no_trap_because_no_timer_decides_a_batch(
    database: Database, stored: Stored, tmp_path: Path
) -> None:
    # with "100 messages or 2 s" these took 200 s
    async with FakeBroker(session_present=True, refuses=(5,)) as fake:
        for n in range(2000):
            fake.publish(TOPIC, payload(timestamp=now(), temperature=n % 50, n=n))
        async with _ingesting(fake, database, tmp_path).running():
            await stored.has("readings", 2000)
        assert fake.most_outstanding == DEFAULT_WINDOW


@pytest.mark.parametrize("cut_every", [7, 40])
async def test_equal_messages_with_packet_ids_used_again_are_a_row_each_whatever_is_cut(
    database: Database, stored: Stored, tmp_path: Path, cut_every: int
) -> None:
    same, total = payload(temperature=21, humidity=60), 200
    async with FakeBroker(session_present=True) as fake:
        ingesting = _ingesting(fake, database, tmp_path)
        async with ingesting.running(ingesting.make(ingest={"batch_maximum": 5})):
            for number in range(1, total + 1):
                fake.publish(ZIGBEE, same)
                if number % cut_every == 0:
                    connects = len(fake.connects)
                    # something of it was stored, and perhaps not acknowledged yet
                    await until(lambda: len(fake.outstanding) < cut_every)
                    fake.cut()
                    await until(lambda: len(fake.connects) > connects)  # noqa: B023 - awaited here
            await until(lambda: not fake.outstanding and not fake.waiting)
    assert await stored.count("readings") == total


async def test_a_session_that_was_lost_brings_the_same_ids_and_bytes_as_new_messages(
    database: Database, stored: Stored, tmp_path: Path
) -> None:
    same = payload(temperature=21)
    async with (
        FakeBroker(session_present=True) as fake,
        _ingesting(fake, database, tmp_path).running(),
    ):
        for _ in range(5):
            fake.publish(ZIGBEE, same)
        await stored.has("readings", 5)
        fake.lose_session()
        fake.cut()
        await until(lambda: fake.events.count("subscribe") == 2)
        for _ in range(5):
            fake.publish(ZIGBEE, same)
        await stored.has("readings", 10)
    assert await stored.ending("redelivery") == 0


async def test_what_is_retained_is_no_reading_and_no_sign_of_life_however_often_it_comes(
    database: Database, stored: Stored, tmp_path: Path
) -> None:
    async with FakeBroker() as fake, _ingesting(fake, database, tmp_path).running():
        fake.publish(ZIGBEE, payload(temperature=21), retain=True)
        old = (await _clock(stored)) - timedelta(days=2)
        fake.publish(TOPIC, payload(timestamp=old.isoformat(), temperature=20), retain=True)
        await stored.has("readings", 1)
        for connection in range(2, 4):
            fake.cut()
            await until(lambda: fake.events.count("subscribe") == connection)  # noqa: B023
            fake.publish(ZIGBEE, payload(temperature=21), retain=True)
            await stored.ended("retained", connection)
    (row,) = await stored.readings()
    assert row["ts"] == old
    assert all(
        device["last_seen_at"] is None
        for device in await stored.rows("SELECT last_seen_at FROM device")
    )


async def test_qos_0_beside_qos_1_needs_no_packet_id_and_is_never_acknowledged(
    database: Database, stored: Stored, tmp_path: Path
) -> None:
    async with FakeBroker() as fake:
        async with _ingesting(fake, database, tmp_path).running():
            for n in range(10):
                fake.publish(ZIGBEE, payload(temperature=n), qos=n % 2)
            await stored.has("readings", 10)
            await until(lambda: not fake.outstanding)
        # the packet ids of five messages of QoS 1, and of what the client published itself
        assert len(fake.acknowledged) >= 5
        assert 0 not in fake.acknowledged


async def _clock(stored: Stored) -> datetime:
    (row,) = await stored.rows("SELECT clock_timestamp() AS at")
    at: datetime = row["at"]
    return at
