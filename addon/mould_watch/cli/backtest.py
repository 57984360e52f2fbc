"""`mould-watch backtest FILE.csv`: what would have been said over a recorded series."""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mould_watch.cli.command import Command
from mould_watch.settings import Settings

if TYPE_CHECKING:
    from mould_watch.backtest.columns import Wanted
    from mould_watch.backtest.recording import Recording
    from mould_watch.backtest.replay import Setup

_MATERIALS: Final = ("very-sensitive", "sensitive", "medium-resistant", "resistant")
_DECLINES: Final = ("1", "0.5", "0.25", "0.1")
_LONG_BYTES: Final = 2_000_000
_DEFAULT_FACTOR: Final = 0.70


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.csv", help="the recorded series")
    surface = parser.add_argument_group("the surface", "one of --outdoor, --surface-measured")
    surface.add_argument(
        "--outdoor", type=Path, metavar="FILE", help="temperatures outside, for --f-rsi"
    )
    surface.add_argument(
        "--f-rsi",
        type=float,
        metavar="F",
        help=f"temperature factor of the coldest surface, 0.2..1 (default {_DEFAULT_FACTOR});"
        " 1 is the room air itself and needs no --outdoor",
    )
    surface.add_argument(
        "--calibration-factor",
        type=float,
        metavar="C",
        help="that of Home Assistant's mold_indicator, in place of --f-rsi (which is 1 / C)",
    )
    surface.add_argument(
        "--surface-measured", action="store_true", help="the series is the surface's own air"
    )
    parser.add_argument("--material", choices=_MATERIALS, default="sensitive")
    parser.add_argument(
        "--decline",
        choices=_DECLINES,
        default="0.25",
        help="how fast mould declines when dry, relative to pine",
    )
    columns = parser.add_argument_group("how the file is read", "found by itself where it can be")
    columns.add_argument("--time-column", metavar="NAME")
    columns.add_argument("--temperature-column", metavar="NAME")
    columns.add_argument("--humidity-column", metavar="NAME")
    columns.add_argument("--fahrenheit", action="store_true", help="temperatures are in °F")
    columns.add_argument(
        "--time-zone", metavar="ZONE", help="of times without one, as in Europe/Berlin"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw the index")


def _run(_settings: Settings, arguments: argparse.Namespace) -> int:
    from rich.console import Console  # noqa: PLC0415 - see Command

    from mould_watch.backtest.plot import write_plot  # noqa: PLC0415
    from mould_watch.backtest.replay import hours_of, replay  # noqa: PLC0415
    from mould_watch.backtest.report import as_json, notes_of, print_tables  # noqa: PLC0415

    setup = _setup(arguments)
    room = _read(arguments.file, arguments, _wanted(arguments))
    outdoor = None
    if arguments.outdoor is not None:
        outdoor = _read(arguments.outdoor, arguments, _wanted_outdoor(arguments))
    is_long = arguments.file.stat().st_size > _LONG_BYTES
    with _progress("judging", hours_of(room), is_shown=is_long) as advance:
        judged = replay(room, outdoor, setup, advance)
    if arguments.plot is not None:
        write_plot(arguments.plot, f"{arguments.file.name}, {arguments.material}", judged)
    found = as_json(room, outdoor, setup, judged, notes_of(room, outdoor, judged))
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False, allow_nan=False))  # noqa: T201
    else:
        print_tables(Console(), found)
    return 0


def _setup(arguments: argparse.Namespace) -> Setup:
    """Return how the series is judged. Raises RecordingError where options contradict."""
    from mould_watch.backtest.replay import Setup  # noqa: PLC0415 - see Command
    from mould_watch.domain.critical_humidity import MaterialClass  # noqa: PLC0415
    from mould_watch.domain.mould.model import Decline, MouldModel  # noqa: PLC0415
    from mould_watch.domain.surface import SurfaceModel  # noqa: PLC0415
    from mould_watch.errors import RecordingError  # noqa: PLC0415

    model = MouldModel(
        MaterialClass(arguments.material.replace("-", "_")), Decline(float(arguments.decline))
    )
    if arguments.surface_measured:
        if {arguments.outdoor, arguments.f_rsi, arguments.calibration_factor} != {None}:
            raise RecordingError(
                "--surface-measured says that the series is the surface's own: it needs neither"
                " --outdoor nor a factor"
            )
        return Setup(model)
    if None not in {arguments.f_rsi, arguments.calibration_factor}:
        raise RecordingError("--f-rsi and --calibration-factor say the same: give one of them")
    try:
        surface = SurfaceModel(f_rsi=_factor(arguments))
    except ValueError as error:
        raise RecordingError(str(error)) from error
    if surface.needs_outdoor and arguments.outdoor is None:
        raise RecordingError(
            "the coldest surface depends on the temperature outside: give --outdoor FILE (and"
            " --f-rsi), or --surface-measured where the series is the surface's own, or --f-rsi 1"
            " for things in the room"
        )
    return Setup(model, surface)


def _factor(arguments: argparse.Namespace) -> float:
    """Return the temperature factor. Raises ValueError where it is none."""
    from mould_watch.domain.surface import factor_of_mold_indicator  # noqa: PLC0415 - see Command

    if arguments.calibration_factor is not None:
        return factor_of_mold_indicator(arguments.calibration_factor)
    return _DEFAULT_FACTOR if arguments.f_rsi is None else float(arguments.f_rsi)


def _wanted(arguments: argparse.Namespace) -> Wanted:
    from mould_watch.backtest.columns import Unit, Wanted  # noqa: PLC0415 - see Command

    return Wanted(
        time=arguments.time_column,
        temperature=arguments.temperature_column,
        humidity=arguments.humidity_column,
        unit=Unit.FAHRENHEIT if arguments.fahrenheit else None,
    )


def _wanted_outdoor(arguments: argparse.Namespace) -> Wanted:
    """The columns that the user named are those of the room's file."""
    from mould_watch.backtest.columns import Unit, Wanted  # noqa: PLC0415 - see Command

    return Wanted(
        unit=Unit.FAHRENHEIT if arguments.fahrenheit else None,
        needs_humidity=False,
        is_outside=True,
    )


def _read(path: Path, arguments: argparse.Namespace, wanted: Wanted) -> Recording:
    from mould_watch.backtest.recording import read_recording  # noqa: PLC0415 - see Command

    size = path.stat().st_size if path.is_file() else 0
    with _progress(f"reading {path.name}", size, is_shown=size > _LONG_BYTES) as advance:
        return read_recording(path, wanted, _zone(arguments.time_zone), advance)


def _zone(name: str | None) -> tzinfo | None:
    from mould_watch.errors import RecordingError  # noqa: PLC0415 - see Command

    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise RecordingError(f"--time-zone {name!r} is no zone: Europe/Berlin is one") from error


@contextmanager
def _progress(text: str, total: int, *, is_shown: bool) -> Iterator[Callable[[int], None] | None]:
    """Give what to call with how far it is; a bar on standard error where a person looks."""
    from rich.console import Console  # noqa: PLC0415 - see Command
    from rich.progress import Progress  # noqa: PLC0415

    console = Console(stderr=True)
    if not (is_shown and console.is_terminal):
        yield None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(text, total=total)
        yield lambda done: bar.update(task, completed=done)


BACKTEST = Command(
    "backtest", "say what would have been said over a recorded series", _run, _arguments
)
