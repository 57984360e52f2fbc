"""Which routes the channel of services has, without any service."""

import asyncio

from mould_watch.notify.channels.apprise import AppriseChannel


async def test_a_route_that_is_asked_for_wakes_whoever_waits_for_a_change() -> None:
    channel = AppriseChannel({}, 5)
    async with asyncio.timeout(30):
        waiting = asyncio.create_task(channel.wait_for_change(3600), name="waiting")
        while not waiting.done():
            channel.asked_for(frozenset({"chat"}))
            await asyncio.sleep(0)
    assert channel.routes() == {"chat"}


async def test_what_is_known_already_is_no_change() -> None:
    channel = AppriseChannel({}, 5)
    channel.asked_for(frozenset({"chat"}))
    await channel.wait_for_change(3600)
    waiting = asyncio.create_task(channel.wait_for_change(3600), name="waiting")
    channel.asked_for(frozenset({"chat"}))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not waiting.done()
    channel.asked_for(frozenset({"mail"}))
    async with asyncio.timeout(30):
        await waiting
