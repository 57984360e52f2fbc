"""What a backtest found, as one JSON object and as tables for people."""

from typing import Any, Final

from rich.console import Console
from rich.table import Table

from mould_watch.backtest.recording import Recording
from mould_watch.backtest.replay import Replay, Setup, Warned, time_of
from mould_watch.backtest.rivals import Alarm, days_between
from mould_watch.domain.condition import Outlook
from mould_watch.domain.mould.band import DEFAULT_UNCERTAINTY_PCT
from mould_watch.domain.mould.projection import DAY_HOURS, BandProjection, Never

_NEVER: Final = {
    Never.TOO_DRY: "too dry",
    Never.TOO_COLD: "too cold",
    Never.TOO_HOT: "too hot",
    Never.MATERIAL_LIMIT: "these conditions do not sustain growth on this material",
    Never.DECLINING: "what grows in damp hours is lost in the dry ones",
    Never.BEYOND_HORIZON: "it would take longer than 26 weeks",
}
_LITTLE_COVERAGE: Final = 0.9


def as_json(
    room: Recording, outdoor: Recording | None, setup: Setup, judged: Replay, notes: list[str]
) -> dict[str, Any]:
    """Return what was found as JSON has it: units in the names, null where nothing is known."""
    low, mid, high = judged.band.low, judged.band.mid, judged.band.high
    level = None if judged.level is None else judged.level.level
    return {
        "file": room.path.name,
        "columns": room.taken,
        "outdoor": None
        if outdoor is None
        else {"file": outdoor.path.name, "columns": outdoor.taken},
        "surface": "measured" if setup.surface is None else {"f_rsi": setup.surface.f_rsi},
        "material": setup.model.material.value,
        "decline": setup.model.decline.value,
        "from": time_of(judged.first_hour).isoformat(),
        "to": time_of(judged.first_hour + judged.hours).isoformat(),
        "hours": judged.hours,
        "coverage": round(judged.coverage, 6),
        "m_peak": round(mid.peak, 6),
        "m_last": round(mid.index, 6),
        "m_peak_band": [round(one.peak, 6) for one in (low, high)],
        "m_last_band": [round(one.index, 6) for one in (low, high)],
        "uncertainty_pct": DEFAULT_UNCERTAINTY_PCT,
        "first_growth_at": _time(judged.growth_hour),
        "level": None if level is None else level.value,
        "projection": {
            "if_the_last_week_repeats": _projection(judged.if_repeated),
            "if_it_stays_as_the_last_day": _projection(judged.if_stays),
        },
        "warnings": [_warned(one) for one in judged.warned],
        "comparison": [_alarm(one, judged) for one in judged.alarms],
        "notes": notes,
    }


def notes_of(room: Recording, outdoor: Recording | None, judged: Replay) -> list[str]:
    """Return what a reader of the figures must know of the data."""
    notes = [f"{room.path.name}: {note}" for note in room.notes]
    if outdoor is not None:
        notes += [f"{outdoor.path.name}: {note}" for note in outdoor.notes]
    if judged.coverage < _LITTLE_COVERAGE:
        notes.append(
            f"{1 - judged.coverage:.0%} of the time is a gap: there nothing grows and nothing"
            " declines, so the index may be too low"
        )
    return notes


def print_tables(console: Console, found: dict[str, Any]) -> None:
    """Print what was found for people."""
    columns = found["columns"]
    console.print(
        f"[bold]{found['file']}[/bold]: time from {columns['time']!r}, temperature from"
        f" {columns['temperature']!r}, humidity from {columns['humidity']!r}",
        highlight=False,
    )
    if found["outdoor"] is not None:
        outside = found["outdoor"]["columns"]
        console.print(
            f"{found['outdoor']['file']}: time from {outside['time']!r}, temperature outside from"
            f" {outside['temperature']!r}",
            highlight=False,
        )
    console.print(_summary(found))
    if found["warnings"]:
        console.print(_warnings(found))
    console.print(_comparison(found))
    for note in found["notes"]:
        console.print(f"Note: {note}.", highlight=False)


