"""The command over made-up and over real series."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from mould_watch.cli.main import main

SHARED = Path(__file__).resolve().parents[4] / "shared/data/trh1"
START = datetime(2024, 1, 1, tzinfo=UTC)

needs_data = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the open series of TRH-1 are not beside this checkout"
)

type Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run_it(*arguments: object) -> tuple[int, str, str]:
        code = main(["backtest", *(str(one) for one in arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run_it


@pytest.fixture
def found(run: Run) -> Callable[..., dict[str, Any]]:
    def found_by(*arguments: object) -> dict[str, Any]:
        code, out, err = run(*arguments, "--json")
        assert code == 0, err
        assert err == ""
        answer: dict[str, Any] = json.loads(out)
        return answer

    return found_by


def write(path: Path, air: Sequence[tuple[float, float] | None]) -> Path:
    lines = ["time,temperature,humidity"]
    for hour, one in enumerate(air):
        if one is not None:
            at = START + timedelta(hours=hour)
            lines.append(f"{at.isoformat()},{one[0]},{one[1]}")
    path.write_text("\n".join(lines))
    return path


@needs_data
@pytest.mark.parametrize(
    ("material", "decline", "peak"),
    [
        ("very-sensitive", "0.5", 4.800),
        ("sensitive", "0.25", 1.525),
        ("medium-resistant", "0.25", 0.065),
    ],
)
def test_the_damp_roof_of_trh_1(
    found: Callable[..., dict[str, Any]], material: str, decline: str, peak: float
) -> None:
    answer = found(
        SHARED / "R4_roofsouth_outside.csv",
        "--surface-measured",
        "--material",
        material,
        "--decline",
        decline,
    )
    assert answer["m_peak"] == pytest.approx(peak, abs=0.002)
    assert answer["coverage"] == 1.0
    if peak > 1:
        grown = datetime.fromisoformat(answer["first_growth_at"])
        assert any(
            one["level"] == "warning" and datetime.fromisoformat(one["at"]) < grown
            for one in answer["warnings"]
        )
        assert answer["comparison"][0]["in_force_days"] > 7


@needs_data
def test_the_dry_room_of_trh_1(found: Callable[..., dict[str, Any]]) -> None:
    for material, decline in (("very-sensitive", "0.5"), ("sensitive", "0.25")):
        answer = found(
            SHARED / "R1_sisailma.csv",
            "--surface-measured",
            "--material",
            material,
            "--decline",
            decline,
        )
        assert answer["m_peak"] == 0
        assert answer["warnings"] == []


@needs_data
def test_the_cold_wall_of_that_room_alarms_others_and_not_us(
    found: Callable[..., dict[str, Any]],
) -> None:
    answer = found(SHARED / "R1_sisailma.csv", "--outdoor", SHARED / "R1_fmi.csv", "--f-rsi", "0.7")
    ours, at_70, at_80, rule_80 = answer["comparison"]
    assert ours["alarms"] == 0
    assert at_70["alarms"] > at_80["alarms"] > 0
    assert at_70["hours_alarmed"] > at_80["hours_alarmed"] > rule_80["hours_alarmed"] > 0
    assert answer["m_peak"] < 0.01


def test_constant_damp_is_the_closed_form(
    found: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    damp = write(tmp_path / "damp.csv", [(22, 97)] * 672)
    answer = found(damp, "--surface-measured", "--material", "very-sensitive")
    assert answer["m_peak"] == answer["m_last"] == pytest.approx(4.68255, abs=1e-4)
    assert answer["hours"] == 672
    assert answer["coverage"] == 1
    # 233.6 h from the start
    assert answer["first_growth_at"] == (START + timedelta(hours=233)).isoformat()
    assert [one["level"] for one in answer["warnings"]] == ["warning", "high", "damage"]
    assert answer["level"] == "damage"
    ours, at_70, at_80, rule_80 = answer["comparison"]
    assert (at_70["alarms"], at_70["hours_alarmed"]) == (1, 672)
    assert at_80["lead_days"] == pytest.approx(233 / 24, abs=0.01)
    assert rule_80["lead_days"] == pytest.approx((233 - 11) / 24, abs=0.01)
    assert ours["lead_days"] == pytest.approx(8.6, abs=0.3)


def test_a_wall_is_colder_than_its_room(
    found: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    room = write(tmp_path / "room.csv", [(20, 60)] * 1000)
    outdoor = write(tmp_path / "outdoor.csv", [(-5, 90)] * 1000)
    wall = found(room, "--outdoor", outdoor, "--f-rsi", "0.7")
    assert wall["m_peak"] > 0.3
    assert wall["surface"] == {"f_rsi": 0.7}
    assert wall["projection"]["if_the_last_week_repeats"]["outlook"] == "growing"
    imported = found(room, "--outdoor", outdoor, "--calibration-factor", 1 / 0.7)
    assert imported["m_peak"] == wall["m_peak"]
    things = found(room, "--f-rsi", "1")
    assert things["m_peak"] == 0
    assert things["projection"]["if_the_last_week_repeats"]["reason"] == "too_dry"


def test_a_gap_is_stated_and_nothing_grows_in_it(
    found: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    whole = found(write(tmp_path / "whole.csv", [(22, 97)] * 300), "--surface-measured")
    holed = found(
        write(tmp_path / "holed.csv", [(22, 97)] * 150 + [None] * 200 + [(22, 97)] * 150),
        "--surface-measured",
    )
    assert holed["m_last"] == pytest.approx(whole["m_last"])
    assert holed["coverage"] == pytest.approx(300 / 500)
    assert any("40% of the time is a gap" in note for note in holed["notes"])


def test_less_than_a_day_has_no_level(found: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    answer = found(write(tmp_path / "young.csv", [(22, 97)] * 20), "--surface-measured")
    assert answer["level"] is None
    assert answer["projection"]["if_the_last_week_repeats"]["outlook"] == "unknown"
    assert answer["warnings"] == []


def test_the_tables_say_which_columns_and_what_was_found(run: Run, tmp_path: Path) -> None:
    damp = write(tmp_path / "damp.csv", [(22, 97)] * 400)
    code, out, err = run(damp, "--surface-measured")
    assert (code, err) == (0, "")
    for words in ("'temperature'", "highest index", "mold_indicator", "80 %-rule", "warning"):
        assert words in out
    dry = write(tmp_path / "dry.csv", [(22, 40)] * 400)
    assert "too dry" in run(dry, "--surface-measured")[1]


def test_the_plot_is_a_picture_that_stands_alone(run: Run, tmp_path: Path) -> None:
    damp = write(tmp_path / "damp.csv", [(22, 97)] * 2000)
    picture = tmp_path / "plot.svg"
    assert run(damp, "--surface-measured", "--plot", picture)[0] == 0
    root = ET.fromstring(picture.read_bytes())  # noqa: S314 - our own picture
    assert root.tag.endswith("svg")
    assert {"growth begins", "as measured"} <= {(one.text or "").strip() for one in root.iter()}
    loaded = [one for one in root.iter() for name in one.attrib if name.endswith(("href", "src"))]
    assert loaded == []
    code, _, err = run(damp, "--surface-measured", "--plot", tmp_path / "plot.jpg")
    assert (code, "SVG" in err) == (1, True)
    code, _, err = run(damp, "--surface-measured", "--plot", tmp_path / "no/where.svg")
    assert (code, "cannot be written" in err) == (1, True)


def test_progress_is_shown_to_people_and_never_among_the_answer(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damp = write(tmp_path / "damp.csv", [(22, 97)] * 400)
    monkeypatch.setattr("mould_watch.cli.backtest._LONG_BYTES", 0)
    assert run(damp, "--surface-measured", "--json")[2] == "", "nobody looks"
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    code, out, err = run(damp, "--surface-measured", "--json")
    assert (code, json.loads(out)["hours"]) == (0, 400)
    assert "reading damp.csv" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.csv", "--surface-measured"], "cannot be read"),
        (["{file}"], "--outdoor"),
        (["{file}", "--surface-measured", "--f-rsi", "0.7"], "neither"),
        (["{file}", "--outdoor", "{file}", "--f-rsi", "0.1"], "0.2..1.0"),
        (["{file}", "--outdoor", "{file}", "--f-rsi", "nan"], "0.2..1.0"),
        (["{file}", "--outdoor", "nowhere.csv"], "cannot be read"),
        (["{file}", "--outdoor", "{file}", "--calibration-factor", "0.5"], "1..5"),
        (["{file}", "--f-rsi", "0.5", "--calibration-factor", "2"], "one of them"),
        (["{file}", "--surface-measured", "--calibration-factor", "2"], "neither"),
        (["{file}", "--surface-measured", "--time-zone", "Mars/Base"], "no zone"),
        (["{file}", "--surface-measured", "--time-zone", "../../etc"], "no zone"),
        (["{file}", "--surface-measured", "--humidity-column", "damp"], "no column 'damp'"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    run: Run, tmp_path: Path, arguments: list[str], said: str
) -> None:
    file = write(tmp_path / "file.csv", [(20, 50)] * 30)
    code, out, err = run(*(one.format(file=file) for one in arguments), "--json")
    assert (code, out) == (1, "")
    assert said in err
    assert err.startswith("mould-watch: ")
    assert err.count("\n") == 1


def test_files_that_do_not_overlap_are_told_apart(run: Run, tmp_path: Path) -> None:
    room = write(tmp_path / "room.csv", [(20, 50)] * 30)
    other = write(tmp_path / "other.csv", [None] * 100 + [(0, 90)] * 30)
    code, _, err = run(room, "--outdoor", other, "--json")
    assert (code, "overlap" in err) == (1, True)


def test_an_unknown_material_is_refused_by_name(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run("file.csv", "--material", "cheese")
    assert "very-sensitive" in capsys.readouterr().err
