from collections.abc import Sequence

import pytest

from mould_watch.domain.hourly import AirHour
from mould_watch.domain.mould.index import SurfaceHour
from mould_watch.domain.surface import SurfaceModel
from mould_watch.domain.surface_hours import surface_hours
from tests.support.climate import NOON

WALL = SurfaceModel(f_rsi=0.7)


def air(
    outdoor_c: float | None = -5, *, inside: tuple[float, float] | None = (20, 50), **more: float
) -> AirHour:
    known = {} if inside is None else {"temperature_c": inside[0], "humidity_pct": inside[1]}
    return AirHour(
        NOON,
        **{
            "coverage": 0.0 if inside is None else 1.0,
            "outdoor_coverage": 0.0 if outdoor_c is None else 1.0,
            **known,
            **more,
        },
        outdoor_temperature_c=outdoor_c,
    )


def only(hour: AirHour, model: SurfaceModel) -> SurfaceHour | None:
    (surface,) = surface_hours([hour], model)
    return surface


def test_a_wall_is_between_inside_and_outside() -> None:
    surface = only(air(), WALL)
    assert surface is not None
    assert surface.temperature_c == pytest.approx(12.5)
    assert surface.humidity_pct == pytest.approx(80.62, abs=0.005)


def test_the_known_part_of_the_hour_is_the_least_of_what_is_needed() -> None:
    hour = air(coverage=0.75, outdoor_coverage=0.5)
    for model, known_h in ((WALL, 0.5), (SurfaceModel(f_rsi=1), 0.75)):
        surface = only(hour, model)
        assert surface is not None
        assert surface.duration_h == known_h


def test_without_the_air_or_the_outside_it_needs_there_is_a_gap() -> None:
    assert only(air(inside=None), WALL) is None
    assert only(air(None), WALL) is None
    assert only(air(None), SurfaceModel(f_rsi=1)) == SurfaceHour(20, 50)
    fixed = only(air(None), SurfaceModel(temperature_c=12))
    assert fixed is not None
    assert fixed.temperature_c == 12


def test_a_sensor_on_the_surface_is_believed() -> None:
    model = SurfaceModel(is_measured=True)
    surface = only(air(surface_temperature_c=12.5, surface_coverage=0.5), model)
    assert surface is not None
    assert (surface.temperature_c, surface.duration_h) == (12.5, 0.5)
    assert only(air(), model) is None


def days(*temperatures_c: float | None) -> Sequence[AirHour]:
    return [air(outdoor_c, inside=(20, 50)) for outdoor_c in temperatures_c for _ in range(24)]


def test_heavy_walls_follow_the_mean_of_days() -> None:
    slow = SurfaceModel(f_rsi=0.5, outdoor_mean_days=2)
    surfaces = list(surface_hours(days(10), slow, before=days(0, 0)))
    assert surfaces[-1] is not None
    assert surfaces[-1].temperature_c == pytest.approx(0.5 * 5 + 0.5 * 20)
    assert surfaces[0] is not None
    assert surfaces[0].temperature_c == pytest.approx(0.5 * 10 / 48 + 0.5 * 20)


def test_a_mean_of_too_little_is_a_gap_and_a_gap_outside_is_bridged() -> None:
    slow = SurfaceModel(f_rsi=0.5, outdoor_mean_days=2)
    surfaces = list(surface_hours(days(10, None), slow))
    assert surfaces[22] is None
    assert all(surfaces[23:]), "half of the days is known, though nothing of the last hours is"
    assert list(surface_hours(days(None, None), slow)) == [None] * 48


def test_the_mean_is_the_same_wherever_it_was_begun() -> None:
    slow = SurfaceModel(f_rsi=0.5, outdoor_mean_days=1)
    hours = [air(0.1 * number, inside=(20, 50)) for number in range(100)]
    whole = list(surface_hours(hours, slow))
    assert list(surface_hours(hours[60:], slow, before=hours[30:60])) == whole[60:]
