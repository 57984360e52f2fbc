import asyncio

from mould_watch.ingest.waiting import WaitingMessages
from tests.support.messages import message


def put(waiting: WaitingMessages, count: int, *, qos: int = 1, size: int = 10) -> int:
    return sum(waiting.put(message("t", b"x" * size, qos=qos)) for _ in range(count))


async def test_first_in_first_out_and_in_hand_until_done() -> None:
    waiting = WaitingMessages(10, 1000)
    sent = [message("t", bytes([n])) for n in range(5)]
    for one in sent:
        waiting.put(one)
    first = waiting.take(3)
    assert first == sent[:3]
    assert waiting.count == 5
    waiting.done(first)
    assert waiting.count == 2
    rest = waiting.take(100)
    assert rest == sent[3:]
    waiting.done(rest)
    await waiting.drained()


async def test_qos_0_beyond_a_bound_is_dropped_counted_and_told_of_once_an_episode() -> None:
    waiting = WaitingMessages(10, 1000)
    episodes = []
    waiting.on_episode = lambda: episodes.append(1)
    assert put(waiting, 15, qos=0) == 10
    assert put(waiting, 5, qos=1) == 5
    assert waiting.take_dropped() == 5
    assert waiting.take_dropped() == 0
    waiting.give_back_dropped(5)
    assert waiting.take_dropped() == 5
    waiting.done(waiting.take(100))
    put(waiting, 11, qos=0)
    assert len(episodes) == 2


async def test_too_many_bytes_stop_the_reading_until_there_is_room() -> None:
    waiting = WaitingMessages(1000, 100)
    told: list[str] = []
    waiting.on_full = lambda: told.append("full")
    waiting.on_room = lambda: told.append("room")
    put(waiting, 9)
    assert told == []
    put(waiting, 1)
    assert told == ["full"]
    assert put(waiting, 1, qos=0) == 0
    assert put(waiting, 1, qos=1) == 1
    waiting.done(waiting.take(1))
    assert told == ["full", "full"]
    waiting.done(waiting.take(1))
    assert told[-1] == "room"


async def test_ready_waits_for_a_message() -> None:
    waiting = WaitingMessages(10, 1000)
    async with asyncio.TaskGroup() as tasks:
        ready = tasks.create_task(waiting.ready())
        await asyncio.sleep(0)
        assert not ready.done()
        put(waiting, 1)
    waiting.take(1)
    assert not waiting._something.is_set()
