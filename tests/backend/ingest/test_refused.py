"""What the database itself refuses stands in nobody's way, whatever it is."""

from pathlib import Path

import pytest

from mould_watch.storage.database import Database
from tests.support.fake_broker import Delivery, FakeBroker
from tests.support.ingestion import Ingesting, Stored, now, payload
from tests.support.mosquitto import Publisher
from tests.support.waiting import until

TOPIC = "mould-watch/readings/bath"


@pytest.mark.parametrize("sent", [payload(temperature=21), b"broken"], ids=["good", "bad"])
async def test_a_topic_that_postgresql_cannot_hold_becomes_a_dead_letter_that_says_so(
    database: Database, stored: Stored, tmp_path: Path, sent: bytes
) -> None:
    odd = "mould-watch/readings/a\0b"
    good = Delivery(2, TOPIC, payload(timestamp=now(), temperature=22))
    async with FakeBroker(queued=[Delivery(1, odd, sent), good]) as fake:
        ingesting = Ingesting(fake, database, tmp_path)  # type: ignore[arg-type]
        async with ingesting.running():
            await stored.has("dead_letter", 1)
            await stored.has("readings", 1)
            await until(lambda: {1, 2} <= set(fake.acknowledged))
    (letter,) = await stored.rows("SELECT topic, payload FROM dead_letter")
    assert letter == {"topic": "mould-watch/readings/a\\0b", "payload": sent}


async def test_a_topic_too_long_for_an_index_becomes_a_dead_letter(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    # no two parts alike, or it would be compressed until it fits
    long = "mould-watch/readings/" + "".join(f"{number:x}-" for number in range(9_000))
    async with ingesting.running():
        await sensor.publish(long, payload(timestamp=now(), temperature=21))
        await sensor.publish(TOPIC, payload(timestamp=now(), temperature=22))
        await stored.has("readings", 1)
        await stored.has("dead_letter", 1)
    (letter,) = await stored.rows("SELECT topic, reason, detail FROM dead_letter")
    assert letter["topic"] == long
    assert letter["reason"] == "refused_by_database"
    assert letter["detail"].startswith("54000")


async def test_a_dead_letter_that_is_refused_itself_is_stored_without_its_texts(
    ingesting: Ingesting, sensor: Publisher, stored: Stored
) -> None:
    await stored.connection.execute(
        "ALTER TABLE dead_letter ADD CONSTRAINT odd"
        " CHECK (reason <> 'not_json' AND octet_length(payload) = 0)"
    )
    async with ingesting.running() as ingestion:
        await sensor.publish(TOPIC, b"broken")
        await sensor.publish("mould-watch/readings/k\u00fcche", b"broken too")
        await sensor.publish(TOPIC, payload(timestamp=now(), temperature=22))
        await stored.has("readings", 1)
        await stored.has("dead_letter", 2)
        await until(lambda: ingestion.health()["waiting"] == 0)
    rows = await stored.rows("SELECT topic, reason, detail, payload_size FROM dead_letter")
    assert [row["topic"] for row in rows] == [TOPIC, "mould-watch/readings/k\\xfcche"]
    assert {row["reason"] for row in rows} == {"refused_by_database"}
    assert rows[0]["detail"] == "23514: the database refuses to keep it as not_json"
    assert rows[0]["payload_size"] == len(b"broken")
    assert await stored.count("dead_letter_count") == 2
