from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from mould_watch.backtest.cells import TimeReader, UnreadableError, celsius, number
from mould_watch.backtest.columns import Unit
from mould_watch.errors import RecordingError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("20.5", 20.5),
        ("20,5", 20.5),
        (" -3 ", -3),
        ("+4", 4),
        (".5", 0.5),
        ("1e1", 10),
        ("21.3 °C", 21.3),
        ("55%", 55),
        ("21.3\xa0°C", 21.3),
        ('"7"', 7),
    ],
)
def test_a_number_is_read_as_people_and_machines_write_it(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    "text", ["", "-", "unavailable", "Unknown", "NaN", "nan", "None", "n/a", "inf", "-Infinity"]
)
def test_no_value_is_no_number(text: str) -> None:
    assert number(text) is None


@pytest.mark.parametrize("text", ["abc", "1.2.3", "12 34", "1.234,5", "on"])
def test_what_is_neither_is_not_guessed(text: str) -> None:
    with pytest.raises(UnreadableError):
        number(text)


def test_units_of_temperature() -> None:
    assert celsius(68, Unit.FAHRENHEIT) == pytest.approx(20)
    assert celsius(293.15, Unit.KELVIN) == pytest.approx(20)
    assert celsius(20, Unit.CELSIUS) == 20


def read(texts: list[str], zone: str = "UTC") -> list[datetime]:
    reader = TimeReader(texts, ZoneInfo(zone))
    previous_s: float | None = None
    moments = []
    for text in texts:
        previous_s = reader.seconds(text, previous_s)
        moments.append(datetime.fromtimestamp(previous_s, tz=UTC))
    return moments


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-31 18:30:00",
        "2024-01-31T18:30:00Z",
        "2024-01-31T18:30:00.000+00:00",
        "2024-01-31T19:30:00+01:00",
        "31.01.2024 18:30",
        "31/01/2024 18:30:00",
        "01/31/2024 18:30",
        "01/31/2024 06:30 PM",
        "2024/01/31 18:30",
        "1706725800",
        "1706725800000",
        "31.01.24 18:30",
    ],
)
def test_times_in_many_ways_of_writing(text: str) -> None:
    assert read([text]) == [datetime(2024, 1, 31, 18, 30, tzinfo=UTC)]


def test_day_and_month_are_told_apart_by_which_lie_closer_together() -> None:
    american = ["01/02/2024 23:00", "01/03/2024 01:00"]
    assert [moment.day for moment in read(american)] == [2, 3]
    european = ["01/02/2024 23:00", "02/02/2024 01:00"]
    assert [moment.month for moment in read(european)] == [2, 2]


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    texts = [
        "2026-10-25 01:30",
        "2026-10-25 02:00",
        "2026-10-25 02:30",
        "2026-10-25 02:00",
        "2026-10-25 02:30",
        "2026-10-25 03:00",
    ]
    moments = read(texts, "Europe/Berlin")
    assert moments == sorted(set(moments))
    assert (moments[-1] - moments[0]).total_seconds() == 2.5 * 3600


def test_the_hour_that_does_not_exist_is_the_one_after() -> None:
    moments = read(["2026-03-29 01:59", "2026-03-29 03:00"], "Europe/Berlin")
    assert (moments[1] - moments[0]).total_seconds() == 60


def test_a_way_of_writing_nobody_knows_is_named() -> None:
    with pytest.raises(RecordingError, match="half past three"):
        TimeReader(["half past three"], UTC)
    with pytest.raises(RecordingError, match="no row"):
        TimeReader([], UTC)


def test_one_stray_time_does_not_decide_about_the_others() -> None:
    reader = TimeReader([*["2024-01-31 18:30"] * 20, "end of file"], UTC)
    with pytest.raises(UnreadableError):
        reader.seconds("end of file", None)
