"""English."""

from typing import Final

from mould_watch.domain.condition import AiringEffect
from mould_watch.domain.configuration import Protect
from mould_watch.domain.language import Forms, Language, Plain
from mould_watch.domain.rules.kinds import RuleKind

ENGLISH: Final = Language(
    tag="en",
    decimal_mark=".",
    is_one=lambda number: number == 1,
    damp={
        Protect.COLD_WALL: "the cold wall is too damp",
        Protect.WINDOW: "the window is too damp",
        Protect.INSULATED_WALL: "the wall is too damp",
        Protect.CELLAR: "the cellar wall is too damp",
        Protect.THINGS: "too damp for the things in the room",
    },
    dry={
        Protect.COLD_WALL: "the wall is dry again",
        Protect.WINDOW: "the window is dry again",
        Protect.INSULATED_WALL: "the wall is dry again",
        Protect.CELLAR: "the cellar wall is dry again",
        Protect.THINGS: "dry enough again for the things in the room",
    },
    mould_in="mould could start in {span}",
    mould_soon="mould could start any day",
    mould_grows="mould has probably started to grow",
    days=Forms("{n} day", "{n} days"),
    weeks=Forms("{n} week", "{n} weeks"),
    months=Forms("{n} month", "{n} months"),
    span="{least}–{most}",
    longer_than="{least} or more",
    damp_for={
        Protect.COLD_WALL: "The cold wall was too damp for {hours}.",
        Protect.WINDOW: "The window was too damp for {hours}.",
        Protect.INSULATED_WALL: "The wall was too damp for {hours}.",
        Protect.CELLAR: "The cellar wall was too damp for {hours}.",
        Protect.THINGS: "The air was too damp for {hours}.",
    },
    hours_of_day=Forms("{n} of the last 24 hours", "{n} of the last 24 hours"),
    whole_day="all of the last 24 hours",
    damp_before="It was damp enough for mould, and has not dried since.",
    airing={
        AiringEffect.HELPS: "Open the window for {minutes} minutes now: the air outside is drier.",
        AiringEffect.HARMS: "Keep the window closed: the air outside is damper.",
        AiringEffect.NEUTRAL: "Airing helps little now.",
        AiringEffect.UNKNOWN: "",
    },
    warm_because="Warm the room a little: {surface} is only about {temperature}.",
    warm="Warm the room a little, and dry no laundry there.",
    dehumidify="Run a dehumidifier, and dry no laundry there.",
    surface={
        Protect.COLD_WALL: "the wall",
        Protect.WINDOW: "the window",
        Protect.INSULATED_WALL: "the wall",
        Protect.CELLAR: "the wall",
    },
    nothing_to_do="Nothing to do.",
    plain={
        RuleKind.CONDENSATION: Plain(
            "water condenses on the cold surface",
            "Wipe it dry, and air the room.",
            "no more water condenses",
        ),
        RuleKind.NO_DATA: Plain(
            "nothing is heard from its sensors",
            "Mould cannot be watched for there. "
            "Look at the batteries of the sensors and at their reach.",
            "its sensors are heard again",
        ),
        RuleKind.SILENT: Plain(
            "nothing is heard from it",
            "Look at its battery and at its reach.",
            "it is heard again",
        ),
        RuleKind.BROKER_AWAY: Plain(
            "no sensor can be heard",
            "The MQTT broker cannot be reached. Look whether it runs.",
            "the sensors can be heard again",
        ),
        RuleKind.SPOOL_FILLING: Plain(
            "the space for waiting readings fills up",
            "The database has been away for long. Look whether it runs.",
            "the waiting readings are stored",
        ),
        RuleKind.DEAD_LETTERS: Plain(
            "some messages of sensors cannot be understood",
            "The list in Home Assistant says which.",
            "all messages are understood again",
        ),
        RuleKind.NOTIFICATIONS_FAILED: Plain(
            "some notifications cannot be delivered",
            "Look in Home Assistant whether all phones and services are still there.",
            "notifications can be delivered again",
        ),
    },
    above="{metric} is {value}, above {threshold}",
    below="{metric} is {value}, below {threshold}",
    beyond="{metric} is beyond what you set",
    asked_for="You asked to be told of it.",
    back="{metric} is back within what you set",
    metrics={
        "temperature_c": "the temperature",
        "humidity_pct": "the humidity",
        "pressure_hpa": "the air pressure",
        "co2_ppm": "the CO₂",
        "illuminance_lx": "the brightness",
        "moisture_pct": "the moisture",
        "battery_pct": "the battery",
    },
    worse="worse now",
    reminder="reminder",
    not_watched="no longer watched",
    seen="Seen",
    snooze="Remind me tomorrow",
    open="Open",
    also="Also: {titles}.",
    quiet_summary=Forms("{n} message from the quiet hours", "{n} messages from the quiet hours"),
    flood_summary=Forms("{n} message that waited", "{n} messages in one"),
    times=Forms("once", "{n} times"),
    over="over by now",
    more=Forms("and {n} more", "and {n} more"),
)
