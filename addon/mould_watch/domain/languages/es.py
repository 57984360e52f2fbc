"""Spanish."""

from typing import Final

from mould_watch.domain.condition import AiringEffect
from mould_watch.domain.configuration import Protect
from mould_watch.domain.language import Forms, Language, Plain
from mould_watch.domain.rules.kinds import RuleKind

SPANISH: Final = Language(
    tag="es",
    decimal_mark=",",
    is_one=lambda number: number == 1,
    damp={
        Protect.COLD_WALL: "la pared fría está demasiado húmeda",
        Protect.WINDOW: "la ventana está demasiado húmeda",
        Protect.INSULATED_WALL: "la pared está demasiado húmeda",
        Protect.CELLAR: "la pared del sótano está demasiado húmeda",
        Protect.THINGS: "demasiada humedad para las cosas de la habitación",
    },
    dry={
        Protect.COLD_WALL: "la pared vuelve a estar seca",
        Protect.WINDOW: "la ventana vuelve a estar seca",
        Protect.INSULATED_WALL: "la pared vuelve a estar seca",
        Protect.CELLAR: "la pared del sótano vuelve a estar seca",
        Protect.THINGS: "otra vez bastante seco para las cosas de la habitación",
    },
    mould_in="podría aparecer moho en {span}",
    mould_soon="podría aparecer moho cualquier día",
    mould_grows="es probable que ya crezca moho",
    days=Forms("{n} día", "{n} días"),
    weeks=Forms("{n} semana", "{n} semanas"),
    months=Forms("{n} mes", "{n} meses"),
    span="{least}–{most}",
    longer_than="{least} o más",
    damp_for={
        Protect.COLD_WALL: "La pared fría estuvo demasiado húmeda {hours}.",
        Protect.WINDOW: "La ventana estuvo demasiado húmeda {hours}.",
        Protect.INSULATED_WALL: "La pared estuvo demasiado húmeda {hours}.",
        Protect.CELLAR: "La pared del sótano estuvo demasiado húmeda {hours}.",
        Protect.THINGS: "El aire estuvo demasiado húmedo {hours}.",
    },
    hours_of_day=Forms("{n} de las últimas 24 horas", "{n} de las últimas 24 horas"),
    whole_day="todas las últimas 24 horas",
    damp_before="Hubo bastante humedad para el moho, y desde entonces no se ha secado.",
    airing={
        AiringEffect.HELPS: (
            "Abra la ventana {minutes} minutos ahora: el aire de fuera es más seco."
        ),
        AiringEffect.HARMS: "Deje la ventana cerrada: el aire de fuera es más húmedo.",
        AiringEffect.NEUTRAL: "Ventilar ayuda poco ahora.",
        AiringEffect.UNKNOWN: "",
    },
    warm_because="Caliente un poco la habitación: {surface} está solo a unos {temperature}.",
    warm="Caliente un poco la habitación y no seque ropa allí.",
    dehumidify="Ponga un deshumidificador y no seque ropa allí.",
    surface={
        Protect.COLD_WALL: "la pared",
        Protect.WINDOW: "la ventana",
        Protect.INSULATED_WALL: "la pared",
        Protect.CELLAR: "la pared",
    },
    nothing_to_do="Nada que hacer.",
    surface_now="La superficie está a {temperature} y {humidity} % de humedad.",
    damper_for="Superó el {threshold} % durante {hours}.",
    lasting="Es así desde hace {span}.",
    as_last_week="{phrase} si las próximas semanas son como la última.",
    none_expected="Si las próximas semanas son como la última, no se espera moho.",
    certain="Vale incluso si el sensor de humedad marca de más.",
    likely="Si el sensor de humedad marca de más, es menos grave.",
    would_end="Acabaría con {ways}.",
    would_stop="No crecería más con {ways}.",
    warmer_by="{degrees} más en la superficie",
    drier_by="{points} % menos de humedad en la habitación",
    either="{one} o {other}",
    no_small_end="Un poco más de calor o un poco menos de humedad no basta para que acabe.",
    plain={
        RuleKind.CONDENSATION: Plain(
            "se condensa agua en la superficie fría",
            "Séquela con un paño y ventile.",
            "ya no se condensa agua",
        ),
        RuleKind.NO_DATA: Plain(
            "no se recibe nada de sus sensores",
            "Allí no se puede vigilar el moho. Mire las pilas de los sensores y su alcance.",
            "sus sensores vuelven a recibirse",
        ),
        RuleKind.SILENT: Plain(
            "no se recibe nada",
            "Mire su pila y su alcance.",
            "vuelve a recibirse",
        ),
        RuleKind.BROKER_AWAY: Plain(
            "no se recibe ningún sensor",
            "No se puede alcanzar el broker MQTT. Mire si funciona.",
            "los sensores vuelven a recibirse",
        ),
        RuleKind.SPOOL_FILLING: Plain(
            "se llena el espacio de las mediciones en espera",
            "La base de datos falta desde hace mucho. Mire si funciona.",
            "las mediciones en espera están guardadas",
        ),
        RuleKind.DEAD_LETTERS: Plain(
            "algunos mensajes de los sensores no se entienden",
            "El registro de la aplicación Mould Watch dice cuáles.",
            "vuelven a entenderse todos los mensajes",
        ),
        RuleKind.NOTIFICATIONS_FAILED: Plain(
            "algunas notificaciones no se pueden entregar",
            "Mire en Home Assistant si todos los teléfonos y servicios existen todavía.",
            "las notificaciones vuelven a entregarse",
        ),
    },
    above="{metric} a {value}, por encima de {threshold}",
    below="{metric} a {value}, por debajo de {threshold}",
    beyond="{metric} fuera de lo que ha fijado",
    asked_for="Pidió que se le avisara.",
    back="{metric} de nuevo dentro de lo que ha fijado",
    metrics={
        "temperature_c": "temperatura",
        "humidity_pct": "humedad",
        "pressure_hpa": "presión del aire",
        "co2_ppm": "CO₂",
        "illuminance_lx": "luminosidad",
        "moisture_pct": "humedad del suelo",
        "battery_pct": "batería",
    },
    worse="ahora peor",
    reminder="recordatorio",
    not_watched="ya no se vigila",
    seen="Visto",
    snooze="Recordar mañana",
    open="Abrir",
    also="Además: {titles}.",
    quiet_summary=Forms(
        "{n} mensaje de las horas de silencio", "{n} mensajes de las horas de silencio"
    ),
    flood_summary=Forms("{n} mensaje en espera", "{n} mensajes en uno"),
    times=Forms("una vez", "{n} veces"),
    over="ya pasó",
    more=Forms("y {n} más", "y {n} más"),
)
