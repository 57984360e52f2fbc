"""What a household reads. No factor, no index, no rule: what is the matter, and what helps.

Every language is one `Language`; one that is missing falls back to English.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from mould_watch.domain.condition import AiringEffect
from mould_watch.domain.configuration import Protect
from mould_watch.domain.notification import NotificationKind
from mould_watch.domain.rules.kinds import RuleKind

type TemperatureUnit = Literal["°C", "°F"]

FALLBACK: Final = "en"
WHOLE_DAY_H: Final = 24


@dataclass(frozen=True, slots=True)
class Matter:
    """What a text is about. `surface_temperature_c` None: not known now."""

    kind: NotificationKind
    # the room, the device, or the backend's own name
    room: str
    rule: RuleKind = RuleKind.SURFACE_DAMP
    protect: Protect = Protect.COLD_WALL
    # rounded to whole hours in the text
    damp_hours: float = 0.0
    airing: AiringEffect = AiringEffect.UNKNOWN
    surface_temperature_c: float | None = None
    temperature_unit: TemperatureUnit = "°C"


@dataclass(frozen=True, slots=True)
class Text:
    """A title and a body."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Language:
    """How one language says it."""

    write: Callable[[Matter], Text]


def text(matter: Matter, language: str) -> Text:
    """Return the text in `language` (a BCP 47 tag), or in English where it is not spoken yet."""
    tag = language.casefold()
    spoken = _LANGUAGES.get(tag) or _LANGUAGES.get(tag.partition("-")[0]) or _LANGUAGES[FALLBACK]
    return spoken.write(matter)


def temperature(temperature_c: float, unit: TemperatureUnit) -> str:
    """Return a temperature for reading, in whole degrees of the home's unit."""
    degrees = temperature_c * 9 / 5 + 32 if unit == "°F" else temperature_c
    return f"{round(degrees)} {unit}"


# --- English --------------------------------------------------------------------------------

_EN_ALARM: Final = {
    Protect.COLD_WALL: "the cold wall is too damp",
    Protect.WINDOW: "the window is too damp",
    Protect.INSULATED_WALL: "the wall is too damp",
    Protect.CELLAR: "the cellar wall is too damp",
    Protect.THINGS: "too damp for the things in the room",
}
_EN_RECOVERY: Final = {
    Protect.COLD_WALL: "the wall is dry again",
    Protect.WINDOW: "the window is dry again",
    Protect.INSULATED_WALL: "the wall is dry again",
    Protect.CELLAR: "the cellar wall is dry again",
    Protect.THINGS: "dry enough again for the things in the room",
}
_EN_SURFACE: Final = {
    Protect.COLD_WALL: "the wall",
    Protect.WINDOW: "the window",
    Protect.INSULATED_WALL: "the wall",
    Protect.CELLAR: "the wall",
}


# What is told of rules that are not about mould: the alarm, what to do, the recovery.
_EN_PLAIN: Final = {
    RuleKind.CONDENSATION: (
        "water condenses on the cold surface",
        "Wipe it dry, and air the room.",
        "no more water condenses",
    ),
    RuleKind.NO_DATA: (
        "nothing is heard from its sensors",
        "Mould cannot be watched for there. Look at the batteries and the reach of the sensors.",
        "its sensors are heard again",
    ),
    RuleKind.THRESHOLD: (
        "a value is beyond what you set",
        "Open Home Assistant to see which.",
        "the value is back",
    ),
    RuleKind.SILENT: (
        "nothing is heard from it",
        "Look at its battery and its reach.",
        "it is heard again",
    ),
    RuleKind.BROKER_AWAY: (
        "no sensor can be heard",
        "The MQTT broker cannot be reached. Look whether it runs.",
        "the sensors can be heard again",
    ),
    RuleKind.SPOOL_FILLING: (
        "the waiting readings fill their space",
        "The database has been away for long. Look whether it runs.",
        "the waiting readings are stored",
    ),
    RuleKind.DEAD_LETTERS: (
        "some messages of sensors cannot be understood",
        "The list in Home Assistant says which.",
        "all messages are understood again",
    ),
}


def _english(matter: Matter) -> Text:
    plain = _EN_PLAIN.get(matter.rule)
    if plain is not None and matter.kind is not NotificationKind.CLEAR:
        alarm, what_to_do, recovery = plain
        if matter.kind is NotificationKind.ALARM:
            return Text(f"{matter.room}: {alarm}", what_to_do)
        return Text(f"{matter.room}: {recovery}", "Nothing to do.")
    match matter.kind:
        case NotificationKind.ALARM:
            body = f"{_english_duration(matter.damp_hours)} {_english_advice(matter)}"
            return Text(f"{matter.room}: {_EN_ALARM[matter.protect]}", body)
        case NotificationKind.RECOVERY:
            return Text(f"{matter.room}: {_EN_RECOVERY[matter.protect]}", "Nothing to do.")
        case NotificationKind.CLEAR:
            return Text(f"{matter.room}: no longer watched", "Nothing to do.")


def _english_duration(damp_hours: float) -> str:
    if damp_hours <= 0.0:
        # somebody who is told late, of what began before yesterday
        return "It was damp enough for mould, and has not dried since."
    hours = min(WHOLE_DAY_H, max(1, round(damp_hours)))
    share = "all of" if hours == WHOLE_DAY_H else f"{hours} of"
    return f"It was damp enough for mould for {share} the last 24 hours."


def _english_advice(matter: Matter) -> str:
    match matter.airing:
        case AiringEffect.HELPS:
            return "Open the window for 10 minutes now: the air outside is drier."
        case AiringEffect.HARMS:
            return f"Keep the window closed: the air outside is damper. {_english_warmth(matter)}"
        case AiringEffect.NEUTRAL:
            return f"Airing helps little now. {_english_warmth(matter)}"
        case AiringEffect.UNKNOWN:
            return _english_warmth(matter)


def _english_warmth(matter: Matter) -> str:
    if matter.protect is Protect.CELLAR:
        return "Run a dehumidifier, and dry no laundry there."
    surface = _EN_SURFACE.get(matter.protect)
    if surface is None or matter.surface_temperature_c is None:
        return "Warm the room a little, and dry no laundry there."
    shown = temperature(matter.surface_temperature_c, matter.temperature_unit)
    return f"Warm the room a little: {surface} is only about {shown}."


_LANGUAGES: Final[Mapping[str, Language]] = {"en": Language(write=_english)}
