"""Memory is bounded in messages and in bytes: a long run, everything at a small scale."""

import gc
import tracemalloc
from pathlib import Path

import pytest

from mould_watch.ingest.service import Ingestion
from mould_watch.storage.database import Database
from tests.support.fake_broker import FakeBroker
from tests.support.ingestion import Ingesting, Stored, now, payload
from tests.support.waiting import until

MESSAGES_A_ROUND = 3000
ROUNDS = 4
WINDOW = 60
SMALL = {
    "batch_maximum": 20,
    "waiting_maximum_messages": 100,
    "waiting_maximum_bytes": 64 * 1024,
    "device_states_maximum": 10,
}


def _flood(fake: FakeBroker, round_number: int) -> None:
    """Send more of everything than there is room for: QoS 0 and 1, nonsense, new devices."""
    for n in range(MESSAGES_A_ROUND):
        number = round_number * MESSAGES_A_ROUND + n
        match n % 4:
            case 0:
                fake.publish(f"zigbee2mqtt/device {number % 40}", payload(temperature=n % 40))
            case 1:
                fake.publish(
                    f"mould-watch/readings/{number % 40}",
                    payload(timestamp=now(), temperature=n % 40, filling="x" * 200, n=number),
                )
            case 2:
                fake.publish(f"mould-watch/readings/bad {number % 40}", b"%d is no JSON" % number)
            case _:
                fake.publish("zigbee2mqtt/loud", payload(temperature=n % 40), qos=0)


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_long_run_needs_no_more_memory_than_its_beginning(
    database: Database, stored: Stored, tmp_path: Path
) -> None:
    most = {"messages": 0, "bytes": 0, "deliveries": 0, "states": 0}

    def look(ingestion: Ingestion) -> None:
        waiting, session = ingestion._waiting, ingestion._intake._session._session
        most["messages"] = max(most["messages"], waiting.count)
        most["bytes"] = max(most["bytes"], waiting._bytes)
        most["states"] = max(most["states"], len(ingestion.states))
        if session is not None:
            most["deliveries"] = max(most["deliveries"], len(session.deliveries))

    used: list[int] = []
    async with FakeBroker(session_present=True) as fake:
        ingesting = Ingesting(fake, database, tmp_path)  # type: ignore[arg-type]
        ingestion = ingesting.make(ingest=SMALL, mqtt={"receive_maximum": WINDOW})
        async with ingesting.running(ingestion):
            tracemalloc.start()
            try:
                for number in range(ROUNDS):
                    _flood(fake, number)

                    def is_through() -> bool:
                        look(ingestion)
                        return not fake.waiting and not fake.outstanding

                    await until(is_through, 120.0)
                    fake.acknowledged.clear()
                    gc.collect()
                    used.append(tracemalloc.get_traced_memory()[0])
            finally:
                tracemalloc.stop()
            await until(lambda: ingestion.health()["waiting"] == 0)
            dropped = ingestion.health()["qos0_dropped"]
    assert most["messages"] <= 100 + WINDOW
    assert most["bytes"] < 64 * 1024 + WINDOW * 1024
    assert most["deliveries"] <= WINDOW + 1
    assert most["states"] <= 10
    # the first round fills what is bounded; after it nothing grows
    assert used[-1] - used[1] < 512 * 1024, used
    kept = await stored.count("readings") + dropped
    assert kept == ROUNDS * MESSAGES_A_ROUND * 3 // 4, "nothing of it is lost without a word"
