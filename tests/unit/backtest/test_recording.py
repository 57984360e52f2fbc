import tracemalloc
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mould_watch.backtest.columns import Unit, Wanted
from mould_watch.backtest.recording import Recording, read_recording
from mould_watch.errors import RecordingError

START = datetime(2024, 1, 31, 18, tzinfo=UTC)
HEADER = "time,temperature,humidity"


def stamp(hours: float) -> str:
    return f"{START + timedelta(hours=hours):%Y-%m-%d %H:%M:%S}"


def rows(
    number: int, temperature: object = 20.5, humidity: object = 55, every: float = 1
) -> list[str]:
    return [f"{stamp(every * row)},{temperature},{humidity}" for row in range(number)]


@pytest.fixture
def read(tmp_path: Path) -> object:
    return Reader(tmp_path / "series.csv")


class Reader:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(
        self,
        lines: Sequence[str],
        wanted: Wanted | None = None,
        zone: str | None = None,
        encoding: str = "utf-8",
    ) -> Recording:
        self.path.write_text("\n".join(lines) + "\n", encoding=encoding)
        return read_recording(self.path, wanted or Wanted(), ZoneInfo(zone) if zone else None)


def means(recording: Recording) -> list[tuple[float | None, float | None]]:
    return [
        tuple(None if mean is None else round(mean.mean, 3) for mean in recording.of(hour))  # type: ignore[misc]
        for hour in range(recording.first_hour, recording.last_hour + 1)
    ]


def test_a_plain_file_is_its_hours(read: Reader) -> None:
    recording = read([HEADER, *rows(3)])
    assert means(recording) == [(20.5, 55)] * 3
    assert recording.taken == {"time": "time", "temperature": "temperature", "humidity": "humidity"}


def test_every_row_of_a_file_counts(read: Reader) -> None:
    for number in (2, 49, 50, 51, 499, 500, 501, 600):
        assert read([HEADER, *rows(number)]).temperature.readings == number


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_any_separator(read: Reader, separator: str) -> None:
    lines = [line.replace(",", separator) for line in [HEADER, *rows(3)]]
    assert means(read(lines)) == [(20.5, 55)] * 3


def test_decimal_comma_umlauts_and_an_old_encoding(read: Reader) -> None:
    lines = ["Zeitstempel;Temperatur (°C);Feuchte für Räume (%)", "31.01.2024 18:00;20,5;55,25"]
    lines += ["31.01.2024 19:00;20,5;55,25"]
    for encoding in ("utf-8", "utf-8-sig", "cp1252", "utf-16"):
        assert means(read(lines, encoding=encoding)) == [(20.5, 55.25)] * 2


def test_quoted_decimal_commas_between_commas(read: Reader) -> None:
    lines = [HEADER, f'{stamp(0)},"20,5","55,0"', f'{stamp(1)},"20,5","55,0"']
    assert means(read(lines)) == [(20.5, 55)] * 2


def test_words_before_the_header_are_passed_over(read: Reader) -> None:
    lines = ["Export of Bathroom", "created,2024-02-01", "", HEADER, *rows(3)]
    assert read(lines).temperature.readings == 3


def test_fahrenheit_by_name_and_by_word(read: Reader) -> None:
    named = ["time,temperature_F,humidity", *rows(3, 68)]
    assert means(read(named)) == [(20, 55)] * 3
    assert means(read([HEADER, *rows(3, 68)], Wanted(unit=Unit.FAHRENHEIT))) == [(20, 55)] * 3


def test_home_assistant_s_history_has_a_row_for_each_state(read: Reader) -> None:
    lines = ["entity_id,state,last_changed"]
    for entity, state in (
        ("sensor.outdoor_temperature", "3"),
        ("sensor.bath_humidity", "55"),
        ("sensor.bath_temperature", "20.5"),
        ("sensor.bath_battery", "90"),
        ("sensor.hall_temperature", "10"),
    ):
        lines += [
            f"{entity},{state},{START + timedelta(hours=hour):%Y-%m-%dT%H:%M:%S.000Z}"
            for hour in range(3)
        ]
    lines.insert(5, f"sensor.bath_humidity,unavailable,{START:%Y-%m-%dT%H:%M:%S}.500Z")
    recording = read(lines)
    assert means(recording) == [(20.5, 55)] * 3
    assert recording.taken["temperature"] == "sensor.bath_temperature"
    assert any("sensor.hall_temperature" in note for note in recording.notes)
    outside = read(lines, Wanted(is_outside=True, needs_humidity=False))
    assert outside.taken["temperature"] == "sensor.outdoor_temperature"
    other = read(lines, Wanted(temperature="sensor.hall_temperature"))
    assert means(other) == [(10, 55)] * 3
    with pytest.raises(RecordingError, match="looks like a humidity"):
        read([line for line in lines if "humidity" not in line])


