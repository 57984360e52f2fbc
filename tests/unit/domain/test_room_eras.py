"""What a room was, and from when."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from mould_watch.domain.configuration import DeviceSource, RoomConfiguration, RoomSources
from mould_watch.domain.room_eras import ALWAYS, Era, Version, eras, first_difference, steps


def version(day: int, f_rsi: float, *, is_always: bool = False) -> Version:
    source = DeviceSource(source_instance="mqtt:json", native_id="bath")
    config = RoomConfiguration(
        room_id=UUID(int=1),
        name="Bathroom",
        sources=RoomSources(temperature=source, humidity=source),
        f_rsi=f_rsi,
    )
    return Version(Era(datetime(2026, 11, day, tzinfo=UTC), config, None, "home"), is_always)


def factors(*versions: Version) -> list[tuple[int, float | None]]:
    return [
        (0 if era.start == ALWAYS else era.start.day, era.config.f_rsi) for era in eras(versions)
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
        eras(())


def test_the_first_time_two_histories_differ() -> None:
    def key(*versions: Version) -> tuple[tuple[datetime, float | None], ...]:
        return steps(eras(versions), lambda era: era.start, lambda era: era.config.f_rsi)

    third, fifth = version(3, 0.7), version(5, 0.6)
    assert first_difference(key(third, fifth), key(third, fifth)) is None
    assert first_difference(key(third), key(third, fifth)) == fifth.era.start
    assert first_difference(key(third, fifth), key(third)) == fifth.era.start
    assert first_difference(key(third), key(version(3, 0.8))) == ALWAYS
    assert first_difference(key(third, fifth), key(third, version(4, 0.6))) == datetime(
        2026, 11, 4, tzinfo=UTC
    )
    # the same again is no change
    assert first_difference(key(third), key(third, version(5, 0.7))) is None
    assert first_difference((), key(third)) == ALWAYS
