"""Dutch."""

from typing import Final

from mould_watch.domain.condition import AiringEffect
from mould_watch.domain.configuration import Protect
from mould_watch.domain.language import Forms, Language, Plain
from mould_watch.domain.rules.kinds import RuleKind

DUTCH: Final = Language(
    tag="nl",
    decimal_mark=",",
    is_one=lambda number: number == 1,
    damp={
        Protect.COLD_WALL: "de koude muur is te vochtig",
        Protect.WINDOW: "het raam is te vochtig",
        Protect.INSULATED_WALL: "de muur is te vochtig",
        Protect.CELLAR: "de keldermuur is te vochtig",
        Protect.THINGS: "te vochtig voor de spullen in de kamer",
    },
    dry={
        Protect.COLD_WALL: "de muur is weer droog",
        Protect.WINDOW: "het raam is weer droog",
        Protect.INSULATED_WALL: "de muur is weer droog",
        Protect.CELLAR: "de keldermuur is weer droog",
        Protect.THINGS: "weer droog genoeg voor de spullen in de kamer",
    },
    mould_in="schimmel kan over {span} beginnen",
    mould_soon="schimmel kan elke dag beginnen",
    mould_grows="er groeit waarschijnlijk al schimmel",
    days=Forms("{n} dag", "{n} dagen"),
    weeks=Forms("{n} week", "{n} weken"),
    months=Forms("{n} maand", "{n} maanden"),
    span="{least}–{most}",
    longer_than="{least} of later",
    damp_for={
        Protect.COLD_WALL: "De koude muur was {hours} te vochtig.",
        Protect.WINDOW: "Het raam was {hours} te vochtig.",
        Protect.INSULATED_WALL: "De muur was {hours} te vochtig.",
        Protect.CELLAR: "De keldermuur was {hours} te vochtig.",
        Protect.THINGS: "De lucht was {hours} te vochtig.",
    },
    hours_of_day=Forms("{n} van de afgelopen 24 uur", "{n} van de afgelopen 24 uur"),
    whole_day="de hele afgelopen 24 uur",
    damp_before="Het was vochtig genoeg voor schimmel en is sindsdien niet gedroogd.",
    airing={
        AiringEffect.HELPS: "Zet nu {minutes} minuten het raam open: de lucht buiten is droger.",
        AiringEffect.HARMS: "Houd het raam dicht: de lucht buiten is vochtiger.",
        AiringEffect.NEUTRAL: "Luchten helpt nu weinig.",
        AiringEffect.UNKNOWN: "",
    },
    warm_because="Verwarm de kamer iets meer: {surface} is maar ongeveer {temperature}.",
    warm="Verwarm de kamer iets meer en droog er geen was.",
    dehumidify="Zet een luchtontvochtiger aan en droog er geen was.",
    surface={
        Protect.COLD_WALL: "de muur",
        Protect.WINDOW: "het raam",
        Protect.INSULATED_WALL: "de muur",
        Protect.CELLAR: "de muur",
    },
    nothing_to_do="Niets te doen.",
    plain={
        RuleKind.CONDENSATION: Plain(
            "er condenseert water op het koude oppervlak",
            "Veeg het droog en lucht de kamer.",
            "er condenseert geen water meer",
        ),
        RuleKind.NO_DATA: Plain(
            "van de sensoren is niets te horen",
            "Daar kan niet op schimmel worden gelet. "
            "Kijk naar de batterijen en het bereik van de sensoren.",
            "de sensoren zijn weer te horen",
        ),
        RuleKind.SILENT: Plain(
            "er is niets van te horen",
            "Kijk naar de batterij en het bereik.",
            "weer te horen",
        ),
        RuleKind.BROKER_AWAY: Plain(
            "geen sensor is te horen",
            "De MQTT-broker is niet bereikbaar. Kijk of hij draait.",
            "de sensoren zijn weer te horen",
        ),
        RuleKind.SPOOL_FILLING: Plain(
            "de ruimte voor wachtende metingen raakt vol",
            "De database is al lang weg. Kijk of hij draait.",
            "de wachtende metingen zijn opgeslagen",
        ),
        RuleKind.DEAD_LETTERS: Plain(
            "sommige berichten van sensoren zijn niet te begrijpen",
            "De lijst in Home Assistant zegt welke.",
            "alle berichten zijn weer te begrijpen",
        ),
        RuleKind.NOTIFICATIONS_FAILED: Plain(
            "sommige meldingen kunnen niet worden bezorgd",
            "Kijk in Home Assistant of alle telefoons en diensten er nog zijn.",
            "meldingen kunnen weer worden bezorgd",
        ),
    },
    above="{metric} op {value}, boven {threshold}",
    below="{metric} op {value}, onder {threshold}",
    beyond="{metric} buiten wat is ingesteld",
    asked_for="Hiervoor is een melding ingesteld.",
    back="{metric} weer binnen wat is ingesteld",
    metrics={
        "temperature_c": "temperatuur",
        "humidity_pct": "luchtvochtigheid",
        "pressure_hpa": "luchtdruk",
        "co2_ppm": "CO₂",
        "illuminance_lx": "helderheid",
        "moisture_pct": "vochtigheid",
        "battery_pct": "batterij",
    },
    worse="nu erger",
    reminder="herinnering",
    not_watched="niet meer in de gaten gehouden",
    seen="Gezien",
    snooze="Herinner me morgen",
    open="Openen",
    also="Ook: {titles}.",
    quiet_summary=Forms("{n} bericht uit de rusttijd", "{n} berichten uit de rusttijd"),
    flood_summary=Forms("{n} bericht dat wachtte", "{n} berichten in één"),
    times=Forms("één keer", "{n} keer"),
    over="inmiddels voorbij",
    more=Forms("en nog {n}", "en nog {n}"),
)