def test_the_offset_in_a_name_and_the_zone_of_a_user(read: Reader) -> None:
    named = ["t_UTC+2,T,RH", *rows(2)]
    assert read(named).first_hour * 3600 == (START - timedelta(hours=2)).timestamp()
    told = read([HEADER, *rows(2)], zone="Europe/Helsinki")
    assert told.first_hour * 3600 == (START - timedelta(hours=2)).timestamp()
    assert not told.notes
    assert any("UTC" in note for note in read([HEADER, *rows(2)]).notes)


def test_a_file_that_begins_at_its_end_is_the_same(read: Reader) -> None:
    random = Random(5)  # noqa: S311 - made-up air
    lines = [
        f"{stamp(number * 0.7)},{random.uniform(15, 25):.2f},{random.uniform(40, 90):.2f}"
        for number in range(50)
    ]
    forwards = means(read([HEADER, *lines]))
    backwards = means(read([HEADER, *reversed(lines)]))
    assert [one[0] for one in backwards] == pytest.approx([one[0] for one in forwards], abs=2e-3)
    assert [one[1] for one in backwards] == pytest.approx([one[1] for one in forwards], abs=2e-3)


def test_time_that_runs_backwards_is_an_error_with_its_line(read: Reader) -> None:
    lines = [HEADER, *rows(5), f"{stamp(-30)},20,50"]
    with pytest.raises(RecordingError, match=r"line 7.*sort"):
        read(lines)


def test_a_clock_set_back_an_hour_is_told_and_nothing_counts_twice(read: Reader) -> None:
    lines = [HEADER, *rows(8, every=0.5), f"{stamp(3)},30,90", f"{stamp(4)},20.5,55"]
    recording = read(lines)
    assert means(recording)[3] == (20.5, 55)
    assert any("--time-zone" in note for note in recording.notes)
    assert any("1 earlier than the row before" in note for note in recording.notes)


def test_the_night_the_clocks_change_has_its_hours(read: Reader) -> None:
    local = [
        f"2026-10-25 {hour:02}:{minute:02},20.5,55"
        for hour, minute in ((1, 0), (1, 30), (2, 0), (2, 30), (2, 0), (2, 30), (3, 0), (3, 30))
    ]
    recording = read([HEADER, *local], zone="Europe/Berlin")
    assert len(means(recording)) == 4
    assert recording.temperature.readings == 8


def test_18_percent_unavailable_is_a_stated_gap(read: Reader) -> None:
    lines = rows(100, every=0.1)
    lines[20:38] = [f"{stamp(0.1 * row)},unavailable,55" for row in range(20, 38)]
    recording = read([HEADER, *lines])
    assert any("18 without a value (18.0 %)" in note for note in recording.notes)
    long = rows(100)
    long[20:38] = [f"{stamp(row)},,55" for row in range(20, 38)]
    holes = [hour for hour, (t, _) in enumerate(means(read([HEADER, *long]))) if t is None]
    assert holes == list(range(20, 38))


@pytest.mark.parametrize(
    ("temperature", "humidity", "said"),
    [
        (20.5, 0, "humidity .*not within 1..105"),
        (20.5, 106, "humidity .*not within 1..105"),
        (20.5, -5, "humidity .*not within 1..105"),
        (99, 55, "temperature .*not within -60..60"),
        ("NaN", 55, "temperature .*without a value"),
        ("inf", 55, "temperature .*without a value"),
        ("warm", 55, "temperature .*not a number"),
    ],
)
def test_what_cannot_be_is_no_number(
    read: Reader, temperature: object, humidity: object, said: str
) -> None:
    with pytest.raises(RecordingError, match=f"no usable {said}"):
        read([HEADER, *rows(10, temperature, humidity)])
    mixed = [*rows(10), f"{stamp(10)},{temperature},{humidity}", f"{stamp(11)},20.5,55"]
    recording = read([HEADER, *mixed])
    assert set(means(recording)) == {(20.5, 55)}
    assert recording.notes[0].split(":")[0] in said


