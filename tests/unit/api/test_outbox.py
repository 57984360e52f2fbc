"""What waits for one client is bounded; its end always fits."""

import pytest

from mould_watch.api.outbox import Farewell, Outbox, OutboxFullError


async def test_messages_leave_in_order_and_make_room() -> None:
    outbox = Outbox(maximum_messages=2, maximum_characters=100)
    outbox.put("one")
    outbox.put("two")
    with pytest.raises(OutboxFullError):
        outbox.put("three")
    assert await outbox.get() == "one"
    outbox.put("three")
    assert [await outbox.get(), await outbox.get()] == ["two", "three"]


async def test_characters_are_bounded_too() -> None:
    outbox = Outbox(maximum_messages=100, maximum_characters=10)
    outbox.put("x" * 6)
    with pytest.raises(OutboxFullError):
        outbox.put("x" * 5)
    outbox.put("x" * 4)
    await outbox.get()
    outbox.put("x" * 6)


async def test_the_end_comes_after_what_waits_however_full_it_is() -> None:
    outbox = Outbox(maximum_messages=1)
    outbox.put("last words")
    outbox.end(Farewell(1001, "bye"))
    assert await outbox.get() == "last words"
    assert await outbox.get() == Farewell(1001, "bye")
