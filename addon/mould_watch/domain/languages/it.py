"""Italian."""

from typing import Final

from mould_watch.domain.condition import AiringEffect
from mould_watch.domain.configuration import Protect
from mould_watch.domain.language import Forms, Language, Plain
from mould_watch.domain.rules.kinds import RuleKind

ITALIAN: Final = Language(
    tag="it",
    decimal_mark=",",
    is_one=lambda number: number == 1,
    title="{room}: {phrase}",
    damp={
        Protect.COLD_WALL: "la parete fredda è troppo umida",
        Protect.WINDOW: "la finestra è troppo umida",
        Protect.INSULATED_WALL: "la parete è troppo umida",
        Protect.CELLAR: "la parete della cantina è troppo umida",
        Protect.THINGS: "troppo umido per le tue cose",
    },
    dry={
        Protect.COLD_WALL: "la parete è di nuovo asciutta",
        Protect.WINDOW: "la finestra è di nuovo asciutta",
        Protect.INSULATED_WALL: "la parete è di nuovo asciutta",
        Protect.CELLAR: "la parete della cantina è di nuovo asciutta",
        Protect.THINGS: "di nuovo abbastanza asciutto per le tue cose",
    },
    mould_in="possibile muffa tra {span}",
    mould_soon="possibile muffa da un giorno all’altro",
    mould_grows="probabilmente c’è già muffa",
    mould_visible="probabilmente la muffa si vede già",
    days=Forms("{n} giorno", "{n} giorni"),
    weeks=Forms("{n} settimana", "{n} settimane"),
    months=Forms("{n} mese", "{n} mesi"),
    span="{least}–{most}",
    longer_than="{least} o più",
    damp_for={
        Protect.COLD_WALL: "La parete fredda è stata troppo umida per {hours}.",
        Protect.WINDOW: "La finestra è stata troppo umida per {hours}.",
        Protect.INSULATED_WALL: "La parete è stata troppo umida per {hours}.",
        Protect.CELLAR: "La parete della cantina è stata troppo umida per {hours}.",
        Protect.THINGS: "L’aria è stata troppo umida per {hours}.",
    },
    hours_of_day=Forms("{n} delle ultime 24 ore", "{n} delle ultime 24 ore"),
    whole_day="tutte le ultime 24 ore",
    damp_before="Era abbastanza umido per la muffa, e da allora non si è asciugato.",
    stays="Nelle ultime 24 ore non era umido, ma la muffa non va via da sola.",
    airing={
        AiringEffect.HELPS: (
            "Apri la finestra per {minutes} minuti adesso: l’aria fuori è più secca."
        ),
        AiringEffect.HARMS: "Tieni chiusa la finestra: l’aria fuori è più umida.",
        AiringEffect.NEUTRAL: "Arieggiare serve poco adesso.",
        AiringEffect.UNKNOWN: "",
    },
    warm_because="Scalda un po’ la stanza: {surface} è solo a circa {temperature}.",
    warm="Scalda un po’ la stanza e non asciugarvi il bucato.",
    dehumidify="Accendi un deumidificatore e non asciugarvi il bucato.",
    surface={
        Protect.COLD_WALL: "la parete",
        Protect.WINDOW: "la finestra",
        Protect.INSULATED_WALL: "la parete",
        Protect.CELLAR: "la parete",
    },
    clean="Pulisci il punto e premi «I cleaned it» in Home Assistant.",
    nothing_to_do="Non devi fare nulla.",
    surface_now="La superficie è a {temperature} e al {humidity} % di umidità.",
    damper_for="Ha superato il {threshold} % per {hours}.",
    lasting="È così da {span}.",
    as_last_week="{phrase} se le prossime settimane sono come l’ultima.",
    none_expected="Se le prossime settimane sono come l’ultima, non è attesa muffa.",
    certain="Vale anche se il sensore di umidità segna troppo.",
    likely="Se il sensore di umidità segna troppo, è meno grave.",
    would_end="Finirebbe con {ways}.",
    would_stop="Non crescerebbe oltre con {ways}.",
    warmer_by="{degrees} in più sulla superficie",
    drier_by="{points} % di umidità in meno nella stanza",
    either="{one} o {other}",
    no_small_end="Un po’ di calore in più o un po’ di umidità in meno non basta a farla finire.",
    plain={
        RuleKind.CONDENSATION: Plain(
            "si forma condensa sulla superficie fredda",
            "Asciugala.",
            "non si forma più condensa",
        ),
        RuleKind.NO_DATA: Plain(
            "i suoi sensori non trasmettono più",
            "Nel frattempo lì nessuno sorveglia la muffa. "
            "Controlla le batterie dei sensori e la loro portata.",
            "i suoi sensori trasmettono di nuovo",
        ),
        RuleKind.SILENT: Plain(
            "non trasmette più",
            "Controlla la batteria e la portata.",
            "trasmette di nuovo",
        ),
        RuleKind.BROKER_AWAY: Plain(
            "non si riceve nessun sensore",
            "Il broker MQTT non è raggiungibile. Controlla se funziona.",
            "i sensori si ricevono di nuovo",
        ),
        RuleKind.SPOOL_FILLING: Plain(
            "poco spazio per le misure in attesa",
            "Il database non è raggiungibile da molto tempo. Controlla se funziona.",
            "le misure in attesa sono salvate",
        ),
        RuleKind.DEAD_LETTERS: Plain(
            "alcuni dati dei sensori sono illeggibili",
            "Il registro dell’app Mould Watch dice quali.",
            "tutti i dati sono di nuovo leggibili",
        ),
        RuleKind.NOTIFICATIONS_FAILED: Plain(
            "alcune notifiche non arrivano",
            "Controlla in Home Assistant se tutti i telefoni e servizi ci sono ancora.",
            "le notifiche arrivano di nuovo",
        ),
    },
    above="{metric} a {value}, oltre {threshold}",
    below="{metric} a {value}, sotto {threshold}",
    beyond="{metric} fuori dal limite",
    asked_for="Hai chiesto di essere avvisato.",
    back="{metric} di nuovo normale",
    metrics={
        "temperature_c": "temperatura",
        "humidity_pct": "umidità",
        "pressure_hpa": "pressione",
        "co2_ppm": "CO₂",
        "illuminance_lx": "luminosità",
        "moisture_pct": "umidità del terreno",
        "battery_pct": "batteria",
    },
    worse="peggiora",
    reminder="promemoria",
    not_watched="sorveglianza terminata",
    seen="Visto",
    snooze="Ricordamelo domani",
    open="Apri",
    also="Inoltre: {titles}.",
    quiet_summary=Forms(
        "{n} messaggio dalle ore di silenzio", "{n} messaggi dalle ore di silenzio"
    ),
    flood_summary=Forms("{n} messaggio in attesa", "{n} messaggi in uno"),
    times=Forms("una volta", "{n} volte"),
    over="ormai passato",
    more=Forms("e altro {n}", "e altri {n}"),
)