def _summary(found: dict[str, Any]) -> Table:
    table = Table(title="Mould index (VTT model, 0 to 6)", show_header=False)
    peak, last = found["m_peak_band"], found["m_last_band"]
    surface = found["surface"]
    repeated = found["projection"]["if_the_last_week_repeats"]
    stays = found["projection"]["if_it_stays_as_the_last_day"]
    for name, value in (
        ("time", f"{found['from'][:16]} to {found['to'][:16]} UTC"),
        ("hours, with data", f"{found['hours']}, {found['coverage']:.1%}"),
        ("surface", surface if isinstance(surface, str) else f"f_Rsi {surface['f_rsi']:g}"),
        ("material, decline", f"{found['material'].replace('_', ' ')}, {found['decline']:g}"),
        ("highest index", f"{found['m_peak']:.3f} ({min(peak):.3f} to {max(peak):.3f})"),
        ("index at the end", f"{found['m_last']:.3f} ({min(last):.3f} to {max(last):.3f})"),
        ("growth began (index 1)", (found["first_growth_at"] or "never")[:16]),
        ("level at the end", found["level"] or "none yet: less than 24 h of readings"),
        ("if the last week repeats", _expected(repeated)),
        ("if it stays as the last day", _expected(stays)),
    ):
        table.add_row(name, str(value))
    return table


def _warnings(found: dict[str, Any]) -> Table:
    table = Table(title="Warnings")
    for heading in ("at (UTC)", "level", "index", "first growth was expected in"):
        table.add_column(heading)
    for one in found["warnings"]:
        table.add_row(
            one["at"][:16],
            one["level"],
            f"{one['index']:.2f}",
            _range(one["expected_days_low"], one["expected_days_high"]),
        )
    return table


def _comparison(found: dict[str, Any]) -> Table:
    table = Table(
        title="The same series, by rule",
        caption="days before growth began: first alarm, and the alarm that was on by then",
    )
    table.add_column("rule", no_wrap=True)
    for heading in ("alarms", "hours on", "first", "on by then"):
        table.add_column(heading, justify="right")
    for one in found["comparison"]:
        table.add_row(
            one["rule"],
            str(one["alarms"]),
            f"{one['hours_alarmed']:.0f}",
            *(
                "-" if one[days] is None else f"{one[days]:.1f}"
                for days in ("lead_days", "in_force_days")
            ),
        )
    return table


def _expected(projection: dict[str, Any]) -> str:
    match projection["outlook"]:
        case Outlook.GROWING:
            days: float = projection["days"]
            if days == 0.0:
                return "growth is there"
            band = _range(projection["days_low"], projection["days_high"])
            return f"first growth in {days:.0f} days ({band})"
        case Outlook.NOT_EXPECTED:
            return f"no growth: {_NEVER[Never(projection['reason'])]}"
        case _:
            return "unknown: too little data"


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return "-"
    return f"{low:.0f} days or never" if high is None else f"{low:.0f} to {high:.0f} days"


def _projection(band: BandProjection) -> dict[str, Any]:
    return {
        "outlook": band.mid.outlook.value,
        "days": _days(band.mid.hours),
        "days_low": _days(band.earliest_h),
        "days_high": _days(band.latest_h),
        "reason": None if band.mid.reason is None else band.mid.reason.value,
    }


def _warned(one: Warned) -> dict[str, Any]:
    low, high = one.expected_days
    return {
        "at": one.at.isoformat(),
        "level": one.level.value,
        "index": round(one.index, 6),
        "expected_days_low": None if low is None else round(low, 2),
        "expected_days_high": None if high is None else round(high, 2),
    }


def _alarm(alarm: Alarm, judged: Replay) -> dict[str, Any]:
    lead_days = days_between(alarm.first_hour, judged.growth_hour)
    in_force_days = days_between(alarm.on_at_growth_since, judged.growth_hour)
    return {
        "rule": alarm.name,
        "alarms": alarm.alarms,
        "hours_alarmed": round(alarm.hours, 2),
        "first_at": _time(alarm.first_hour),
        "lead_days": None if lead_days is None else round(lead_days, 2),
        "in_force_days": None if in_force_days is None else round(in_force_days, 2),
    }


def _time(hour: int | None) -> str | None:
    return None if hour is None else time_of(hour).isoformat()


def _days(hours: float | None) -> float | None:
    return None if hours is None else round(hours / DAY_HOURS, 2)
