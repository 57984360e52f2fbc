"""What is kept in Home Assistant's storage: the file is never older than what was saved last."""

import asyncio
import threading
from collections.abc import Mapping
from typing import Any
from unittest.mock import patch

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store

from custom_components.mould_watch.configuration import configuration_store
from custom_components.mould_watch.dead_man import dead_man_store
from custom_components.mould_watch.deliveries import delivery_store
from custom_components.mould_watch.reports import reports_store
from custom_components.mould_watch.stored import OrderedStore
from tests.support.waiting import until


class Disk:
    """A disk that is slow with what it is given first."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Hold the first write until `go_on`."""
        self._hass = hass
        self.begun: list[Any] = []
        self.written: list[Any] = []
        self.go_on = threading.Event()

    async def write(self, content: Mapping[str, Any]) -> None:
        """Write in a thread, which goes on whatever becomes of who waits."""
        is_first = not self.begun
        self.begun.append(content["data"])
        await self._hass.async_add_executor_job(self._write, content["data"], is_first)

    def _write(self, data: object, is_slow: bool) -> None:  # noqa: FBT001 - positional for the job
        if is_slow:
            self.go_on.wait(timeout=60)
        self.written.append(data)


async def test_a_save_that_is_cancelled_does_not_overtake_the_next_one(hass: HomeAssistant) -> None:
    store: OrderedStore[dict[str, Any]] = OrderedStore(hass, 1, "kept")
    disk = Disk(hass)
    with patch.object(Store, "_async_write_data", new=disk.write):
        first = asyncio.create_task(store.async_save({"waiting": []}))
        await until(lambda: bool(disk.begun))
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        second = asyncio.create_task(store.async_save({"waiting": ["press"]}))
        third = asyncio.create_task(store.async_save({"waiting": ["press", "receipt"]}))
        await asyncio.wait([second], timeout=0.1)
        assert not disk.written
        disk.go_on.set()
        await asyncio.gather(second, third)
        await hass.async_block_till_done()
    assert disk.written[0] == {"waiting": []}
    assert disk.written[-1] == {"waiting": ["press", "receipt"]}


async def test_a_stop_of_home_assistant_takes_no_save_back(hass: HomeAssistant) -> None:
    store: OrderedStore[dict[str, Any]] = OrderedStore(hass, 1, "kept")
    disk = Disk(hass)
    with patch.object(Store, "_async_write_data", new=disk.write):
        # as a listener is run
        saving = hass.async_create_task(store.async_save({"waiting": ["press"]}))
        await until(lambda: bool(disk.begun))
        # the first thing that a stop does
        for task in list(hass._background_tasks):
            task.cancel()
        disk.go_on.set()
        await saving
    assert disk.written == [{"waiting": ["press"]}]


def test_everything_kept_is_kept_so(hass: HomeAssistant) -> None:
    for make in (configuration_store, dead_man_store, delivery_store, reports_store):
        assert isinstance(make(hass, "entry"), OrderedStore)
