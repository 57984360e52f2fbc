"""What a household reads. No factor, no index, no rule: what is the matter, and what helps.

The phrases are each language's own (`domain/languages`); how they are put together is here. A
language that is not spoken yet falls back to English.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from mould_watch.domain.condition import AiringEffect, Level
from mould_watch.domain.configuration import Protect
from mould_watch.domain.language import Forms, Language
from mould_watch.domain.languages import LANGUAGES
from mould_watch.domain.notification import NotificationKind
from mould_watch.domain.rules.kinds import RuleKind
from mould_watch.domain.rules.settings import Direction

type TemperatureUnit = Literal["°C", "°F"]

FALLBACK: Final = "en"
WHOLE_DAY_H: Final = 24
AIRING_MINUTES: Final = 10
SUMMARY_LINES: Final = 6
"""So many lines fit into a notification that is still read."""

_WEEK_D: Final = 7
_MONTH_D: Final = 30.4
_DAYS_BELOW_D: Final = 14
_WEEKS_BELOW_D: Final = 84

_UNITS: Final[Mapping[str, str]] = {
    "humidity_pct": "%",
    "pressure_hpa": "hPa",
    "co2_ppm": "ppm",
    "illuminance_lx": "lx",
    "moisture_pct": "%",
    "battery_pct": "%",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Crossed:
    """A value beyond a threshold, both in the metric's own unit.

    `name` is what the user calls the threshold.
    """

    metric: str
    direction: Direction
    threshold: float
    # None: not known now
    value: float | None
    name: str = ""

    @classmethod
    def of(cls, evidence: Mapping[str, Any]) -> Crossed:
        """Read the evidence of a threshold rule."""
        return cls(
            metric=evidence["metric"],
            direction=Direction(evidence["direction"]),
            threshold=evidence["threshold"],
            value=evidence["value"],
            name=evidence["name"],
        )


@dataclass(frozen=True, slots=True)
class Matter:
    """What a text is about. `surface_temperature_c` None: not known now."""

    kind: NotificationKind
    # the room, the device, or the backend's own name
    room: str
    rule: RuleKind = RuleKind.SURFACE_DAMP
    level: Level = Level.WARNING
    protect: Protect = Protect.COLD_WALL
    # of the last 24; rounded to whole hours in the text; None: not known
    damp_hours: float | None = None
    # in how many days mould could start: the least, and the most (None: perhaps never); None:
    # not known
    days: tuple[float, float | None] | None = None
    airing: AiringEffect = AiringEffect.UNKNOWN
    # how long to air, where it helps
    airing_minutes: int = AIRING_MINUTES
    surface_temperature_c: float | None = None
    temperature_unit: TemperatureUnit = "°C"
    # of a threshold rule
    crossed: Crossed | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A title and a body."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Told:
    """A line of a summary: the title of a notification, and whether what it says has ended."""

    title: str
    is_over: bool = False


def text(matter: Matter, language: str) -> Text:
    """Return the text in `language` (a BCP 47 tag), or in English where it is not spoken yet."""
    spoken = spoken_in(language)
    match matter.kind:
        case NotificationKind.CLEAR:
            return _text(matter, spoken.not_watched, spoken.nothing_to_do, spoken)
        case NotificationKind.RECOVERY:
            return _text(matter, _recovery(matter, spoken), spoken.nothing_to_do, spoken)
        case NotificationKind.STEP_UP:
            phrase = f"{spoken.worse} – {_alarm(matter, spoken)}"
        case NotificationKind.REMINDER:
            phrase = f"{spoken.reminder} – {_alarm(matter, spoken)}"
        case _:
            phrase = _alarm(matter, spoken)
    return _text(matter, phrase, _body(matter, spoken), spoken)


def buttons(language: str) -> list[dict[str, str]]:
    """Return the buttons of whatever a person can do something about, in their order."""
    spoken = spoken_in(language)
    return [
        {"action": "seen", "title": spoken.seen},
        {"action": "snooze", "title": spoken.snooze},
        {"action": "open", "title": spoken.open},
    ]


def also(room: str, titles: Sequence[str], language: str) -> str:
    """Return the sentence that adds other troubles of a room to the gravest.

    Their titles are told without the room's name, which is that of the whole.
    """
    spoken = spoken_in(language)
    place = spoken.title.format(room=room, phrase="")
    others = dict.fromkeys(title.removeprefix(place) for title in titles)
    return spoken.also.format(titles="; ".join(others))


def summary(told: Sequence[Told], language: str, *, is_of_a_flood: bool) -> Text:
    """Return several notifications as one; equal ones are counted, those beyond six as well."""
    spoken = spoken_in(language)
    counted = Counter(one.title for one in told)
    lasting = {one.title for one in told if not one.is_over}
    lines = [
        f"• {title}{_remark(spoken, count, is_over=title not in lasting)}"
        for title, count in counted.items()
    ]
    hidden = len(lines) - SUMMARY_LINES
    if hidden > 0:
        lines = [*lines[:SUMMARY_LINES], spoken.forms(spoken.more, hidden)]
    forms = spoken.flood_summary if is_of_a_flood else spoken.quiet_summary
    return Text(spoken.forms(forms, len(told)), "\n".join(lines))


def temperature(temperature_c: float, unit: TemperatureUnit) -> str:
    """Return a temperature for reading, in whole degrees of the home's unit."""
    return f"{round(degrees(temperature_c, unit))} {unit}"


