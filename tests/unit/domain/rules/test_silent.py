"""When a device is silent, when a room has no data, and when nobody could have heard."""

from datetime import datetime, timedelta

import pytest

from mould_watch.domain.condition import Level
from mould_watch.domain.power import PowerSource
from mould_watch.domain.rules.habits import habits_of
from mould_watch.domain.rules.listening import (
    BROKER,
    CLOCK,
    GRACE,
    STALE,
    Listening,
    PartReport,
    Parts,
    home_assistant,
    part_of,
)
from mould_watch.domain.rules.no_data import NeededSource, judge_no_data
from mould_watch.domain.rules.silent import BATTERY, Habits, judge_silent, silence_limit
from mould_watch.domain.verdict import Verdict
from tests.support.climate import NOON, hours

LONG_AGO = NOON - timedelta(days=30)
HEARS = Listening(LONG_AGO)
DEAF = Listening(None)


def silent(
    last: datetime | None,
    now: datetime = NOON,
    *,
    limit: timedelta = BATTERY,
    listening: Listening = HEARS,
    first: datetime = LONG_AGO,
) -> Verdict:
    return judge_silent(
        last, first, now, limit=limit, listening=listening, severity=Level.WARNING
    ).verdict


def test_a_battery_device_is_told_of_after_25_hours_and_not_before() -> None:
    assert not silent(NOON - hours(25) + timedelta(seconds=1)).is_breach
    verdict = silent(NOON - hours(25))
    assert verdict.is_verified
    assert verdict.breach_since == NOON - hours(25)


@pytest.mark.parametrize(
    ("habits", "expected"),
    [
        (Habits(None, is_mains=True), hours(25)),
        (Habits(None, is_mains=False), hours(25)),
        (Habits(60, is_mains=True), hours(1)),
        (Habits(3600, is_mains=True), hours(4)),
        (Habits(60, is_mains=False), hours(25)),
        (Habits(24 * 3600, is_mains=False), hours(48)),
    ],
)
def test_the_limit_follows_what_the_device_is_used_to(habits: Habits, expected: timedelta) -> None:
    assert silence_limit(habits) == expected
    assert silence_limit(habits, hours=2.0) == hours(2)


MQTT = "mqtt:zigbee2mqtt"
MAINS, SLEEPS = PowerSource.MAINS, PowerSource.BATTERY
OFTEN, SELDOM = 120.0, 180.0


@pytest.mark.parametrize(
    ("source", "metrics", "interval_s", "power", "is_mains"),
    [
        # what is said counts, however often it reports
        (MQTT, ["temperature_c"], None, MAINS, True),
        (MQTT, ["temperature_c"], 3600, MAINS, True),
        (MQTT, ["temperature_c"], 60, SLEEPS, False),
        # a charge speaks of a battery, whatever else is said
        (MQTT, ["temperature_c", "battery_pct"], 60, MAINS, False),
        (MQTT, ["temperature_c", "battery_pct"], 60, None, False),
        # nothing is said: it sleeps, unless it reports so often that it cannot
        (MQTT, ["temperature_c"], None, None, False),
        (MQTT, ["temperature_c"], SELDOM, None, False),
        (MQTT, ["temperature_c"], OFTEN, None, True),
        # of a forwarded entity that is how often Home Assistant asks
        ("ha:home-1", ["temperature_c"], OFTEN, None, False),
    ],
)
def test_mains_power_is_believed_only_where_it_is_sure(
    source: str, metrics: list[str], interval_s: float, power: PowerSource, *, is_mains: bool
) -> None:
    assert habits_of(source, metrics, interval_s, power).is_mains is is_mains


def test_nobody_is_silent_while_nobody_listens() -> None:
    verdict = silent(NOON - hours(100), listening=DEAF)
    assert not verdict.is_known
    # and once somebody listens again, it is given the whole time
    since = Listening(NOON - hours(24))
    assert not silent(NOON - hours(100), listening=since).is_breach
    assert silent(NOON - hours(100), NOON + hours(1), listening=since).is_verified


def test_it_is_back_when_it_was_heard_not_when_somebody_began_to_listen() -> None:
    since = Listening(NOON - hours(1))
    assert not silent(NOON - hours(100), listening=since).is_clear
    assert silent(NOON, listening=since).is_recovered


