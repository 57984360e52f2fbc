import re

import pytest

from mould_watch.domain.condition import AiringEffect, Level
from mould_watch.domain.configuration import Protect
from mould_watch.domain.notification import NotificationKind
from mould_watch.domain.rules.kinds import RuleKind
from mould_watch.domain.texts import Matter, Text, temperature, text


def alarm(protect: Protect = Protect.COLD_WALL, airing: AiringEffect = AiringEffect.HELPS) -> Text:
    return text(
        Matter(
            kind=NotificationKind.ALARM,
            room="Bathroom",
            protect=protect,
            damp_hours=9.2,
            airing=airing,
            surface_temperature_c=12.4,
        ),
        "en",
    )


def test_an_alarm_says_what_is_the_matter_and_what_helps() -> None:
    assert alarm() == Text(
        "Bathroom: the cold wall is too damp",
        "The cold wall was too damp for 9 of the last 24 hours. "
        "Open the window for 10 minutes now: the air outside is drier.",
    )


@pytest.mark.parametrize("airing", [AiringEffect.NEUTRAL, AiringEffect.HARMS, AiringEffect.UNKNOWN])
def test_nobody_is_told_to_open_the_window_in_vain(airing: AiringEffect) -> None:
    assert "Open the window" not in alarm(airing=airing).body


def test_the_temperature_is_in_the_unit_of_the_home() -> None:
    matter = Matter(
        kind=NotificationKind.ALARM,
        room="Bathroom",
        damp_hours=9,
        surface_temperature_c=12.4,
        temperature_unit="°F",
    )
    assert "only about 54 °F" in text(matter, "en").body
    assert temperature(12.4, "°C") == "12 °C"


def test_the_closing_messages() -> None:
    recovery = text(Matter(kind=NotificationKind.RECOVERY, room="Bathroom"), "en")
    assert recovery == Text("Bathroom: the wall is dry again", "Nothing to do.")
    clear = text(Matter(kind=NotificationKind.CLEAR, room="Bathroom"), "en")
    assert clear.title == "Bathroom: no longer watched"


@pytest.mark.parametrize("protect", Protect)
@pytest.mark.parametrize("kind", NotificationKind)
@pytest.mark.parametrize("airing", AiringEffect)
def test_everything_is_said_in_plain_words(
    protect: Protect, kind: NotificationKind, airing: AiringEffect
) -> None:
    for surface_c in (None, 9.0):
        said = text(
            Matter(
                kind=kind,
                room="Bathroom",
                protect=protect,
                damp_hours=7,
                airing=airing,
                surface_temperature_c=surface_c,
            ),
            "en",
        )
        assert said.title.startswith("Bathroom: ")
        assert said.body.endswith(".")
        assert not re.search(
            r"f_|rsi|surface_|index|critical|rule|None|factor",
            said.title + said.body,
            re.IGNORECASE,
        )


def test_each_protected_thing_has_a_name_of_its_own() -> None:
    assert "window is too damp" in alarm(Protect.WINDOW).title
    assert "cellar wall" in alarm(Protect.CELLAR).title
    assert "damp for the things there" in alarm(Protect.THINGS).title


@pytest.mark.parametrize("language", ["en", "en-GB", "EN-us", "tlh", "", "pt-BR"])
def test_a_language_not_spoken_yet_falls_back_to_english(language: str) -> None:
    matter = Matter(kind=NotificationKind.RECOVERY, room="Bath")
    assert text(matter, language) == text(matter, "en")


@pytest.mark.parametrize(
    ("damp_hours", "expected"), [(0.2, "1 of the"), (6.0, "6 of the"), (24.0, "all of the")]
)
def test_hours_are_whole(damp_hours: float, expected: str) -> None:
    matter = Matter(kind=NotificationKind.ALARM, room="Bath", damp_hours=damp_hours)
    assert f"too damp for {expected} last 24 hours" in text(matter, "en").body


def test_no_hours_are_invented_for_who_is_told_late() -> None:
    body = text(Matter(kind=NotificationKind.ALARM, room="Bath", damp_hours=0.0), "en").body
    assert body.startswith("It was damp enough for mould, and has not dried since. ")


@pytest.mark.parametrize("level", [Level.HIGH, Level.DAMAGE])
@pytest.mark.parametrize("days", [(0.0, None), (0.0, 12.0)])
def test_what_has_begun_to_grow_is_not_said_to_come(
    level: Level, days: tuple[float, float | None]
) -> None:
    matter = Matter(
        kind=NotificationKind.ALARM,
        room="Bath",
        rule=RuleKind.MOULD_LEVEL,
        level=level,
        days=days,
    )
    grown = {Level.HIGH: "is probably growing", Level.DAMAGE: "can probably be seen by now"}
    assert text(matter, "en").title == f"Bath: mould {grown[level]}"


def test_what_has_grown_is_to_be_cleaned_and_the_backend_told() -> None:
    def body(level: Level, damp_hours: float | None = 5) -> str:
        kind, room = NotificationKind.REMINDER, "Bath"
        return text(Matter(kind=kind, room=room, level=level, damp_hours=damp_hours), "en").body

    clean = "Clean the place, then press “I cleaned it” in Home Assistant."
    assert body(Level.HIGH).startswith("The cold wall was too damp for 5 of the last 24 hours. ")
    assert body(Level.HIGH).endswith(clean)
    assert body(Level.DAMAGE).endswith(clean)
    assert clean not in body(Level.WARNING)
    # dry by now, as where somebody told of mould at set-up; and where nothing is known now
    assert body(Level.HIGH, 0) == (
        f"It was not damp in the last 24 hours, but mould does not go by itself. {clean}"
    )
    assert body(Level.HIGH, None) == clean


@pytest.mark.parametrize(
    ("airing", "protect", "expected"),
    [
        (AiringEffect.HELPS, Protect.COLD_WALL, "Open the window for 10 minutes now"),
        # a cellar in summer: the air outside is what condenses
        (AiringEffect.HARMS, Protect.CELLAR, "Keep the window closed: the air outside is damper."),
        (AiringEffect.UNKNOWN, Protect.WINDOW, "Warm the room a little"),
    ],
)
def test_what_condenses_is_wiped_off_and_aired_only_where_that_helps(
    airing: AiringEffect, protect: Protect, expected: str
) -> None:
    said = text(
        Matter(
            kind=NotificationKind.ALARM,
            room="Bath",
            rule=RuleKind.CONDENSATION,
            protect=protect,
            airing=airing,
        ),
        "en",
    )
    assert said.body.startswith(f"Wipe it dry. {expected}")
