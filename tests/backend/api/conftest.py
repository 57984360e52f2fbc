from collections.abc import AsyncGenerator

import pytest

from mould_watch.storage.database import Database
from tests.support.api import RunningApi, running_api
from tests.support.stream import Stream, connect


@pytest.fixture
async def api(database: Database) -> AsyncGenerator[RunningApi]:
    """Yield a running API on a database of the test's own."""
    async with running_api(database) as api:
        yield api


@pytest.fixture
async def stream(api: RunningApi) -> AsyncGenerator[Stream]:
    """Yield an open stream of the instance `home-1`, its snapshot read."""
    async with connect(api.url) as stream:
        await stream.open()
        yield stream
