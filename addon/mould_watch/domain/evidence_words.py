"""Why a mould level is what it is, as a person reads it: what, since when, how sure, what ends it.

For whoever wants to know more than a notification says; the numbers stand beside it.
"""

from dataclasses import dataclass
from datetime import datetime

from mould_watch.domain.condition import (
    Certainty,
    FirstGrowth,
    Level,
    MouldEvidence,
    Outlook,
    Surface,
)
from mould_watch.domain.language import Language
from mould_watch.domain.texts import (
    TemperatureUnit,
    capital,
    degrees,
    first_growth,
    grown,
    hours_of_day,
    span_of_days,
    spoken_in,
)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads it: a language (a BCP 47 tag) and a unit."""

    language: str = "en"
    temperature_unit: TemperatureUnit = "°C"


def evidence_words(
    level: Level | None,
    evidence: MouldEvidence,
    growth: FirstGrowth,
    surface: Surface | None,
    now: datetime,
    *,
    damp_pct: float,
    reader: Reader,
) -> str | None:
    """Return the sentences that belong to a level; None where nothing is known.

    `damp_pct` is from where the surface counts as damp. Without a level, before a day of readings
    is there, only the surface of now is told.
    """
    spoken = spoken_in(reader.language)
    said = []
    if surface is not None:
        said.append(_surface(surface, reader, spoken))
    if level is not None:
        said += _past(evidence, now, damp_pct, spoken)
        said += _future(level, growth, spoken)
    if level is not None and level is not Level.NONE:
        said += [_certainty(evidence, spoken), _end(level, evidence, reader, spoken)]
    return " ".join(one for one in said if one) or None


def _surface(surface: Surface, reader: Reader, spoken: Language) -> str:
    shown = spoken.number(degrees(surface.temperature_c, reader.temperature_unit))
    return spoken.surface_now.format(
        temperature=f"{shown} {reader.temperature_unit}", humidity=round(surface.humidity_pct)
    )


def _past(evidence: MouldEvidence, now: datetime, damp_pct: float, spoken: Language) -> list[str]:
    said = []
    if evidence.damp_hours > 0.0:
        hours = hours_of_day(evidence.damp_hours, spoken)
        said.append(spoken.damper_for.format(threshold=spoken.number(damp_pct), hours=hours))
    days = 0 if evidence.since is None else (now - evidence.since).days
    if days >= 1:
        said.append(spoken.lasting.format(span=span_of_days(days, spoken)))
    return said


def _future(level: Level, growth: FirstGrowth, spoken: Language) -> list[str]:
    if level.rank >= Level.HIGH.rank or growth.days == 0.0:
        return [f"{capital(grown(level, spoken))}."]
    if growth.outlook is Outlook.NOT_EXPECTED:
        return [spoken.none_expected]
    if growth.days is None or growth.days_low is None:
        return []
    phrase = first_growth(growth.days_low, growth.days_high, spoken)
    return [spoken.as_last_week.format(phrase=capital(phrase))]


def _certainty(evidence: MouldEvidence, spoken: Language) -> str:
    match evidence.certainty:
        case Certainty.CERTAIN:
            return spoken.certain
        case Certainty.LIKELY:
            return spoken.likely
        case None:
            return ""


def _end(level: Level, evidence: MouldEvidence, reader: Reader, spoken: Language) -> str:
    ways = []
    if evidence.warmer_k:
        is_celsius = reader.temperature_unit == "°C"
        warmer, unit = (evidence.warmer_k, "°C") if is_celsius else (evidence.warmer_k * 1.8, "°F")
        ways.append(spoken.warmer_by.format(degrees=f"{spoken.number(warmer)} {unit}"))
    if evidence.drier_pct:
        ways.append(spoken.drier_by.format(points=spoken.number(evidence.drier_pct)))
    if not ways:
        return spoken.no_small_end
    both = ways[0] if len(ways) == 1 else spoken.either.format(one=ways[0], other=ways[1])
    phrase = spoken.would_stop if level.rank >= Level.HIGH.rank else spoken.would_end
    return phrase.format(ways=both)