def test_a_new_device_has_the_whole_limit_before_it_is_silent() -> None:
    assert not silent(None, first=NOON - hours(24)).is_breach
    assert silent(None, first=NOON - hours(25)).is_verified
    assert not silent(None, first=NOON - hours(25)).is_clear


def test_it_is_looked_at_when_its_time_comes() -> None:
    judged = judge_silent(
        NOON, LONG_AGO, NOON, limit=BATTERY, listening=HEARS, severity=Level.WATCH
    )
    assert judged.due == (NOON + BATTERY,)


# --- no data of a room -----------------------------------------------------------------------


def needed(
    newest: datetime | None, *, limit: timedelta = BATTERY, listening: Listening = HEARS
) -> NeededSource:
    return NeededSource(name="humidity", newest=newest, limit=limit, listening=listening)


def test_a_room_without_data_is_an_incident_of_its_own() -> None:
    there = needed(NOON)
    verdict = judge_no_data([there, needed(NOON - hours(25))], LONG_AGO, NOON).verdict
    assert verdict.is_verified
    assert verdict.level is Level.WARNING
    assert verdict.evidence["missing"] == ["humidity"]
    assert judge_no_data([there, there], LONG_AGO, NOON).verdict.is_recovered


def test_a_value_is_held_for_six_hours_before_it_is_missed() -> None:
    quick = needed(NOON - hours(5.9), limit=hours(1))
    assert not judge_no_data([quick], LONG_AGO, NOON).verdict.is_breach
    assert judge_no_data([quick], LONG_AGO, NOON + hours(0.1)).verdict.is_verified


def test_what_nobody_could_hear_is_not_missed_and_hides_nothing() -> None:
    unheard = needed(NOON - hours(30), listening=DEAF)
    assert not judge_no_data([unheard], LONG_AGO, NOON).verdict.is_known
    missed = needed(NOON - hours(30))
    assert judge_no_data([unheard, missed], LONG_AGO, NOON).verdict.is_verified


def test_a_new_room_waits_for_its_first_value() -> None:
    assert not judge_no_data([needed(None)], NOON - hours(24), NOON).verdict.is_breach
    assert judge_no_data([needed(None)], NOON - hours(25), NOON).verdict.is_verified


# --- who listens -----------------------------------------------------------------------------


def report(*, well: bool = True, since: datetime = LONG_AGO, **detail: object) -> PartReport:
    return PartReport(well, since, NOON, detail)


def test_devices_are_heard_over_the_part_that_brings_them() -> None:
    assert part_of("mqtt:zigbee2mqtt") == BROKER
    assert part_of("ha:home-1") == home_assistant("home-1")
    parts = Parts({BROKER: report(since=NOON - hours(2))}, NOON)
    assert parts.listening("mqtt:x").since == NOON - hours(2)
    assert not parts.listening("ha:home-1").is_known


@pytest.mark.parametrize(
    "parts",
    [
        Parts({}, NOON),
        Parts({BROKER: report(well=False)}, NOON),
        Parts({BROKER: report()}, NOON, draining_since=NOON - hours(1)),
    ],
)
def test_while_a_part_is_away_or_the_spool_drains_nobody_listens(parts: Parts) -> None:
    assert not parts.listening("mqtt:x").is_known


def test_a_report_that_is_old_says_nothing() -> None:
    parts = Parts({BROKER: report()}, NOON + STALE)
    assert parts.listening("mqtt:x").is_known
    assert not Parts({BROKER: report()}, NOON + STALE * 1.01).listening("mqtt:x").is_known


def test_after_a_jump_of_the_clock_everybody_gets_the_whole_time() -> None:
    jump = NOON - hours(1)
    parts = Parts({BROKER: report(), CLOCK: report(since=jump)}, NOON)
    assert parts.counted_from == jump
    assert parts.listening("mqtt:x").since == jump


def test_what_is_new_has_a_grace_unless_it_is_urgent() -> None:
    parts = Parts({}, NOON)
    first = NOON - timedelta(minutes=5)
    assert parts.counted_since(first, Level.WARNING) == first + GRACE
    assert parts.counted_since(first, Level.HIGH) is None
    assert parts.counted_since(NOON + hours(1), Level.WARNING) is None
    assert parts.counted_since(None, Level.WARNING) is None
    jumped = Parts({CLOCK: report(since=NOON)}, NOON)
    assert jumped.counted_since(LONG_AGO, Level.WARNING) == NOON
