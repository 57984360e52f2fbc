"""A home in a real database, an evaluator beside it, and a clock the test sets."""

import asyncpg
import pytest

from mould_watch.storage.database import Database
from mould_watch.watch.evaluator import Evaluator
from tests.support.damp_rooms import room_of
from tests.support.rooms import HomeForTests, RoomForTests, SettableClock
from tests.support.watched_values import Household


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def evaluator(database: Database, clock: SettableClock) -> Evaluator:
    return Evaluator(database, clock)


@pytest.fixture
async def home(connection: asyncpg.Connection[asyncpg.Record]) -> HomeForTests:
    home = HomeForTests(connection)
    await home.configure(phones=["phone-1"])
    return home


@pytest.fixture
async def bathroom(home: HomeForTests) -> RoomForTests:
    return await home.room("Bathroom")


@pytest.fixture
def household(
    home: HomeForTests, evaluator: Evaluator, database: Database, clock: SettableClock
) -> Household:
    return Household(home, evaluator, database, clock)


@pytest.fixture
async def bath(household: Household) -> RoomForTests:
    """A room that warns above 60 %RH at once, and is over after half an hour below 57 %."""
    return await room_of(household, "Bath", "warning")