def test_a_saturated_sensor_is_believed(read: Reader) -> None:
    assert means(read([HEADER, *rows(2, 20.5, 103)])) == [(20.5, 103)] * 2


def test_one_reading_or_only_gaps_is_no_series(read: Reader) -> None:
    with pytest.raises(RecordingError, match="one single temperature"):
        read([HEADER, *rows(1)])
    with pytest.raises(RecordingError, match="nothing but gaps"):
        read([HEADER, *rows(20, every=7)])


def test_what_is_no_table_is_told(read: Reader, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="is empty"):
        read([""])
    with pytest.raises(RecordingError, match="is no table"):
        read(["some", "words"])
    with pytest.raises(RecordingError, match="no column for humidity"):
        read(["time,temperature", "2024-01-31 18:00,20"])
    with pytest.raises(RecordingError, match="no row with a time"):
        read([HEADER])
    with pytest.raises(RecordingError, match="cannot be read"):
        read_recording(tmp_path / "nowhere.csv", Wanted())
    with pytest.raises(RecordingError, match="cannot be read"):
        read_recording(tmp_path, Wanted())
    binary = tmp_path / "noise.csv"
    binary.write_bytes(Random(1).randbytes(300_000))  # noqa: S311 - noise
    with pytest.raises(RecordingError):
        read_recording(binary, Wanted())


def test_a_quotation_mark_that_nothing_closes_is_told_with_its_line(read: Reader) -> None:
    lines = [HEADER, *rows(3), f'{stamp(3)},"20.5,55', *rows(20_000)]
    with pytest.raises(RecordingError, match="from line"):
        read(lines)


cells = st.one_of(
    st.sampled_from(["", "20.5", "20,5", "unavailable", "nan", "-inf", "1e400", "0", "101", '"']),
    st.sampled_from([stamp(0), stamp(1), stamp(3), "31.01.2024 18:00", "1706725800", "never"]),
    st.text(max_size=8),
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from([HEADER, "entity_id,state,last_changed", "t_UTC+2;T;RH", "", "a,b"]),
    st.lists(st.lists(cells, max_size=4), max_size=12),
    st.sampled_from([",", ";"]),
)
def test_whatever_stands_in_a_file_it_is_hours_or_one_sentence(
    header: str, table: list[list[str]], separator: str
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "any.csv"
        lines = [header, *(separator.join(row) for row in table)]
        path.write_text("\n".join(lines), encoding="utf-8", errors="replace")
        try:
            recording = read_recording(path, Wanted())
        except RecordingError:
            return
    assert recording.humidity is not None
    hours = range(recording.first_hour, recording.last_hour + 1)
    for temperature, humidity in map(recording.of, (hours[0], hours[-1])):
        assert temperature is None or -60 <= temperature.mean <= 60
        assert humidity is None or 1 <= humidity.mean <= 105


def test_two_rows_at_one_time_are_one_and_the_later_counts(read: Reader) -> None:
    lines = [HEADER, f"{stamp(0)},10,55", f"{stamp(0)},20.5,55", f"{stamp(1)},20.5,55"]
    recording = read(lines)
    assert means(recording) == [(20.5, 55)] * 2
    assert any("at the time of the row before" in note for note in recording.notes)


def test_a_time_of_another_century_is_a_mistake(read: Reader) -> None:
    with pytest.raises(RecordingError, match="100 years"):
        read([HEADER, "1899-01-01 00:00,20,50", *rows(3)])


def test_rows_without_a_time_are_counted(read: Reader) -> None:
    recording = read([HEADER, *rows(30), "the end,,", ""])
    assert any("1 rows have no time" in note for note in recording.notes)


def test_a_long_file_needs_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    def peak(number: int) -> int:
        path = tmp_path / f"{number}.csv"
        with path.open("w") as file:
            file.write(HEADER + "\n")
            for row in range(number):
                file.write(f"{stamp(row / 600)},20.5,55\n")
        tracemalloc.start()
        try:
            read_recording(path, Wanted())
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(20_000) < 1.3 * peak(2_000)
