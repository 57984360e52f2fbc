"""Rooms of a household that get damp and dry at will, and when its night begins and ends."""

from datetime import datetime, timedelta
from uuid import UUID

from tests.support.climate import NOON, hours
from tests.support.rooms import RoomForTests
from tests.support.watched_values import Household, too_damp

# neither jumps so far that it is not believed
DAMP, DRY = 80.0, 52.0
RULE = UUID(int=7)
EVENING = NOON + hours(11)
MORNING = NOON + hours(19)


async def room_of(household: Household, name: str, *severities: str) -> RoomForTests:
    """Return a room with a threshold of each severity: above 60 %RH, 61 %RH and so on, at once."""
    thresholds = [
        too_damp(UUID(int=7 + number), severity, 60.0 + number)
        for number, severity in enumerate(severities)
    ]
    return await household.home.room(
        name, metric_thresholds=thresholds, rules={"mould_level": {"notify": False}}
    )


async def becomes_damp(household: Household, room: RoomForTests) -> None:
    """Measure what is above every threshold."""
    await household.measure(room, DAMP)
    await household.go_on()


async def becomes_dry(household: Household, room: RoomForTests) -> None:
    """Measure what ends every trouble, and wait until it is over."""
    await household.measure(room, DRY)
    await household.go_on()
    await household.go_on(timedelta(minutes=31))


async def remain_damp(household: Household, room: RoomForTests, until: datetime) -> None:
    """Measure what is too damp every half hour until then."""
    while household.clock.now() < until:
        await household.measure(room, DAMP)
        await household.go_on(timedelta(minutes=30))
