from datetime import timedelta

import pytest

from mould_watch.domain.advice import Airing, airing
from mould_watch.domain.climate import Climate, ConstantSeries, MeasuredSeries, Sample, Series
from tests.support.climate import NOON, hours


def climate(indoor: tuple[float, float], outdoor: tuple[float, float] | None) -> Climate:
    samples = [Sample(NOON, 1, *indoor)]
    return Climate(
        temperature=MeasuredSeries(samples, "temperature_c"),
        humidity=MeasuredSeries(samples, "humidity_pct"),
        outdoor_temperature=None if outdoor is None else ConstantSeries(outdoor[0]),
        outdoor_humidity=None if outdoor is None else ConstantSeries(outdoor[1]),
    )


@pytest.mark.parametrize(
    ("indoor", "outdoor", "expected"),
    [
        ((20, 60), (5, 90), Airing.DRIES),
        ((20, 60), (15, 90), Airing.DAMPENS),
        ((22, 60), (25, 50), Airing.DOES_NOTHING),
        # airing in the rain dries
        ((20, 65), (10, 100), Airing.DRIES),
        # a cellar in summer
        ((12, 80), (24, 60), Airing.DAMPENS),
        ((20, 60), None, Airing.UNKNOWN),
    ],
)
def test_absolute_humidity_decides(
    indoor: tuple[float, float], outdoor: tuple[float, float] | None, expected: Airing
) -> None:
    assert airing(climate(indoor, outdoor), NOON) is expected


def test_no_advice_on_stale_values() -> None:
    known = climate((20, 60), (5, 90))
    assert airing(known, NOON + hours(2)) is Airing.DRIES
    assert airing(known, NOON + hours(2) + timedelta(seconds=1)) is Airing.UNKNOWN


def test_no_advice_on_stale_outdoor_values() -> None:
    outdoor: list[Series] = [
        MeasuredSeries([Sample(NOON - hours(3), 1, 5, 90)], "temperature_c"),
        MeasuredSeries([Sample(NOON - hours(3), 1, 5, 90)], "humidity_pct"),
    ]
    inside = climate((20, 60), None)
    known = Climate(inside.temperature, inside.humidity, *outdoor)
    assert airing(known, NOON) is Airing.UNKNOWN
