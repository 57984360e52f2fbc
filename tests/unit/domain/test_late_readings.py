"""Late and out-of-order readings end in the same mould state as the same readings in order."""

from datetime import timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from mould_watch.domain.climate import Sample
from mould_watch.domain.hourly import HOUR, air_hours, hour_start
from mould_watch.domain.mould.band import INITIAL_BAND, BandState, fold_band
from mould_watch.domain.mould.model import MouldModel
from mould_watch.domain.surface import SurfaceModel
from mould_watch.domain.surface_hours import surface_hours
from tests.support.climate import NOON, room_air

MODEL = MouldModel()
WALL = SurfaceModel(f_rsi=0.7)
DAYS = 4
END = NOON + timedelta(days=DAYS)

minutes = st.lists(
    st.tuples(st.integers(0, DAYS * 24 * 60 - 1), st.floats(15, 25), st.floats(40, 95)),
    min_size=1,
    max_size=60,
    unique_by=lambda one: one[0],
)


def states(readings: list[Sample]) -> list[BandState]:
    """The band at the start of each hour and at the end, from all readings at once."""
    surfaces = list(surface_hours(air_hours(room_air(readings, 0.0), NOON, END, END), WALL))
    bands = [INITIAL_BAND]
    for surface in surfaces:
        bands.append(fold_band(bands[-1], [surface], MODEL))
    return bands


@settings(max_examples=50, deadline=None)
@given(minutes, st.integers(0, 2**32))
def test_refolding_from_the_reading_before_a_late_one_is_the_whole_fold(
    made: list[tuple[int, float, float]], seed: int
) -> None:
    readings = [
        Sample(NOON + timedelta(minutes=minute), minute, temperature_c, humidity_pct)
        for minute, temperature_c, humidity_pct in made
    ]
    Random(seed).shuffle(readings)  # noqa: S311 - an order, no secret
    known: list[Sample] = []
    bands = states(known)
    for late in readings:
        before = [one.ts for one in known if one.ts < late.ts]
        known.append(late)
        # what lies after the reading before the late one may change, and nothing earlier
        from_hour = hour_start(max(before, default=late.ts))
        first = (from_hour - NOON) // HOUR
        air = air_hours(room_air(known, 0.0), from_hour, END, END)
        kept = bands[: first + 1]
        for surface in surface_hours(air, WALL):
            kept.append(fold_band(kept[-1], [surface], MODEL))
        bands = kept
    assert bands == states(readings)
