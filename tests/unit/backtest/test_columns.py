from datetime import timedelta, timezone

import pytest

from mould_watch.backtest.columns import Unit, Wanted, find_columns, offset_of
from mould_watch.errors import RecordingError


@pytest.mark.parametrize(
    ("names", "time", "temperature", "humidity", "unit"),
    [
        # TRH-database
        (["t_UTC+2", "T", "RH"], 0, 1, 2, Unit.CELSIUS),
        # Govee
        (
            [
                "Timestamp for sample frequency every 1 min min",
                "Temperature_Celsius",
                "Relative_Humidity",
            ],
            0,
            1,
            2,
            Unit.CELSIUS,
        ),
        (
            [
                "Timestamp for sample frequency every 15 min min",
                "Temperature_Fahrenheit",
                "Relative_Humidity",
            ],
            0,
            1,
            2,
            Unit.FAHRENHEIT,
        ),
        # SensorPush
        (
            [
                "Timestamp",
                "Dewpoint (°F)",
                "Temperature (°F)",
                "Relative Humidity (%)",
                "VPD (kPa)",
            ],
            0,
            2,
            3,
            Unit.FAHRENHEIT,
        ),
        # Inkbird
        (["Time", "Temperature(℃)", "Humidity(%RH)"], 0, 1, 2, Unit.CELSIUS),
        # Tuya
        (["time", "temperature(°C)", "humidity(%)", "battery"], 0, 1, 2, Unit.CELSIUS),
        # Ruuvi Station
        (
            [
                "Date",
                "Temperature (°C)",
                "Humidity (%)",
                "Absolute humidity (g/m³)",
                "Dew point (°C)",
                "Pressure (hPa)",
            ],
            0,
            1,
            2,
            Unit.CELSIUS,
        ),
        # SwitchBot
        (
            [
                "Date",
                "Temperature_Celsius(°C)",
                "Relative_Humidity(%)",
                "DPT_Celsius(°C)",
                "Abs_Humidity(g/m³)",
            ],
            0,
            1,
            2,
            Unit.CELSIUS,
        ),
        # TFA
        (["Zeitstempel", "Temperatur [°C]", "Luftfeuchtigkeit [%]"], 0, 1, 2, Unit.CELSIUS),
        # absolute humidity before the relative one, a set point before the air
        (
            ["timestamp", "absolute_humidity", "humidity", "target_temperature", "temperature"],
            0,
            4,
            2,
            Unit.CELSIUS,
        ),
        (["Datum", "Innentemperatur", "Luftfeuchte innen"], 0, 1, 2, Unit.CELSIUS),
        (["last_updated", "room temp (K)", "rel. humidity"], 0, 1, 2, Unit.KELVIN),
    ],
)
def test_the_columns_of_common_exports_are_found(
    *, names: list[str], time: int, temperature: int, humidity: int, unit: Unit
) -> None:
    columns = find_columns(names, Wanted())
    assert (columns.time, columns.temperature, columns.humidity, columns.unit) == (
        time,
        temperature,
        humidity,
        unit,
    )


def test_date_and_time_of_day_may_be_two_columns() -> None:
    columns = find_columns(["Datum", "Uhrzeit", "Temperatur", "Luftfeuchte"], Wanted())
    assert (columns.time, columns.clock) == (0, 1)
    assert columns.taken["time"] == "Datum + Uhrzeit"
    columns = find_columns(["Time", "Date", "Temp", "Hum"], Wanted())
    assert (columns.time, columns.clock) == (1, 0)


def test_one_file_may_hold_inside_and_outside() -> None:
    names = ["time", "outdoor_temperature", "outdoor_humidity", "temperature", "humidity"]
    inside, outside = find_columns(names, Wanted()), find_columns(names, Wanted(is_outside=True))
    assert (inside.temperature, inside.humidity) == (3, 4)
    assert (outside.temperature, outside.humidity) == (1, 2)
    named = ["Zeit", "Temperatur innen", "Feuchte innen", "Temperatur außen", "Feuchte außen"]
    assert find_columns(named, Wanted(is_outside=True)).temperature == 3
    plain = ["time", "temperature", "humidity"]
    assert find_columns(plain, Wanted(is_outside=True)).temperature == 1
    only = ["time", "outdoor_temperature", "outdoor_humidity"]
    assert find_columns(only, Wanted()).temperature == 1


def test_what_is_missing_is_named_with_what_is_there() -> None:
    with pytest.raises(RecordingError, match=r"humidity \(--humidity-column\) among: time, T, p"):
        find_columns(["time", "T", "p"], Wanted())
    with pytest.raises(RecordingError, match=r"time .* and temperature .* and humidity"):
        find_columns(["a", "b"], Wanted())
    assert find_columns(["time", "T", "p"], Wanted(needs_humidity=False)).humidity is None


def test_the_user_s_word_counts() -> None:
    names = ["when", "inside", "temperature", "wet"]
    wanted = Wanted(time="When", temperature="inside", humidity="wet", unit=Unit.FAHRENHEIT)
    columns = find_columns(names, wanted)
    assert (columns.time, columns.temperature, columns.humidity) == (0, 1, 3)
    assert columns.unit is Unit.FAHRENHEIT
    with pytest.raises(RecordingError, match="no column 'nope'"):
        find_columns(names, Wanted(time="nope"))


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        ("t_UTC+2", 2),
        ("time (UTC+05:30)", 5.5),
        ("UTC-3", -3),
        ("time_utc", 0),
        ("Timestamp GMT+1", 1),
    ],
)
def test_an_offset_in_the_name_of_the_time_column(name: str, hours: float) -> None:
    assert offset_of(name) == timezone(timedelta(hours=hours))


@pytest.mark.parametrize("name", ["time", "UTC+99", "last_changed"])
def test_no_offset_where_none_is_said(name: str) -> None:
    assert offset_of(name) is None