def spoken_in(tag: str) -> Language:
    """Return the language of a BCP 47 tag; English where it is not spoken yet."""
    folded = tag.casefold().replace("_", "-")
    return LANGUAGES.get(folded.partition("-")[0]) or LANGUAGES[FALLBACK]


def grown(level: Level, spoken: Language) -> str:
    """Return what is said of mould that is there already, as far as anybody can know."""
    return spoken.mould_visible if level is Level.DAMAGE else spoken.mould_grows


def _text(matter: Matter, phrase: str, body: str, spoken: Language) -> Text:
    return Text(spoken.title.format(room=matter.room, phrase=phrase), body)


def _remark(spoken: Language, count: int, *, is_over: bool) -> str:
    remarks = [spoken.forms(spoken.times, count)] if count > 1 else []
    if is_over:
        remarks.append(spoken.over)
    return f" ({', '.join(remarks)})" if remarks else ""


def _alarm(matter: Matter, spoken: Language) -> str:
    if matter.rule is RuleKind.THRESHOLD:
        return _crossed(matter, spoken)
    plain = spoken.plain.get(matter.rule)
    if plain is not None:
        return plain.alarm
    if matter.level.rank >= Level.HIGH.rank:
        return grown(matter.level, spoken)
    if matter.days is None:
        return spoken.damp[matter.protect]
    return first_growth(*matter.days, spoken)


def _recovery(matter: Matter, spoken: Language) -> str:
    if matter.rule is RuleKind.THRESHOLD:
        crossed = matter.crossed
        name = spoken.metrics.get(crossed.metric, crossed.metric) if crossed else "…"
        return spoken.back.format(metric=name)
    plain = spoken.plain.get(matter.rule)
    return spoken.dry[matter.protect] if plain is None else plain.recovery


def _body(matter: Matter, spoken: Language) -> str:
    if matter.rule is RuleKind.THRESHOLD:
        crossed = matter.crossed
        if crossed is None or not crossed.name:
            return spoken.asked_for
        return f"{capital(_crossing(crossed, matter.temperature_unit, spoken))}."
    plain = spoken.plain.get(matter.rule)
    if matter.rule is RuleKind.CONDENSATION and plain is not None:
        return f"{plain.advice} {_advice(matter, spoken)}"
    if plain is not None:
        return plain.advice
    said = f"{_duration(matter, spoken)} {_advice(matter, spoken)}"
    if matter.level.rank < Level.HIGH.rank:
        return said
    # what has grown is told of whatever the air is like
    if matter.damp_hours is None:
        return spoken.clean
    return f"{said if matter.damp_hours > 0.0 else spoken.stays} {spoken.clean}"


