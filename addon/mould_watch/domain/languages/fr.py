"""French."""

from typing import Final

from mould_watch.domain.condition import AiringEffect
from mould_watch.domain.configuration import Protect
from mould_watch.domain.language import Forms, Language, Plain
from mould_watch.domain.rules.kinds import RuleKind

FRENCH: Final = Language(
    tag="fr",
    decimal_mark=",",
    # nothing at all is singular, too
    is_one=lambda number: number in {0, 1},
    title="{room}\xa0: {phrase}",
    damp={
        Protect.COLD_WALL: "le mur froid est trop humide",
        Protect.WINDOW: "la fenêtre est trop humide",
        Protect.INSULATED_WALL: "le mur est trop humide",
        Protect.CELLAR: "le mur de la cave est trop humide",
        Protect.THINGS: "trop humide pour vos affaires",
    },
    dry={
        Protect.COLD_WALL: "le mur est de nouveau sec",
        Protect.WINDOW: "la fenêtre est de nouveau sèche",
        Protect.INSULATED_WALL: "le mur est de nouveau sec",
        Protect.CELLAR: "le mur de la cave est de nouveau sec",
        Protect.THINGS: "de nouveau assez sec pour vos affaires",
    },
    mould_in="risque de moisissure dans {span}",
    mould_soon="risque de moisissure d’un jour à l’autre",
    mould_grows="moisissure probablement déjà présente",
    mould_visible="moisissure probablement déjà visible",
    days=Forms("{n} jour", "{n} jours"),
    weeks=Forms("{n} semaine", "{n} semaines"),
    months=Forms("{n} mois", "{n} mois"),
    span="{least} à {most}",
    longer_than="{least} ou plus",
    damp_for={
        Protect.COLD_WALL: "Le mur froid a été trop humide pendant {hours}.",
        Protect.WINDOW: "La fenêtre a été trop humide pendant {hours}.",
        Protect.INSULATED_WALL: "Le mur a été trop humide pendant {hours}.",
        Protect.CELLAR: "Le mur de la cave a été trop humide pendant {hours}.",
        Protect.THINGS: "L’air a été trop humide pendant {hours}.",
    },
    hours_of_day=Forms(
        "{n} heure sur les 24 dernières",
        "{n} heures sur les 24 dernières",
    ),
    whole_day="24 heures sans interruption",
    damp_before="C’était assez humide pour la moisissure, et cela n’a pas séché depuis.",
    stays=(
        "Ce n’était pas humide ces dernières 24 heures, mais la moisissure ne part pas toute seule."
    ),
    airing={
        AiringEffect.HELPS: (
            "Ouvrez la fenêtre {minutes} minutes maintenant\xa0: l’air extérieur est plus sec."
        ),
        AiringEffect.HARMS: "Laissez la fenêtre fermée\xa0: l’air extérieur est plus humide.",
        AiringEffect.NEUTRAL: "Aérer n’aide guère en ce moment.",
        AiringEffect.UNKNOWN: "",
    },
    warm_because="Chauffez un peu plus la pièce\xa0: {surface} n’est qu’à {temperature} environ.",
    warm="Chauffez un peu plus la pièce et n’y faites pas sécher de linge.",
    dehumidify="Faites tourner un déshumidificateur et n’y faites pas sécher de linge.",
    surface={
        Protect.COLD_WALL: "le mur",
        Protect.WINDOW: "la fenêtre",
        Protect.INSULATED_WALL: "le mur",
        Protect.CELLAR: "le mur",
    },
    clean="Nettoyez l’endroit, puis appuyez sur «\xa0I cleaned it\xa0» dans Home Assistant.",
    nothing_to_do="Vous n’avez rien à faire.",
    surface_now="La surface est à {temperature} et {humidity} % d’humidité.",
    damper_for="Elle a dépassé {threshold} % pendant {hours}.",
    lasting="C’est ainsi depuis {span}.",
    as_last_week="{phrase} si les prochaines semaines ressemblent à la dernière.",
    none_expected=(
        "Si les prochaines semaines ressemblent à la dernière, aucune moisissure n’est attendue."
    ),
    certain="C’est vrai même si le capteur d’humidité indique trop.",
    likely="Si le capteur d’humidité indique trop, c’est moins grave.",
    would_end="Ce serait fini avec {ways}.",
    would_stop="Elle ne pousserait plus avec {ways}.",
    warmer_by="{degrees} de plus à la surface",
    drier_by="{points} % d’humidité en moins dans la pièce",
    either="{one} ou {other}",
    no_small_end=(
        "Un peu plus de chaleur ou un peu moins d’humidité ne suffit pas pour y mettre fin."
    ),
    plain={
        RuleKind.CONDENSATION: Plain(
            "condensation sur la surface froide",
            "Essuyez-la.",
            "il n’y a plus de condensation",
        ),
        RuleKind.NO_DATA: Plain(
            "ses capteurs ne répondent plus",
            "En attendant, la moisissure n’y est pas surveillée. "
            "Vérifiez les piles des capteurs et leur portée.",
            "ses capteurs répondent de nouveau",
        ),
        RuleKind.SILENT: Plain(
            "ne répond plus",
            "Vérifiez sa pile et sa portée.",
            "répond de nouveau",
        ),
        RuleKind.BROKER_AWAY: Plain(
            "aucun capteur n’est joignable",
            "Le broker MQTT est injoignable. Vérifiez qu’il fonctionne.",
            "les capteurs sont de nouveau joignables",
        ),
        RuleKind.SPOOL_FILLING: Plain(
            "bientôt plus de place pour les mesures",
            "La base de données est absente depuis longtemps. Vérifiez qu’elle fonctionne.",
            "toutes les mesures sont enregistrées",
        ),
        RuleKind.DEAD_LETTERS: Plain(
            "certaines mesures sont illisibles",
            "Le journal de l’application Mould Watch dit lesquelles.",
            "toutes les mesures sont lisibles",
        ),
        RuleKind.NOTIFICATIONS_FAILED: Plain(
            "des notifications n’arrivent pas",
            "Vérifiez dans Home Assistant que tous les téléphones et services existent encore.",
            "les notifications arrivent de nouveau",
        ),
    },
    above="{metric} à {value}, au-dessus de {threshold}",
    below="{metric} à {value}, en dessous de {threshold}",
    beyond="{metric} hors des limites",
    asked_for="Vous avez demandé à en être averti.",
    back="{metric} de nouveau dans les limites",
    metrics={
        "temperature_c": "température",
        "humidity_pct": "humidité",
        "pressure_hpa": "pression",
        "co2_ppm": "CO₂",
        "illuminance_lx": "luminosité",
        "moisture_pct": "humidité du sol",
        "battery_pct": "batterie",
    },
    worse="ça s’aggrave",
    reminder="rappel",
    not_watched="n’est plus sous surveillance",
    seen="Vu",
    snooze="Me le rappeler demain",
    open="Ouvrir",
    also="Aussi\xa0: {titles}.",
    quiet_summary=Forms("{n} message des heures calmes", "{n} messages des heures calmes"),
    flood_summary=Forms("{n} message en attente", "{n} messages en un"),
    times=Forms("une fois", "{n} fois"),
    over="terminé depuis",
    more=Forms("et {n} autre", "et {n} autres"),
)
