"""The mould index over a recorded series as a picture (SVG)."""

from pathlib import Path
from typing import Final

import pygal  # type: ignore[import-untyped]
from pygal.style import Style  # type: ignore[import-untyped]

from mould_watch.backtest.replay import Replay, time_of
from mould_watch.errors import RecordingError

_POINTS_MOST: Final = 400
"""More than that is not seen, and makes a browser slow."""

_LABELS: Final = 8

_STYLE: Final = Style(
    background="white",
    plot_background="white",
    colors=("#90caf9", "#1565c0", "#ef9a9a", "#9e9e9e", "#c62828"),
)


def write_plot(path: Path, title: str, judged: Replay) -> None:
    """Write the index with its band, and the lines of first growth and of what is seen.

    Raises RecordingError where the file cannot be written, or is no SVG by its name.
    """
    if path.suffix.lower() != ".svg":
        raise RecordingError(f"a plot is written as SVG: {path.name} should end in .svg")
    chart = pygal.XY(
        title=title,
        x_title="UTC",
        y_title="mould index",
        range=(0, max(1.2, *(max(indices) for indices in judged.indices)) * 1.05),
        style=_STYLE,
        show_dots=False,
        show_legend=True,
        legend_at_bottom=True,
        x_label_rotation=30,
        x_value_formatter=_day,
        # the picture stands alone: no script from elsewhere
        js=(),
        disable_xml_declaration=False,
    )
    step = max(1, -(-judged.hours // _POINTS_MOST))
    shown = range(0, judged.hours, step)
    times = [judged.first_hour + min(hour + step, judged.hours) for hour in shown]
    low, mid, high = (
        # the highest of each stretch: no peak may be lost between two points
        [max(indices[hour : hour + step]) for hour in shown]
        for indices in judged.indices
    )
    for name, values in (("3 % less humid", low), ("as measured", mid), ("3 % more humid", high)):
        chart.add(name, list(zip(times, values, strict=True)))
    ends = (times[0], times[-1])
    chart.x_labels = [
        {"value": value, "label": _day(value)}
        for value in range(*ends, max(1, (ends[1] - ends[0]) // _LABELS))
    ]
    chart.add("growth begins", [(at, 1.0) for at in ends])
    if max(high) > 2.0:  # noqa: PLR2004 - near enough to 3 to be worth a line
        chart.add("seen with the eye", [(at, 3.0) for at in ends])
    try:
        path.write_bytes(chart.render())
    except OSError as error:
        reason = error.strerror or str(error)
        raise RecordingError(f"{path} cannot be written: {reason}", file=str(path)) from error


def _day(hour: float) -> str:
    return f"{time_of(int(hour)):%Y-%m-%d}"
