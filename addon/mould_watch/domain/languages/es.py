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
    title="{room}: {phrase}",
    damp={
        Protect.COLD_WALL: "la pared fría está demasiado húmeda",
        Protect.WINDOW: "la ventana está demasiado húmeda",
        Protect.INSULATED_WALL: "la pared está demasiado húmeda",
        Protect.CELLAR: "la pared del sótano está demasiado húmeda",
        Protect.THINGS: "demasiada humedad para sus cosas",
    },
    dry={
        Protect.COLD_WALL: "la pared vuelve a estar seca",
        Protect.WINDOW: "la ventana vuelve a estar seca",
        Protect.INSULATED_WALL: "la pared vuelve a estar seca",
        Protect.CELLAR: "la pared del sótano vuelve a estar seca",
        Protect.THINGS: "otra vez bastante seco para sus cosas",
    },
    mould_in="podría aparecer moho en {span}",
    mould_soon="podría aparecer moho cualquier día",
    mould_grows="es probable que ya haya moho",
    mould_visible="es probable que ya se vea moho",
    days=Forms("{n} día", "{n} días"),
    weeks=Forms("{n} semana", "{n} semanas"),
    months=Forms("{n} mes", "{n} meses"),
    span="{least}–{most}",
    longer_than="{least} o más",
    damp_for={
        Protect.COLD_WALL: "La pared fría estuvo demasiado húmeda durante {hours}.",
        Protect.WINDOW: "La ventana estuvo demasiado húmeda durante {hours}.",
        Protect.INSULATED_WALL: "La pared estuvo demasiado húmeda durante {hours}.",
        Protect.CELLAR: "La pared del sótano estuvo demasiado húmeda durante {hours}.",
        Protect.THINGS: "El aire estuvo demasiado húmedo durante {hours}.",
    },
    hours_of_day=Forms("{n} de las últimas 24 horas", "{n} de las últimas 24 horas"),
    whole_day="todas las últimas 24 horas",
    damp_before="Hubo bastante humedad para el moho, y desde entonces no se ha secado.",
    stays="No hubo humedad en las últimas 24 horas, pero el moho no se va solo.",
    airing={
        AiringEffect.HELPS: (
            "Abra ahora la ventana {minutes} minutos: el aire de fuera es más seco."
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
    clean="Limpie el lugar y pulse «I cleaned it» en Home Assistant.",
    nothing_to_do="No hace falta hacer nada.",
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
            "Séquela con un paño.",
            "ya no se condensa agua",
        ),
        RuleKind.NO_DATA: Plain(
            "sus sensores no responden",
            "Mientras tanto no se vigila el moho allí. "
            "Compruebe las pilas de los sensores y su alcance.",
            "sus sensores vuelven a responder",
        ),
        RuleKind.SILENT: Plain(
            "no responde",
            "Compruebe su pila y su alcance.",
            "vuelve a responder",
        ),
        RuleKind.BROKER_AWAY: Plain(
            "no se recibe ningún sensor",
            "No se puede acceder al broker MQTT. Compruebe si funciona.",
            "los sensores vuelven a recibirse",
        ),
        RuleKind.SPOOL_FILLING: Plain(
            "queda poco sitio para las mediciones",
            "La base de datos no responde desde hace mucho. Compruebe si funciona.",
            "las mediciones están guardadas",
        ),
        RuleKind.DEAD_LETTERS: Plain(
            "algunos datos de sensores son ilegibles",
            "El registro de la aplicación Mould Watch dice cuáles.",
            "todos los datos vuelven a ser legibles",
        ),
        RuleKind.NOTIFICATIONS_FAILED: Plain(
            "algunas notificaciones no llegan",
            "Compruebe en Home Assistant si todos los teléfonos y servicios siguen ahí.",
            "las notificaciones vuelven a llegar",
        ),
    },
    above="{metric} de {value}, por encima de {threshold}",
    below="{metric} de {value}, por debajo de {threshold}",
    beyond="{metric} fuera del límite",
    asked_for="Pidió que se le avisara.",
    back="{metric} otra vez normal",
    metrics={
        "temperature_c": "temperatura",
        "humidity_pct": "humedad",
        "pressure_hpa": "presión del aire",
        "co2_ppm": "CO₂",
        "illuminance_lx": "luminosidad",
        "moisture_pct": "humedad del suelo",
        "battery_pct": "batería",
    },
    worse="ha empeorado",
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
