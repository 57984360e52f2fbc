"""German."""

from typing import Final

from mould_watch.domain.condition import AiringEffect
from mould_watch.domain.configuration import Protect
from mould_watch.domain.language import Forms, Language, Plain
from mould_watch.domain.rules.kinds import RuleKind

GERMAN: Final = Language(
    tag="de",
    decimal_mark=",",
    is_one=lambda number: number == 1,
    title="{room}: {phrase}",
    damp={
        Protect.COLD_WALL: "die kalte Wand ist zu feucht",
        Protect.WINDOW: "das Fenster ist zu feucht",
        Protect.INSULATED_WALL: "die Wand ist zu feucht",
        Protect.CELLAR: "die Kellerwand ist zu feucht",
        Protect.THINGS: "zu feucht für die Sachen dort",
    },
    dry={
        Protect.COLD_WALL: "die Wand ist wieder trocken",
        Protect.WINDOW: "das Fenster ist wieder trocken",
        Protect.INSULATED_WALL: "die Wand ist wieder trocken",
        Protect.CELLAR: "die Kellerwand ist wieder trocken",
        Protect.THINGS: "wieder trocken genug für die Sachen",
    },
    mould_in="Schimmel könnte in {span} beginnen",
    mould_soon="Schimmel könnte jeden Tag beginnen",
    mould_grows="Schimmel wächst vermutlich schon",
    mould_visible="Schimmel ist vermutlich schon zu sehen",
    days=Forms("{n} Tag", "{n} Tagen"),
    weeks=Forms("{n} Woche", "{n} Wochen"),
    months=Forms("{n} Monat", "{n} Monaten"),
    span="{least}–{most}",
    longer_than="{least} oder später",
    damp_for={
        Protect.COLD_WALL: "Die kalte Wand war {hours} zu feucht.",
        Protect.WINDOW: "Das Fenster war {hours} zu feucht.",
        Protect.INSULATED_WALL: "Die Wand war {hours} zu feucht.",
        Protect.CELLAR: "Die Kellerwand war {hours} zu feucht.",
        Protect.THINGS: "Die Luft war {hours} zu feucht.",
    },
    hours_of_day=Forms("in {n} der letzten 24 Stunden", "in {n} der letzten 24 Stunden"),
    whole_day="die letzten 24 Stunden durchgehend",
    damp_before="Es war feucht genug für Schimmel und ist seitdem nicht getrocknet.",
    stays=(
        "In den letzten 24 Stunden war es nicht feucht, aber Schimmel geht nicht von selbst weg."
    ),
    airing={
        AiringEffect.HELPS: (
            "Jetzt {minutes} Minuten das Fenster öffnen: Die Luft draußen ist trockener."
        ),
        AiringEffect.HARMS: "Das Fenster geschlossen halten: Die Luft draußen ist feuchter.",
        AiringEffect.NEUTRAL: "Lüften hilft jetzt wenig.",
        AiringEffect.UNKNOWN: "",
    },
    warm_because="Den Raum etwas wärmer heizen: {surface} hat nur etwa {temperature}.",
    warm="Den Raum etwas wärmer heizen und dort keine Wäsche trocknen.",
    dehumidify="Einen Luftentfeuchter laufen lassen und dort keine Wäsche trocknen.",
    surface={
        Protect.COLD_WALL: "Die Wand",
        Protect.WINDOW: "Das Fenster",
        Protect.INSULATED_WALL: "Die Wand",
        Protect.CELLAR: "Die Wand",
    },
    clean="Die Stelle reinigen und dann in Home Assistant „I cleaned it“ drücken.",
    nothing_to_do="Es ist nichts zu tun.",
    surface_now="Die Oberfläche hat {temperature} und {humidity} % Feuchte.",
    damper_for="Sie war {hours} feuchter als {threshold} %.",
    lasting="Das ist seit {span} so.",
    as_last_week="{phrase}, wenn die nächsten Wochen wie die letzte werden.",
    none_expected="Wenn die nächsten Wochen wie die letzte werden, ist kein Schimmel zu erwarten.",
    certain="Das gilt auch, wenn der Feuchtesensor zu viel anzeigt.",
    likely="Wenn der Feuchtesensor zu viel anzeigt, ist es weniger ernst.",
    would_end="Es wäre vorbei mit {ways}.",
    would_stop="Er würde nicht weiter wachsen mit {ways}.",
    warmer_by="{degrees} mehr an der Oberfläche",
    drier_by="{points} % weniger Feuchte im Raum",
    either="{one} oder {other}",
    no_small_end="Etwas mehr Wärme oder etwas weniger Feuchte reicht nicht, um es zu beenden.",
    plain={
        RuleKind.CONDENSATION: Plain(
            "Wasser kondensiert an der kalten Fläche",
            "Trocken wischen.",
            "es kondensiert kein Wasser mehr",
        ),
        RuleKind.NO_DATA: Plain(
            "die Sensoren melden sich nicht mehr",
            "Solange achtet dort niemand auf Schimmel. "
            "Bitte Batterien und Reichweite der Sensoren prüfen.",
            "die Sensoren melden sich wieder",
        ),
        RuleKind.SILENT: Plain(
            "meldet sich nicht mehr",
            "Bitte Batterie und Reichweite prüfen.",
            "meldet sich wieder",
        ),
        RuleKind.BROKER_AWAY: Plain(
            "kein Sensor ist zu hören",
            "Der MQTT-Broker ist nicht erreichbar. Bitte prüfen, ob er läuft.",
            "die Sensoren sind wieder zu hören",
        ),
        RuleKind.SPOOL_FILLING: Plain(
            "Platz für Messwerte wird knapp",
            "Die Datenbank ist seit Langem nicht erreichbar. Bitte prüfen, ob sie läuft.",
            "alle Messwerte sind gespeichert",
        ),
        RuleKind.DEAD_LETTERS: Plain(
            "manche Sensordaten sind unlesbar",
            "Das Protokoll der App Mould Watch sagt, welche.",
            "alle Sensordaten sind wieder lesbar",
        ),
        RuleKind.NOTIFICATIONS_FAILED: Plain(
            "manche Meldungen sind nicht zustellbar",
            "Bitte in Home Assistant prüfen, ob es alle Telefone und Dienste noch gibt.",
            "Meldungen sind wieder zustellbar",
        ),
    },
    above="{metric} bei {value}, über {threshold}",
    below="{metric} bei {value}, unter {threshold}",
    beyond="{metric} außerhalb der Grenze",
    asked_for="Dafür ist eine Meldung eingestellt.",
    back="{metric} wieder in Ordnung",
    metrics={
        "temperature_c": "Temperatur",
        "humidity_pct": "Luftfeuchte",
        "pressure_hpa": "Luftdruck",
        "co2_ppm": "CO₂",
        "illuminance_lx": "Helligkeit",
        "moisture_pct": "Feuchte",
        "battery_pct": "Batterie",
    },
    worse="jetzt schlimmer",
    reminder="Erinnerung",
    not_watched="nicht mehr beobachtet",
    seen="Gesehen",
    snooze="Morgen erinnern",
    open="Öffnen",
    also="Außerdem: {titles}.",
    quiet_summary=Forms("{n} Meldung aus der Ruhezeit", "{n} Meldungen aus der Ruhezeit"),
    flood_summary=Forms("{n} Meldung, die gewartet hat", "{n} Meldungen in einer"),
    times=Forms("einmal", "{n}-mal"),
    over="inzwischen vorbei",
    more=Forms("und {n} weitere", "und {n} weitere"),
)