def first_growth(least_d: float, most_d: float | None, spoken: Language) -> str:
    """Return when mould could start, in days from now; `most_d` None: perhaps never."""
    if most_d is None:
        least = span_of_days(least_d, spoken)
        return spoken.mould_in.format(span=spoken.longer_than.format(least=least))
    forms, unit_d = _unit(most_d, spoken)
    least_n, most_n = round(least_d / unit_d), round(most_d / unit_d)
    if most_n < 1:
        return spoken.mould_soon
    least_n = max(1, least_n)
    span = str(most_n) if least_n >= most_n else spoken.span.format(least=least_n, most=most_n)
    form = forms.one if spoken.is_one(most_n) else forms.other
    return spoken.mould_in.format(span=form.format(n=span))


def span_of_days(days: float, spoken: Language) -> str:
    """Return a time in days, weeks or months, at least one."""
    forms, unit_d = _unit(days, spoken)
    return spoken.forms(forms, max(1, round(days / unit_d)))


def _unit(days: float, spoken: Language) -> tuple[Forms, float]:
    if days < _DAYS_BELOW_D:
        return spoken.days, 1.0
    return (spoken.weeks, _WEEK_D) if days < _WEEKS_BELOW_D else (spoken.months, _MONTH_D)


def _duration(matter: Matter, spoken: Language) -> str:
    if matter.damp_hours is None or matter.damp_hours <= 0.0:
        # somebody who is told late, of what began before yesterday
        return spoken.damp_before
    shown = hours_of_day(matter.damp_hours, spoken)
    return spoken.damp_for[matter.protect].format(hours=shown)


def hours_of_day(hours: float, spoken: Language) -> str:
    """Return how many of the last 24 hours, in whole ones, from 1 on."""
    whole = min(WHOLE_DAY_H, max(1, round(hours)))
    return spoken.whole_day if whole == WHOLE_DAY_H else spoken.forms(spoken.hours_of_day, whole)


def _advice(matter: Matter, spoken: Language) -> str:
    said = spoken.airing[matter.airing].format(minutes=matter.airing_minutes)
    if matter.airing is AiringEffect.HELPS:
        return said
    return f"{said} {_warmth(matter, spoken)}".strip()


def _warmth(matter: Matter, spoken: Language) -> str:
    if matter.protect is Protect.CELLAR:
        return spoken.dehumidify
    surface = spoken.surface.get(matter.protect)
    if surface is None or matter.surface_temperature_c is None:
        return spoken.warm
    shown = temperature(matter.surface_temperature_c, matter.temperature_unit)
    return spoken.warm_because.format(surface=surface, temperature=shown)


def _crossed(matter: Matter, spoken: Language) -> str:
    crossed = matter.crossed
    if crossed is None:  # the rule was changed: nothing is known of it any more
        return spoken.beyond.format(metric="…")
    return crossed.name or _crossing(crossed, matter.temperature_unit, spoken)


def _crossing(crossed: Crossed, unit: TemperatureUnit, spoken: Language) -> str:
    metric = spoken.metrics.get(crossed.metric, crossed.metric)
    if crossed.value is None:
        return spoken.beyond.format(metric=metric)
    phrase = spoken.above if crossed.direction is Direction.ABOVE else spoken.below
    return phrase.format(
        metric=metric,
        value=_measured(crossed.value, crossed.metric, unit, spoken),
        threshold=_measured(crossed.threshold, crossed.metric, unit, spoken),
    )


def _measured(value: float, metric: str, unit: TemperatureUnit, spoken: Language) -> str:
    if metric == "temperature_c":
        return f"{spoken.number(degrees(value, unit))} {unit}"
    return f"{spoken.number(value)} {_UNITS.get(metric, '')}".rstrip()


def degrees(temperature_c: float, unit: TemperatureUnit) -> float:
    """Return a temperature in the home's unit."""
    return temperature_c * 9 / 5 + 32 if unit == "°F" else temperature_c


def capital(phrase: str) -> str:
    """Return a phrase as the beginning of a sentence."""
    return phrase[:1].upper() + phrase[1:]
