"""What the mould model costs: a year of a room by the hour, and a thousand rooms every hour.

`room_year_ms`: from 8,760 hours of air inside and outside to the surface, the index with its band
and both projections. `room_hour_us`: one room's hourly evaluation: the new hour folded into the
band, both projections over its last week, and its level. `growth_ratio`: the tenth year of a
history beside its first, a year at a time. Medians of interleaved rounds, on one core.

Rooms are made up (seeded): a cold outer wall in a climate with winter, with showers; every fifth
room is damp. `room_year_damp_ms` is a room whose wall is damp all year: the worst there is.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from math import cos, pi
from random import Random
from statistics import median
from typing import Final

from mould_watch.domain.hourly import AirHour
from mould_watch.domain.mould.band import INITIAL_BAND, BandState, fold_band
from mould_watch.domain.mould.index import SurfaceHour
from mould_watch.domain.mould.level import LevelFacts, LevelThresholds, judge_level
from mould_watch.domain.mould.model import MouldModel
from mould_watch.domain.mould.projection import (
    DAY_HOURS,
    PATTERN_HOURS,
    if_it_repeats,
    if_it_stays,
    mean_surface,
)
from mould_watch.domain.surface import SurfaceModel
from mould_watch.domain.surface_hours import surface_hours

NEEDS: Final = ()

YEAR_HOURS: Final = 8760
YEARS: Final = 10
ROOMS: Final = 1000
DAMP_EVERY: Final = 5
START: Final = datetime(2025, 1, 1, tzinfo=UTC)
MODEL: Final = MouldModel()
WALL: Final = SurfaceModel(f_rsi=0.70)
THRESHOLDS: Final = LevelThresholds()


def air(hours: int, seed: int, *, more_pct: float = 0.0) -> list[AirHour]:
    """Return hours of a bathroom: seasons and days outside, showers inside, noise everywhere."""
    random = Random(seed)  # noqa: S311 - made-up air
    made = []
    for hour in range(hours):
        season, day = cos(2 * pi * hour / YEAR_HOURS), cos(2 * pi * (hour - 15) / 24)
        shower = 20.0 if hour % 24 in {7, 8} else 0.0
        humidity_pct = 52 - 6 * season + shower + more_pct + random.gauss(0, 3)
        made.append(
            AirHour(
                start=START + timedelta(hours=hour),
                temperature_c=20.5 + 0.5 * day + random.gauss(0, 0.2),
                humidity_pct=min(100.0, max(20.0, humidity_pct)),
                coverage=1.0,
                outdoor_temperature_c=9 - 9 * season + 4 * day + random.gauss(0, 2),
                outdoor_coverage=1.0,
            )
        )
    return made


def projected(band: BandState, week: Sequence[SurfaceHour | None]) -> LevelFacts:
    """Ask both questions about the future, and return what a level is judged by."""
    if_it_stays(band, mean_surface(week[-DAY_HOURS:]), MODEL)
    return LevelFacts(week, START, band, if_it_repeats(band, week, MODEL))


def room_year(hours: Sequence[AirHour]) -> BandState:
    """Judge a year from nothing but its air."""
    surfaces = list(surface_hours(hours, WALL))
    band = fold_band(INITIAL_BAND, surfaces, MODEL)
    projected(band, surfaces[-PATTERN_HOURS:])
    return band


def room_hour(band: BandState, week: Sequence[SurfaceHour | None], newest: AirHour) -> None:
    """Judge what one more hour means for a room."""
    (surface,) = surface_hours([newest], WALL)
    facts = projected(fold_band(band, [surface], MODEL), [*week[1:], surface])
    judge_level(facts, THRESHOLDS)


def all_rooms(rooms: Sequence[tuple[BandState, Sequence[SurfaceHour | None], AirHour]]) -> None:
    """Judge one more hour of every room."""
    for room in rooms:
        room_hour(*room)


def seconds(work: Callable[[], object]) -> float:
    """Return how long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main(arguments: Sequence[str]) -> int:
    """Measure, tell, and end with one JSON object."""
    parser = argparse.ArgumentParser(prog="scripts/bench science", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args(arguments).rounds
    usual, damp = air(YEAR_HOURS, 1), air(YEAR_HOURS, 2, more_pct=45)
    bands = {name: room_year(year) for name, year in (("usual", usual), ("damp", damp))}
    for name, band in bands.items():
        low, high = band.bounds
        print(f"{name} room after a year: index {band.mid.index:.3f} ({low:.3f} to {high:.3f})")

    rooms = []
    for number in range(ROOMS):
        is_damp = number % DAMP_EVERY == 0
        week = air(PATTERN_HOURS, number, more_pct=12 if is_damp else 0)
        surfaces = list(surface_hours(week, WALL))
        rooms.append((fold_band(INITIAL_BAND, surfaces, MODEL), surfaces, week[-1]))

    history = [list(surface_hours(air(YEAR_HOURS, 1), WALL))] * YEARS
    usual_s, damp_s, hour_s, first_s, last_s = [], [], [], [], []
    for _ in range(rounds):
        usual_s.append(seconds(lambda: room_year(usual)))
        damp_s.append(seconds(lambda: room_year(damp)))
        hour_s.append(seconds(lambda: all_rooms(rooms)) / ROOMS)
        band, took_s = INITIAL_BAND, []
        for year in history:
            began = time.perf_counter()
            band = fold_band(band, year, MODEL)
            took_s.append(time.perf_counter() - began)
        first_s.append(took_s[0])
        last_s.append(took_s[-1])
    print(f"a year of a usual room:  {median(usual_s) * 1e3:7.2f} ms (target: 50)")
    print(f"a year of a damp room:   {median(damp_s) * 1e3:7.2f} ms")
    print(f"an hour of one of {ROOMS}:  {median(hour_s) * 1e6:7.1f} µs")
    print(f"the first year folded:   {median(first_s) * 1e3:7.2f} ms")
    print(f"the tenth year folded:   {median(last_s) * 1e3:7.2f} ms")
    print(
        json.dumps(
            {
                "bench": "science",
                "room_year_ms": round(median(usual_s) * 1e3, 3),
                "room_year_damp_ms": round(median(damp_s) * 1e3, 3),
                "room_hour_us": round(median(hour_s) * 1e6, 2),
                "growth_ratio": round(
                    median(b / a for a, b in zip(first_s, last_s, strict=True)), 3
                ),
                "rooms": ROOMS,
                "rounds": rounds,
                "target_room_year_ms": 50,
            }
        )
    )
    return 0
