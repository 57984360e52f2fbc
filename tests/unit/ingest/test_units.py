import math

import pytest

from mould_watch.ingest.metrics import is_plain_number, number_of, plain_number
from mould_watch.ingest.units import COLUMNS, UNITS, unit_of
from mould_watch.storage.ingestion import METRIC_COLUMNS


@pytest.mark.parametrize(
    ("column", "unit", "value", "expected"),
    [
        ("temperature_c", "°C", 21.37, 21.37),
        ("temperature_c", "°F", 71.6, 22.0),
        ("temperature_c", "F", -40, -40),
        ("temperature_c", "K", 294.15, 21.0),
        ("pressure_hpa", "Pa", 101325, 1013.25),
        ("pressure_hpa", "inHg", 29.92, 1013.207589),
        ("humidity_pct", "%", 60, 60),
        ("illuminance_lx", "lx", 12.5, 12.5),
    ],
)
def test_a_value_becomes_that_of_its_column(
    column: str, unit: str, value: float, expected: float
) -> None:
    assert number_of(column, value, unit_of(column, unit)) == expected


def test_every_metric_has_a_name_for_people_and_units() -> None:
    assert set(COLUMNS.values()) == set(UNITS) == set(METRIC_COLUMNS)
    assert unit_of("humidity_pct", "°C") is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, True, "21", None, 10**400])
def test_what_is_no_number_becomes_none(value: object) -> None:
    assert number_of("temperature_c", value) is None


@pytest.mark.parametrize("value", [1e308, -1e308])
def test_no_conversion_makes_an_infinity(value: float) -> None:
    for column, units in UNITS.items():
        for unit in units.values():
            number = number_of(column, value, unit)
            assert number is None or math.isfinite(number)


@pytest.mark.parametrize(
    ("text", "number"), [("21.5", 21.5), (" -3 ", -3), ("+.5", 0.5), ("5.", 5), ("1e3", 1000)]
)
def test_a_plain_number(text: str, number: float) -> None:
    assert plain_number(text.encode()) == number


@pytest.mark.parametrize(
    "text", ["", " ", "nan", "inf", "1_0", "0x1", "1,5", "1 2", "²", "١", "1e", "--1", "9" * 500]
)
def test_no_plain_number(text: str) -> None:
    assert not is_plain_number(text)
