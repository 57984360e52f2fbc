"""The surface over an hour counts for the part of it in which all that it needs is known."""

from datetime import UTC, datetime

import pytest

from mould_watch.domain.hourly import HourMean
from mould_watch.domain.mould.index import SurfaceHour
from mould_watch.domain.room_hours import RoomHour
from mould_watch.domain.surface import SurfaceModel
from mould_watch.domain.surface_state import surface_hour

WALL = SurfaceModel(f_rsi=0.7)
HOUR = RoomHour(
    start=datetime(2026, 11, 20, tzinfo=UTC),
    temperature=HourMean(20.0, 1.0),
    humidity=HourMean(50.0, 0.9),
    outdoor_temperature=HourMean(-5.0, 0.5),
    surface_temperature=HourMean(14.0, 0.25),
)


def test_a_wall_needs_the_outdoor_temperature() -> None:
    found = surface_hour(HOUR, WALL)
    assert found is not None
    assert (found.temperature_c, found.duration_h) == (12.5, 0.5)
    assert found.humidity_pct == pytest.approx(80.62, abs=0.005)


def test_things_do_not() -> None:
    assert surface_hour(HOUR, SurfaceModel(f_rsi=1.0)) == SurfaceHour(20.0, 50.0, 0.9)


def test_a_measured_surface_counts_while_it_is_measured() -> None:
    found = surface_hour(HOUR, SurfaceModel(is_measured=True))
    assert found is not None
    assert (found.temperature_c, found.duration_h) == (14.0, 0.25)


def test_where_something_is_missing_there_is_a_gap() -> None:
    bare = RoomHour(start=HOUR.start, temperature=HOUR.temperature, humidity=HOUR.humidity)
    assert surface_hour(bare, WALL) is None
    assert surface_hour(bare, SurfaceModel(is_measured=True)) is None
    no_humidity = RoomHour(start=HOUR.start, temperature=HOUR.temperature)
    assert surface_hour(no_humidity, SurfaceModel(temperature_c=12.0)) is None
