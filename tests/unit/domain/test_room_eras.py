"""What a room was, and from when."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from mould_watch.domain.configuration import (
    DeviceSource,
    FixedOutdoor,
    RoomConfiguration,
    RoomSources,
)
from mould_watch.domain.room_eras import (
    ALWAYS,
    Era,
    HomeVersion,
    RoomVersion,
    eras,
    first_difference,
    steps,
)


def day(number: int) -> datetime:
    return datetime(2026, 11, number, tzinfo=UTC)


HOMES = (HomeVersion(day(3), None, "home"),)


def version(number: int, f_rsi: float, *, is_always: bool = False) -> RoomVersion:
    source = DeviceSource(source_instance="mqtt:json", native_id="bath")
    config = RoomConfiguration(
        room_id=UUID(int=1),
        name="Bathroom",
        sources=RoomSources(temperature=source, humidity=source),
        f_rsi=f_rsi,
    )
    return RoomVersion(day(number), config, is_always)


def found(*versions: RoomVersion) -> tuple[Era, ...]:
    return eras(versions, HOMES)


def factors(*versions: RoomVersion) -> list[tuple[int, float | None]]:
    return [
        (0 if era.start == ALWAYS else era.start.day, era.config.f_rsi) for era in found(*versions)
    ]


def test_the_first_version_counts_for_the_time_before_it() -> None:
    assert factors(version(3, 0.7)) == [(0, 0.7)]


def test_a_version_counts_from_its_time_on() -> None:
    assert factors(version(3, 0.7), version(5, 0.6)) == [(0, 0.7), (5, 0.6)]


def test_what_always_was_so_takes_the_place_of_all_before() -> None:
    versions = version(3, 0.7), version(5, 0.6, is_always=True), version(7, 0.8)
    assert factors(*versions) == [(0, 0.6), (7, 0.8)]


def test_a_room_without_configuration_is_none() -> None:
    with pytest.raises(ValueError, match="no configuration"):
        eras((), HOMES)
    with pytest.raises(ValueError, match="no configuration"):
        eras((version(3, 0.7),), ())


def test_another_outdoor_source_begins_an_era() -> None:
    fixed = FixedOutdoor(temperature_c=5, humidity_pct=80)
    colder = FixedOutdoor(temperature_c=0, humidity_pct=80)
    homes = (
        HomeVersion(day(3), fixed, "home"),
        HomeVersion(day(4) + timedelta(minutes=20), colder, "home"),
    )
    first, second = eras((version(3, 0.7),), homes)
    assert (first.outdoor, second.outdoor) == (fixed, colder)
    # in the hour of the change the former counts
    assert second.start == day(4) + timedelta(hours=1)


def test_the_first_outdoor_source_counts_for_the_time_before_it() -> None:
    fixed = FixedOutdoor(temperature_c=5, humidity_pct=80)
    homes = (*HOMES, HomeVersion(day(4), fixed, "home"), HomeVersion(day(5), None, "home"))
    assert [era.outdoor for era in eras((version(3, 0.7),), homes)] == [fixed, fixed, None]


def test_the_first_time_two_histories_differ() -> None:
    def key(*versions: RoomVersion) -> tuple[tuple[datetime, float | None], ...]:
        return steps(found(*versions), lambda era: era.start, lambda era: era.config.f_rsi)

    third, fifth = version(3, 0.7), version(5, 0.6)
    assert first_difference(key(third, fifth), key(third, fifth)) is None
    assert first_difference(key(third), key(third, fifth)) == day(5)
    assert first_difference(key(third, fifth), key(third)) == day(5)
    assert first_difference(key(third), key(version(3, 0.8))) == ALWAYS
    assert first_difference(key(third, fifth), key(third, version(4, 0.6))) == day(4)
    # the same again is no change
    assert first_difference(key(third), key(third, version(5, 0.7))) is None
    assert first_difference((), key(third)) == ALWAYS
