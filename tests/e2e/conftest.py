"""One house for all end-to-end tests: Home Assistant starts once."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from demo_flat.phone import Answer
from tests.support.home_assistant import House


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test time for every step of it to be slow: servers start in many of them."""
    for item in items:
        if Path(__file__).parent in item.path.parents and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(400))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """Start everything; end it by id."""
    folder: Path = tmp_path_factory.mktemp("house")
    built = House(folder)
    try:
        await built.start()
        yield built
    finally:
        await built.stop()


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def everything_runs(house: House) -> AsyncIterator[None]:
    """Leave every server running and the phone answering, whatever a test did."""
    yield
    house.phone.answer = Answer.ACCEPTED
    if not house.broker.process.running:
        await house.broker.start()
    if not house.backend.process.running:
        await house.backend.start()
    await house.backend.wait_ready()
    if not house.home_assistant.process.running:
        await house.start_home_assistant()
