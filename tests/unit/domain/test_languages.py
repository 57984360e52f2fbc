"""Every language says everything, and says it in its own words."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from itertools import product

import pytest

from mould_watch.domain.condition import AiringEffect, Level
from mould_watch.domain.configuration import Protect
from mould_watch.domain.language import Forms, Language, Plain
from mould_watch.domain.languages import LANGUAGES
from mould_watch.domain.notification import NotificationKind
from mould_watch.domain.rules.kinds import RuleKind
from mould_watch.domain.rules.settings import Direction
from mould_watch.domain.texts import Crossed, Matter, Text, Told, also, buttons, summary, text

OWN_WORDS = ("damp", "dry", "damp_for", "nothing_to_do", "warm", "seen", "snooze", "reminder")
ENGLISH = LANGUAGES["en"]
MOULD = {RuleKind.SURFACE_DAMP, RuleKind.MOULD_LEVEL}
ANY_LANGUAGE = pytest.mark.parametrize("tag", sorted(LANGUAGES))
FOREIGN = pytest.mark.parametrize("tag", sorted(set(LANGUAGES) - {"en"}))


def phrases(language: Language) -> Iterator[tuple[str, str]]:
    """Yield every phrase of a language with its place."""
    for field in fields(language):
        yield from _phrases(field.name, getattr(language, field.name))


def _phrases(place: str, value: object) -> Iterator[tuple[str, str]]:
    match value:
        case str():
            yield place, value
        case Forms():
            yield from ((f"{place}.one", value.one), (f"{place}.other", value.other))
        case Plain():
            yield from (
                (f"{place}.{name}", getattr(value, name))
                for name in ("alarm", "advice", "recovery")
            )
        case Mapping():
            for key, one in value.items():
                yield from _phrases(f"{place}.{key}", one)


def placeholders(phrase: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", phrase))


def test_the_languages_are_these() -> None:
    assert sorted(LANGUAGES) == ["de", "en", "es", "fr", "it", "nl"]


@ANY_LANGUAGE
def test_every_language_has_every_phrase_with_the_same_fields(tag: str) -> None:
    expected, found = dict(phrases(ENGLISH)), dict(phrases(LANGUAGES[tag]))
    assert found.keys() == expected.keys()
    for place, phrase in found.items():
        assert bool(phrase) == bool(expected[place]), place
        assert phrase == phrase.strip(), place
        wanted = placeholders(expected[place])
        if place != "times.one":  # "once" needs no number
            assert placeholders(phrase) == wanted, place


@ANY_LANGUAGE
def test_every_rule_and_everything_protected_has_its_words(tag: str) -> None:
    spoken = LANGUAGES[tag]
    assert set(spoken.plain) == set(RuleKind) - MOULD - {RuleKind.THRESHOLD}
    assert set(spoken.damp) == set(spoken.dry) == set(spoken.damp_for) == set(Protect)
    assert set(spoken.airing) == set(AiringEffect)


@FOREIGN
def test_a_language_is_not_english_under_another_name(tag: str) -> None:
    expected = dict(phrases(ENGLISH))
    for place, phrase in phrases(LANGUAGES[tag]):
        if place.startswith(OWN_WORDS) or (place.startswith("plain") and len(phrase) > 12):
            assert phrase != expected[place], place


def place(tag: str) -> str:
    """Return what every title about the room "Bath" begins with."""
    return LANGUAGES[tag].title.format(room="Bath", phrase="")


def every_matter() -> Iterator[Matter]:
    for kind, rule, level in product(
        NotificationKind, RuleKind, (Level.WARNING, Level.HIGH, Level.DAMAGE)
    ):
        matter = Matter(kind=kind, room="Bath", rule=rule, level=level, damp_hours=7, days=(10, 25))
        if rule is RuleKind.THRESHOLD:
            crossed = Crossed(
                metric="temperature_c", direction=Direction.ABOVE, threshold=8, value=9.56
            )
            yield replace(matter, crossed=crossed)
            yield replace(matter, crossed=replace(crossed, value=None, metric="linkquality"))
            yield replace(matter, crossed=replace(crossed, name="Milk", direction=Direction.BELOW))
            yield matter
        else:
            yield matter
    for protect, airing, surface_c, days in product(
        Protect, AiringEffect, (None, 9.0), (None, (0.2, 0.4), (3, None), (100, 200))
    ):
        yield Matter(
            kind=NotificationKind.ALARM,
            room="Bath",
            protect=protect,
            airing=airing,
            damp_hours=24,
            surface_temperature_c=surface_c,
            days=days,
        )


@ANY_LANGUAGE
def test_everything_is_said_in_plain_words(tag: str) -> None:
    for matter in every_matter():
        said = text(matter, tag)
        assert said.title.startswith(place(tag)), matter
        assert said.body.endswith("."), matter
        both = said.title + said.body
        assert not re.search(
            r"[{}]|None|\bf_|rsi\b|_pct|index|factor|verdict", both, re.IGNORECASE
        ), both
        assert "  " not in both, both


@ANY_LANGUAGE
def test_a_phone_shows_what_matters_of_a_title(tag: str) -> None:
    said = LANGUAGES[tag]
    for matter in every_matter():
        title = text(matter, tag).title.removeprefix(place(tag))
        plain = title.removeprefix(f"{said.worse} – ").removeprefix(f"{said.reminder} – ")
        # what is worse, and what is called to mind, is known already
        assert len(plain) <= 48, title


SPANS = {
    "en": "mould could start in 2–4 weeks",
    "de": "Schimmel könnte in 2–4 Wochen beginnen",
    "fr": "risque de moisissure dans 2 à 4 semaines",
    "es": "podría aparecer moho en 2–4 semanas",
    "it": "possibile muffa tra 2–4 settimane",
    "nl": "schimmel kan over 2–4 weken beginnen",
}


@ANY_LANGUAGE
def test_when_mould_could_start_is_said_in_weeks(tag: str) -> None:
    matter = Matter(
        kind=NotificationKind.ALARM, room="Bath", rule=RuleKind.MOULD_LEVEL, days=(14, 28)
    )
    assert text(matter, tag).title == f"{place(tag)}{SPANS[tag]}"


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ((0.1, 0.3), "mould could start any day"),
        ((0.3, 1.2), "mould could start in 1 day"),
        ((2, 5), "mould could start in 2–5 days"),
        ((5, 20), "mould could start in 1–3 weeks"),
        ((6, 7.4), "mould could start in 6–7 days"),
        ((14, 15), "mould could start in 2 weeks"),
        ((60, 120), "mould could start in 2–4 months"),
        ((35, None), "mould could start in 5 weeks or more"),
        ((1, None), "mould could start in 1 day or more"),
    ],
)
def test_times_are_told_as_exactly_as_they_are_known(
    days: tuple[float, float | None], expected: str
) -> None:
    matter = Matter(kind=NotificationKind.ALARM, room="Bath", days=days)
    assert text(matter, "en").title == f"Bath: {expected}"


@pytest.mark.parametrize(
    ("tag", "one", "two"),
    [
        ("en", "1 message from the quiet hours", "2 messages from the quiet hours"),
        ("de", "1 Meldung aus der Ruhezeit", "2 Meldungen aus der Ruhezeit"),
        ("fr", "1 message des heures calmes", "2 messages des heures calmes"),
        ("es", "1 mensaje de las horas de silencio", "2 mensajes de las horas de silencio"),
        ("it", "1 messaggio dalle ore di silenzio", "2 messaggi dalle ore di silenzio"),
        ("nl", "1 bericht uit de rusttijd", "2 berichten uit de rusttijd"),
    ],
)
def test_plural_forms_are_right(tag: str, one: str, two: str) -> None:
    told = [Told("a"), Told("b")]
    assert summary(told[:1], tag, is_of_a_flood=False).title == one
    assert summary(told, tag, is_of_a_flood=False).title == two


def test_nothing_is_singular_in_french_only() -> None:
    assert [tag for tag, spoken in LANGUAGES.items() if spoken.is_one(0)] == ["fr"]


def crossed(metric: str, value: float, threshold: float, unit: str, tag: str) -> Text:
    return text(
        Matter(
            kind=NotificationKind.ALARM,
            room="Fridge",
            rule=RuleKind.THRESHOLD,
            temperature_unit="°F" if unit == "°F" else "°C",
            crossed=Crossed(
                metric=metric, direction=Direction.ABOVE, threshold=threshold, value=value
            ),
        ),
        tag,
    )


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("en", "Fridge: the temperature is 9.6 °C, above 8 °C"),
        ("de", "Fridge: Temperatur bei 9,6 °C, über 8 °C"),
        ("fr", "Fridge\xa0: température à 9,6 °C, au-dessus de 8 °C"),
        ("es", "Fridge: temperatura de 9,6 °C, por encima de 8 °C"),
        ("it", "Fridge: temperatura a 9,6 °C, oltre 8 °C"),
        ("nl", "Fridge: temperatuur op 9,6 °C, boven 8 °C"),
    ],
)
def test_numbers_are_written_as_the_language_writes_them(tag: str, expected: str) -> None:
    assert crossed("temperature_c", 9.56, 8, "°C", tag).title == expected


def test_a_threshold_is_told_in_the_unit_of_the_home() -> None:
    said = crossed("temperature_c", 10, 5, "°F", "en")
    assert said.title == "Fridge: the temperature is 50 °F, above 41 °F"
    assert crossed("co2_ppm", 1500, 1400, "°C", "en").title.endswith("is 1500 ppm, above 1400 ppm")
    assert crossed("linkquality", -0.01, -1, "°C", "en").title.endswith("is 0, above -1")


def test_a_threshold_is_called_what_its_user_calls_it() -> None:
    matter = Matter(
        kind=NotificationKind.ALARM,
        room="Kitchen",
        rule=RuleKind.THRESHOLD,
        crossed=Crossed(
            metric="temperature_c",
            direction=Direction.BELOW,
            threshold=8,
            value=2,
            name="milk freezes",
        ),
    )
    assert text(matter, "en") == Text(
        "Kitchen: milk freezes", "The temperature is 2 °C, below 8 °C."
    )
    over = text(replace(matter, kind=NotificationKind.RECOVERY), "en")
    assert over.title == "Kitchen: the temperature is fine again"


@ANY_LANGUAGE
def test_the_buttons_are_in_the_language(tag: str) -> None:
    spoken = LANGUAGES[tag]
    assert buttons(tag) == [
        {"action": "seen", "title": spoken.seen},
        {"action": "snooze", "title": spoken.snooze},
        {"action": "open", "title": spoken.open},
    ]


def test_a_summary_counts_what_is_the_same_and_says_what_is_over() -> None:
    told = [
        Told("Bath: the wall is too damp", is_over=True),
        Told("Bath: the wall is too damp", is_over=True),
        Told("Attic: the window is too damp"),
    ]
    assert summary(told, "en", is_of_a_flood=True) == Text(
        "3 messages in one",
        "• Bath: the wall is too damp (2 times, over by now)\n• Attic: the window is too damp",
    )


def test_a_summary_is_short_enough_to_read() -> None:
    said = summary([Told(f"Room {n}: damp") for n in range(20)], "de", is_of_a_flood=False)
    assert said.body.count("\n") == 6
    assert said.body.endswith("und 14 weitere")


def test_other_troubles_of_a_room_are_added_once() -> None:
    titles = ["Bath: a", "Hygrometer: b", "Bath: a"]
    assert also("Bath", titles, "nl") == "Ook: a; Hygrometer: b."
    assert also("Bain", ["Bain\xa0: a"], "fr") == "Aussi\xa0: a."


@pytest.mark.parametrize("kind", [NotificationKind.STEP_UP, NotificationKind.REMINDER])
def test_a_reminder_and_a_step_up_say_what_they_are(kind: NotificationKind) -> None:
    said = text(Matter(kind=kind, room="Bath"), "en").title
    word = "worse now" if kind is NotificationKind.STEP_UP else "reminder"
    assert said == f"Bath: {word} – the cold wall is too damp"


def test_mould_that_grows_is_called_that() -> None:
    matter = Matter(kind=NotificationKind.STEP_UP, room="Bath", level=Level.DAMAGE, days=(1, 2))
    assert text(matter, "en").title == "Bath: worse now – mould can probably be seen by now"


@pytest.mark.parametrize("tag", ["de-AT", "DE", "de_CH"])
def test_a_region_or_another_way_of_writing_the_tag_is_the_same_language(tag: str) -> None:
    assert (
        text(Matter(kind=NotificationKind.RECOVERY, room="Bad"), tag).body
        == "Es ist nichts zu tun."
    )
